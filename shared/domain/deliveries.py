"""A delivery is one event on one channel: its row, who may claim it, and what a try leaves behind.

Delivery rows are the truth; `due:` rows only say when each of them wants attention. Every change
of a row moves its due row in the same transaction (docs/semantics.md section 4).
"""

import hashlib
from collections.abc import Container, Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.episodes import Event, EventKind
from shared.domain.errors import ChannelError
from shared.domain.reasons import Reason
from shared.domain.records import (
    Delete,
    Insert,
    Kept,
    Replace,
    Write,
    delivery_key,
    due_key,
    short_hash,
)
from shared.domain.rehearsals import is_test
from shared.domain.rules import Action, ActionType
from shared.domain.times import parse_second_key, second_key

LEASE = timedelta(seconds=150)
"""Longer than functionTimeout (120 s), so that a live function never loses its claim."""
GIVE_UP_AFTER = timedelta(hours=24)
MOST_CLAIMED = 24
"""Rows of one claim: four writes each (a fallback included) stay under 100 a transaction."""
MOST_CHANNELS = 45
"""Channels of one event: two rows each stay under 100; a rule is refused long before."""
FIRST_BACKOFF = timedelta(seconds=15)
LONGEST_BACKOFF = timedelta(minutes=15)
SECOND = timedelta(seconds=1)


class Status(StrEnum):
    """Where a delivery stands; sent, skipped and dead are final."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    SKIPPED = "skipped"
    DEAD = "dead"


FINAL = frozenset({Status.SENT, Status.SKIPPED, Status.DEAD})
NAGGING = frozenset({EventKind.REMINDER, EventKind.ESCALATION})
"""Worth nothing once somebody takes care of the episode."""


class Due(Struct, frozen=True):
    """Says only by its key when a delivery wants attention."""

    delivery: str


class Delivery(Struct, frozen=True, kw_only=True, rename="camel"):
    """One event on one channel. All its times are wall time; `due` is its due row's key.

    `owner`: who claimed it last, so that a claim whose answer was lost is known again.
    `fell_back`: the fallback channel tells this event in its place. `resent_at`: when a person
    last asked for it to be sent again.
    """

    event: str
    episode: str
    seq: int
    rule: str
    kind: EventKind
    minute: datetime
    channel: str
    channel_type: str
    channel_name: str
    created_at: datetime
    status: Status = Status.PENDING
    attempt: int = 0
    message: str | None = None
    owner: str | None = None
    next_attempt_at: datetime | None = None
    lease_until: datetime | None = None
    provider_id: str | None = None
    error: str | None = None
    reason: Reason | None = None
    due: str | None = None
    fell_back: bool = False
    resent_at: datetime | None = None

    @property
    def wanted_since(self) -> datetime:
        """From when on patience with its channel counts."""
        return self.resent_at or self.created_at

    @property
    def key(self) -> str:
        """Its row key."""
        return delivery_key(self.episode, self.channel, self.seq)

    @property
    def is_final(self) -> bool:
        """Whether nothing will ever change about it."""
        return self.status in FINAL


class Attempt(Struct, frozen=True, kw_only=True):
    """What a log says about one step of one delivery."""

    delivery: Delivery
    before: Status
    reason: Reason


class Group(Struct, frozen=True):
    """All due rows of one (episode, channel): how many, and when the last wants attention."""

    episode: str
    channel: str
    wanted_at: datetime
    rows: int

    @property
    def prefix(self) -> str:
        """What the keys of its delivery rows begin with."""
        return f"delivery:{self.episode}:{self.channel}:"


def channel_of(action: Action) -> str:
    """The key of a channel: the same address is the same channel, whoever names it."""
    return short_hash(action.type, action.target)


def public_name(action: Action) -> str:
    """A channel's address as it may be shown: of an URL, which can hold a secret, the host only.

    Of a phone number only its ends: it leads to a person's pocket.
    """
    if action.type is ActionType.SMS:
        return masked(action.target)
    scheme, is_url, rest = action.target.partition("://")
    return f"{scheme}://{rest.partition('/')[0].rpartition('@')[2]}/…" if is_url else action.target


def masked(number: str) -> str:
    """A phone number as everybody may read it: `+49…12`."""
    return f"{number[:3]}…{number[-2:]}"


def first_delivery(event: Event, action: Action, wall: datetime) -> Delivery:
    """The row of an event that is to be told on a channel, due at once."""
    channel = channel_of(action)
    return Delivery(
        event=event.id,
        episode=event.episode,
        seq=event.seq,
        rule=event.alert.rule_id,
        kind=event.kind,
        minute=event.minute,
        channel=channel,
        channel_type=action.type,
        channel_name=public_name(action),
        created_at=wall,
        next_attempt_at=wall,
        due=due_key(wall, event.episode, channel, event.seq),
    )


def fallback_delivery(row: Delivery, action: Action, wall: datetime) -> Delivery:
    """The row of the same event on the fallback channel, due at once."""
    channel = channel_of(action)
    return Delivery(
        event=row.event,
        episode=row.episode,
        seq=row.seq,
        rule=row.rule,
        kind=row.kind,
        minute=row.minute,
        channel=channel,
        channel_type=action.type,
        channel_name=public_name(action),
        created_at=wall,
        next_attempt_at=wall,
        reason=Reason.FALLBACK,
        due=due_key(wall, row.episode, channel, row.seq),
    )


def inserts(delivery: Delivery) -> list[Write]:
    """A new delivery row and its due row."""
    if delivery.due is None:
        raise ValueError("a new delivery is due")
    return [Insert(delivery.key, delivery), Insert(delivery.due, Due(delivery.key))]


def groups(dues: Iterable[str]) -> list[Group]:
    """The (episode, channel) pairs that want attention, oldest first, by their last due row.

    A group whose last due row lies ahead is waiting, or held under a live lease.
    """
    wanted: dict[tuple[str, str], list[str]] = {}
    for key in sorted(dues):
        _, at, episode, channel, _ = key.split(":")
        wanted.setdefault((episode, channel), []).append(at)
    return [
        Group(episode, channel, parse_second_key(times[-1]), len(times))
        for (episode, channel), times in wanted.items()
    ]


def one_claim(groups: Sequence[Group]) -> list[Group]:
    """The first group and as many others of its channel as one claim can take whole.

    A test never shares a message with a real story.
    """
    first, chosen, rows = groups[0], [groups[0]], groups[0].rows
    for group in groups[1:]:
        fits = group.channel == first.channel and rows + group.rows <= MOST_CLAIMED
        if fits and is_test(group.episode) == is_test(first.episode):
            chosen.append(group)
            rows += group.rows
    return chosen


def message_id(deliveries: Iterable[Delivery]) -> str:
    """The provider's idempotency key: the hash of the sorted delivery ids it tells.

    What a person wants sent again is another message, or the provider would drop it as told.
    """
    ids = ",".join(sorted(map(_sent_as, deliveries)))
    return hashlib.sha256(ids.encode()).hexdigest()[:32]


def told_alone(rows: Iterable[Delivery], episode: str) -> str | None:
    """The provider's id of the newest message that told this episode and no other; else None.

    Rows that shared a message share its id, which is the hash of all of them.
    """
    by_message: dict[str, list[Delivery]] = {}
    for row in rows:
        if row.episode == episode and row.status is Status.SENT and row.message:
            by_message.setdefault(row.message, []).append(row)
    alone = [told[-1] for one, told in by_message.items() if message_id(told) == one]
    known = sorted((row.seq, row.provider_id) for row in alone if row.provider_id)
    return known[-1][1] if known else None


def _sent_as(row: Delivery) -> str:
    return row.key if row.resent_at is None else f"{row.key}:{second_key(row.resent_at)}"


def is_waiting(row: Delivery, wall: datetime) -> bool:
    """Whether the row is under a live lease, or waits for its next try."""
    until = row.lease_until if row.status is Status.SENDING else row.next_attempt_at
    return not row.is_final and until is not None and until > wall


class Sorted(Struct, frozen=True):
    """The rows of one claim: what is to be sent, and what ends without a send."""

    send: tuple[Kept[Delivery], ...]
    ended: tuple[tuple[Kept[Delivery], Delivery], ...]


def nagged(rows: Iterable[Kept[Delivery]]) -> set[str]:
    """The episodes of which only reminders or escalations are left to send."""
    kinds: dict[str, set[EventKind]] = {}
    for kept in rows:
        if not kept.value.is_final:
            kinds.setdefault(kept.value.episode, set()).add(kept.value.kind)
    return {episode for episode, left in kinds.items() if left <= NAGGING}


def sort_rows(
    rows: Sequence[Kept[Delivery]], wall: datetime, *, cared_for: Container[str] = ()
) -> Sorted:
    """Sort the open rows of whole groups: to send, or overtaken by a later final one, or too old.

    `cared_for`: acknowledged episodes of which only reminders or escalations are left to send.
    """
    open_rows = [kept for kept in rows if not kept.value.is_final][:MOST_CLAIMED]
    overtaken = [(kept, late) for kept in open_rows if (late := _overtaken(kept.value, rows))]
    passed = {kept.key for kept, _ in overtaken}
    left = [kept for kept in open_rows if kept.key not in passed]
    ended = [(kept, late) for kept in left if (late := _ended(kept.value, wall, cared_for))]
    unsent = {kept.key for kept, _ in ended}
    send = [kept for kept in left if kept.key not in unsent]
    return Sorted(tuple(send), (*overtaken, *ended))


def _ended(row: Delivery, wall: datetime, cared_for: Container[str]) -> Delivery | None:
    """The row as it ends without a send; None when it is to be sent."""
    if row.episode in cared_for:
        return finished(row, Status.SKIPPED, Reason.ACKNOWLEDGED)
    too_old = wall - row.wanted_since > GIVE_UP_AFTER
    return finished(row, Status.DEAD, Reason.GIVEN_UP) if too_old else None


def _overtaken(row: Delivery, rows: Iterable[Kept[Delivery]]) -> Delivery | None:
    later = [
        kept.value
        for kept in rows
        if kept.value.is_final and _same_group(kept.value, row) and kept.value.seq > row.seq
    ]
    if not later:
        return None
    was_sent = any(one.status is Status.SENT for one in later)
    status = Status.SKIPPED if was_sent else Status.DEAD
    return finished(row, status, Reason.MERGED if was_sent else Reason.GIVEN_UP)


def _same_group(one: Delivery, other: Delivery) -> bool:
    return one.episode == other.episode and one.channel == other.channel


def claimed(row: Delivery, message: str, owner: str, wall: datetime) -> Delivery:
    """The row under a lease; the try counts from here, whatever becomes of it."""
    until = wall + LEASE
    return replace(
        row,
        status=Status.SENDING,
        attempt=row.attempt + 1,
        message=message,
        owner=owner,
        lease_until=until,
        next_attempt_at=None,
        due=due_key(until, row.episode, row.channel, row.seq),
    )


def delivered(row: Delivery, provider_id: str | None) -> Delivery:
    """The provider took it."""
    return replace(
        finished(row, Status.SENT, Reason.DELIVERED), provider_id=provider_id, error=None
    )


def refused(row: Delivery, error: ChannelError, wall: datetime) -> Delivery:
    """The provider did not take it: dead for good, or pending until the next try."""
    if error.permanent:
        return replace(finished(row, Status.DEAD, Reason.PERMANENT_ERROR), error=str(error))
    patience = max(error.retry_after or backoff(row.attempt), SECOND)
    # However long the provider asks for: after 24 h the fallback tells it.
    at = min(wall + patience, max(row.wanted_since + GIVE_UP_AFTER, wall) + SECOND)
    return replace(
        row,
        status=Status.PENDING,
        lease_until=None,
        next_attempt_at=at,
        error=str(error),
        reason=Reason.RATE_LIMITED if error.retry_after else Reason.RETRY,
        due=due_key(at, row.episode, row.channel, row.seq),
    )


def put_back(row: Delivery, until: datetime) -> Delivery:
    """A claimed row whose message had no token: pending again, and the try does not count."""
    return replace(
        row,
        status=Status.PENDING,
        attempt=row.attempt - 1,
        lease_until=None,
        next_attempt_at=until,
        reason=Reason.NO_BUDGET,
        due=due_key(until, row.episode, row.channel, row.seq),
    )


def sent_again(row: Delivery, wall: datetime) -> Delivery:
    """A final row that is to be sent once more, due at once; its tries go on counting."""
    return replace(
        row,
        status=Status.PENDING,
        next_attempt_at=wall,
        resent_at=wall,
        message=None,
        provider_id=None,
        error=None,
        reason=None,
        due=due_key(wall, row.episode, row.channel, row.seq),
    )


def finished(row: Delivery, status: Status, reason: Reason) -> Delivery:
    """The row in its final state; nothing is due any more."""
    return replace(
        row, status=status, reason=reason, lease_until=None, next_attempt_at=None, due=None
    )


def backoff(attempt: int) -> timedelta:
    """Patience before the next try: 15 s, doubled each time, at most 15 minutes."""
    doublings = min(max(attempt - 1, 0), 10)
    return min(FIRST_BACKOFF * (1 << doublings), LONGEST_BACKOFF)


def moves(kept: Kept[Delivery], after: Delivery) -> list[Write]:
    """Change a delivery row and move its due row with it."""
    before = kept.value
    writes: list[Write] = [Replace(kept.key, after, kept.etag)]
    if before.due != after.due:
        writes += [Delete(before.due)] if before.due else []
        writes += [Insert(after.due, Due(after.key))] if after.due else []
    return writes


def wants_fallback(after: Delivery, group: Iterable[Delivery]) -> bool:
    """Whether the fallback must tell this row: it is dead, or an earlier one went there."""
    if not after.is_final or after.reason in (Reason.MERGED, Reason.ACKNOWLEDGED):
        return False
    earlier = (one for one in group if _same_group(one, after) and one.seq < after.seq)
    return after.status is Status.DEAD or any(one.fell_back for one in earlier)
