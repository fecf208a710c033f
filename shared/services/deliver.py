"""Claim what is due, send it once, record what became of it.

Everything here runs on wall time. A row may be told twice only where a kill, a lost answer or a
freeze fell between the send and its record (docs/semantics.md section 4).
"""

import logging
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import accumulate

from msgspec.structs import replace

from shared.domain.alerts import Alert
from shared.domain.budgets import Wait
from shared.domain.claims import (
    Group,
    groups,
    is_waiting,
    message_id,
    nagged,
    one_claim,
    sort_rows,
    told_alone,
    wants_fallback,
)
from shared.domain.closures import Closure
from shared.domain.deliveries import (
    Attempt,
    Delivery,
    Status,
    claimed,
    delivered,
    fallback_delivery,
    inserts,
    moves,
    put_back,
    refused,
)
from shared.domain.episodes import Event
from shared.domain.errors import ChannelError, Conflict, StoreUnavailable
from shared.domain.notifications import Notification, compose
from shared.domain.reasons import Reason
from shared.domain.records import Kept, Write, alert_key
from shared.domain.rules import Action
from shared.ports import Channel, House
from shared.services.addresses import addresses, events_of
from shared.services.budgets import take_token
from shared.services.closures import close, closure_of, is_passed_over, reopen
from shared.services.illustrate import links_for, menu_for, picture_of, report_of

MOST_TRIES = 3

Change = tuple[Kept[Delivery], Delivery]
"""A delivery row as read, and as it is to be."""

_log = logging.getLogger(__name__)


def deliver_due(
    target: str,
    *,
    house: House,
    keep_going: Callable[[], bool] = lambda: True,
    note_broken: Callable[[datetime], None] = lambda _: None,
) -> list[Attempt]:
    """Try everything that is due now, oldest first, until nothing is or `keep_going` says stop.

    `note_broken` hears when a try broke off unexpectedly.
    """
    attempts: list[Attempt] = []
    tried: set[tuple[str, str]] = set()
    while keep_going():
        ready = [group for group in _ready(target, house) if _id(group) not in tried]
        if not ready:
            break
        batch = one_claim(ready)
        tried.update(_id(group) for group in batch)
        try:
            attempts += _deliver_batch(target, batch, house)
        except StoreUnavailable:
            raise
        except Exception:  # noqa: BLE001 - one broken channel must not silence the others
            _log.exception(
                "the claim of %s on channel %s failed", batch[0].episode, batch[0].channel
            )
            note_broken(house.wall())
    return attempts


def deliver_one(target: str, episode: str, channel: str, *, house: House) -> list[Attempt]:
    """Try one (episode, channel), with whatever else waits for that channel; a queue's hint."""
    ready = [group for group in _ready(target, house) if group.channel == channel]
    if not any(group.episode == episode for group in ready):
        return []
    wanted_first = sorted(ready, key=lambda group: group.episode != episode)
    return _deliver_batch(target, one_claim(wanted_first), house)


def waiting_groups(target: str, *, house: House) -> list[Group]:
    """Every (episode, channel) with unfinished deliveries, and when it wants attention."""
    return groups(house.alerts.keys(target, "due:"))


def _ready(target: str, house: House) -> list[Group]:
    wall = house.wall()
    return [group for group in waiting_groups(target, house=house) if group.wanted_at <= wall]


def _id(group: Group) -> tuple[str, str]:
    return group.episode, group.channel


def _deliver_batch(target: str, batch: Sequence[Group], house: House) -> list[Attempt]:
    return _Claim(target, house).run(batch)


class _TooLate(Exception):
    """The lease would not outlast the send."""


class _NoToken(Exception):
    """The channel's resource takes no message before `until`."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until)
        self.until = until


class _Claim:
    """One claim of rows that share a message, and their way to the provider."""

    def __init__(self, target: str, house: House) -> None:
        self._target = target
        self._house = house
        self._rows: list[Kept[Delivery]] = []
        self._group: dict[str, Delivery] = {}
        self._before: dict[str, Status] = {}
        self._attempts: list[Attempt] = []
        self._closure: Closure | None = None

    def run(self, batch: Sequence[Group]) -> list[Attempt]:
        """Claim, send, record; answers what happened to each row."""
        self._rows = self._read(batch)
        self._before = {kept.key: kept.value.status for kept in self._rows}
        mine = self._take()
        if mine:
            self._send(mine)
        return self._attempts

    def _read(self, batch: Sequence[Group]) -> list[Kept[Delivery]]:
        rows: list[Kept[Delivery]] = []
        for group in batch:
            found = self._house.alerts.scan(self._target, group.prefix, Delivery)
            if not any(is_waiting(kept.value, self._house.wall()) for kept in found):
                rows += found
        return rows

    def _take(self) -> list[Kept[Delivery]]:
        """Put the rows under a lease and finish those that can't be sent any more."""
        wall = self._house.wall()
        found = sort_rows(self._rows, wall, cared_for=self._cared_for())
        message = message_id(kept.value for kept in found.send)
        ended = found.ended
        owner = secrets.token_hex(4)
        taken = [(kept, claimed(kept.value, message, owner, wall)) for kept in found.send]
        etags = self._write([*taken, *ended]) if taken or ended else None
        if etags is None:
            return []
        for _, after in ended:
            self._note(after)
        return [
            Kept(after.key, after, etag) for (_, after), etag in zip(taken, etags, strict=False)
        ]

    def _cared_for(self) -> set[str]:
        """The episodes of which only nagging is left, and that somebody acknowledged."""
        alerts = self._house.alerts
        found = {one: alerts.get(self._target, alert_key(one), Alert) for one in nagged(self._rows)}
        return {one for one, kept in found.items() if kept and kept.value.acknowledged_by}

    def _write(self, changes: Sequence[Change]) -> list[str] | None:
        """Commit the changes; answers the rows' new ETags, None when a race is lost."""
        for _ in range(MOST_TRIES):
            self._group = {kept.key: kept.value for kept in self._rows}
            etags = self._commit([self._moves(kept, after) for kept, after in changes])
            etags = etags or self._found_written(changes)
            if etags is not None:
                self._rows = [replace(kept, value=self._group[kept.key]) for kept in self._rows]
                return etags
            if not any(row.fell_back for row in self._group.values()):
                break
            # Somebody else may have added the same fallback row in between: look again.
        return None

    def _commit(self, moved: Sequence[Sequence[Write]]) -> list[str] | None:
        """One transaction of all rows' writes; answers the ETag of each row's first write."""
        writes = [write for row in moved for write in row]
        places = accumulate((len(row) for row in moved[:-1]), initial=0)
        try:
            etags = self._house.alerts.commit(self._target, writes)
        except Conflict:
            return None
        return [str(etags[place]) for place in places]

    def _found_written(self, changes: Sequence[Change]) -> list[str] | None:
        """The ETags when the rows are as wanted already: only the answer of the write was lost."""
        etags: list[str] = []
        for kept, _ in changes:
            stored = self._house.alerts.get(self._target, kept.key, Delivery)
            if stored is None or stored.value != self._group[kept.key]:
                return None
            etags.append(stored.etag)
        return etags

    def _moves(self, kept: Kept[Delivery], after: Delivery) -> list[Write]:
        """The row's writes; what its channel can't tell any more, the fallback tells instead."""
        extra: list[Write] = []
        fallback = self._house.fallback
        if fallback is not None and wants_fallback(after, self._group.values()):
            row = fallback_delivery(after, fallback, self._house.wall())
            if row.channel != after.channel:
                after = replace(after, fell_back=True)
                extra = [] if self._exists(row) else inserts(row)
        self._group[kept.key] = after
        return [*moves(kept, after), *extra]

    def _exists(self, row: Delivery) -> bool:
        return self._house.alerts.get(self._target, row.key, Delivery) is not None

    def _send(self, mine: Sequence[Kept[Delivery]]) -> None:
        try:
            provider_id = self._send_through(mine)
        except ChannelError as error:
            wall = self._house.wall()
            _log.warning("delivery %s failed: %s", mine[0].key, error)
            self._record(mine, [refused(kept.value, error, wall) for kept in mine])
        except _NoToken as no_token:
            self._record(mine, [put_back(kept.value, no_token.until) for kept in mine])
        except _TooLate:
            return  # whoever comes after the lease sends
        else:
            self._record(mine, [delivered(kept.value, provider_id) for kept in mine])
            if self._closure is not None:
                reopen(mine[0].value.channel, house=self._house)

    def _send_through(self, mine: Sequence[Kept[Delivery]]) -> str | None:
        first = mine[0].value
        channel = self._house.channels.get(first.channel_type)
        if channel is None:
            raise ChannelError(f"no {first.channel_type} channel is set up", permanent=True)
        self._closure = closure_of(first.channel, house=self._house)
        if self._closure and is_passed_over(first.channel, self._closure, house=self._house):
            raise ChannelError(self._closure.said, permanent=True)
        events, address = self._events(mine)
        notification = self._compose(first, address, events, channel)
        token = take_token(channel, notification.severity, house=self._house)
        if isinstance(token, Wait):
            raise _NoToken(token.until)
        # Looked at last, because everything above takes time.
        if not self._lease_outlasts(first, channel):
            raise _TooLate
        return self._ask(channel, address, notification)

    def _ask(self, channel: Channel, address: Action, notification: Notification) -> str | None:
        """Send; whatever the provider refuses for good closes the channel."""
        try:
            return channel.send(notification)
        except ChannelError as error:
            if error.permanent:
                close(address, error, house=self._house)
            raise

    def _compose(
        self, first: Delivery, address: Action, events: Sequence[Event], channel: Channel
    ) -> Notification:
        """The message of these rows; the same however often it is tried."""
        told = compose(
            str(first.message),
            address,
            events,
            zone=self._house.reader_zone,
            links=links_for(self._house.links, address, first.wanted_since),
            menu=menu_for(self._house.links, address),
            earlier=lambda episode: told_alone(self._group.values(), episode),
        )
        return replace(
            told,
            trail=picture_of(told, channel, house=self._house),
            report=report_of(told, channel, house=self._house),
        )

    def _events(self, mine: Sequence[Kept[Delivery]]) -> tuple[list[Event], Action]:
        """The events to tell, and where; everything was fixed when they were decided."""
        rows = [kept.value for kept in mine]
        episodes = dict.fromkeys(row.episode for row in rows)
        stored = {one: events_of(self._target, one, self._house.alerts) for one in episodes}
        known = addresses(
            (event for story in stored.values() for event in story.values()), self._house.fallback
        )
        try:
            return [stored[row.episode][row.seq] for row in rows], known[rows[0].channel]
        except KeyError as error:
            gone = f"the event or the address of {rows[0].key} is gone ({error})"
            raise ChannelError(gone, permanent=True) from None

    def _lease_outlasts(self, row: Delivery, channel: Channel) -> bool:
        return row.lease_until is not None and (
            self._house.wall() + channel.timeout < row.lease_until
        )

    def _record(self, mine: Sequence[Kept[Delivery]], after: Sequence[Delivery]) -> None:
        written = self._write(list(zip(mine, after, strict=True)))
        for kept, row in zip(mine, after, strict=True):
            lost = replace(kept.value, reason=Reason.LOST_LEASE)
            self._note(row if written is not None else lost)

    def _note(self, row: Delivery) -> None:
        reason = row.reason or Reason.RETRY
        self._attempts.append(Attempt(delivery=row, before=self._before[row.key], reason=reason))
