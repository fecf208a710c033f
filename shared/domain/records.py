"""Rows of a partition: their keys, and the writes that one transaction makes.

The layout is frozen in docs/semantics.md section 4; every key of `Alerts` is spelled here.
"""

import hashlib
from datetime import datetime
from typing import Any, Generic, TypeVar

from msgspec import Struct

from shared.domain.times import minute_key, second_key

T_co = TypeVar("T_co", covariant=True)

MOST_WRITES = 100
INSPECTIONS = "inspection:"
TALLIES = "tally:"
INSPECTING = "inspecting"
"""How a target's inspections stand."""


class Kept(Struct, Generic[T_co], frozen=True):
    """A stored value and the ETag under which it was read."""

    key: str
    value: T_co
    etag: str


class Insert(Struct, frozen=True):
    """The row must not exist yet."""

    key: str
    value: Any


class Replace(Struct, frozen=True):
    """The row must still carry `etag`."""

    key: str
    value: Any
    etag: str


class Delete(Struct, frozen=True):
    """The row must exist, and still carry `etag` unless that is None."""

    key: str
    etag: str | None = None


Write = Insert | Replace | Delete


def put(key: str, value: Any, kept: Kept[Any] | None) -> Write:
    """Insert a first value, or replace exactly the one that was read."""
    return Insert(key, value) if kept is None else Replace(key, value, kept.etag)


def state_key(rule: str) -> str:
    """The row that fences everything decided about (target, rule)."""
    return f"state:{rule}"


def snooze_key(rule: str) -> str:
    """The silence of (target, rule)."""
    return f"snooze:{rule}"


def alert_key(episode: str) -> str:
    """An episode's alert."""
    return f"alert:{episode}"


def timeline_key(episode: str, number: int) -> str:
    """One line of an episode's story."""
    return f"timeline:{episode}:{number:04d}"


def episode_of(key: str) -> str:
    """The episode that a row of its story, or of its way to people, is about."""
    kind, _, rest = key.partition(":")
    return rest.split(":")[1 if kind == "due" else 0]


def outbox_key(episode: str, seq: int) -> str:
    """An event that is decided and not yet dispatched."""
    return f"outbox:{episode}:{seq:04d}"


def event_key(episode: str, seq: int) -> str:
    """An event that is dispatched."""
    return f"event:{episode}:{seq:04d}"


def delivery_key(episode: str, channel: str, seq: int) -> str:
    """What became of an event on one channel."""
    return f"delivery:{episode}:{channel}:{seq:04d}"


def due_key(at: datetime, episode: str, channel: str, seq: int) -> str:
    """When a delivery wants attention; `at` is wall time, to the second."""
    return f"due:{second_key(at)}:{episode}:{channel}:{seq:04d}"


def audit_key(at: datetime, entry: str) -> str:
    """Newest first: the key holds the seconds that are left until the year 9999."""
    left = int((datetime.max.replace(tzinfo=at.tzinfo) - at).total_seconds())
    return f"audit:{left:012d}:{entry}"


def deploy_key(name: str) -> str:
    """A deploy marker; its name begins with its time."""
    return f"deploy:{name}"


def advice_key(name: str) -> str:
    """What was recommended, by its id."""
    return f"advice:{name}"


ADVISED = "advised"
"""When recommendations were looked for last."""


BLOCKED = "blocked"
"""Who was seen to keep other sessions waiting."""
REPORTED = "reported"
"""The weekly report that was decided last."""


def inspection_key(at: datetime) -> str:
    """An inspection of the target's database; keys sort as their times."""
    return f"{INSPECTIONS}{second_key(at)}"


def tally_key(hour: datetime) -> str:
    """What an hour counted by name."""
    return f"{TALLIES}{minute_key(hour)}"


def short_hash(*parts: str) -> str:
    """Eight hex digits that stand for the parts."""
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:8]
