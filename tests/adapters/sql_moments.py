"""Moments of a busy morning in the desk's database, and how they are read."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from statistics import fmean

from shared.adapters.sql.azure_sql import AzureSql
from shared.catalog.sql_queries import NAME_SETS
from shared.domain.metrics import Within
from shared.domain.samples import Answer
from shared.domain.times import MINUTE, floor_minute
from tests.adapters.sql_desk import (
    CHAIN,
    RUSH_HOUR,
    STORM,
    TARGET,
)
from tests.walks.facts import OF_BUSINESS

DAWN = RUSH_HOUR - timedelta(minutes=163, seconds=-20)
CALM = RUSH_HOUR + timedelta(minutes=7, seconds=20)
STORMY = STORM + timedelta(minutes=6, seconds=20)
BLOCKED = CHAIN + timedelta(minutes=6, seconds=50)
MOMENTS = {"dawn": DAWN, "calm": CALM, "storm": STORMY, "blocking": BLOCKED}
SEEDS = (1, 2)
SLOT, QUARTER = 5 * MINUTE, 15 * MINUTE
OVERRIDDEN = {
    **NAME_SETS["crm"],
    "sessions": "dbo.UserSession",
    "sessions.seenAt": "lastActivity",
}
VOCABULARIES = {**NAME_SETS, "overridden": OVERRIDDEN}
MERGED: Mapping[Within, Callable[[Sequence[float]], float]] = {
    Within.MEAN: fmean,
    Within.MAX: max,
    Within.SUM: sum,
    Within.LAST: lambda values: values[-1],
}
Figures = dict[tuple[str, datetime], float]


def read(source: AzureSql, at: datetime) -> dict[str, Answer]:
    asked = {name: quarter_of(at) if name in OF_BUSINESS else since_of(at) for name in source.names}
    return {one.source: one for one in source.read(TARGET, since=asked, now=at)}


def since_of(at: datetime) -> datetime:
    return floor_minute(at) - 2 * SLOT


def quarter_of(at: datetime) -> datetime:
    """Two whole quarters of an hour before the one that runs."""
    now = floor_minute(at)
    return now - timedelta(minutes=now.minute % 15) - 2 * QUARTER
