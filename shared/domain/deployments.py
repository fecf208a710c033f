"""Deploy markers: when which version went live, and which stories began soon after one."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Meta, Struct

from shared.domain.errors import InvalidInput
from shared.domain.records import short_hash
from shared.domain.times import MINUTE, floor_minute, minutes_between, second_key
from shared.domain.wishes import LONGEST_NOTE, Instant, Note, is_usable, whole_second

SUSPECT_FOR = timedelta(minutes=60)
"""A story that begins later than this after a deploy is not told with it."""
OLDEST = timedelta(days=400)
"""As long as alerts are kept."""
FARTHEST = timedelta(minutes=5)
"""Ahead of us; the clock of whoever deploys may be a little fast."""
LONGEST_VERSION = 100


class Deployment(Struct, frozen=True, kw_only=True, rename="camel"):
    """A version of the target that went live `at`; `by`: who said so."""

    id: str
    target: str
    at: datetime
    version: str
    commit: str | None = None
    note: str | None = None
    by: str


class DeploymentWish(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The body of POST deployments; `at` defaults to now, `target` to the first one."""

    version: Annotated[str, Meta(min_length=1, max_length=LONGEST_VERSION)]
    at: Instant | None = None
    commit: Annotated[str, Meta(pattern="^[0-9a-f]{7,64}$")] | None = None
    note: Note | None = None
    target: str | None = None


FIELDS = {
    "version": f"version must be text of 1 to {LONGEST_VERSION} characters, such as 1.8.2",
    "at": "at must be a time with its zone, such as 2026-01-01T22:00:00Z",
    "commit": "commit must be 7 to 64 digits of a hash in lower case",
    "note": f"note must be text of at most {LONGEST_NOTE:,} characters",
    "target": "target must be the name of a target",
}


class RecentDeploy(Struct, frozen=True, rename="camel"):
    """The newest deploy before a story began, as its alert keeps it."""

    version: str
    at: datetime
    minutes_before: int


def new_deployment(wish: DeploymentWish, *, target: str, by: str, now: datetime) -> Deployment:
    """The marker that was asked for; raises InvalidInput for a time that makes no sense.

    The same wish with its own `at` has the same id, so that it can be repeated.
    """
    given = wish.at or now
    at = whole_second(given) if is_usable(given) else None
    if at is None or not now - OLDEST <= at <= now + FARTHEST:
        raise InvalidInput(f"{FIELDS['at']}, at most {OLDEST.days} days ago and not ahead")
    said = short_hash(target, wish.version, wish.commit or "")
    return Deployment(
        id=f"{second_key(at)}-{said}",
        target=target,
        at=at,
        version=wish.version,
        commit=wish.commit,
        note=wish.note,
        by=by,
    )


def deploy_before(deployments: Iterable[Deployment], active_at: datetime) -> RecentDeploy | None:
    """The newest deploy within the hour before a story began, or in its first minute."""
    near = [one for one in deployments if 0 <= _minutes_before(one, active_at) <= _MOST_BEFORE]
    newest = max(near, key=lambda one: (one.at, one.id), default=None)
    if newest is None:
        return None
    return RecentDeploy(newest.version, newest.at, _minutes_before(newest, active_at))


_MOST_BEFORE = SUSPECT_FOR // MINUTE


def _minutes_before(deployment: Deployment, active_at: datetime) -> int:
    return minutes_between(floor_minute(deployment.at), active_at)
