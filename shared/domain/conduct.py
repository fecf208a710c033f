"""Who did what that is worth a look, by name; made of the tallies of a range."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from shared.domain.masking import masked_account, masked_address
from shared.domain.suspects import ADDRESSES, Tried, by_account, by_address
from shared.domain.tallies import Tally

MOST = 40
"""Names of each list."""
CONDUCT = "conduct"
"""The table of events: event, account and address; how often."""


class LoginAttempts(Struct, frozen=True, kw_only=True, rename="camel"):
    """Failed logins of one address, or at one account.

    `entered`: logins that succeeded beside them, in the same quarters of an hour. `others`: how
    many accounts the address tried, or how many addresses tried the account, at least. `first_at`,
    `last_at`: the beginnings of the first and the last quarter.
    """

    name: str
    failed: int
    entered: int
    others: int
    first_at: datetime
    last_at: datetime


class Deed(Struct, frozen=True, kw_only=True, rename="camel"):
    """How often an account did something, from an address, in OWASP's words."""

    event: str
    account: str
    address: str
    times: int
    last_at: datetime


class LoginQuarter(Struct, frozen=True, kw_only=True, rename="camel"):
    """A quarter of an hour with failed logins."""

    at: datetime
    failed: int


class Conduct(Struct, frozen=True, kw_only=True, rename="camel"):
    """A range in people's conduct.

    `masked`: addresses are told as networks and accounts by their first letter, because who asks is
    no admin; then several may look like one. `totals` by metric: null where nothing is known. The
    lists have those with most first, at most forty names. `cut`: rows of the range's hours that
    were too many to keep; names with few are told too little.
    """

    masked: bool
    totals: dict[str, float | None]
    by_address: tuple[LoginAttempts, ...]
    by_account: tuple[LoginAttempts, ...]
    deeds: tuple[Deed, ...]
    quarters: tuple[LoginQuarter, ...]
    cut: int


def conduct_of(
    tallies: Sequence[Tally], totals: dict[str, float | None], *, masked: bool, cut: int
) -> Conduct:
    """The tallies of a range as lists."""
    address = masked_address if masked else _whole
    account = masked_account if masked else _whole
    return Conduct(
        masked=masked,
        totals=totals,
        by_address=_attempts(by_address(tallies), address),
        by_account=_attempts(by_account(tallies), account),
        deeds=_deeds(tallies, account, address),
        quarters=tuple(
            LoginQuarter(at=one.slot, failed=int(sum(row.figures[0] for row in one.rows)))
            for one in tallies
            if one.table == ADDRESSES
        ),
        cut=cut,
    )


Shown = Callable[[str], str]


def _whole(name: str) -> str:
    return name


def _attempts(tried: Iterable[Tried], shown: Shown) -> tuple[LoginAttempts, ...]:
    return tuple(
        LoginAttempts(
            name=shown(one.name),
            failed=one.failed,
            entered=one.entered,
            others=one.others,
            first_at=one.first_at,
            last_at=one.last_at,
        )
        for one in list(tried)[:MOST]
    )


def _deeds(tallies: Iterable[Tally], account: Shown, address: Shown) -> tuple[Deed, ...]:
    times: dict[tuple[str, ...], float] = {}
    last: dict[tuple[str, ...], datetime] = {}
    for one in tallies:
        for row in one.rows if one.table == CONDUCT else ():
            times[row.labels] = times.get(row.labels, 0) + row.figures[0]
            last[row.labels] = max(one.slot, last.get(row.labels, one.slot))
    made = [
        Deed(
            event=labels[0],
            account=account(labels[1]),
            address=address(labels[2]),
            times=int(times[labels]),
            last_at=last[labels],
        )
        for labels in times
    ]
    return tuple(sorted(made, key=lambda one: (-one.times, one.event, one.account))[:MOST])
