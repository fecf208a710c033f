"""The list of what was unusual, over stored scores; and the client's DTU spikes."""

from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from shared.catalog.metrics import CATALOG
from shared.domain.anomalies.listing import (
    LEAST,
    STRIKING,
    Expected,
    columns_of,
    dtu_spikes,
    unusual,
)
from shared.domain.chunks import NO_CELLS, HourChunk
from shared.domain.metrics import Metric
from shared.domain.rules import Severity
from shared.domain.times import HOUR, Span
from tests.builders import T0, at

RESPONSE = CATALOG.metric("responseTime.avg")
DTU = CATALOG.metric("dtuUtilization")
TWO_HOURS = Span(T0, T0 + 2 * HOUR)


def stored(
    metric: Metric, cells: dict[int, tuple[float, float]], low: float = 200, high: float = 420
) -> dict[datetime, HourChunk]:
    """Two hours with values and scores by minute after T0, and one band."""
    chunks: dict[datetime, HourChunk] = {}
    for number in (0, 1):
        columns: dict[str, Any] = {name: list(NO_CELLS) for name in columns_of(metric)}
        for minute, (value, score) in cells.items():
            if minute // 60 == number:
                found = (value, score, low, high)
                for name, cell in zip(columns_of(metric), found, strict=True):
                    columns[name][minute % 60] = cell
        hour = T0 + number * HOUR
        cells_of = {name: tuple(column) for name, column in columns.items()}
        chunks[hour] = HourChunk(hour=hour, cells=cells_of)
    return chunks


def test_minutes_that_lie_together_are_one_anomaly_told_by_its_worst() -> None:
    chunks = stored(RESPONSE, {5: (300, 0.1), 58: (900, 0.6), 59: (3240, 0.65), 61: (800, 0.6)})
    (found,) = unusual(RESPONSE, chunks, TWO_HOURS)
    assert (found.type, found.metric) == ("unusual_value", "responseTime.avg")
    assert (found.timestamp, found.value, found.score) == (at(59), 3240, 0.65)
    assert (found.minutes, found.expected) == (3, Expected(200, 420))
    assert found.severity is Severity.MEDIUM
    assert found.description == (
        "Response time was 3,240 ms at 2026-01-01 00:59 UTC, above the usual 200 to 420 ms of that "
        "hour, unusual in 3 minutes from 00:58 to 01:01 UTC."
    )


def test_what_lies_more_than_an_hour_apart_is_told_apart() -> None:
    chunks = stored(RESPONSE, {5: (900, 0.7), 65: (900, 0.7)})
    assert len(unusual(RESPONSE, chunks, TWO_HOURS)) == 1
    chunks = stored(RESPONSE, {5: (900, 0.7), 66: (900, 0.7)})
    assert [one.timestamp for one in unusual(RESPONSE, chunks, TWO_HOURS)] == [at(5), at(66)]


@pytest.mark.parametrize(
    ("value", "score", "severity", "says"),
    [
        (900, LEAST, "medium", "above the usual 200 to 420 ms"),
        (900, STRIKING, "high", "above the usual 200 to 420 ms"),
        (20, STRIKING, "low", "below the usual 200 to 420 ms"),
        (400, STRIKING, "high", "within the usual 200 to 420 ms of that hour, but rare"),
    ],
)
def test_better_than_usual_is_mild_and_nothing_is_critical(
    value: float, score: float, severity: str, says: str
) -> None:
    (found,) = unusual(RESPONSE, stored(RESPONSE, {7: (value, score)}), TWO_HOURS)
    assert found.severity == severity
    assert says in found.description


def test_only_the_span_is_told_and_only_what_is_worth_it() -> None:
    chunks = stored(RESPONSE, {3: (900, 0.9), 10: (900, 0.59), 119: (900, 0.9)})
    assert unusual(RESPONSE, chunks, Span(at(4), at(119))) == []
    assert len(unusual(RESPONSE, chunks, Span(at(4), at(119)), least=0.55)) == 1


def test_a_metric_without_a_detector_has_none() -> None:
    bare = replace(RESPONSE, judged=False)
    assert columns_of(bare) == ()
    assert unusual(bare, stored(RESPONSE, {3: (900, 0.9)}), TWO_HOURS) == []


def test_a_band_that_was_lost_is_left_out() -> None:
    chunks = stored(RESPONSE, {3: (900, 0.9)})
    hour = chunks[T0]
    chunks[T0] = replace(hour, cells={**hour.cells, "responseTime_avg_low": NO_CELLS})
    (found,) = unusual(RESPONSE, chunks, TWO_HOURS)
    assert found.expected is None
    assert found.description == "Response time was 900 ms at 2026-01-01 00:03 UTC."


def dtu(values: list[float]) -> dict[datetime, HourChunk]:
    cells = (*values, *(None,) * (60 - len(values)))
    return {T0: HourChunk(hour=T0, cells={DTU.column: cells})}


def test_a_dtu_spike_is_more_than_two_standard_deviations_from_the_mean() -> None:
    assert dtu_spikes(DTU, dtu([10.0] * 9 + [60.0]), TWO_HOURS)[0].value == 60
    values = [0.0, 0.0, 0.0, 0.0, 0.0, 30.0, 30.0, 30.0, 30.0, 30.0]
    assert dtu_spikes(DTU, dtu(values), TWO_HOURS) == []
    assert dtu_spikes(DTU, dtu([10.0] * 4 + [20.0]), TWO_HOURS) == []  # mean 12, deviation 4


def test_a_spike_above_90_is_high_and_every_minute_is_one() -> None:
    found = dtu_spikes(DTU, dtu([10.0] * 50 + [95.0, 90.0]), TWO_HOURS)
    assert [(one.value, one.severity) for one in found] == [(95, "high"), (90, "medium")]
    assert [one.timestamp for one in found] == [at(50), at(51)]
    assert found[0].description == (
        "DTU was 95 % at 2026-01-01 00:50 UTC, more than two standard deviations from the mean of "
        "13.2 %."
    )


def test_a_flat_or_empty_span_has_no_spikes() -> None:
    assert dtu_spikes(DTU, dtu([50.0] * 60), TWO_HOURS) == []
    assert dtu_spikes(DTU, dtu([0.09349428260383708] * 60), TWO_HOURS) == []  # its mean is …709
    assert dtu_spikes(DTU, {}, TWO_HOURS) == []
    assert dtu_spikes(DTU, dtu([99.0]), TWO_HOURS) == []
