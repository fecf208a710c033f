"""How readings become cells: what replaces, what combines, what is dropped, what is corrected."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.catalog.metrics import CATALOG
from shared.domain.chunks import HourChunk, Latest, Merge, within
from shared.domain.errors import SourceError
from shared.domain.histograms import histogram_of, rungs_of
from shared.domain.metrics import Within
from shared.domain.samples import MinuteHistogram, Reading, Sample
from shared.domain.summaries import summarize
from tests.domain.builders import at, minute_of
from tests.domain.drawing import cases


class Shelf:
    """The chunks and `latest` of one target, after each reading as a store would have them."""

    def __init__(self) -> None:
        self.latest = Latest()
        self.chunks: dict[datetime, HourChunk] = {}

    def add(
        self,
        source: str,
        values: dict[str, dict[int, float]],
        *,
        covered: int,
        since: int | None = None,
        durations: dict[int, list[float]] | None = None,
    ) -> None:
        """A reading with values by metric and minute."""
        samples = [
            Sample(name, at(minute), value)
            for name, minutes in values.items()
            for minute, value in minutes.items()
        ]
        reading = Reading(
            source=source,
            asked_at=at(covered),
            covered_until=at(covered),
            since=None if since is None else at(since),
            samples=tuple(samples),
            histograms=tuple(
                MinuteHistogram(at(minute), histogram_of(given))
                for minute, given in (durations or {}).items()
            ),
        )
        merge = Merge(CATALOG, self.latest, self.chunks)
        merge.add(reading)
        self.latest = merge.latest
        self.chunks |= {chunk.hour: chunk for chunk in merge.chunks()}

    def cells(self, metric: str) -> dict[int | None, float]:
        """The stored values by minute."""
        column = CATALOG.metric(metric).column
        return {
            minute_of(chunk.hour.replace(minute=n)): value
            for chunk in self.chunks.values()
            for n, value in enumerate(chunk.cells.get(column, ()))
            if value is not None
        }


def test_a_later_answer_replaces_a_cell() -> None:
    shelf = Shelf()
    shelf.add("dmv", {"connectionCount": {0: 4, 1: 5}}, covered=2)
    shelf.add("dmv", {"connectionCount": {1: 6}}, covered=3)

    assert shelf.cells("connectionCount") == {0: 4, 1: 6}


def test_a_fallback_fills_only_what_the_first_source_left_empty() -> None:
    shelf = Shelf()
    shelf.add("dmv", {"dtuUtilization": {0: 40}}, covered=1)
    shelf.add("database", {"dtuUtilization": {0: 99, 1: 41}}, covered=2)

    assert shelf.cells("dtuUtilization") == {0: 40, 1: 41}


def test_the_first_source_corrects_what_the_fallback_filled() -> None:
    shelf = Shelf()
    shelf.add("database", {"dtuUtilization": {0: 41}}, covered=1)
    shelf.add("dmv", {"dtuUtilization": {0: 40}}, covered=2)

    assert shelf.cells("dtuUtilization") == {0: 40}


def test_the_second_probe_of_a_minute_keeps_the_worse_of_both() -> None:
    shelf = Shelf()
    shelf.add("probe", {"memoryProcess": {0: 900}, "availability": {0: 100}}, covered=0)
    shelf.add("probe", {"memoryProcess": {0: 850}, "availability": {0: 0}}, covered=0)

    assert shelf.cells("memoryProcess") == {0: 900}
    assert shelf.cells("availability") == {0: 0}


def test_a_provisional_value_never_overwrites_a_covered_one() -> None:
    shelf = Shelf()
    shelf.add("plan", {"memoryUsage": {0: 1300}}, covered=1)
    shelf.add("plan", {"memoryUsage": {0: 0, 1: 0}}, covered=0)

    assert shelf.cells("memoryUsage") == {0: 1300, 1: 0}


def test_a_provisional_value_is_stored_and_corrected_later() -> None:
    shelf = Shelf()
    shelf.add("plan", {"memoryUsage": {0: 0}}, covered=0)
    shelf.add("plan", {"memoryUsage": {0: 1300}}, covered=3)

    assert shelf.cells("memoryUsage") == {0: 1300}


def test_a_window_of_counts_that_does_not_join_is_dropped() -> None:
    shelf = Shelf()
    shelf.add("interactions", {"interactionsLogged": {0: 3}}, since=0, covered=5)
    shelf.add("interactions", {"interactionsLogged": {5: 4}}, since=5, covered=10)
    shelf.add("interactions", {"interactionsLogged": {5: 4}}, since=5, covered=10)
    shelf.add("interactions", {"interactionsLogged": {8: 9}}, since=8, covered=13)

    assert shelf.cells("interactionsLogged") == {0: 3, 5: 4}
    assert shelf.latest.covered["interactions"] == at(10)


def test_a_watermark_never_goes_back() -> None:
    shelf = Shelf()
    shelf.add("dmv", {}, covered=9)
    shelf.add("dmv", {}, covered=4)

    assert shelf.latest.covered["dmv"] == at(9)


def test_a_metric_with_two_sources_is_covered_to_the_later_of_them() -> None:
    shelf = Shelf()
    shelf.add("dmv", {}, covered=9)
    shelf.add("database", {}, covered=4)
    shelf.add("plan", {}, covered=5)
    covered_until = shelf.latest.covered_until

    assert covered_until(CATALOG.metric("dtuUtilization")) == at(9)
    assert covered_until(CATALOG.metric("memoryUsage")) == at(5)
    assert covered_until(CATALOG.metric("storageUsage")) == at(4)
    assert covered_until(CATALOG.metric("throughput")) is None


def test_latest_has_the_newest_cell_of_every_column() -> None:
    shelf = Shelf()
    shelf.add("dmv", {"connectionCount": {3: 7, 4: 8}}, covered=5)
    shelf.add("dmv", {"connectionCount": {2: 1}}, covered=5)

    assert shelf.latest.values["connectionCount"] == 8
    assert shelf.latest.minutes["connectionCount"] == at(4)


def test_a_minutes_durations_become_the_distribution_metrics() -> None:
    shelf = Shelf()
    shelf.add("logs", {"throughput": {0: 4}}, covered=1, durations={0: [100, 100, 100, 900]})

    assert shelf.cells("responseTime.avg") == {0: 300}
    assert shelf.cells("responseTime.p50")[0] == pytest.approx(100, rel=0.02)
    assert shelf.cells("responseTime.p99")[0] == pytest.approx(900, rel=0.02)


def test_an_hours_histogram_is_the_sum_of_its_minutes() -> None:
    shelf = Shelf()
    shelf.add("logs", {}, covered=1, durations={0: [100, 900]})
    shelf.add("logs", {}, covered=2, durations={1: [100]})

    (chunk,) = shelf.chunks.values()
    assert chunk.summary_histogram == rungs_of(histogram_of([100, 100, 900]).buckets)


def test_a_reading_over_the_end_of_an_hour_touches_both_hours() -> None:
    shelf = Shelf()
    shelf.add("dmv", {"connectionCount": {59: 1, 60: 2}}, covered=61)

    assert sorted(shelf.chunks) == [at(0), at(60)]
    assert shelf.cells("connectionCount") == {59: 1, 60: 2}


def test_the_summary_is_over_real_samples_and_not_over_holds() -> None:
    shelf = Shelf()
    shelf.add("users", {"activeUsers": {0: 3, 5: 7, 10: 5}}, since=0, covered=15)

    (chunk,) = shelf.chunks.values()
    assert chunk.summary["activeUsers"] == (3, 3, 7, 15, 5)


def test_the_same_reading_again_changes_no_chunk() -> None:
    shelf = Shelf()
    shelf.add("dmv", {"connectionCount": {0: 4}}, covered=1)
    before = dict(shelf.chunks)
    shelf.add("dmv", {"connectionCount": {0: 4}}, covered=1)

    assert shelf.chunks == before


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_a_number_never_gets_in(value: float) -> None:
    with pytest.raises(SourceError):
        Sample("dtuUtilization", at(0), value)


@pytest.mark.parametrize(
    ("rule", "merged"),
    [("last", 4.0), ("mean", 3.0), ("max", 5.0), ("min", 0.0), ("sum", 9.0)],
)
def test_several_samples_of_a_minute_become_one(rule: str, merged: float) -> None:
    assert within(Within(rule), [0.0, 5.0, 4.0]) == merged


@given(st.lists(st.one_of(st.none(), st.integers(-9, 9).map(float)), max_size=60))
@cases(100)
def test_a_summary_counts_what_is_there(cells: list[float | None]) -> None:
    real = [cell for cell in cells if cell is not None]
    expected = (len(real), min(real), max(real), sum(real), real[-1]) if real else None

    assert summarize(cells) == expected


@pytest.mark.parametrize("weight", [None, 0, 0.4, -3])
def test_what_weighs_less_than_one_request_counts_as_one(weight: float | None) -> None:
    assert summarize([5.0, 7.0], [weight, 3]) == (4, 5.0, 7.0, 26.0, 7.0)
