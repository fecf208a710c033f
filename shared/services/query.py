"""Answers about alerts: those that go on, those that were, and one with its story."""

import logging
from collections.abc import Callable, Iterator
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.alerts import Alert
from shared.domain.episodes import TimelineLine
from shared.domain.errors import DamagedRow, NotFound
from shared.domain.records import Kept, alert_key
from shared.ports import House, Ledger
from shared.services.boards import Board, load_board

_log = logging.getLogger(__name__)


class AlertStory(Struct, frozen=True):
    """An alert and everything that happened to it, oldest first."""

    alert: Alert
    timeline: tuple[TimelineLine, ...]


def open_alerts(target: str, *, house: House, now: datetime) -> list[Alert]:
    """The episodes that go on, oldest first."""
    board = load_board(target, house.alerts)
    states = board.states.values()
    episodes = [(kept.value.episode, kept.value.no_data.episode) for kept in states]
    keys = sorted(alert_key(one) for pair in episodes for one in pair if one is not None)
    found = (_readable(target, key, house.alerts) for key in keys)
    return [_with_snooze(kept.value, board, now) for kept in found if kept is not None]


def _readable(target: str, key: str, alerts: Ledger) -> Kept[Alert] | None:
    """One damaged alert must not hide the others."""
    try:
        return alerts.get(target, key, Alert)
    except DamagedRow as error:
        _log.error("%s", error)
        return None


def past_alerts(
    target: str, *, wanted: Callable[[Alert], bool], most: int, house: House, now: datetime
) -> list[Alert]:
    """The newest alerts that are wanted, open or over, newest first, at most `most`."""
    found: list[Alert] = []
    for month in _months(target, house.alerts):
        kept = house.alerts.scan(target, month, Alert)
        found += [one.value for one in reversed(kept) if wanted(one.value)]
        if len(found) >= most:
            break
    board = load_board(target, house.alerts)
    return [_with_snooze(alert, board, now) for alert in found[:most]]


def _months(target: str, alerts: Ledger) -> Iterator[str]:
    """The beginnings of keys that have alerts, newest first: a year is never read in one go."""
    length = len(alert_key("202601"))
    return iter(sorted({key[:length] for key in alerts.keys(target, alert_key(""))}, reverse=True))


def alert_story(target: str, episode: str, *, house: House, now: datetime) -> AlertStory:
    """One alert with its timeline; raises NotFound."""
    kept = house.alerts.get(target, alert_key(episode), Alert)
    if kept is None:
        raise NotFound(f"{target} has no alert {episode!r}")
    lines = house.alerts.scan(target, f"timeline:{episode}:", TimelineLine)
    alert = _with_snooze(kept.value, load_board(target, house.alerts), now)
    return AlertStory(alert, tuple(line.value for line in lines))


def _with_snooze(alert: Alert, board: Board, now: datetime) -> Alert:
    """`snoozedUntil` is the rule's, computed and never stored with the alert."""
    kept = board.snoozes.get(alert.rule_id)
    running = kept is not None and kept.value.until > now
    return replace(alert, snoozed_until=kept.value.until if kept and running else None)
