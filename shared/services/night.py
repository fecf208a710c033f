"""The night: days are rolled up, and what is old enough goes."""

import json
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.domain.times import iso
from shared.ports import House
from shared.services.maintain import drop_past_windows
from shared.services.paces import drop_old_paces
from shared.services.purge import purge
from shared.services.summarize import KeepGoing, Rolled, roll_up_days
from shared.services.targets import TARGETS

WORK_FOR = timedelta(seconds=90)
"""New work is begun for so long; the platform ends a function after two minutes."""

_log = logging.getLogger(__name__)


def night(targets: Sequence[str], *, house: House, now: datetime) -> None:
    """Roll up and purge every target that is or was watched, and drop windows and paces long past.

    One that fails is told in the log and does not keep the others from their night.
    """
    end = house.wall() + WORK_FOR
    for target in dict.fromkeys([*targets, *house.config.keys(TARGETS, "")]):
        try:
            _night(target, house, now, lambda: house.wall() < end)
        except Exception:  # noqa: BLE001 - whatever it is, it is this target's alone
            _log.exception("the night of %s broke off", target)
    drop_past_windows(config=house.config, now=now)
    drop_old_paces(house=house)


def _night(target: str, house: House, now: datetime, keep_going: KeepGoing) -> None:
    rolled = roll_up_days(target, house=house, now=now, keep_going=keep_going)
    gone = purge(target, house=house, now=now, keep_going=keep_going)
    _log.info("night %s", json.dumps(_line(target, rolled, gone)))


def _line(target: str, rolled: Rolled, gone: dict[str, int]) -> dict[str, object]:
    return {
        "target": target,
        "rolledUp": [iso(day)[:10] for day in rolled.days],
        "left": rolled.left,
        "lost": [iso(hour) for hour in rolled.lost],
        "purged": gone,
    }
