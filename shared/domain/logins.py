"""Who tries to log in and fails: how much from one address, and at one account, and how widely.

A burst is many failures within minutes. A spray is one address that tries account after account
over hours, too slowly to be noticed; who mistyped and then got in is no part of it.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from shared.domain.times import MINUTE

Key = TypeVar("Key")

BURST = timedelta(minutes=5)
SPRAY = timedelta(hours=6)
SLOW = 10
"""Failures within BURST: an address with more is no slow one, and is left out of the spray."""


class Tries(NamedTuple):
    """How often an account was tried from an address in a minute, and with what success."""

    address: str
    account: str
    failed: int
    entered: int


class Pressure(NamedTuple):
    """The worst of a minute: failures by address and by account, and accounts of one address."""

    by_address: int
    by_account: int
    accounts: int


Minutes = Mapping[datetime, Sequence[Tries]]


def pressures(
    minutes: Minutes, first: datetime, end: datetime
) -> Iterator[tuple[datetime, Pressure]]:
    """The pressure of each minute of [first, end), by what `minutes` says of it and of before."""
    burst, spray = _Burst(), _Spray()
    recent, long = _Window(BURST, burst.count), _Window(SPRAY, spray.count)
    noisy: dict[str, datetime] = {}
    minute = min([*minutes, first])
    while minute < end:
        tries = minutes.get(minute, ())
        recent.move(minute, tries)
        long.move(minute, tries)
        noisy |= {one: minute for one, failed in burst.by_address.items() if failed > SLOW}
        if minute >= first:
            yield (
                minute,
                Pressure(
                    by_address=max(burst.by_address.values(), default=0),
                    by_account=max(burst.by_account.values(), default=0),
                    accounts=_widest(spray.shut, noisy, minute - SPRAY),
                ),
            )
        minute += MINUTE


def _widest(shut: Mapping[str, int], noisy: Mapping[str, datetime], since: datetime) -> int:
    """The most accounts of an address that was slow all the time after `since`."""
    slow = (count for address, count in shut.items() if noisy.get(address, since) <= since)
    return max(slow, default=0)


class _Window:
    """The tries of the last minutes: each is counted when it comes, and taken off when it goes.

    So a day of a loud attack costs its tries, not its tries times its minutes.
    """

    def __init__(self, length: timedelta, count: Callable[[Tries, int], None]) -> None:
        self._length = length
        self._count = count
        self._held: deque[tuple[datetime, Sequence[Tries]]] = deque()

    def move(self, minute: datetime, tries: Sequence[Tries]) -> None:
        if tries:
            self._held.append((minute, tries))
            self._count_all(tries, 1)
        while self._held and self._held[0][0] <= minute - self._length:
            self._count_all(self._held.popleft()[1], -1)

    def _count_all(self, tries: Iterable[Tries], sign: int) -> None:
        for one in tries:
            self._count(one, sign)


class _Burst:
    """Failures by address and by account, where it is known."""

    def __init__(self) -> None:
        self.by_address: Counter[str] = Counter()
        self.by_account: Counter[str] = Counter()

    def count(self, one: Tries, sign: int) -> None:
        if one.address:
            _add(self.by_address, one.address, sign * one.failed)
        if one.account:
            _add(self.by_account, one.account, sign * one.failed)


class _Spray:
    """`shut`: by address, the accounts that it failed at and never entered."""

    def __init__(self) -> None:
        self.shut: Counter[str] = Counter()
        self._failed: Counter[tuple[str, str]] = Counter()
        self._entered: Counter[tuple[str, str]] = Counter()

    def count(self, one: Tries, sign: int) -> None:
        pair = (one.address, one.account)
        before = self._is_shut(pair)
        _add(self._failed, pair, sign * one.failed)
        _add(self._entered, pair, sign * one.entered)
        if one.address:
            _add(self.shut, one.address, self._is_shut(pair) - before)

    def _is_shut(self, pair: tuple[str, str]) -> bool:
        return pair in self._failed and pair not in self._entered


def _add(counter: Counter[Key], key: Key, count: int) -> None:
    counter[key] += count
    if not counter[key]:
        del counter[key]
