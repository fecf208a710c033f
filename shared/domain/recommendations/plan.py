"""What runs short on the App Service plan: CPU, sockets, disk, and what its traffic costs."""

from collections.abc import Iterable

from shared.domain.quantities import quantity
from shared.domain.recommendations.situations import Situation
from shared.domain.recommendations.values import (
    Area,
    Confidence,
    Fact,
    Gist,
    Measure,
    Recommendation,
    Remedy,
    Text,
    percent,
    recommend,
)

LIMITS = (
    "https://learn.microsoft.com/azure/azure-resource-manager/management/"
    "azure-subscription-service-limits#azure-app-service-limits"
)
CPU = Gist(
    kind="cpu_saturation",
    type="performance",
    area=Area.MEMORY,
    link="https://learn.microsoft.com/azure/app-service/manage-scale-up",
)
SOCKETS = Gist(
    kind="outbound_sockets",
    type="outbound_connections",
    area=Area.MEMORY,
    link="https://learn.microsoft.com/azure/app-service/"
    "troubleshoot-intermittent-outbound-connection-errors",
)
BANDWIDTH = Gist(
    kind="bandwidth",
    type="bandwidth",
    area=Area.MEMORY,
    link="https://azure.microsoft.com/pricing/details/bandwidth/",
)
DISK = Gist(kind="app_disk", type="app_disk", area=Area.MEMORY, link=LIMITS)

SATURATED = 90.0
LEAST_SHARE = 0.02
MOST_SOCKETS, WORTH_SAYING = 1920.0, 0.6
DISK_GB, NEARLY_FULL = 10.0, 0.8
FREE_GB = 100.0
DAYS_OF_A_MONTH = 30


def cpu_saturation(situation: Situation) -> Iterable[Recommendation]:
    """The plan's one core at 90 % or more, in more than 2 % of the day.

    Urgency = the share of the 5-minute steps of the last 24 hours in which it was so.
    """
    stretch = situation.day.get("cpuUtilization")
    share = stretch.share(SATURATED) if stretch is not None else 0.0
    if share > LEAST_SHARE:
        queue = situation.day.get("httpQueueLength")
        waiting = queue.share(1) if queue is not None else 0.0
        yield recommend(
            CPU,
            "plan",
            Text(
                f"The app's CPU was at its limit for {share * 24:.1f} h of the last day",
                "B1 has one core, and no quota: at 90 % and more everything simply gets slower."
                f"{f' Requests queued in {percent(waiting)} of the day.' if waiting else ''}",
                (
                    "Profile the app in such an hour: one busy function is the usual cause.",
                    "Move reports, imports and image work to a queue that runs at night.",
                    "Scale up to B2 (2 cores), or out to 2 instances, for the busy hours.",
                ),
                (
                    Fact("of the day at 90 % and more", percent(share, 1)),
                    Fact("of the day with a queue", percent(waiting, 1)),
                ),
            ),
            urgency=share,
            size=share,
            confidence=Confidence.HIGH if waiting else Confidence.MEDIUM,
            remedy=Remedy(measure=_measure("cpuUtilization", "CPU", "%", situation)),
        )


def outbound_sockets(situation: Situation) -> Iterable[Recommendation]:
    """More than 60 % of the 1,920 outbound connections of a B1 instance, at the busiest times.

    Urgency = share of the limit - 0.5.
    """
    stretch = situation.day.get("outboundSockets")
    high = (stretch.high() if stretch is not None else None) or 0.0
    share = high / MOST_SOCKETS
    if share > WORTH_SAYING:
        yield recommend(
            SOCKETS,
            "plan",
            Text(
                f"The app holds {high:,.0f} of 1,920 outbound connections",
                "Beyond the limit every call to the database, mail and others hangs.",
                (
                    "Keep connections alive: one HTTP agent with keepAlive for the process.",
                    "Make one client for each service when the process starts, none per request.",
                ),
                (Fact("at the day's busiest times", f"{percent(share)} of the limit"),),
            ),
            urgency=share - 0.5,
            size=high,
        )


def bandwidth(situation: Situation) -> Iterable[Recommendation]:
    """More than 100 GB a month go out, at the last week's rate: what lies beyond is billed.

    Urgency = 0.05 × GB a month / 100, at most 0.2. It costs money, nobody waits.
    """
    stretch = situation.week.get("bytesOut")
    mean = stretch.mean if stretch is not None else None
    month = (mean or 0.0) * 60 * 24 * DAYS_OF_A_MONTH / 1e9
    if month > FREE_GB:
        yield recommend(
            BANDWIDTH,
            "plan",
            Text(
                f"The app sends about {month:,.0f} GB a month",
                "The first 100 GB a month are free, what lies beyond is billed.",
                (
                    "Compress answers, and send images in the size in which they are shown.",
                    "Serve static files from a CDN, with a long Cache-Control.",
                ),
                (Fact("a month, at this week's rate", quantity(round(month), "GB")),),
            ),
            urgency=min(0.05 * month / FREE_GB, 0.2),
            size=month,
        )


def app_disk(situation: Situation) -> Iterable[Recommendation]:
    """More than 80 % of the plan's 10 GB. Urgency = 2 × (share - 0.75)."""
    used = situation.newest("appDiskUsage")
    share = (used or 0.0) / DISK_GB
    if used is not None and share > NEARLY_FULL:
        yield recommend(
            DISK,
            "plan",
            Text(
                f"The app's disk is {percent(share)} full",
                f"{quantity(round(used, 1), 'GB')} of the 10 GB that a Basic plan's apps share; "
                "a full one breaks deploys and uploads.",
                (
                    "Delete old logs and deployments under /home/LogFiles and /home/site.",
                    "Keep uploads in Blob Storage.",
                ),
                (Fact("used", quantity(round(used, 1), "GB")),),
            ),
            urgency=2 * (share - 0.75),
            size=used,
            confidence=Confidence.HIGH,
        )


def _measure(metric: str, label: str, unit: str, situation: Situation) -> Measure | None:
    mean = situation.mean(metric)
    return None if mean is None else Measure(f"metric:{metric}", label, mean, unit)
