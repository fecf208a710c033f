"""When a resource reaches its limit if it goes on as it did: a day, and between which days.

The days of the last four weeks are compared weekday by weekday (see seasons); of what waves with
the visitors, the busiest hour of each day counts, because that is what meets the limit first.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median

from msgspec import Struct

from shared.domain.hour_lines import HourLines
from shared.domain.metrics import Catalog, Metric
from shared.domain.quantities import quantity
from shared.domain.times import DAY, Span
from shared.domain.trends.seasons import Seasonal
from shared.domain.trends.slopes import Point
from shared.domain.trends.tendencies import SURE, WEEK_DAYS, weekly

OVER = timedelta(days=28)
FARTHEST_DAYS = 730
"""Nobody can say what will be beyond two years; a date there would only look exact."""
PACE_DAYS = 14
"""How fast it went in any two weeks says how much its pace changes by itself."""
FRESH = -1
"""The number of the day that must be known at least, yesterday's: what was full ten days ago may be
anything by now."""
BUSY_DAY = 0.9
"""The limit is met on a day as busy as one in ten."""


class Resource(Struct, frozen=True):
    """What can run out: its metric, where it ends, and whether it waves with the visitors."""

    metric: str
    limit: float
    waves: bool


RESOURCES = (
    Resource("storagePercent", 100, waves=False),
    Resource("memoryUsage", 1750, waves=True),
    Resource("sessionsPercent", 100, waves=True),
)


class Forecast(
    Struct,
    frozen=True,
    kw_only=True,
    rename={
        "start": "from",
        "end": "to",
        "per_day": "perDay",
        "reaches_at": "reachesAt",
    },
):
    """Where a resource goes, judged by its days from `from` to `to`.

    `level`: a busy day's figure now. `reaches_at` lies between `earliest` and `latest` (95 %
    confidence of the slope); null where it does not go there, `latest` also where it may never.
    `coverage`: the share of the days that are known.
    """

    metric: str
    label: str
    unit: str
    limit: float
    start: datetime
    end: datetime
    coverage: float
    level: float | None
    per_day: float | None
    reaches_at: datetime | None
    earliest: datetime | None
    latest: datetime | None
    sentence: str


class Path(Struct, frozen=True):
    """Days until a limit is reached: about, at the earliest, and at the latest (None: never)."""

    about: float
    earliest: float
    latest: float | None


def path_to(points: Sequence[Point], limit: float) -> Path | None:
    """How far it is from the newest of these days to the limit.

    None while nothing is sure to rise: with less than two weeks, or without a trend at 95 %. The
    middle uses the median slope from the level of a busy day, the earliest the steepest slope from
    the highest, the latest the flattest from the median one; a level is what is left of each day
    when the slope is taken off, moved to the newest day. Steepest and flattest are the ends of the
    slope's interval, or the fastest and slowest two weeks that there were, whichever is wider; and
    one more week is allowed for that surprises as much as the oddest one did: what grows by leaps
    has a sure middle and wanders all the same.
    """
    found = weekly(points)
    if found is None or found.slope <= 0 or found.confidence < SURE:
        return None
    levels, paces = levels_of(points, found), [one / PACE_DAYS for one in grown(points, PACE_DAYS)]
    surprises = [one - WEEK_DAYS * found.slope for one in grown(points, WEEK_DAYS)]
    up, down = max(0.0, *surprises), min(0.0, *surprises)
    return Path(
        about=_days(limit - busy(levels), found.slope) or 0.0,
        earliest=_days(limit - levels[-1] - up, max(found.high, *paces)) or 0.0,
        latest=_days(limit - median(levels) - down, min(found.low, *paces)),
    )


def grown(points: Sequence[Point], days: int) -> list[float]:
    """By how much it grew in any so many days; by nothing, where there are not so many."""
    by_day = dict(points)
    found = [value - by_day[day - days] for day, value in points if day - days in by_day]
    return found or [0.0]


def _days(left: float, slope: float) -> float | None:
    if left <= 0:
        return 0.0
    return left / slope if slope > 0 else None


def levels_of(points: Sequence[Point], found: Seasonal | None) -> list[float]:
    """What each day would be if it were the newest one, in order of size."""
    slope, (last, _) = found.slope if found is not None else 0.0, points[-1]
    return sorted(value + slope * (last - day) for day, value in points)


def busy(levels: Sequence[float]) -> float:
    """The level of a busy day."""
    return levels[min(int(BUSY_DAY * len(levels)), len(levels) - 1)]


def forecast(resource: Resource, lines: HourLines, catalog: Catalog) -> Forecast:
    """When that resource runs out."""
    metric = catalog.metric(resource.metric)
    points = _points(resource, metric, lines, catalog)
    path = _path(points, resource.limit) if points else None
    found = weekly(points)
    end = lines.span.end
    is_near = path is not None and path.about <= FARTHEST_DAYS
    return Forecast(
        metric=metric.name,
        label=metric.label,
        unit=metric.unit,
        limit=resource.limit,
        start=lines.span.start,
        end=end,
        coverage=len(points) / max((end - lines.span.start) // DAY, 1),
        level=busy(levels_of(points, found)) if points else None,
        per_day=None if found is None else found.slope,
        reaches_at=_at(end, path.about) if path and is_near else None,
        earliest=_at(end, path.earliest) if path and is_near else None,
        latest=_at(end, path.latest) if path and is_near else None,
        sentence=_sentence(metric, resource, points, found, path if is_near else None),
    )


def _path(points: Sequence[Point], limit: float) -> Path | None:
    """What is at its limit need not rise any more to be there."""
    found = weekly(points)
    if found is not None and busy(levels_of(points, found)) >= limit:
        return Path(0.0, 0.0, 0.0)
    return path_to(points, limit)


def _points(resource: Resource, metric: Metric, lines: HourLines, catalog: Catalog) -> list[Point]:
    of = lines.busiest_hours if resource.waves else lines.days
    points = of(metric, catalog)
    return points if points and points[-1][0] >= FRESH else []


def forecast_span(end: datetime) -> Span:
    """What forecasts made then look at."""
    return Span(end - OVER, end)


def forecasts(lines: HourLines, catalog: Catalog) -> tuple[Forecast, ...]:
    """Of every resource that is measured up to now."""
    found = (forecast(one, lines, catalog) for one in RESOURCES)
    return tuple(one for one in found if one.level is not None)


def _at(end: datetime, days: float | None) -> datetime | None:
    """A moment so many days on, to the hour: more would only look exact."""
    if days is None or days > FARTHEST_DAYS:
        return None
    return end + timedelta(hours=round(24 * days))


def _sentence(
    metric: Metric,
    resource: Resource,
    points: Sequence[Point],
    found: Seasonal | None,
    path: Path | None,
) -> str:
    limit = quantity(resource.limit, metric.unit)
    if found is None:
        days = "1 day is" if len(points) == 1 else f"{len(points)} days are"
        return f"{metric.label}: {days} known, and a forecast takes two weeks."
    level = quantity(_digits(busy(levels_of(points, found))), metric.unit)
    if path is None:
        return f"{metric.label}: {level} now, and no trend towards {limit}."
    if path.about == 0:
        return f"{metric.label}: {level} now; the limit of {limit} is reached."
    growth = quantity(float(f"{found.slope:.2g}"), metric.unit)
    return (
        f"{metric.label}: {level} now, {growth} more each day: {limit} in about "
        f"{_length(path.about)}{_between(path)}."
    )


def _between(path: Path) -> str:
    if path.latest is None or path.latest > FARTHEST_DAYS:
        return f", at the earliest in {_length(path.earliest)}"
    ends = _length(path.earliest), _length(path.latest)
    return "" if ends[0] == ends[1] else f", between {ends[0]} and {ends[1]}"


def _length(days: float) -> str:
    if days < 2:
        return f"{max(round(24 * days), 1)} h"
    return f"{days:,.0f} days"


def _digits(value: float) -> float:
    return float(f"{value:.3g}")
