"""A claim takes the delivery rows that share one message: which of them, and what of each.

What is due is grouped by (episode, channel), whole groups of one channel are claimed together,
and some of their rows end without a send (docs/semantics.md section 4).
"""

import hashlib
from collections.abc import Container, Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from shared.domain.deliveries import GIVE_UP_AFTER, Delivery, Status, finished
from shared.domain.episodes import EventKind
from shared.domain.letters import is_letter
from shared.domain.reasons import Reason
from shared.domain.records import Kept
from shared.domain.rehearsals import is_test
from shared.domain.times import parse_second_key, second_key

MOST_CLAIMED = 24
"""Rows of one claim: four writes each (a fallback included) stay under 100 a transaction."""
NAGGING = frozenset({EventKind.REMINDER, EventKind.ESCALATION})
"""Worth nothing once somebody takes care of the episode."""


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

    Neither a test nor a letter shares a message with a real story.
    """
    first, chosen, rows = groups[0], [groups[0]], groups[0].rows
    for group in groups[1:]:
        fits = group.channel == first.channel and rows + group.rows <= MOST_CLAIMED
        if fits and _sort(group) == _sort(first):
            chosen.append(group)
            rows += group.rows
    return chosen


def _sort(group: Group) -> tuple[bool, bool]:
    return is_test(group.episode), is_letter(group.episode)


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


def wants_fallback(after: Delivery, group: Iterable[Delivery]) -> bool:
    """Whether the fallback must tell this row: it is dead, or an earlier one went there."""
    if not after.is_final or after.reason in (Reason.MERGED, Reason.ACKNOWLEDGED):
        return False
    earlier = (one for one in group if _same_group(one, after) and one.seq < after.seq)
    return after.status is Status.DEAD or any(one.fell_back for one in earlier)
