"""The weekly report: decided once for each week, then on its way like every message.

That it was decided is a row under its ETag, written in one transaction with the event in the
outbox: so doubled ticks and killed processes neither lose nor double it.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from shared.domain.deliveries import channel_of
from shared.domain.errors import Conflict
from shared.domain.records import REPORTED, Insert, event_key, outbox_key, put
from shared.domain.reports.reporting import Reported, due_at, is_due
from shared.domain.reports.weekly import weekly_event
from shared.domain.times import MINUTE
from shared.ports import House
from shared.services.deliver import deliver_one
from shared.services.dispatch import dispatch
from shared.services.reach import problem_of
from shared.services.renew import read_or_drop
from shared.services.report import make_report
from shared.services.targets import activated_at, in_turn

WEEK = "7d"
HALF_AN_HOUR = timedelta(minutes=30)
WORK_FOR = timedelta(seconds=80)
"""Reports are begun for so long; one is drawn and sent within half a minute."""

_log = logging.getLogger(__name__)


def send_reports(targets: Sequence[str], *, house: House, now: datetime) -> list[str]:
    """Decide and send what is due; answers the targets whose report was decided just now.

    One that fails is told in the log and does not keep the others from theirs. What is decided
    and could not be sent yet goes on by itself, as deliveries do. When time runs out, the rest has
    the next half hour, which begins with another target.
    """
    to = house.reporting.to
    problem = "" if to is None else problem_of(to, house.channels)
    if to is None or problem:
        _log.info("no weekly report: %s", problem or "REPORT_CHANNEL names nobody")
        return []
    end = house.wall() + WORK_FOR
    some = in_turn(targets, now, HALF_AN_HOUR)
    return [target for target in some if house.wall() < end and _report(target, house, now)]


def _report(target: str, house: House, now: datetime) -> bool:
    try:
        episode = decide_report(target, house=house, now=now)
        if episode is not None and house.reporting.to is not None:
            dispatch(target, house=house)
            deliver_one(target, episode, channel_of(house.reporting.to), house=house)
    except Exception:  # noqa: BLE001 - whatever it is, it is this target's alone
        _log.exception("the weekly report of %s broke off", target)
        return False
    return episode is not None


def decide_report(target: str, *, house: House, now: datetime) -> str | None:
    """Put the due report into the outbox; answers its episode, None when none is due.

    Idempotent: of several who decide at once one writes. Raises StoreUnavailable.
    """
    given = house.reporting
    kept = read_or_drop(target, REPORTED, Reported, ledger=house.alerts)
    zone = house.reader_zone or UTC
    at = due_at(given, now, zone)
    since = activated_at(target, config=house.config)
    last = kept.value if kept is not None else None
    if given.to is None or not is_due(at, now, since=since, last=last):
        return None
    begun = due_at(given, at - MINUTE, zone)
    report = make_report(target, WEEK, house=house, now=now, end=at, start=begun)
    event = weekly_event(report, given.to, due_at=at, now=now)
    decided = put(REPORTED, Reported(due_at=at, episode=event.episode), kept)
    # What was decided may be forgotten with a damaged row; what was dispatched is not.
    was_told = bool(house.alerts.keys(target, event_key(event.episode, 1)))
    news = [] if was_told else [Insert(outbox_key(event.episode, 1), event)]
    try:
        house.alerts.commit(target, [decided, *news])
    except Conflict:
        return None
    return None if was_told else event.episode
