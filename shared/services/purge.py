"""What is old enough goes: never before the summary above it is there, never an open story.

Each step is one transaction that leaves the rest readable and is found again when it was not done,
so a night may end anywhere.
"""

import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TypeVar

from shared.domain.alerts import Alert
from shared.domain.days import without_hours
from shared.domain.errors import Conflict, DamagedRow
from shared.domain.records import (
    MOST_WRITES,
    TALLIES,
    Delete,
    alert_key,
    audit_key,
    deploy_key,
    episode_of,
    tally_key,
)
from shared.domain.times import DAY, HOUR, floor_day, minute_key
from shared.ports import House
from shared.services.boards import load_board
from shared.services.summarize import OLDEST, KeepGoing, by_day, is_current

MOST_EPISODES = 500
"""Stories that are looked at in one night."""
T = TypeVar("T")

STORY = ("timeline:", "event:", "delivery:", "alert:")
"""What an episode leaves behind, by how its keys begin; the alert goes last."""
UNDONE = ("outbox:", "due:")

_log = logging.getLogger(__name__)


def purge(
    target: str, *, house: House, now: datetime, keep_going: KeepGoing = lambda: True
) -> dict[str, int]:
    """Drop what is older than it is kept, while there is time; answers how much of what went."""
    gone = {"hours": 0, "days": 0, "episodes": 0, "audit": 0, "deployments": 0, "tallies": 0}
    for kind, steps in (
        ("hours", _hours(target, house, now)),
        ("days", _days(target, house, now)),
        ("episodes", _episodes(target, house, now)),
        ("audit", _audit(target, house, now)),
        ("deployments", _deployments(target, house, now)),
        ("tallies", _tallies(target, house, now)),
    ):
        for count in steps:
            gone[kind] += count
            if not keep_going():
                return gone
    return gone


def _hours(target: str, house: House, now: datetime) -> Iterator[int]:
    """Day by day, each only when its day row says exactly what its hours say."""
    end = floor_day(now - house.retention.hours)
    old = by_day(house.samples.versions(target, floor_day(now - OLDEST), end - HOUR))
    for day in sorted(old):
        found = next(iter(house.samples.days(target, day, day)), None)
        if found is not None and is_current(found, old[day]):
            with suppress(Conflict):
                house.samples.drop_hours(target, old[day], without_hours(found))
                yield len(old[day])


def _days(target: str, house: House, now: datetime) -> Iterator[int]:
    end = floor_day(now - house.retention.days)
    found = house.samples.days(target, floor_day(now - OLDEST), end - DAY, summaries=True)
    old = [(one.day, one.etag) for one in found if one.etag is not None]
    for part in _parts(old):
        with suppress(Conflict):
            house.samples.drop_days(target, dict(part))
            yield len(part)


def _episodes(target: str, house: House, now: datetime) -> Iterator[int]:
    """Episode by episode, its alert last: while that is there, the rest is found again."""
    ended_before = now - house.retention.alerts
    rows: dict[str, list[str]] = {}
    for prefix in STORY:
        for key in house.alerts.keys(target, prefix, end=prefix + minute_key(ended_before)):
            rows.setdefault(episode_of(key), []).append(key)
    busy = _busy(target, house) if rows else set()
    for episode in sorted(rows.keys() - busy)[:MOST_EPISODES]:
        if _is_over(target, episode, ended_before, house):
            yield min(_drop(target, rows[episode], house), 1)


def _busy(target: str, house: House) -> set[str]:
    """The episodes that go on, wait in a digest, or have something left to tell."""
    states = [kept.value for kept in load_board(target, house.alerts).states.values()]
    named = {one for state in states for one in (state.episode, state.no_data.episode)}
    waiting = {episode for state in states for episode in state.digest}
    undone = {episode_of(key) for one in UNDONE for key in house.alerts.keys(target, one)}
    return {one for one in named | waiting | undone if one is not None}


def _is_over(target: str, episode: str, ended_before: datetime, house: House) -> bool:
    """A story without an alert is a test, or was half purged; a damaged alert is left alone."""
    try:
        kept = house.alerts.get(target, alert_key(episode), Alert)
    except DamagedRow as error:
        _log.error("%s", error)
        return False
    if kept is None:
        return True
    resolved_at = kept.value.resolved_at
    return resolved_at is not None and resolved_at < ended_before


def _audit(target: str, house: House, now: datetime) -> Iterator[int]:
    """The newest come first in key order, so the old ones are the rest."""
    first = audit_key(now - house.retention.audit, "")
    for part in _parts(house.alerts.keys(target, "audit:", first=first)):
        yield _drop(target, part, house)


def _deployments(target: str, house: House, now: datetime) -> Iterator[int]:
    end = deploy_key(minute_key(now - house.retention.alerts))
    for part in _parts(house.alerts.keys(target, deploy_key(""), end=end)):
        yield _drop(target, part, house)


def _tallies(target: str, house: House, now: datetime) -> Iterator[int]:
    """They tell of hours, and go with them."""
    end = tally_key(floor_day(now - house.retention.hours))
    for part in _parts(house.alerts.keys(target, TALLIES, end=end)):
        yield _drop(target, part, house)


def _drop(target: str, keys: Collection[str], house: House) -> int:
    """Delete rows of a target, in order; who finds them gone leaves it to who deleted them."""
    gone = 0
    for part in _parts([*keys]):
        with suppress(Conflict):
            house.alerts.commit(target, [Delete(key) for key in part])
            gone += len(part)
    return gone


def _parts(rows: Sequence[T]) -> Iterable[Sequence[T]]:
    return (rows[i : i + MOST_WRITES] for i in range(0, len(rows), MOST_WRITES))
