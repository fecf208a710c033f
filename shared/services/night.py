"""The night: days are rolled up, what is old enough goes, and what the monitor used is counted."""

import json
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.domain.times import DAY, iso
from shared.ports import House
from shared.services.count_usage import count_usage, drop_old_usage
from shared.services.maintain import drop_past_windows
from shared.services.paces import drop_old_paces
from shared.services.purge import purge
from shared.services.summarize import KeepGoing, Rolled, roll_up_days
from shared.services.targets import TARGETS, in_turn

WORK_FOR, COUNT_FOR = timedelta(seconds=90), timedelta(seconds=95)
"""New work, and another day's counting, is begun for so long: a day is counted where targets took
all of their time, too. The platform ends a function after two minutes."""

_log = logging.getLogger(__name__)


def night(targets: Sequence[str], *, house: House, now: datetime) -> None:
    """Roll up and purge every target that is or was watched, drop what is long past, and count.

    One that fails is told in the log and does not keep the others from their night. When time runs
    out, the rest waits for the next night, which begins with another target.
    """
    begun = house.wall()
    end = begun + WORK_FOR
    known = list(dict.fromkeys([*targets, *house.config.keys(TARGETS, "")]))
    for target in in_turn(known, now, DAY):
        if house.wall() >= end:
            break
        try:
            _night(target, house, now, lambda: house.wall() < end)
        except Exception:  # noqa: BLE001 - whatever it is, it is this target's alone
            _log.exception("the night of %s broke off", target)
    drop_past_windows(config=house.config, now=now)
    drop_old_paces(house=house)
    _account(house, now, lambda: house.wall() < begun + COUNT_FOR)


def _night(target: str, house: House, now: datetime, keep_going: KeepGoing) -> None:
    rolled = roll_up_days(target, house=house, now=now, keep_going=keep_going)
    gone = purge(target, house=house, now=now, keep_going=keep_going)
    _log.info("night %s", json.dumps(_line(target, rolled, gone)))


def _account(house: House, now: datetime, keep_going: KeepGoing) -> None:
    """Last, and alone in its trouble: what the monitor costs is only for the report."""
    try:
        counted = count_usage(house=house, now=now, keep_going=keep_going)
        drop_old_usage(house=house, now=now)
    except Exception:  # noqa: BLE001 - as above
        _log.exception("what the monitor used was not counted")
    else:
        _log.info("usage %s", json.dumps({"counted": [iso(day)[:10] for day in counted]}))


def _line(target: str, rolled: Rolled, gone: dict[str, int]) -> dict[str, object]:
    return {
        "target": target,
        "rolledUp": [iso(day)[:10] for day in rolled.days],
        "left": rolled.left,
        "lost": [iso(hour) for hour in rolled.lost],
        "purged": gone,
    }
