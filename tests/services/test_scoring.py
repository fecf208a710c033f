"""Every covered minute is judged exactly once and in order, whatever becomes of the ticks."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from random import Random

import pytest
from msgspec.structs import replace

from shared.adapters.rows import DeleteRow, Op, Properties, ReplaceRow, Row, Rows
from shared.catalog.metrics import CATALOG
from shared.domain.anomalies import detectors
from shared.domain.anomalies.detectors import Detector, step
from shared.domain.anomalies.kept import pack, unpack
from shared.domain.errors import StoreUnavailable
from shared.domain.notifications import headline
from shared.domain.rules import Severity
from shared.domain.samples import Answer, Reading
from shared.services.backtest import backtest
from shared.services.collect import store
from tests.builders import TARGET, Desk, a_desk, a_reading, a_rule, at
from tests.domain.test_detectors import days
from tests.services.conftest import MakeDesk

DTU = CATALOG.metric("dtuUtilization")
MINUTES = 210
STORM = 195


@pytest.fixture(autouse=True)
def awake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours are enough for these tests."""
    monkeypatch.setattr(detectors, "SILENT_FOR", timedelta(0))


def values(count: int = MINUTES) -> list[float]:
    random = Random(3)
    return [95.0 if STORM <= n < STORM + 5 else 20 + random.gauss(0, 2) for n in range(count)]


def reading(first: int, end: int, *, given: Sequence[float] = (), tail: int = 0) -> Reading:
    """The minutes of [first, end), and so many provisional ones with a value of their own."""
    known = given or values()
    found = {minute: known[minute] for minute in range(first, end)}
    return a_reading({**found, **dict.fromkeys(range(end, end + tail), 1.0)}, covered=end)


def keep(desk: Desk, *answers: Answer) -> None:
    moment = max(answer.asked_at for answer in answers)
    store(answers, TARGET, catalog=CATALOG, samples=desk.house.samples, now=moment)


def scores(desk: Desk, column: str = "dtuUtilization_score") -> dict[int, float]:
    """The stored figures by minute after T0."""
    return {
        (chunk.hour - at(0)) // timedelta(minutes=1) + minute: value
        for chunk in desk.house.samples.hours(TARGET, at(0), at(6000))
        for minute, value in enumerate(chunk.cells.get(column, ()))
        if value is not None
    }


def detector(desk: Desk) -> bytes:
    return desk.house.samples.detectors(TARGET).packed["dtuUtilization"]


def by_hand(given: Sequence[float]) -> tuple[dict[int, float], bytes]:
    """What a detector says that is asked directly."""
    known: Detector | None = None
    found = {}
    for minute, value in enumerate(given):
        known, judged = step(known, at(minute), value)
        found[minute] = round(judged.score, 4)
    assert known is not None
    return found, pack(known)


def as_by_hand(desk: Desk) -> bool:
    return (scores(desk), detector(desk)) == by_hand(values())


def one_by_one(desk: Desk) -> None:
    for minute in range(MINUTES):
        keep(desk, reading(minute, minute + 1))


def every_tick_twice(desk: Desk) -> None:
    for end in range(5, MINUTES + 1, 5):
        keep(desk, reading(end - 5, end))
        keep(desk, reading(max(end - 7, 0), end))


def with_a_tail(desk: Desk) -> None:
    for end in range(3, MINUTES + 1, 3):
        keep(desk, reading(end - 3, end, tail=3 if end < MINUTES else 0))


def after_an_outage(desk: Desk) -> None:
    keep(desk, reading(0, 30))
    keep(desk, reading(30, MINUTES))


@pytest.mark.parametrize("ticks", [one_by_one, every_tick_twice, with_a_tail, after_an_outage])
def test_any_split_of_the_minutes_judges_each_of_them_once(
    make_desk: MakeDesk, ticks: Callable[[Desk], None]
) -> None:
    desk = make_desk()
    ticks(desk)
    assert as_by_hand(desk)
    assert scores(desk)[STORM] > max(list(scores(desk).values())[:STORM])


def test_a_gap_of_days_heals_in_order_over_several_transactions(make_desk: MakeDesk) -> None:
    desk, given = make_desk(), [value for _, value in days(2)] * 3
    keep(desk, reading(0, len(given), given=given))
    assert (scores(desk), detector(desk)) == by_hand(given)


class Stumbling:
    """A table whose n-th write is refused before it is done, or whose answer is lost after it."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.reads: list[str] = []
        self.before: list[Callable[[], None]] = []
        self.lose_answer = False

    def get(self, partition: str, key: str) -> Row | None:
        """See Rows.get."""
        self.reads.append(key)
        return self._rows.get(partition, key)

    def query(
        self, partition: str, first: str, end: str, select: Sequence[str] | None = None
    ) -> list[Row]:
        """See Rows.query."""
        return self._rows.query(partition, first, end, select)

    def transact(self, partition: str, ops: Sequence[Op]) -> list[str | None]:
        """See Rows.transact."""
        while self.before:
            self.before.pop()()
        etags = self._rows.transact(partition, ops)
        if self.lose_answer:
            self.lose_answer = False
            raise StoreUnavailable("the answer was lost")
        return etags


@pytest.fixture
def stumbling(monkeypatch: pytest.MonkeyPatch) -> tuple[Desk, Stumbling]:
    desk = a_desk()
    rows = Stumbling(desk.house.samples._rows)  # type: ignore[attr-defined]
    monkeypatch.setattr(desk.house.samples, "_rows", rows)
    return desk, rows


def test_a_crash_before_the_write_loses_nothing(stumbling: tuple[Desk, Stumbling]) -> None:
    desk, rows = stumbling
    keep(desk, reading(0, 100))

    def crash() -> None:
        raise StoreUnavailable("killed")

    rows.before.append(crash)
    with pytest.raises(StoreUnavailable):
        keep(desk, reading(100, 150))
    assert len(scores(desk)) == 100
    keep(desk, reading(100, MINUTES))
    assert as_by_hand(desk)


def test_a_crash_after_the_write_doubles_nothing(stumbling: tuple[Desk, Stumbling]) -> None:
    desk, rows = stumbling
    keep(desk, reading(0, 100))
    rows.lose_answer = True
    with pytest.raises(StoreUnavailable):
        keep(desk, reading(100, 150))
    assert len(scores(desk)) == 150
    keep(desk, reading(100, MINUTES))
    assert as_by_hand(desk)


def test_two_workers_judge_a_minute_once(stumbling: tuple[Desk, Stumbling]) -> None:
    desk, rows = stumbling
    keep(desk, reading(0, 100))
    rows.before.append(lambda: keep(desk, reading(100, 120)))
    keep(desk, reading(100, MINUTES))
    assert as_by_hand(desk)


def test_detectors_are_read_only_where_something_is_to_be_judged(
    stumbling: tuple[Desk, Stumbling],
) -> None:
    desk, rows = stumbling
    keep(desk, reading(0, 10))
    rows.reads.clear()
    keep(desk, a_reading({9: 100.0}, covered=10, metric="availability", source="probe"))
    assert rows.reads == ["latest"]
    keep(desk, reading(10, 11))
    assert rows.reads == ["latest", "latest", "detectors"]


def test_a_provisional_minute_is_judged_when_it_is_covered(make_desk: MakeDesk) -> None:
    desk = make_desk()
    keep(desk, reading(0, 10, tail=3))
    assert list(scores(desk)) == list(range(10))


def test_a_detector_that_cant_be_read_begins_anew_and_doubles_nothing(
    make_desk: MakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    desk = make_desk()
    keep(desk, reading(0, 100))
    known = scores(desk)
    row = desk.storage.samples.get(TARGET, "detectors")
    assert row is not None
    torn: Properties = {"dtuUtilization": b"nonsense"}
    desk.storage.samples.transact(TARGET, [ReplaceRow(row.key, torn, row.etag)])
    keep(desk, reading(100, 101))
    assert "detectors of pantry-crm begin anew: dtuUtilization (not a detector" in caplog.text
    assert scores(desk) == {**known, 100: 0.0}
    assert unpack(detector(desk)).began == at(100)


def test_a_watermark_that_was_lost_doubles_nothing(make_desk: MakeDesk) -> None:
    desk = make_desk()
    keep(desk, reading(0, 150))
    desk.storage.samples.transact(TARGET, [DeleteRow("latest")])
    keep(desk, reading(0, MINUTES))
    assert as_by_hand(desk)


def test_bands_lie_where_the_metric_can_be(make_desk: MakeDesk) -> None:
    desk = make_desk()
    keep(desk, reading(0, 120, given=[0.5 if n % 3 else 99.0 for n in range(120)]))
    assert min(scores(desk, "dtuUtilization_low").values()) == 0
    assert max(scores(desk, "dtuUtilization_high").values()) == 100


def test_the_hours_summary_knows_the_highest_score_and_no_bands(make_desk: MakeDesk) -> None:
    desk = make_desk()
    keep(desk, reading(0, MINUTES))
    (chunk,) = desk.house.samples.hours(TARGET, at(180), at(180), summaries=True)
    assert chunk.summary["dtuUtilization_score"][2] == max(scores(desk).values())
    assert set(chunk.summary) == {"dtuUtilization", "dtuUtilization_score"}


UNUSUAL = a_rule(
    "dtu-unusual",
    condition="anomaly",
    threshold=0.5,
    duration=1,
    severity=Severity.HIGH,
    keep_firing=10,
)


def test_a_rule_fires_on_what_is_unusual_and_its_trial_on_the_past_says_the_same(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk(values(), rules=[UNUSUAL])
    desk.ticks(1, MINUTES)
    alert = desk.alert()
    assert alert.active_at == at(STORM)
    assert alert.value == scores(desk)[STORM]
    assert (alert.severity, alert.unit) == ("high", "of 1")
    (message,) = [one for one in desk.messages() if not one.stories[0].is_over]
    assert headline(message.stories[0]) == f"Unusualness of DTU {alert.value:.3g} of 1 for 1 min"

    found = backtest(
        UNUSUAL, TARGET, length=timedelta(days=1), a_week=7, house=desk.house, now=at(MINUTES)
    )
    (episode,) = found.firings
    assert episode.active_at == at(STORM)
    assert found.suggested_threshold is not None
    assert found.suggested_threshold < 1


def test_a_kept_detector_is_the_one_that_was_packed() -> None:
    known: Detector | None = None
    for place, (moment, value) in enumerate(days(9)):
        known, _ = step(known, moment, value)
        if place % 500 == 0:
            assert unpack(pack(known)) == known
    assert known is not None
    packed = pack(replace(known, values=known.values.with_one(1.0)))
    assert len(packed) < 9_300
    for torn in (b"", packed[:-1], b"\x07" + packed[1:]):
        with pytest.raises(ValueError, match="not"):
            unpack(torn)
