"""Readings become hour chunks: nothing lost, nothing added twice, nobody waits for the slowest."""

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

import pytest

from shared.adapters.rows import Op
from shared.catalog.metrics import CATALOG
from shared.domain.chunks import Asked, Latest
from shared.domain.errors import Conflict, SourceDenied
from shared.domain.histograms import histogram_of, rungs_of
from shared.domain.samples import (
    Answer,
    Failure,
    FailureKind,
    MinuteHistogram,
    Reading,
    Sample,
)
from shared.ports import MetricSource
from shared.services.collect import MOST_TRIES, Question, ask, collect, is_due, store
from tests.builders import BAD, OK, TARGET, TICK, Desk, ScriptedSource, a_reading, at
from tests.services.conftest import MakeDesk


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    return make_desk()


def keep(desk: Desk, *answers: Answer, now: datetime | None = None) -> None:
    moment = now or max(answer.asked_at for answer in answers)
    store(answers, TARGET, catalog=CATALOG, samples=desk.house.samples, now=moment)


def cells(desk: Desk, column: str = "dtuUtilization") -> dict[int, float]:
    """The stored values by minute after T0."""
    chunks = desk.house.samples.hours(TARGET, at(-6000), at(6000))
    return {
        (chunk.hour - at(0)) // timedelta(minutes=1) + minute: value
        for chunk in chunks
        for minute, value in enumerate(chunk.cells.get(column, ()))
        if value is not None
    }


def latest(desk: Desk) -> Latest:
    return desk.house.samples.latest(TARGET)


def counts(values: dict[int, float], *, since: int | None, covered: int) -> Reading:
    """A window of interactions counted from the minute `since` to `covered`."""
    start = None if since is None else at(since)
    return a_reading(
        values, covered=covered, metric="interactionsLogged", source="interactions", since=start
    )


def probe(minute: int, seconds: int, *, up: float = 100, latency: float = 10) -> Reading:
    samples = (
        Sample("availability", at(minute), up),
        Sample("probeLatency", at(minute), latency),
    )
    asked = at(minute, seconds)
    return Reading(source="probe", asked_at=asked, covered_until=at(minute), samples=samples)


class Hanging:
    """A source that answers only when it is let go."""

    name = "plan"

    def __init__(self) -> None:
        self.let_go = threading.Event()

    def read(self, target: str, *, since: datetime | None, now: datetime) -> Reading:  # noqa: ARG002 - says nothing
        """See MetricSource.read."""
        self.let_go.wait(30)
        return Reading(source=self.name, asked_at=now, covered_until=now)


class Meeting:
    """Sources that answer only when all of them are being asked at once."""

    def __init__(self, name: str, barrier: threading.Barrier) -> None:
        self.name = name
        self._barrier = barrier

    def read(self, target: str, *, since: datetime | None, now: datetime) -> Reading:  # noqa: ARG002 - says nothing
        """See MetricSource.read."""
        self._barrier.wait(60)
        return Reading(source=self.name, asked_at=now, covered_until=now)


def asked_of(source: MetricSource) -> Question:
    read = partial(source.read, TARGET, since=None, now=at(5))
    return Question((source.name,), lambda: [read()])


def test_sources_are_asked_at_once_and_answer_in_their_order() -> None:
    barrier = threading.Barrier(3)
    sources = [Meeting(name, barrier) for name in ("logs", "dmv", "plan")]

    answers = ask([asked_of(source) for source in sources], at(5))

    assert [type(answer) for answer in answers] == [Reading] * 3
    assert [answer.source for answer in answers] == ["logs", "dmv", "plan"]


def test_a_hanging_source_costs_its_own_minutes_only() -> None:
    hanging, dmv = Hanging(), ScriptedSource([OK] * 10)

    questions = [asked_of(hanging), asked_of(dmv)]
    answers = ask(questions, at(5), patience=timedelta(milliseconds=50))

    hanging.let_go.set()
    assert answers[0] == Failure("plan", at(5), "no answer within its deadline")
    assert isinstance(answers[1], Reading)
    assert len(answers[1].samples) == 5


def test_a_failing_source_leaves_its_minutes_uncovered_and_the_gap_heals(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk([OK, BAD] * 10)
    source = desk.house.sources[0]
    assert isinstance(source, ScriptedSource)
    desk.ticks(0, 5)
    source.silent = True
    passes = desk.ticks(5, 9)
    assert latest(desk).covered == {"dmv": at(4)}
    assert [one.error for done in passes for one in done.failures] == [
        "SourceError: the source is down"
    ] * 4

    source.silent = False
    desk.tick(9)
    assert source.reads[-1] == (at(4), at(9) + TICK)
    assert cells(desk) == dict(enumerate([OK, BAD] * 4 + [OK]))
    assert desk.state().last_folded == at(8)


def test_a_source_is_asked_once_in_its_cadence_however_often_the_timer_comes(
    make_desk: MakeDesk,
) -> None:
    slow = ScriptedSource([1] * 60, metric="activeUsers", name="users")
    often = ScriptedSource([OK] * 60)
    desk = make_desk(sources=[slow, often])
    desk.ticks(0, 11)
    desk.tick(10.1)

    assert [now for _, now in slow.reads] == [at(n) + TICK for n in (0, 5, 10)]
    assert len(often.reads) == 11


def test_a_seldom_source_that_has_yet_to_speak_is_asked_every_minute(make_desk: MakeDesk) -> None:
    slow = ScriptedSource([1] * 60, metric="pageViews", name="usage")
    slow.silent = True
    desk = make_desk(sources=[slow])
    desk.ticks(0, 2)
    slow.silent = False
    desk.ticks(2, 19)

    assert [now for _, now in slow.reads] == [at(n) + TICK for n in (0, 1, 2, 17)]


@pytest.mark.parametrize("name", ["usage", "deals"])
def test_a_seldom_source_that_lacks_a_grant_or_counts_is_left_to_its_turn(name: str) -> None:
    lacking = {"usage": "no role"} if name == "usage" else {}
    asked = Latest(asked={name: Asked(at(0))}, lacking=lacking)

    assert not is_due(name, asked, CATALOG, at(14))
    assert is_due(name, asked, CATALOG, at(15))


def test_the_probe_is_always_due() -> None:
    asked = Latest(asked={"probe": Asked(at(0))})

    assert is_due("probe", asked, CATALOG, at(0))


def test_a_fallback_source_fills_only_empty_cells(desk: Desk) -> None:
    keep(desk, a_reading({0: 10, 2: 30}, covered=3))
    keep(desk, a_reading({0: 1, 1: 2, 2: 3}, covered=3, source="database"))

    assert cells(desk) == {0: 10, 1: 2, 2: 30}


def test_the_primary_source_replaces_what_the_fallback_filled_in(desk: Desk) -> None:
    keep(desk, a_reading({0: 1, 1: 2}, covered=2, source="database"))
    keep(desk, a_reading({0: 10}, covered=2))

    assert cells(desk) == {0: 10, 1: 2}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_in_one_pass_the_primary_source_wins_whoever_is_read_first(
    desk: Desk, order: tuple[int, int]
) -> None:
    both = [a_reading({0: 10}, covered=1), a_reading({0: 1}, covered=1, source="database")]
    keep(desk, *(both[i] for i in order))

    assert cells(desk) == {0: 10}


def test_a_provisional_value_is_stored_and_replaced_by_the_final_one(desk: Desk) -> None:
    keep(desk, a_reading({0: 10, 1: 7}, covered=1))
    assert cells(desk) == {0: 10, 1: 7}
    assert latest(desk).values == {"dtuUtilization": 7}

    keep(desk, a_reading({1: 20}, covered=2))
    assert cells(desk) == {0: 10, 1: 20}


def test_a_provisional_value_never_overwrites_a_covered_one(desk: Desk) -> None:
    keep(desk, a_reading({0: 10, 1: 20}, covered=2))
    keep(desk, a_reading({0: 5, 1: 7}, covered=1, asked_at=at(2) + TICK))

    assert cells(desk) == {0: 5, 1: 20}
    assert latest(desk).covered == {"dmv": at(2)}


def test_a_later_answer_replaces_the_cell(desk: Desk) -> None:
    keep(desk, a_reading({0: 10}, covered=1))
    keep(desk, a_reading({0: 12}, covered=1))

    assert cells(desk) == {0: 12}


def test_the_probe_combines_by_the_worse_of_two(desk: Desk) -> None:
    keep(desk, probe(3, 20, up=100, latency=30))
    keep(desk, probe(3, 50, up=0, latency=20))
    keep(desk, probe(3, 55, up=100, latency=10))

    assert cells(desk, "availability") == {3: 0}
    assert cells(desk, "probeLatency") == {3: 30}


@pytest.mark.parametrize(
    ("metric", "merged"),
    [
        ("storageUsage", 2.0),
        ("dtuUtilization", 3.0),
        ("dtuPeak", 6.0),
        ("monitor.cpuMs", 9.0),
    ],
)
def test_several_samples_of_a_minute_merge_by_the_metrics_own_way(
    desk: Desk, metric: str, merged: float
) -> None:
    samples = tuple(Sample(metric, at(0), value) for value in (1.0, 6.0, 2.0))
    keep(desk, a_reading({}, covered=1, samples=samples))

    assert cells(desk, CATALOG.metric(metric).column) == {0: merged}


def test_of_several_certificates_the_shortest_counts(desk: Desk) -> None:
    samples = tuple(Sample("certificateDaysLeft", at(0), value) for value in (9.0, 3.0, 7.0))
    keep(desk, a_reading({}, covered=0, source="probe", samples=samples))

    assert cells(desk, "certificateDaysLeft") == {0: 3.0}


def test_windows_of_counts_that_join_are_all_kept(desk: Desk) -> None:
    keep(desk, counts({0: 4}, since=None, covered=5))
    keep(desk, counts({5: 6}, since=5, covered=10))

    assert cells(desk, "interactionsLogged") == {0: 4, 5: 6}


@pytest.mark.parametrize("since", [0, 3, 7, None])
def test_a_window_that_does_not_join_is_dropped(desk: Desk, since: int | None) -> None:
    keep(desk, counts({0: 4}, since=None, covered=5))
    keep(desk, counts({0: 9, 5: 9, 6: 9}, since=since, covered=10))

    assert cells(desk, "interactionsLogged") == {0: 4}
    assert latest(desk).covered == {"interactions": at(5)}


def test_a_window_counted_by_two_workers_is_kept_once(desk: Desk) -> None:
    """The second worker's transaction meets the first one's: its window joins no more."""
    keep(desk, counts({0: 4}, since=None, covered=5))
    window = counts({5: 6}, since=5, covered=10)
    other = counts({5: 5, 9: 1}, since=5, covered=11)
    before_next_write(desk, lambda: keep(desk, window))

    keep(desk, other)

    assert cells(desk, "interactionsLogged") == {0: 4, 5: 6}
    assert latest(desk).covered == {"interactions": at(10)}


def test_a_hold_is_never_summed_twice(desk: Desk) -> None:
    """A count of five minutes is one sample of its hour, not five."""
    keep(desk, counts({0: 4}, since=None, covered=5))
    keep(desk, counts({5: 6}, since=5, covered=10))

    (chunk,) = desk.house.samples.hours(TARGET, at(0), at(0), summaries=True)
    assert chunk.summary["interactionsLogged"] == (2, 4, 6, 10, 6)


def test_response_times_are_computed_from_the_minutes_histogram(desk: Desk) -> None:
    histogram = histogram_of([100.0] * 99 + [1000.0])
    minute = MinuteHistogram(at(0), histogram)
    keep(desk, a_reading({}, covered=1, source="logs", histograms=(minute,)))

    assert cells(desk, "responseTime_avg") == {0: pytest.approx(109)}
    assert cells(desk, "responseTime_p50") == {0: pytest.approx(100, rel=0.02)}
    assert cells(desk, "responseTime_p99") == {0: pytest.approx(100, rel=0.02)}
    (chunk,) = desk.house.samples.hours(TARGET, at(0), at(0), histograms=True)
    assert chunk.histograms[0] == chunk.summary_histogram == rungs_of(histogram.buckets)


def test_a_doubled_reading_changes_nothing_that_is_stored(desk: Desk) -> None:
    readings = [
        a_reading({0: 10, 1: 20}, covered=2),
        probe(1, 20),
        counts({0: 3}, since=0, covered=5),
    ]
    keep(desk, *readings)
    before = desk.house.samples.hours(TARGET, at(0), at(0)), latest(desk)
    keep(desk, *readings)

    after = desk.house.samples.hours(TARGET, at(0), at(0)), latest(desk)
    assert after[0] == before[0]
    assert (after[1].values, after[1].covered) == (before[1].values, before[1].covered)


def before_next_write(desk: Desk, do: object, times: int = 1) -> None:
    """Something is stored just before the next writes."""
    table = desk.storage.samples
    real = table.transact
    left = [do] * times

    def late(partition: str, ops: Sequence[Op]) -> list[str | None]:
        if left:
            act = left.pop()
            table.transact = real  # type: ignore[method-assign]
            act()  # type: ignore[operator]
            table.transact = late if left else real  # type: ignore[method-assign]
        return real(partition, ops)

    table.transact = late  # type: ignore[method-assign]


def test_who_meets_another_writer_merges_again(desk: Desk) -> None:
    keep(desk, a_reading({0: 1}, covered=1))
    before_next_write(desk, lambda: keep(desk, a_reading({1: 2}, covered=2)))

    keep(desk, a_reading({2: 3}, covered=3), probe(2, 20, latency=8))

    assert cells(desk) == {0: 1, 1: 2, 2: 3}
    assert cells(desk, "probeLatency") == {2: 8}
    assert latest(desk).covered["dmv"] == at(3)


def test_an_older_reading_never_takes_the_watermark_back(desk: Desk) -> None:
    keep(desk, a_reading({3: 1}, covered=4))
    keep(desk, a_reading({0: 2}, covered=1))

    assert latest(desk).covered == {"dmv": at(4)}
    assert latest(desk).minutes == {"dtuUtilization": at(3)}


def test_who_meets_another_writer_every_time_gives_up(desk: Desk) -> None:
    keep(desk, a_reading({0: 1}, covered=1))
    numbers = iter(range(1, 99))
    meddle = lambda: keep(desk, a_reading({0: float(next(numbers))}, covered=1))  # noqa: E731
    before_next_write(desk, meddle, times=MOST_TRIES)

    with pytest.raises(Conflict):
        keep(desk, a_reading({1: 1}, covered=2))


def test_a_pass_without_sources_still_says_when_it_was(desk: Desk) -> None:
    collect(TARGET, house=desk.house, sources=[], now=at(7))

    assert latest(desk).updated_at == at(7)


def test_a_source_that_lacks_a_role_was_not_asked_and_says_what_it_lacks(
    make_desk: MakeDesk,
) -> None:
    class Denied(ScriptedSource):
        def read(self, target: str, *, since: datetime | None, now: datetime) -> Reading:  # noqa: ARG002 - says nothing
            raise SourceDenied("403 on /subscriptions/1", lacking="it needs a role")

    desk = make_desk(sources=[Denied([])])

    done = desk.tick(1)

    (failure,) = done.failures
    assert (failure.kind, failure.error) == (FailureKind.DENIED, "it needs a role")
    assert done.asked == set()
    assert latest(desk).lacking == {"dmv": "it needs a role"}
