"""Who seems to be behind failed logins: what an alert about them can name, masked."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from shared.domain.culprits import Culprit
from shared.domain.masking import masked_account, masked_address
from shared.domain.tallies import SLOT, Tally, floor_slot

LOGINS = "logins"
"""The table: address and account; failed, entered."""
RECENT = 2 * SLOT
MOST = 3


class Tried(Struct, frozen=True):
    """How often logins failed from an address, or at an account, and at how many of the other."""

    name: str
    failed: int
    others: int


def by_address(tallies: Iterable[Tally], since: datetime) -> list[Tried]:
    """Addresses with their failures since then, those with most first."""
    return _tried(tallies, since, of=0)


def by_account(tallies: Iterable[Tally], since: datetime) -> list[Tried]:
    """Accounts with their failures since then, those with most first."""
    return _tried(tallies, since, of=1)


def _tried(tallies: Iterable[Tally], since: datetime, *, of: int) -> list[Tried]:
    failed: dict[str, float] = {}
    others: dict[str, set[str]] = {}
    for one in tallies:
        for row in one.rows if one.table == LOGINS and one.slot >= since else ():
            name = row.labels[of]
            if name:
                failed[name] = failed.get(name, 0) + row.figures[0]
                others.setdefault(name, set()).add(row.labels[1 - of])
    found = [Tried(name, int(failed[name]), len(others[name])) for name in failed]
    return sorted(found, key=lambda each: (-each.failed, each.name))


def suspects(
    tallies: Iterable[Tally], *, now: datetime, length: timedelta, more_than: int
) -> tuple[Culprit, ...]:
    """Whom an alert names: for a burst (a short length) by failures, else by accounts tried.

    Those with no more than `more_than` failures are left out.
    """
    known, since = list(tallies), floor_slot(now - length)
    if length > RECENT:
        wide = sorted(by_address(known, since), key=lambda each: -each.others)
        return tuple(_address(one) for one in wide if one.others > more_than)[:MOST]
    loud = [one for one in by_address(known, since) if one.failed > more_than]
    hit = [one for one in by_account(known, since) if one.failed > more_than and one.others > 1]
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
