"""What became of messages, and sending one again."""

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import islice

from msgspec import Struct

from shared.domain.claims import MOST_CLAIMED
from shared.domain.deliveries import Delivery, Status, moves, sent_again
from shared.domain.errors import Conflict, InvalidInput, NotFound, StoreUnavailable
from shared.domain.handling import AuditEntry
from shared.domain.records import Insert, Kept, audit_key
from shared.ports import House, Ledger
from shared.services.closures import reopen
from shared.services.manage import MOST_TRIES
from shared.services.minute import DELIVERIES_QUEUE, DeliveryMessage

PREFIX = "delivery:"
_MONTH = len(f"{PREFIX}202601")
_AUDIT = "audit:"
_ABOUT_A_DAY = len(_AUDIT) + 7
"""Of the twelve digits that count seconds: 100,000 of them share the rest."""


class Message(Struct, frozen=True):
    """Which delivery: one event of an episode on one channel."""

    episode: str
    channel: str
    seq: int


def newest_deliveries(
    target: str,
    *,
    wanted: Callable[[Delivery], bool],
    most: int,
    alerts: Ledger,
    since: datetime | None = None,
) -> list[Delivery]:
    """The newest deliveries that are wanted, newest first, at most `most`.

    Read by the month in which their episodes began: a year is never read in one go. Those of
    months before that of `since` are left out.
    """
    first = PREFIX if since is None else f"{PREFIX}{since:%Y%m}"
    keys = alerts.keys(target, PREFIX, first=first)
    months = sorted({key[:_MONTH] for key in keys}, reverse=True)
    found: list[Delivery] = []
    for month in months:
        kept = alerts.scan(target, month, Delivery)
        found += [one.value for one in kept if wanted(one.value)]
        if len(found) >= most:
            break
    return sorted(found, key=lambda row: (row.created_at, row.key), reverse=True)[:most]


def deliveries_of(target: str, episode: str, *, alerts: Ledger) -> list[Delivery]:
    """All deliveries of an episode."""
    return [kept.value for kept in alerts.scan(target, f"{PREFIX}{episode}:", Delivery)]


def newest_audit(target: str, *, most: int, alerts: Ledger) -> list[AuditEntry]:
    """What people did, newest first; the keys sort that way by themselves."""
    keys = alerts.keys(target, _AUDIT)[:most]
    days = dict.fromkeys(key[:_ABOUT_A_DAY] for key in keys)
    found = (kept.value for day in days for kept in alerts.scan(target, day, AuditEntry))
    return list(islice(found, most))


def resend(target: str, wish: Message, *, by: str, house: House, now: datetime) -> Delivery:
    """Send a sent or dead message again, with all that followed it on its channel.

    Alone it would be overtaken by what followed: so the story is told from there to its last
    state, in one message, in the normal way. Raises NotFound, InvalidInput for what is on its way
    or was never to be sent, StoreUnavailable when others keep writing first.
    """
    for _ in range(MOST_TRIES):
        rows = _from(target, wish, house)
        again = [sent_again(kept.value, house.wall()) for kept in rows]
        if _write(target, rows, again, by, house, now):
            reopen(wish.channel, house=house)
            message = DeliveryMessage(target, wish.episode, wish.channel)
            house.queue.put(DELIVERIES_QUEUE, message)
            return again[0]
    raise StoreUnavailable("others kept changing this delivery; try again")


def _from(target: str, wish: Message, house: House) -> list[Kept[Delivery]]:
    """The row and what followed it on its channel, at most as many as one claim takes."""
    prefix = f"{PREFIX}{wish.episode}:{wish.channel}:"
    rows = [
        kept for kept in house.alerts.scan(target, prefix, Delivery) if kept.value.seq >= wish.seq
    ]
    if not rows or rows[0].value.seq != wish.seq:
        raise NotFound(f"{target} has no such delivery")
    if not all(kept.value.is_final for kept in rows):
        raise InvalidInput("it, or what followed it on its channel, is on its way already")
    if rows[0].value.status is Status.SKIPPED:
        raise InvalidInput("it was never to be sent; send the message again that told it")
    if len(rows) > MOST_CLAIMED:
        raise InvalidInput(f"more than {MOST_CLAIMED - 1} messages followed it; choose a later one")
    return rows


def _write(
    target: str,
    rows: Sequence[Kept[Delivery]],
    again: Sequence[Delivery],
    by: str,
    house: House,
    now: datetime,
) -> bool:
    first = rows[0].value
    entry = AuditEntry(
        at=now,
        by=by,
        action="resend",
        subject=first.event,
        detail=f"{first.channel_type} {first.channel}",
    )
    writes = [write for kept, row in zip(rows, again, strict=True) for write in moves(kept, row)]
    line = Insert(audit_key(now, secrets.token_hex(4)), entry)
    try:
        house.alerts.commit(target, [*writes, line])
    except Conflict:
        # Only the answer of our own write may be lost: then our line is there.
        return house.alerts.get(target, line.key, AuditEntry) is not None
    return True
