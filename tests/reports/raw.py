"""Four weeks of raw events and samples, drawn by chance: what a report is really about.

Standard library only: whoever recomputes a report from this knows nothing of the monitor.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import cos, pi
from random import Random

START = datetime(2026, 3, 2, 5, tzinfo=UTC)
DAYS = 28
END = START + timedelta(days=DAYS)
"""A Monday, 07:00 in Berlin, where the clock was put forward the night before."""
MINUTES = DAYS * 1440
MINUTE = timedelta(minutes=1)
DEPLOYS = {"2.0.0": 60, "2.1.0": 20 * 60 + 14}
"""Versions, and how many minutes before the end each went live."""

UNCOUNTED = {3, 9}
"""Days before the last midnight, from 1 on, of which nothing could be counted."""
LOGLESS = {5}
"""... of whose logs nothing could be."""
Used = dict[str, float]
"""What the monitor used in a day, by its kind."""

Samples = dict[int, list[float]]
"""By the number of the minute since START, in the order in which they came."""


@dataclass(frozen=True)
class Request:
    """One request: how long it took in ms, and its status."""

    duration: float
    status: int


@dataclass(frozen=True)
class Story:
    """An alert: minutes since START, None for what did not happen."""

    rule: str
    severity: str
    active: int
    fired: int
    bad: int
    resolved: int | None
    acknowledged: int | None


@dataclass
class Raw:
    """What happened, by minutes since START. A minute without requests has an empty list.

    `used`: what the monitor itself used, by how many midnights before the last one a day began.
    """

    requests: dict[int, list[Request]] = field(default_factory=dict)
    samples: dict[str, Samples] = field(default_factory=dict)
    stories: list[Story] = field(default_factory=list)
    used: dict[int, Used] = field(default_factory=dict)


def at(minute: int) -> datetime:
    """The start of a minute."""
    return START + minute * MINUTE


def draw(seed: int) -> Raw:
    """Everything, with nights, weekends, growth, and stretches in which a source was silent."""
    dice, raw = Random(seed), Raw()
    silent = {name: _silences(dice) for name in ("logs", "dmv", "probe", "plan", "size", "counts")}
    for minute in range(MINUTES):
        load = _load(at(minute))
        _draw_minute(raw, minute, load, {n for n, s in silent.items() if minute in s}, dice)
    raw.stories = _stories(dice)
    raw.used = {back: _used(dice, back) for back in range(1, DAYS) if back not in UNCOUNTED}
    return raw


def _used(dice: Random, back: int) -> Used:
    """More than is free of executions and logs; no logs where they could not be had."""
    used = {
        "tables": float(dice.randint(60_000, 90_000)),
        "queues": float(dice.randint(5000, 7000)),
        "blob writes": float(dice.randint(100, 200)),
        "blobs": float(dice.randint(25_000, 32_000)),
        "executions": float(dice.randint(6000, 16_000)),
        "GB-seconds": dice.uniform(2000, 6000),
    }
    return used if back in LOGLESS else {**used, "log bytes": dice.uniform(1e8, 4e8)}


def _silences(dice: Random) -> set[int]:
    """Three stretches of one to nine hours."""
    found: set[int] = set()
    for _ in range(3):
        first = dice.randrange(MINUTES)
        found.update(range(first, first + dice.randint(60, 540)))
    return found


def _load(moment: datetime) -> float:
    """From 0 at night to 1 at noon, a third of it at weekends."""
    day = max(0.0, -cos(2 * pi * (moment.hour * 60 + moment.minute) / 1440))
    return day * (0.3 if moment.weekday() >= 5 else 1.0)


def _draw_minute(raw: Raw, minute: int, load: float, silent: set[str], dice: Random) -> None:
    def note(name: str, *values: float) -> None:
        raw.samples.setdefault(name, {})[minute] = list(values)

    age = minute / 1440
    if "logs" not in silent:
        count = int(load * dice.uniform(2, 9))
        raw.requests[minute] = [_request(load, age, dice) for _ in range(count)]
    if "dmv" not in silent:
        rise = 70 if dice.random() < 0.002 else 0
        note("dtuUtilization", *(min(5 + 30 * load * dice.random() + rise, 100) for _ in range(2)))
        note("sessionsPercent", 2 + 8 * load + 0.2 * age * load)
    if "probe" not in silent:
        note("availability", 0.0 if dice.random() < 0.001 else 100.0)
    if "plan" not in silent:
        note("memoryUsage", 900 + 100 * load + 4 * age + dice.uniform(-20, 20))
    if "size" not in silent:
        note("storagePercent", 60 + 0.7 * age + dice.uniform(0, 0.3))
        note("monitor.cpuMs", float(dice.randint(3, 9)))
        note("monitor.logicalReads", float(dice.randint(20, 90)))
    if "counts" not in silent and minute % 5 == 0:
        note("activeUsers", float(int(40 * load * dice.uniform(0.8, 1.2))))
        note("interactionsLogged", float(int(9 * load * dice.random())))
        note("reportsGenerated", float(dice.random() < 0.1 * load))
        note("offlineSync.pending", float(dice.randint(0, 9)))


def _request(load: float, age: float, dice: Random) -> Request:
    duration = dice.lognormvariate(5.3 + 0.4 * load + 0.004 * age, 0.5)
    return Request(round(duration, 3), 500 if dice.random() < 0.003 else 200)


def _stories(dice: Random) -> list[Story]:
    """Twelve alerts, the last of which goes on."""
    found = []
    for number in range(12):
        active = MINUTES - 40 - number * 3000 - dice.randrange(600)
        bad = dice.randint(3, 400)
        found.append(
            Story(
                rule=f"rule-{number}",
                severity=dice.choice(["low", "medium", "high", "critical"]),
                active=active,
                fired=active + 2,
                bad=bad,
                resolved=None if number == 0 else active + bad + 5,
                acknowledged=active + 2 + dice.randint(1, 90) if dice.random() < 0.6 else None,
            )
        )
    return found
