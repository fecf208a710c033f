"""Memory that only grows, and the restarts that it ends in.

Leaks are told from days by the seasonal form of Kendall's test (R. M. Hirsch, J. R. Slack and
R. A. Smith, 1982): only hours of the same time of day are compared, because memory follows the
visitors up in the morning and down at night.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise

from msgspec import Struct

from shared.domain.deployments import RecentDeploy
from shared.domain.quantities import clock, quantity
from shared.domain.recommendations.situations import Situation, Stretch
from shared.domain.recommendations.values import (
    Area,
    Confidence,
    Estimate,
    Fact,
    Gist,
    Measure,
    Recommendation,
    Remedy,
    Text,
    recommend,
)
from shared.domain.times import HOUR
from shared.domain.trends.seasons import seasonal
from shared.domain.trends.slopes import SIGNIFICANT

LEAK = Gist(
    kind="memory_leak",
    type="memory_leak",
    area=Area.MEMORY,
    link="https://nodejs.org/en/learn/diagnostics/memory/using-heap-snapshot",
)
SAW_TOOTH = Gist(
    kind="restarts",
    type="restarts",
    area=Area.MEMORY,
    link="https://learn.microsoft.com/azure/app-service/overview-diagnostics",
)
KILLED_AT = 1600.0
"""MB of the plan's 1,750 from which the system begins to end processes."""
FALL, LEAST_FALL_MB = 0.85, 80.0
"""A restart: from one hour to the next to less than 85 %, and by 80 MB."""
WARM_UP = 2 * HOUR
DAY_MINUTES = 1440
LEAST_GROWN_MB = 100.0
FARTHEST_HOURS = 30 * 24.0
RESTARTS = 3
HIGH_BEFORE = 1400.0


class Leak(Struct, frozen=True):
    """Growth since the last restart: MB an hour, its score, and hours to 1,600 MB.

    `restarted`: whether the restart was seen; else `since` is where the figures begin.
    """

    since: datetime
    restarted: bool
    slope: float
    score: float
    hours: float


def memory_leak(situation: Situation) -> Iterable[Recommendation]:
    """Memory that has grown since the last restart whatever the time of day.

    Judged on the process (the plan where no probe tells) by hours from two after the restart on,
    when there is more than a day of them: slope = the median of all slopes between hours that are
    whole days apart; sure by the seasonal Kendall test at 99 %, and by at least 100 MB in all,
    because the test takes hours for independent and days differ. When 1,600 MB are reached within
    30 days: urgency = 24 / (24 + hours that are left).
    """
    leak = leak_of(situation)
    if leak is None:
        return
    deploy = _deploy_of(leak.since, situation) if leak.restarted else None
    yield recommend(
        LEAK,
        "process",
        _leak_told(leak, deploy, situation),
        urgency=24 / (24 + leak.hours),
        size=leak.slope,
        confidence=Confidence.HIGH if leak.score >= 2 * SIGNIFICANT else Confidence.MEDIUM,
        remedy=Remedy(
            estimate=Estimate(round(_a_day(leak)), "MB a day"),
            deploy=deploy,
            measure=_measure(situation),
        ),
    )


def _a_day(leak: Leak) -> float:
    """Its growth in MB; the slope is one of hours."""
    return leak.slope * 24


def _leak_told(leak: Leak, deploy: RecentDeploy | None, situation: Situation) -> Text:
    growth = quantity(round(_a_day(leak)), "MB")
    told = f" This began with deploy {deploy.version}." if deploy is not None else ""
    return Text(
        f"Memory leak: 1,600 MB {_when(leak)}",
        f"Since {'the restart at ' if leak.restarted else ''}{clock(leak.since)} memory has "
        f"grown by {growth} a day, by day and by night.{told}",
        (
            "Take two heap snapshots an hour apart and compare what grew between them."
            if heap_grows(situation, leak)
            else "The heap does not grow with it: look at buffers, image processing and native "
            "modules.",
            "Look for caches without a limit, listeners that are never removed, and timers.",
            _restart(leak, situation.now),
        ),
        (
            Fact("growth a day", growth),
            Fact("hours to 1,600 MB", f"{leak.hours:.0f}"),
            Fact(f"Kendall's z ({SIGNIFICANT:.1f} is enough)", f"{leak.score:.1f}"),
        ),
    )


def _restart(leak: Leak, now: datetime) -> str:
    if leak.hours < 1:
        return "Restart the app now, and every night until it is mended."
    by = clock(now + timedelta(hours=leak.hours))
    return f"Until it is mended, restart the app at a quiet hour before {by}."


def _when(leak: Leak) -> str:
    return f"in about {leak.hours:.0f} h" if leak.hours >= 1 else "are reached"


def _measure(situation: Situation) -> Measure | None:
    mean = situation.mean("memoryProcess")
    return None if mean is None else Measure("metric:memoryProcess", "memory", mean, "MB")


def leak_of(situation: Situation) -> Leak | None:
    """The leak, when there is one."""
    stretch = memory_of(situation)
    level = max(situation.newest("memoryUsage") or 0.0, situation.newest("memoryProcess") or 0.0)
    if stretch is None or not level:
        return None
    restarts = restarts_of(stretch)
    since = restarts[-1] if restarts else _beginning(stretch)
    points = stretch.points(since + WARM_UP)
    found = seasonal(points, DAY_MINUTES)
    if found is None or found.score < SIGNIFICANT:
        return None
    if found.slope * (points[-1][0] - points[0][0]) < LEAST_GROWN_MB:
        return None
    hours = max((KILLED_AT - level) / (found.slope * 60), 0.0)
    if hours > FARTHEST_HOURS:
        return None
    return Leak(since, bool(restarts), found.slope * 60, found.score, hours)


def _beginning(stretch: Stretch) -> datetime:
    values = stretch.curve.values
    first = next((i for i, value in enumerate(values) if value is not None), 0)
    return stretch.start + first * stretch.step


def memory_of(situation: Situation) -> Stretch | None:
    """The process by the hour; the plan where no probe tells of the process."""
    process = situation.week.get("memoryProcess")
    return process if process is not None and process.known else situation.week.get("memoryUsage")


def restarts_of(stretch: Stretch) -> list[datetime]:
    """The hours in which memory fell as it does when a process begins anew; see FALL.

    One in the middle of an hour makes this hour's mean fall, and the next one's: it is the latter.
    """
    found: list[int] = []
    known = [(i, value) for i, value in enumerate(stretch.curve.values) if value is not None]
    for (_, before), (i, after) in pairwise(known):
        if after < before * FALL and before - after >= LEAST_FALL_MB:
            if found and found[-1] == i - 1:
                found.pop()
            found.append(i)
    return [stretch.start + i * stretch.step for i in found]


def _deploy_of(restart: datetime, situation: Situation) -> RecentDeploy | None:
    """What went live around a restart, which lies in its hour or in the one before."""
    return situation.deploy_before(restart) or situation.deploy_before(restart + HOUR)


def heap_grows(situation: Situation, leak: Leak) -> bool:
    """Whether at least half of the growth is JavaScript's own; unknown counts as yes."""
    heap = situation.week.get("memoryHeap")
    found = seasonal(heap.points(leak.since + WARM_UP), DAY_MINUTES) if heap is not None else None
    return found is None or found.slope * 60 >= leak.slope / 2


def restart_saw_tooth(situation: Situation) -> Iterable[Recommendation]:
    """At least three restarts in a week at which more than 1,400 MB were used, deploys left out.

    Urgency = 0.1 + 0.1 × restarts a day, at most 0.5: each one is an outage of seconds to a minute.
    """
    stretch = memory_of(situation)
    if stretch is None or leak_of(situation) is not None:
        return
    high = [at for at in restarts_of(stretch) if _height_before(at, situation) >= HIGH_BEFORE]
    found = [at for at in high if _deploy_of(at, situation) is None]
    if len(found) >= RESTARTS:
        apart = (found[-1] - found[0]) / (len(found) - 1) / HOUR
        yield recommend(
            SAW_TOOTH,
            "process",
            Text(
                f"Memory grows until the app restarts, about every {apart:.0f} h",
                f"{len(found)} times in the last 7 days memory fell at once when more than 1,400 "
                "MB of the plan were used, and no deploy explains it: the app is ended and begins "
                "anew.",
                (
                    "Take a heap snapshot a few hours after a restart, and one before the next.",
                    "Until it is mended, restart the app every night, when nobody works.",
                ),
                (
                    Fact("restarts in 7 days", str(len(found))),
                    Fact("hours between them", f"{apart:.0f}"),
                    Fact("last one", clock(found[-1])),
                ),
            ),
            urgency=min(0.1 + 0.1 * len(found) / 7, 0.5),
            size=len(found),
            confidence=Confidence.MEDIUM,
        )


def _height_before(restart: datetime, situation: Situation) -> float:
    """MB at their highest shortly before: of the plan, and where that is not known, the process."""
    known = (situation.week.get(name) for name in ("memoryUsage", "memoryProcess"))
    return max((_peak(stretch, restart) for stretch in known if stretch is not None), default=0.0)


def _peak(stretch: Stretch, restart: datetime) -> float:
    at = (restart - stretch.start) // stretch.step
    near = stretch.curve.highs[max(at - 2, 0) : at + 1]
    return max((one for one in near if one is not None), default=0.0)
