"""Who tries to log in and fails: how much from one address, and at one account, and how widely.

A burst is many failures within minutes. A spray is one address that tries account after account
over hours, too slowly to be noticed; who mistyped and then got in is no part of it.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from shared.domain.times import MINUTE

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
    burst, spray = _Window(BURST), _Window(SPRAY)
    noisy: dict[str, datetime] = {}
    minute = min([*minutes, first])
    while minute < end:
        tries = minutes.get(minute, ())
        burst.move(minute, tries)
        spray.move(minute, tries)
        by_address = burst.failures(of=0)
        noisy |= {address: minute for address, failed in by_address.items() if failed > SLOW}
        if minute >= first:
            yield (
                minute,
                Pressure(
                    by_address=max(by_address.values(), default=0),
                    by_account=max(burst.failures(of=1).values(), default=0),
                    accounts=_widest(spray.shut(), noisy, minute - SPRAY),
                ),
            )
        minute += MINUTE


def _widest(shut: Mapping[str, int], noisy: Mapping[str, datetime], since: datetime) -> int:
    """The most accounts of an address that was slow all the time after `since`."""
    slow = (count for address, count in shut.items() if noisy.get(address, since) <= since)
    return max(slow, default=0)


class _Window:
    """The failures and entries of the last minutes, by (address, account)."""

    def __init__(self, length: timedelta) -> None:
        self._length = length
        self._held: deque[tuple[datetime, Sequence[Tries]]] = deque()
        self._failed: Counter[tuple[str, str]] = Counter()
        self._entered: Counter[tuple[str, str]] = Counter()

    def move(self, minute: datetime, tries: Sequence[Tries]) -> None:
        if tries:
            self._held.append((minute, tries))
            self._count(tries, 1)
        while self._held and self._held[0][0] <= minute - self._length:
            self._count(self._held.popleft()[1], -1)

    def _count(self, tries: Iterable[Tries], sign: int) -> None:
        for one in tries:
            _add(self._failed, (one.address, one.account), sign * one.failed)
            _add(self._entered, (one.address, one.account), sign * one.entered)

    def failures(self, of: int) -> Counter[str]:
        """Failures by address (0) or by account (1), where it is known."""
        found: Counter[str] = Counter()
        for pair, failed in self._failed.items():
            if pair[of]:
                found[pair[of]] += failed
        return found

    def shut(self) -> Counter[str]:
        """By address, the accounts that it failed at and never entered."""
        return Counter(pair[0] for pair in self._failed if pair[0] and pair not in self._entered)


def _add(counter: Counter[tuple[str, str]], pair: tuple[str, str], count: int) -> None:
    counter[pair] += count
    if not counter[pair]:
        del counter[pair]
