"""What is known just now: each metric's newest figure, and how far each source has spoken."""

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from shared.domain.chunks import Latest
from shared.domain.metrics import Better, Catalog, Metric, Source
from shared.domain.times import MINUTE


class Band(StrEnum):
    """Where a figure lies between well and alarming."""

    CALM = "calm"
    WARNING = "warning"
    CRITICAL = "critical"


class Figure(Struct, frozen=True, kw_only=True):
    """The newest word about a metric.

    `value` is None when it was never measured, or when the newest `minute` had nothing to measure
    (no requests, so no response times). `provisional`: its source has not closed that minute yet.
    """

    metric: Metric
    value: float | None
    minute: datetime | None
    stale: bool
    provisional: bool

    @property
    def band(self) -> Band:
        """The band that the figure lies in, as long as it is fresh."""
        if self.stale or self.value is None:
            return Band.CALM
        return band_of(self.metric, self.value)


class SourceWord(Struct, frozen=True, kw_only=True):
    """How far a source has spoken and when it was last asked; None: never."""

    source: Source
    covered_until: datetime | None
    asked_at: datetime | None
    stale: bool


def band_of(metric: Metric, value: float) -> Band:
    """A band begins at its figure, the figure included, on the side that is bad."""
    if _reaches(metric, value, metric.critical):
        return Band.CRITICAL
    return Band.WARNING if _reaches(metric, value, metric.warning) else Band.CALM


def _reaches(metric: Metric, value: float, band: float | None) -> bool:
    if band is None:
        return False
    return value <= band if metric.better is Better.HIGH else value >= band


def patience(source: Source) -> timedelta:
    """How old a source's word may be: its settling, two rounds, and the running minute."""
    return source.settle + 2 * source.cadence + MINUTE


def figure_of(metric: Metric, *, latest: Latest, catalog: Catalog, now: datetime) -> Figure:
    """The metric's newest figure; stale when the next one has not come though it should have."""
    value, minute = _newest(metric, latest, catalog)
    return Figure(
        metric=metric,
        value=value,
        minute=minute,
        stale=minute is None or now - _hold_end(metric, minute) > _patience(metric, catalog),
        provisional=minute is not None and not _is_covered(metric, minute, latest),
    )


def _newest(
    metric: Metric, latest: Latest, catalog: Catalog
) -> tuple[float | None, datetime | None]:
    value, minute = latest.values.get(metric.column), latest.minutes.get(metric.column)
    idle = latest.idle.get(catalog.metric(metric.of).column) if metric.of else None
    if idle is not None and (minute is None or idle > minute):
        return None, idle
    return value, minute


def _hold_end(metric: Metric, minute: datetime) -> datetime:
    return minute + metric.every * MINUTE


def _patience(metric: Metric, catalog: Catalog) -> timedelta:
    """How long ago its hold may have ended: a window's figure is known when the window is over."""
    window = metric.every * MINUTE
    return max(
        source.settle + max(source.cadence, window) + source.cadence + MINUTE
        for source in catalog.sources_of(metric)
    )


def _is_covered(metric: Metric, minute: datetime, latest: Latest) -> bool:
    covered = latest.covered_until(metric)
    return covered is not None and minute + MINUTE <= covered


def source_word(source: Source, *, latest: Latest, now: datetime) -> SourceWord:
    """How far the source has spoken."""
    covered, asked = latest.covered.get(source.name), latest.asked.get(source.name)
    return SourceWord(
        source=source,
        covered_until=covered,
        asked_at=asked.at if asked is not None else None,
        stale=covered is None or now - covered > patience(source),
    )
