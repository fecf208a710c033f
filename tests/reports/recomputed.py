"""A report recomputed from raw events and samples, minute by minute, by arithmetic of its own.

Nothing of the monitor is imported: what agrees with this agrees with the events themselves.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from itertools import combinations
from math import erfc, sqrt
from statistics import median
from zoneinfo import ZoneInfo

from tests.reports.raw import DEPLOYS, MINUTES, Raw, Samples, Story, Used, at

Cells = dict[int, float]
HELD = {"activeUsers": 5, "interactionsLogged": 5, "reportsGenerated": 5, "offlineSync.pending": 5}
MEANS = ("dtuUtilization",)
"""Several samples of a minute become their mean; elsewhere the last one stays."""
RANK = {"low": 0, "medium": 1, "high": 2, "critical": 3}


def cells_of(samples: Samples, name: str) -> Cells:
    """One value a minute."""
    if name in MEANS:
        return {minute: sum(values) / len(values) for minute, values in samples.items()}
    return {minute: values[-1] for minute, values in samples.items()}


class Recomputed:
    """The last `days` of raw, ending with it, and as long before."""

    def __init__(self, raw: Raw, days: int) -> None:
        self.raw, self.days = raw, days
        self.first, self.end = MINUTES - days * 1440, MINUTES
        self.cells = {name: cells_of(one, name) for name, one in raw.samples.items()}
        self.counts = {minute: float(len(one)) for minute, one in raw.requests.items()}
        self.errors = {
            minute: float(sum(each.status >= 500 for each in one))
            for minute, one in raw.requests.items()
        }

    def durations(self, first: int, end: int) -> list[float]:
        """Every request's, in ms."""
        minutes = (self.raw.requests.get(minute, []) for minute in range(first, end))
        return [each.duration for one in minutes for each in one]

    def values(self, name: str, first: int, end: int) -> list[float]:
        """The samples of a stretch, one a minute."""
        cells = self.line(name)
        return [cells[minute] for minute in range(first, end) if minute in cells]

    def line(self, name: str) -> Cells:
        """A metric's minutes; telemetry is counted from the requests themselves."""
        if name == "throughput":
            return self.counts
        return self.errors if name == "errorRate" else self.cells[name]

    def figures(self, first: int, end: int) -> dict[str, float | None]:
        """Every figure of a stretch, by its name."""
        took = self.durations(first, end)

        def mean(name: str) -> float | None:
            found = self.values(name, first, end)
            return sum(found) / len(found) if found else None

        return {
            "uptime": mean("availability"),
            "avgResponseTime": sum(took) / len(took) if took else None,
            "errorRate": mean("errorRate"),
            "totalErrors": sum(self.values("errorRate", first, end)),
            "totalRequests": float(len(took)),
            "maxDTU": max(self.values("dtuUtilization", first, end)),
            "avgDTU": mean("dtuUtilization"),
            "avgMemoryUsage": mean("memoryUsage"),
            "maxMemoryUsage": max(self.values("memoryUsage", first, end)),
            "peakUsers": max(self.values("activeUsers", first, end)),
            "totalInteractions": sum(self.values("interactionsLogged", first, end)),
            "totalReports": sum(self.values("reportsGenerated", first, end)),
            "offlineSync.pending": self.values("offlineSync.pending", first, end)[-1],
        }

    def p95(self, first: int, end: int) -> float:
        """The duration that 95 % of all requests stay in."""
        took = sorted(self.durations(first, end))
        return took[max(-(-95 * len(took) // 100), 1) - 1]

    def known_minutes(self, name: str, first: int, end: int) -> int:
        """The minutes for which a sample stands."""
        return len(self.values(name, first, end)) * HELD.get(name, 1)

    def down(self) -> int:
        """The minutes of the range with a failed probe."""
        return sum(value == 0 for value in self.values("availability", self.first, self.end))

    def daily(self, name: str, days: int) -> dict[int, float]:
        """(number of the day: mean of its samples or requests), 0 the last 24 hours."""
        found: dict[int, float] = {}
        for back in range(days):
            first = self.end - (back + 1) * 1440
            mean = self.over(name, range(first, first + 1440, 60))
            if mean is not None and self.known_hours(name, first) >= 12:
                found[-back] = mean
        return found

    def known_hours(self, name: str, first: int) -> int:
        """In how many hours of a day its source spoke."""
        cells = self.line("throughput" if name == "responseTime.avg" else name)
        return sum(
            any(minute in cells for minute in range(hour, hour + 60))
            for hour in range(first, first + 1440, 60)
        )

    def busiest(self, name: str, days: int) -> dict[int, float]:
        """(number of the day: mean of its highest hour)."""
        found: dict[int, float] = {}
        for back in range(days):
            first = self.end - (back + 1) * 1440
            hours = [self.hour(name, first + 60 * n) for n in range(24)]
            known = [value for value in hours if value is not None]
            if len(known) >= 12:
                found[-back] = max(known)
        return found

    def hour(self, name: str, first: int) -> float | None:
        """The mean of an hour's samples, or of its requests."""
        return self.over(name, [first])

    def trend(self, name: str, days: int) -> tuple[float, float]:
        """The median slope between same weekdays, and how sure a trend is."""
        return weekly(self.daily(name, days))

    def effect(self, name: str, version: str) -> tuple[float | None, float | None]:
        """A version's first hours, and the same of the week before."""
        lived = sorted(DEPLOYS.values(), reverse=True)
        went = DEPLOYS[version]
        following = next((one for one in lived if one < went), 0)
        since = ((self.end - went) // 60 + 1) * 60
        until = min((self.end - following) // 60 * 60, since + 1440)
        hours = [*range(since, until, 60)]
        return self.over(name, hours), self.over(name, [one - 7 * 1440 for one in hours])

    def over(self, name: str, hours: Iterable[int]) -> float | None:
        """The mean of all samples, or of all requests, of some hours."""
        found: list[float] = []
        for first in hours:
            if name == "responseTime.avg":
                found += self.durations(first, first + 60)
            else:
                found += self.values(name, first, first + 60)
        return sum(found) / len(found) if found else None

    def week(self, name: str, zone: str) -> list[list[float | None]]:
        """Means of four weeks by weekday and hour, as the clock there shows them."""
        there = ZoneInfo(zone)
        found: dict[tuple[int, int], list[float]] = defaultdict(list)
        for minute, value in self.line(name).items():
            local = at(minute).astimezone(there)
            found[local.weekday(), local.hour].append(value)
        return [[_mean(found[day, hour]) for hour in range(24)] for day in range(7)]

    def spikes(self) -> dict[datetime, float]:
        """The client's: more than two standard deviations from the mean."""
        cells = {
            minute: value
            for minute, value in self.cells["dtuUtilization"].items()
            if minute >= self.first
        }
        mean = sum(cells.values()) / len(cells)
        sigma = sqrt(sum((value - mean) ** 2 for value in cells.values()) / len(cells))
        return {at(m): value for m, value in cells.items() if abs(value - mean) > 2 * sigma}

    def stories(self) -> list[Story]:
        """Those open at some time of the range, the worst first."""
        found = [
            one
            for one in self.raw.stories
            if one.active < self.end and (one.resolved is None or one.resolved > self.first)
        ]
        return sorted(found, key=lambda one: (-RANK[one.severity], -one.bad, one.active))


# The list prices as docs/operate.md and the vendor's pages tell them: so many of a kind for so many
# dollars, and how many of it are free each month.
TARIFF = {
    "tables": (10_000, 0.00036, 0),
    "queues": (10_000, 0.004, 0),
    "blob writes": (10_000, 0.055, 0),
    "blobs": (10_000, 0.0044, 0),
    "executions": (1_000_000, 0.40, 250_000),
    "GB-seconds": (1, 0.000026, 100_000),
    "log bytes": (1e9, 2.30, 5e9),
}


def bill(used: dict[int, Used], days: int) -> dict[str, tuple[int, float, float, float, float]]:
    """Of each kind: days counted, a day's mean, dollars of those days, of a month, nothing free."""
    found = {}
    for kind, (so_many, price, free) in TARIFF.items():
        known = [one[kind] for back, one in used.items() if back <= days and kind in one]
        month = 30.4 * sum(known) / len(known)
        paid, whole = max(month - free, 0) / so_many * price, month / so_many * price
        found[kind] = len(known), sum(known) / len(known), paid * len(known) / 30.4, paid, whole
    return found


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def weekly(days: dict[int, float]) -> tuple[float, float]:
    """Theil-Sen between days that are whole weeks apart, and Kendall's confidence (two-sided)."""
    slopes: list[float] = []
    rising, variance = 0, 0.0
    for weekday in range(7):
        same = sorted((day, value) for day, value in days.items() if day % 7 == weekday)
        for (d1, v1), (d2, v2) in combinations(same, 2):
            slopes.append((v2 - v1) / (d2 - d1))
            rising += (v2 > v1) - (v2 < v1)
        n = len(same)
        ties: dict[float, int] = defaultdict(int)
        for _, value in same:
            ties[value] += 1
        variance += n * (n - 1) * (2 * n + 5) / 18
        variance -= sum(t * (t - 1) * (2 * t + 5) for t in ties.values()) / 18
    sign = (rising > 0) - (rising < 0)
    score = (rising - sign) / sqrt(variance) if variance else 0.0
    return median(slopes), 1 - erfc(abs(score) / sqrt(2))


def reaches(days: dict[int, float], limit: float) -> float:
    """Days from the newest until a busy one meets the limit, at the median slope."""
    slope, _ = weekly(days)
    last = max(days)
    levels = sorted(value + slope * (last - day) for day, value in days.items())
    busy = levels[min(int(0.9 * len(levels)), len(levels) - 1)]
    return max((limit - busy) / slope, 0.0)


def quietest(week: list[list[float | None]]) -> tuple[int, int]:
    """The weekday and hour where the two hours with the least begin, amid the least."""
    ring = [value or 0.0 for day in week for value in day]

    def load(start: int) -> tuple[float, float, int]:
        inside = ring[start] + ring[(start + 1) % 168]
        around = sum(ring[(start + i) % 168] for i in range(-2, 4))
        return round(inside, 6), round(around, 6), start

    return divmod(min(range(168), key=load), 24)


def spelled(moment: datetime) -> str:
    """As JSON spells it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
