"""The walk over advice: two days of inspections, looks and people's words, killed at any call.

What was dismissed stays so until it doubles, what was done is said again when it did not help, and
nothing is inspected, said or noted twice, whenever a process ends and another one goes on.
"""

import signal
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from local.chaos.crashes import CALLS, LIVES_AT_MOST_S, STORAGE, Crash
from local.chaos.endings import Ending
from local.chaos.journal import kept_storage
from local.chaos.lives import Diary
from local.chaos.mishaps import Kill, Mishap
from local.chaos.processes import exit_code, fork
from local.chaos.story import T0, TARGET
from local.desks import VirtualClock, furnish
from shared.catalog.metrics import CATALOG
from shared.domain.chunks import HourChunk
from shared.domain.handling import AuditEntry
from shared.domain.inspections import Inspection, QueryStatistics, QueryStoreState, QueryUse
from shared.domain.recommendations.sayings import Saying, Status
from shared.domain.records import INSPECTIONS
from shared.domain.times import DAY, HOUR, MINUTE, each_hour
from shared.ports import House
from shared.services.advise import StatusWish, sayings, set_status
from shared.services.consult import consult_all

STEP = 6 * HOUR
STEPS = 8
TRIES = tuple(n * MINUTE for n in (0, 15, 60, 75, 90, 105))
"""Timers of a step: an inspection that was killed is not repeated within the hour."""
HANDS_FROM = 4
"""People speak after that timer, and again after the next one when they got no answer."""
DTU = 30.0
DOUBLED_FROM = T0 + 40 * HOUR
DIARY = "advice"
CALM = Mishap()


class Hand(NamedTuple):
    """What somebody says about the advice of a kind, after that step."""

    step: int
    kind: str
    status: Status


HANDS = (
    Hand(0, "bad_query", Status.DISMISSED),
    Hand(0, "query_store", Status.DONE),
    Hand(6, "query_store", Status.DISMISSED),
)


class Inspector:
    """Finds a bad query that doubles on the second day, and a Query Store that stays full."""

    def knows(self, target: str) -> bool:
        """See Inspector.knows."""
        return target == TARGET

    def inspect(self, target: str, *, now: datetime) -> Inspection:  # noqa: ARG002 - the only one
        """See Inspector.inspect."""
        dear = 60.0 if now >= DOUBLED_FROM else 20.0
        return Inspection(
            at=now,
            queries=(_query(42, dear), *(_query(n, (80.0 - dear) / 5) for n in range(5))),
            query_store=QueryStoreState(
                actual="READ_ONLY", desired="READ_WRITE", used_mb=10, limit_mb=10
            ),
        )


def _query(number: int, cpu_ms: float) -> QueryStatistics:
    total = 1_000 * cpu_ms
    use = QueryUse(since=T0, executions=1_000, cpu_ms=total, duration_ms=total, logical_reads=9)
    return QueryStatistics(
        query_hash=f"0x{number:016X}", query_id=number, text=f"SELECT {number}", day=use
    )


def undisturbed(folder: Path) -> tuple[int, Ending]:
    """How many calls the story makes, and how it ends."""
    folder.mkdir()
    ending = _told(folder, [Mishap()])
    [calls] = Diary(DIARY, folder).noted(CALLS)
    return int(calls), ending


def crashed(crash: Crash, folder: Path) -> Ending:
    """The story of a process that was killed, and of the one after it."""
    folder.mkdir()
    return _told(folder, [Kill(crash.at, after=crash.after), Mishap()])


def _told(folder: Path, mishaps: Sequence[Mishap]) -> Ending:
    _remember(house_in(folder))
    for number, mishap in enumerate(mishaps, start=1):
        wanted = 0 if number == len(mishaps) else -signal.SIGKILL
        found = exit_code(fork(partial(_live, folder, mishap)))
        if found != wanted:
            return Ending(flaws=[f"process {number} ended with {found}, not {wanted}"])
    return ending_of(house_in(folder))


def house_in(folder: Path, mishap: Mishap = CALM) -> House:
    """A monitor over what was kept there."""
    storage, _ = kept_storage(folder / STORAGE)
    house = furnish(
        mishap.wrap_storage(storage),
        catalog=CATALOG,
        rules=[],
        sources=[],
        channels={},
        clock=VirtualClock(T0),
    )
    return replace(house, inspector=mishap.wrap(Inspector()))


def _remember(house: House) -> None:
    """A database with some load, from a day before on."""
    column = CATALOG.metric("dtuUtilization").column
    for hour in each_hour(T0 - DAY, T0 + STEPS * STEP):
        chunk = HourChunk(hour=hour, cells={column: (DTU,) * 60})
        house.samples.save(TARGET, [chunk], house.samples.latest(TARGET))


def _live(folder: Path, mishap: Mishap) -> int:
    signal.alarm(LIVES_AT_MOST_S)
    diary, house = Diary(DIARY, folder), house_in(folder, mishap)
    while diary.passes() < STEPS * len(TRIES):
        diary.begin_pass()
        _pass(diary, house)
    diary.note(CALLS, str(mishap.calls))
    return 0


def _pass(diary: Diary, house: House) -> None:
    step, place = divmod(diary.passes() - 1, len(TRIES))
    now = T0 + step * STEP + TRIES[place]
    consult_all([TARGET], house=house, now=now)
    for number, hand in enumerate(HANDS):
        if hand.step == step and place >= HANDS_FROM and number not in diary.answered():
            _speak(hand, house, now)
            diary.answer(number)


def _speak(hand: Hand, house: House, now: datetime) -> None:
    """About the most urgent of its kind."""
    known = (one.recommendation for one in sayings(TARGET, house=house))
    advice = next(one for one in known if one.kind == hand.kind)
    wish = StatusWish(status=hand.status, by="admin", note="by hand")
    set_status(TARGET, advice.id, wish, house=house, now=now)


def ending_of(house: House) -> Ending:
    """What is remembered, by step where a moment may be later; and all that is there twice."""
    said = sayings(TARGET, house=house)
    made = [key.removeprefix(INSPECTIONS) for key in house.alerts.keys(TARGET, INSPECTIONS)]
    notes = (one.value for one in house.alerts.scan(TARGET, "audit:", AuditEntry))
    audited = Counter((one.action, one.subject) for one in notes)
    return Ending(
        states={one.recommendation.id: _standing(one) for one in said},
        flaws=[
            *(f"noted {count} times: {what}" for what, count in audited.items() if count > 1),
            *([f"{len(made)} inspections: {made}"] if len(made) != STEPS else []),
            *_unsaid(said, audited),
        ],
    )


def _standing(saying: Saying) -> tuple[object, ...]:
    moments = (saying.said_at, saying.found_at, saying.changed_at, saying.done_at)
    return (
        saying.status,
        saying.is_found,
        saying.again,
        saying.follow_up,
        saying.recommendation.size,
        *((at - T0) // STEP if at is not None else None for at in moments),
    )


def _unsaid(said: Sequence[Saying], audited: Iterable[tuple[str, str]]) -> list[str]:
    """What the story is about has to happen, or the walk would prove nothing."""
    first = next((one for one in said if one.recommendation.kind == "bad_query"), None)
    again = first is not None and first.again is not None and first.status is Status.NEW
    return [
        *([] if len(list(audited)) == len(HANDS) else ["somebody was not heard"]),
        *([] if again else ["what doubled was not said again"]),
    ]
