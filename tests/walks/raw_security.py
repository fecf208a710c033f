"""What a world's raw events say of security, reckoned by hand: no query, nothing of the monitor."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from local.world.engine import ScriptedWorld
from local.world.events import CustomEvent, WorldMinute

MINUTE = timedelta(minutes=1)
COUNTED = {
    "failedLogins": "authn_login_fail",
    "lockouts": "authn_login_lock",
    "authorisationFailures": "authz_fail",
    "rateLimitHits": "excess_rate_limit_exceeded",
    "adminActionsOutOfHours": "authz_admin",
    "dataAccessOutOfHours": "sensitive_read",
}
OUT_OF_HOURS = ("adminActionsOutOfHours", "dataAccessOutOfHours")


def counts(minute: WorldMinute) -> dict[str, float]:
    """The counted metrics of a minute; an event that survived sampling stands for several."""
    told = Counter[str]()
    for event in minute.events:
        told[event.name] += event.item_count
    found = {metric: float(told[name]) for metric, name in COUNTED.items()}
    at = minute.start
    if at.weekday() < 5 and 7 <= at.hour < 19:
        found |= dict.fromkeys(OUT_OF_HOURS, 0.0)
    return found | {"scanRequests": scanned(minute)}


def scanned(minute: WorldMinute) -> float:
    pages, refusals = defaultdict(set), Counter[str]()
    for request in minute.requests:
        if 400 <= request.status <= 499:
            pages[request.client_ip].add(request.url)
            refusals[request.client_ip] += request.item_count
    return float(sum(refusals[one] for one in pages if len(pages[one]) >= 10))


def failures(world: ScriptedWorld, first: datetime, end: datetime) -> list[CustomEvent]:
    """Every failed login of [first, end) that is known, in order of time."""
    found: list[CustomEvent] = []
    while first < end:
        minute = world.minute(first)
        found += [event for event in minute.events if event.name == "authn_login_fail"]
        first += MINUTE
    return sorted(found, key=lambda event: event.at)


def by_account(events: Iterable[CustomEvent]) -> dict[str, int]:
    """Failures by the account that was tried."""
    found = Counter[str]()
    for event in events:
        found[event.user_id] += event.item_count
    return dict(found)


def by_address(events: Iterable[CustomEvent]) -> dict[str, int]:
    """Failures by the address that tried."""
    found = Counter[str]()
    for event in events:
        found[event.client_ip] += event.item_count
    return dict(found)


def spray_is_plain(events: Iterable[CustomEvent], address: str) -> datetime:
    """When that address had tried its eleventh account."""
    seen: set[str] = set()
    for event in events:
        if event.client_ip == address:
            seen.add(event.user_id)
        if len(seen) > 10:
            return event.at
    raise AssertionError("it never tried that many")


def burst_is_plain(events: Iterable[CustomEvent]) -> datetime:
    """When one address, or one account, had failed more than ten times within five minutes."""
    before: list[CustomEvent] = []
    for event in events:
        first = event.at.replace(second=0, microsecond=0) - 4 * MINUTE
        before = [one for one in (*before, event) if one.at >= first]
        if max(*by_address(before).values(), *by_account(before).values()) > 10:
            return event.at
    raise AssertionError("there was no burst")
