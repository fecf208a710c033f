"""The timer of every quarter hour: inspect the databases that have time, and say what to do."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.domain.inspections import Inspection
from shared.domain.quiet_hours import DUE_AFTER, QUARTER
from shared.ports import House
from shared.services.advise import advise, last_look
from shared.services.inspect import inspect_all, last_inspection
from shared.services.targets import in_turn

WORK_FOR = timedelta(seconds=90)
"""Looks are begun for so long, inspections included."""

_log = logging.getLogger(__name__)


def consult_all(targets: Sequence[str], *, house: House, now: datetime) -> list[str]:
    """Look at each target after an inspection, and every six hours without one; those looked at.

    A look without a new inspection goes by the last one: what that has found is not gone because
    the database has no time.
    """
    end = house.wall() + WORK_FOR
    inspected = dict(inspect_all(targets, house=house, now=now))
    # What was inspected comes first: the others have the next quarter hour.
    some = dict.fromkeys([*inspected, *in_turn(targets, now, QUARTER)])
    return [
        target
        for target in some
        if house.wall() < end and _consult(target, inspected.get(target), house, now)
    ]


def _consult(target: str, inspection: Inspection | None, house: House, now: datetime) -> bool:
    try:
        look = last_look(target, house=house)
        if inspection is None and look is not None and now - look.at < DUE_AFTER:
            return False
        known = inspection or last_inspection(target, house=house)
        advise(target, known, house=house, now=now)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this target's alone
        _log.exception("no advice for %s: %s", target, error)
        return False
    return True
