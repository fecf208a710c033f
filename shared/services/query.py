"""Answers about the past and the present: alerts with their timelines, and metric history."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.alerts import Alert
from shared.domain.chunks import NO_CELLS, NO_HISTOGRAMS, HourChunk, by_hour, sum_buckets
from shared.domain.episodes import TimelineLine
from shared.domain.errors import DamagedRow, InvalidInput, NotFound
from shared.domain.histograms import Histogram, quantile
from shared.domain.metrics import Metric
from shared.domain.records import Kept, alert_key
from shared.domain.series import Chunks
from shared.domain.times import (
    HOUR,
    MINUTE,
    each_hour,
    floor_hour,
    floor_minute,
    minutes_between,
)
from shared.ports import House, Ledger
from shared.services.boards import Board, load_board

MINUTES_UP_TO = timedelta(hours=6)
STEPS_UP_TO = timedelta(days=3)
HOURS_UP_TO = timedelta(days=14)
STEP = timedelta(minutes=5)
TICK = timedelta.resolution

_log = logging.getLogger(__name__)


class AlertStory(Struct, frozen=True):
    """An alert and everything that happened to it, oldest first."""

    alert: Alert
    timeline: tuple[TimelineLine, ...]


class Bucket(Struct, frozen=True):
    """What a metric did from `start` for one step; `low` and `high` keep the spikes."""

    start: datetime
    value: float
    low: float
    high: float


class History(Struct, frozen=True):
    """A metric over a range; a step without a sample has no bucket."""

    metric: str
    step: timedelta
    buckets: tuple[Bucket, ...]


def open_alerts(target: str, *, house: House, now: datetime) -> list[Alert]:
    """The episodes that go on, oldest first."""
    board = load_board(target, house.alerts)
    states = board.states.values()
    episodes = [(kept.value.episode, kept.value.no_data.episode) for kept in states]
    keys = sorted(alert_key(one) for pair in episodes for one in pair if one is not None)
    found = (_readable(target, key, house.alerts) for key in keys)
    return [_with_snooze(kept.value, board, now) for kept in found if kept is not None]


def _readable(target: str, key: str, alerts: Ledger) -> Kept[Alert] | None:
    """One damaged alert must not hide the others."""
    try:
        return alerts.get(target, key, Alert)
    except DamagedRow as error:
        _log.error("%s", error)
        return None


def past_alerts(
    target: str, *, wanted: Callable[[Alert], bool], most: int, house: House, now: datetime
) -> list[Alert]:
    """The newest alerts that are wanted, open or over, newest first, at most `most`."""
    found: list[Alert] = []
    for month in _months(target, house.alerts):
        kept = house.alerts.scan(target, month, Alert)
        found += [one.value for one in reversed(kept) if wanted(one.value)]
        if len(found) >= most:
            break
    board = load_board(target, house.alerts)
    return [_with_snooze(alert, board, now) for alert in found[:most]]


def _months(target: str, alerts: Ledger) -> Iterator[str]:
    """The beginnings of keys that have alerts, newest first: a year is never read in one go."""
    length = len(alert_key("202601"))
    return iter(sorted({key[:length] for key in alerts.keys(target, alert_key(""))}, reverse=True))


def alert_story(target: str, episode: str, *, house: House, now: datetime) -> AlertStory:
    """One alert with its timeline; raises NotFound."""
    kept = house.alerts.get(target, alert_key(episode), Alert)
    if kept is None:
        raise NotFound(f"{target} has no alert {episode!r}")
    lines = house.alerts.scan(target, f"timeline:{episode}:", TimelineLine)
    alert = _with_snooze(kept.value, load_board(target, house.alerts), now)
    return AlertStory(alert, tuple(line.value for line in lines))


def _with_snooze(alert: Alert, board: Board, now: datetime) -> Alert:
    """`snoozedUntil` is the rule's, computed and never stored with the alert."""
    kept = board.snoozes.get(alert.rule_id)
    running = kept is not None and kept.value.until > now
    return replace(alert, snoozed_until=kept.value.until if kept and running else None)


def step_for(length: timedelta) -> timedelta:
    """How finely a range of that length is answered: minutes, 5-minute steps or hours."""
    if length <= MINUTES_UP_TO:
        return MINUTE
    return STEP if length <= STEPS_UP_TO else HOUR


def history(
    target: str,
    metrics: Sequence[Metric],
    *,
    house: House,
    start: datetime,
    end: datetime,
    step: timedelta | None = None,
) -> list[History]:
    """The metrics over [start, end): minutes up to 6 h, 5-minute steps up to 3 d, then hours.

    `step`: one of these three, chosen otherwise. Quantiles of a step longer than a minute come
    from merged histograms; they are never averaged. Raises InvalidInput for a range that is empty
    or beyond 14 days.
    """
    if not start < end or end - start > HOURS_UP_TO:
        raise InvalidInput("a range has its start before its end and is at most 14 days long")
    step = step or step_for(end - start)
    if step < HOUR:
        return _from_cells(target, metrics, house, start, end, step)
    return _from_summaries(target, metrics, house, start, end)


def _from_cells(
    target: str,
    metrics: Sequence[Metric],
    house: House,
    start: datetime,
    end: datetime,
    step: timedelta,
) -> list[History]:
    first, last = floor_hour(start), floor_hour(end - MINUTE)
    found = house.samples.hours(
        target,
        first,
        last,
        columns=[metric.column for metric in metrics],
        histograms=step > MINUTE and any(map(_is_quantile, metrics)),
    )
    span = _Span(by_hour(found), first, last, floor_minute(start), end)
    return [
        History(metric.name, step, tuple(_cell_buckets(metric, span, step))) for metric in metrics
    ]


class _Span:
    """Consecutive hours as one line of minutes, cut to [start, end)."""

    def __init__(
        self, chunks: Chunks, first: datetime, last: datetime, start: datetime, end: datetime
    ) -> None:
        self.start = start
        self._chunks = [chunks.get(hour) for hour in each_hour(first, last + HOUR)]
        skip = minutes_between(first, start)
        self._cut = slice(skip, skip + minutes_between(start, end + MINUTE - TICK))

    def cells(self, column: str) -> list[float | None]:
        """The column's cell of every minute."""
        hours = (chunk.cells.get(column, NO_CELLS) if chunk else NO_CELLS for chunk in self._chunks)
        return list(chain.from_iterable(hours))[self._cut]

    def histograms(self) -> list[dict[int, int]]:
        """The buckets of every minute."""
        hours = (chunk.histograms if chunk else NO_HISTOGRAMS for chunk in self._chunks)
        return list(chain.from_iterable(hours))[self._cut]


def _cell_buckets(metric: Metric, span: _Span, step: timedelta) -> Iterable[Bucket]:
    cells, size = span.cells(metric.column), step // MINUTE
    histograms = span.histograms() if size > 1 and _is_quantile(metric) else []
    for i in range(0, len(cells), size):
        values = [value for value in cells[i : i + size] if value is not None]
        if values:
            merged = sum_buckets(histograms[i : i + size])
            value = _quantile(metric, merged, sum(values) / len(values))
            yield Bucket(span.start + i * MINUTE, value, min(values), max(values))


def _is_quantile(metric: Metric) -> bool:
    return isinstance(metric.statistic, float)


def _quantile(metric: Metric, buckets: dict[int, int], otherwise: float) -> float:
    """The metric's quantile of the histogram; samples that came without one keep their mean."""
    if not buckets or not isinstance(metric.statistic, float):
        return otherwise
    found = quantile(Histogram(buckets), metric.statistic)
    return otherwise if found is None else found


def _from_summaries(
    target: str, metrics: Sequence[Metric], house: House, start: datetime, end: datetime
) -> list[History]:
    found = house.samples.hours(
        target,
        floor_hour(start),
        floor_hour(end - MINUTE),
        summaries=True,
        histograms=any(map(_is_quantile, metrics)),
    )
    return [
        History(metric.name, HOUR, tuple(_summary_buckets(metric, found))) for metric in metrics
    ]


def _summary_buckets(metric: Metric, chunks: Iterable[HourChunk]) -> Iterable[Bucket]:
    for chunk in chunks:
        summary = chunk.summary.get(metric.column)
        if summary is None:
            continue
        count, low, high, total, _ = summary
        value = _quantile(metric, chunk.summary_histogram, total / count)
        yield Bucket(chunk.hour, value, low, high)
