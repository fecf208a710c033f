"""The heartbeat: is the monitor itself well? Judged by how passes left their targets.

All of that is one reading of the leases, however many targets there are. Something outside must
notice when the heartbeat is not heard any more.
"""

import logging
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta

from shared.domain.errors import ChannelError
from shared.domain.times import MINUTE
from shared.ports import House
from shared.services.leases import NOTHING_WAITS, Lease, last_leases

FRESH = timedelta(minutes=3)
OVERDUE = timedelta(minutes=5)
DEAF = timedelta(minutes=15)
"""So long without any answer is no bad minute of somebody else's, but an end of the watch."""
BROKEN = 3
LATELY = timedelta(minutes=15)
"""So many tries that broke off since then are no accident, and, claimed anew, never overdue."""
MOST_TOLD = 20
"""Problems that are told one by one; a line in the log has an end."""

_log = logging.getLogger(__name__)


def beat(
    targets: Sequence[str], *, house: House, now: datetime, newcomers: Collection[str] = ()
) -> None:
    """Say in the log, and to whoever watches the monitor, that all is well, or why not."""
    problems = heartbeat(targets, house=house, now=now, newcomers=newcomers)
    if problems:
        more = len(problems) - MOST_TOLD
        told = [*problems[:MOST_TOLD], *([f"and {more} more"] if more > 0 else [])]
        _log.error("no heartbeat: %s", "; ".join(told))
    else:
        _log.info("heartbeat: %d targets", len(targets))
    _tell(problems, house)


def _tell(problems: Sequence[str], house: House) -> None:
    """That nobody listens disturbs nothing."""
    if house.pulse is not None:
        try:
            house.pulse.beat(problems)
        except ChannelError as error:
            _log.warning("%s", error)


def heartbeat(
    targets: Sequence[str], *, house: House, now: datetime, newcomers: Collection[str] = ()
) -> list[str]:
    """Why the monitor itself is not well; empty when every target is fresh and nothing is overdue.

    Of `newcomers` nobody expects yet that a pass has ended; who returns left a lease of long ago.
    """
    leases = last_leases(config=house.config)
    problems = [*house.doubts]
    for target in targets:
        if target not in newcomers:
            last = leases.get(target)
            problems += _blind(target, last, house, now)
            problems += _mute(target, last, house.wall())
    return problems


def _blind(target: str, last: Lease | None, house: House, now: datetime) -> Iterator[str]:
    """Whether the target was left alone, or looked at and not seen."""
    # What lies ahead was written by a clock that was wrong, and must not keep quiet until then.
    if last is None or last.evaluated_at is None or abs(now - last.evaluated_at) > FRESH:
        yield f"{target} was not fully evaluated for {FRESH // MINUTE} minutes"
    elif last.heard_at is not None and now - last.heard_at > DEAF and house.sources_of(target):
        yield f"no source of {target} has answered for {DEAF // MINUTE} minutes"


def _mute(target: str, last: Lease | None, wall: datetime) -> Iterator[str]:
    """Whether what was decided does not reach people."""
    waiting = last.waiting if last is not None else NOTHING_WAITS
    late = sum(wall - wanted_at > OVERDUE for wanted_at in waiting.wanted_at)
    if late:
        yield f"{target} has {late} deliveries overdue by {OVERDUE // MINUTE} minutes"
    if waiting.stuck:
        yield f"{target} has {waiting.stuck} events that can't be dispatched"
    broken = sum(wall - at < LATELY for at in waiting.broken_at)
    if broken >= BROKEN:
        yield f"{target} has deliveries whose tries broke off {broken} times"
