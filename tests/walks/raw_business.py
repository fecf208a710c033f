"""What a world's raw events say of its business, reckoned by hand: nothing of the monitor."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from local.world.engine import ScriptedWorld
from local.world.events import Opportunity

MINUTE, QUARTER = timedelta(minutes=1), timedelta(minutes=15)


def minutes(first: datetime, end: datetime) -> Iterator[datetime]:
    while first < end:
        yield first
        first += MINUTE


def deals(world: ScriptedWorld, first: datetime, end: datetime) -> list[Opportunity]:
    """Every deal that began in [first, end)."""
    return [deal for at in minutes(first, end) for deal in world.business_rows(at).opportunities]


def won(some: list[Opportunity], first: datetime, end: datetime) -> list[Opportunity]:
    return [one for one in ended(some, first, end) if one.stage == "won"]


def ended(some: list[Opportunity], first: datetime, end: datetime) -> list[Opportunity]:
    return [one for one in some if one.closed_at is not None and first <= one.closed_at < end]


def waiting(some: list[Opportunity], at: datetime) -> dict[str, tuple[int, float]]:
    """Open deals and their value by stage; until it is closed, a decided one is a proposal."""
    count, value = Counter[str](), defaultdict[str, float](float)
    for one in some:
        if one.created_at <= at and (one.closed_at is None or one.closed_at > at):
            stage = one.stage if one.closed_at is None else "proposal"
            count[stage] += 1
            value[stage] += one.value
    return {stage: (count[stage], value[stage]) for stage in count}


def interactions(world: ScriptedWorld, first: datetime, end: datetime) -> dict[str, int]:
    rows = (row for at in minutes(first, end) for row in world.business_rows(at).interactions)
    return dict(Counter(row.kind for row in rows))


def report_times(world: ScriptedWorld, first: datetime, end: datetime) -> dict[str, list[int]]:
    took: dict[str, list[int]] = {}
    for at in minutes(first, end):
        for row in world.business_rows(at).reports:
            took.setdefault(row.kind, []).append(row.took_ms)
    return took


def operations(world: ScriptedWorld, first: datetime, end: datetime) -> dict[str, tuple[int, int]]:
    """Requests and failures by operation, the monitor's own left out; weighted by sampling."""
    requests, errors = Counter[str](), Counter[str]()
    for at in minutes(first, end):
        for one in world.minute(at).requests:
            if one.synthetic_source != "pantry-monitor":
                requests[one.name] += one.item_count
                errors[one.name] += one.item_count * (one.status >= 500)
    return {name: (requests[name], errors[name]) for name in requests}


def users(world: ScriptedWorld, operation: str, first: datetime, end: datetime) -> int:
    """The most users of an operation in one quarter of an hour."""
    found: dict[datetime, set[str]] = {}
    for at in minutes(first, end):
        quarter = at - (at - first) % QUARTER
        for one in world.minute(at).requests:
            if one.name == operation and one.user_id:
                found.setdefault(quarter, set()).add(one.user_id)
    return max(len(some) for some in found.values())


def views(world: ScriptedWorld, first: datetime, end: datetime) -> dict[str, int]:
    found = Counter[str]()
    for at in minutes(first, end):
        for one in world.minute(at).page_views:
            found[one.name] += one.item_count
    return dict(found)
