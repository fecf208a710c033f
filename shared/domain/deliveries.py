"""A delivery is one event on one channel: its row, and what each try leaves behind.

Delivery rows are the truth; `due:` rows only say when each of them wants attention. Every change
of a row moves its due row in the same transaction (docs/semantics.md section 4).
"""

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
from shared.domain.rules import Action, ActionType

LEASE = timedelta(seconds=150)
"""Longer than functionTimeout (120 s), so that a live function never loses its claim."""
GIVE_UP_AFTER = timedelta(hours=24)
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
