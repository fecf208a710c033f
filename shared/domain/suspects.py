"""Who seems to be behind failed logins: what an alert about them can name, masked."""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from shared.domain.culprits import Culprit
from shared.domain.masking import masked_account, masked_address, one_spelling, origin
from shared.domain.tallies import SLOT, Tally, floor_slot

LOGINS = "logins"
"""The table of pairs: address and account; failed, entered."""
ADDRESSES, ACCOUNTS = "loginAddresses", "loginAccounts"
"""The tables of each alone; failed, entered, and how many of the other."""
RECENT = 2 * SLOT
MOST = 3


class Tried(Struct, frozen=True):
    """How often logins failed from an address, or at an account, and at how many of the other.

    `others` is at least so many: of a slot's pairs only those with most are kept.
    """

    name: str
    failed: int
    entered: int
    others: int
    first_at: datetime
    last_at: datetime


def by_address(tallies: Iterable[Tally], told_as: Callable[[str], str] = str) -> list[Tried]:
    """Addresses with their failures, those with most first; what is told alike counts as one."""
    return _tried(tallies, ADDRESSES, of=0, told_as=told_as)


def by_account(tallies: Iterable[Tally], told_as: Callable[[str], str] = str) -> list[Tried]:
    """Accounts with their failures, likewise."""
    return _tried(tallies, ACCOUNTS, of=1, told_as=told_as)


def _tried(
    tallies: Iterable[Tally], table: str, *, of: int, told_as: Callable[[str], str] = str
) -> list[Tried]:
    """From the table of names, and from that of pairs how many others each met."""
    slots: dict[str, list[tuple[datetime, tuple[float, ...]]]] = {}
    others: dict[str, set[str]] = {}
    for one in tallies:
        for row in one.rows:
            if one.table == table and row.labels[0]:
                slots.setdefault(told_as(row.labels[0]), []).append((one.slot, row.figures))
            elif one.table == LOGINS:
                others.setdefault(told_as(row.labels[of]), set()).add(row.labels[1 - of])
    found = [_sum(name, seen, others.get(name, set())) for name, seen in slots.items()]
    return sorted(found, key=lambda each: (-each.failed, each.name))


def _sum(
    name: str, seen: list[tuple[datetime, tuple[float, ...]]], others: Collection[str]
) -> Tried:
    return Tried(
        name=name,
        failed=int(sum(figures[0] for _, figures in seen)),
        entered=int(sum(figures[1] for _, figures in seen)),
        others=max(len(others), *(int(figures[2]) for _, figures in seen)),
        first_at=min(at for at, _ in seen),
        last_at=max(at for at, _ in seen),
    )


def suspects(
    tallies: Iterable[Tally], *, now: datetime, length: timedelta, more_than: int
) -> tuple[Culprit, ...]:
    """Whom an alert names: for a burst (a short length) by failures, else by accounts tried.

    Those with no more than `more_than` failures are left out.
    """
    known = [one for one in tallies if one.slot >= floor_slot(now - length)]
    if length > RECENT:
        wide = sorted(by_address(known, origin), key=lambda each: -each.others)
        return tuple(_address(one) for one in wide if one.others > more_than)[:MOST]
    loud = [one for one in by_address(known, origin) if one.failed > more_than]
    tried = by_account(known, one_spelling)
    hit = [one for one in tried if one.failed > more_than and one.others > 1]
    named = [*map(_address, loud), *map(_account, hit)]
    return tuple(named[:MOST])


def _address(one: Tried) -> Culprit:
    at = _counted(one.others, "account")
    who = masked_address(one.name)
    return Culprit(statement=f"{one.failed} failed logins from {who} at {at}", session=0)


def _account(one: Tried) -> Culprit:
    where = _counted(one.others, "address", "es")
    who = masked_account(one.name)
    return Culprit(statement=f"{one.failed} failed logins at {who} from {where}", session=0)


def _counted(count: int, noun: str, plural: str = "s") -> str:
    return f"{count} {noun}{plural if count != 1 else ''}"
