"""Who tried to log in during the last minutes and hours of a world, from its raw events alone."""

from collections import Counter
from collections.abc import Callable, Mapping, MutableMapping
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from local.world.conduct import LOGGED_IN, LOGIN_FAILED
from local.world.events import World
from shared.domain.times import MINUTE

BURST, SPRAY = timedelta(minutes=5), timedelta(hours=6)

Seen = tuple[tuple[str, str, int], ...]
"""Address, account and weight of each login of a minute; the weight of one that failed is > 0."""

_SEEN: MutableMapping[World, dict[datetime, Seen]] = WeakKeyDictionary()
"""What was found of a world's minutes: each lies in the windows of six hours."""


def _seen(world: World, minute: datetime) -> Seen:
    known = _SEEN.setdefault(world, {})
    if minute not in known:
        known[minute] = tuple(
            (one.client_ip, one.user_id, one.item_count if one.name == LOGIN_FAILED else 0)
            for one in world.minute(minute).events
            if one.name in (LOGIN_FAILED, LOGGED_IN)
        )
    return known[minute]


def _tries(world: World, minute: datetime, length: timedelta) -> list[tuple[str, str, int]]:
    """All logins of the window that ends with the minute."""
    first = minute + MINUTE - length
    return [one for i in range(length // MINUTE) for one in _seen(world, first + i * MINUTE)]


def _by_address(world: World, minute: datetime) -> float:
    failed: Counter[str] = Counter()
    for address, _, weight in _tries(world, minute, BURST):
        failed[address] += weight
    return max(failed.values(), default=0)


def _by_account(world: World, minute: datetime) -> float:
    failed: Counter[str] = Counter()
    for _, account, weight in _tries(world, minute, BURST):
        failed[account] += weight
    return max(failed.values(), default=0)


def _accounts(world: World, minute: datetime) -> float:
    tries = _tries(world, minute, SPRAY)
    entered = {(address, account) for address, account, weight in tries if not weight}
    shut = {(address, account) for address, account, weight in tries if weight} - entered
    widest = Counter(address for address, _ in shut).most_common()
    slow = (count for address, count in widest if not _is_noisy(world, minute, address))
    return next(slow, 0)


def _is_noisy(world: World, minute: datetime, address: str) -> bool:
    """Whether the address failed more than ten times within five minutes of the last six hours."""
    first = minute + MINUTE - SPRAY
    by_minute = [
        sum(weight for who, _, weight in _seen(world, first + i * MINUTE) if who == address)
        for i in range(-4, SPRAY // MINUTE)
    ]
    return any(sum(by_minute[i : i + 5]) > 10 for i in range(len(by_minute) - 4))


LOGINS: Mapping[str, Callable[[World, datetime], float]] = {
    "failedLoginsByAddress": _by_address,
    "failedLoginsByAccount": _by_account,
    "accountsTried": _accounts,
}
"""The metrics that look at the minutes before, too."""
