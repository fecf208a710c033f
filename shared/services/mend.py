"""Hours that lost something are read again from the sources that still remember them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from msgspec.structs import replace

from shared.domain.chunks import Latest
from shared.domain.samples import Answer, Failure, FailureKind, Reading
from shared.domain.times import HOUR, floor_hour, minutes_between
from shared.ports import House
from shared.services.collect import Question, ask, checked, read_alone, store
from shared.services.summarize import change_damaged

LOOK_BEYOND = HOUR
"""Telemetry of an hour may be complete only when rows of the next one are seen."""


def mend(target: str, *, house: House, now: datetime) -> bool:
    """Read one of the target's damaged hours again; answers whether that is done.

    What its sources still say replaces what is stored of it; the rest stays as it is. One that
    fails is asked again another time: nothing is given up that somebody may still know.
    """
    latest = house.samples.latest(target)
    if not latest.damaged:
        return False
    hour = _turn(latest.damaged, now)
    answers = [_within(hour, one, latest) for one in ask(_questions(target, hour, house, now), now)]
    found = [checked(answer, house.catalog, now) for answer in answers]
    readings = [answer for answer in found if isinstance(answer, Reading)]
    store(readings, target, catalog=house.catalog, samples=house.samples, now=now)
    if any(_may_still_answer(answer) for answer in found):
        return False
    change_damaged(target, lambda known: {*known} - {hour}, house)
    return True


def _turn(hours: Sequence[datetime], now: datetime) -> datetime:
    """The hour that is forgotten first, when it is fresh; else each in its turn."""
    if hours[-1] >= floor_hour(now) - HOUR:
        return hours[-1]
    return hours[minutes_between(hours[0], now) % len(hours)]


def _may_still_answer(answer: Answer) -> bool:
    return isinstance(answer, Failure) and answer.kind is not FailureKind.DENIED


def _questions(target: str, hour: datetime, house: House, now: datetime) -> list[Question]:
    """One for each source that remembers the hour."""
    since = {name: hour for name in house.sources_of(target) if _remembers(name, hour, house, now)}
    separate = [
        Question(
            (one.name,), partial(read_alone, one, target, hour, _until(one.name, hour, house, now))
        )
        for one in house.sources
        if one.name in since
    ]
    together = [
        Question(tuple(its), partial(group.read, target, since=its, now=now))
        for group in house.groups
        if (its := {name: since[name] for name in group.names if name in since})
    ]
    return separate + together


def _remembers(source: str, hour: datetime, house: House, now: datetime) -> bool:
    remembers = house.catalog.source(source).remembers
    return remembers > timedelta(0) and now - (hour + HOUR) < remembers


def _until(source: str, hour: datetime, house: House, now: datetime) -> datetime:
    """The moment to read as of, at which the hour was long over and settled."""
    return min(now, hour + HOUR + LOOK_BEYOND + house.catalog.source(source).settle)


def _within(hour: datetime, answer: Answer, latest: Latest) -> Answer:
    """What an answer says of the hour, covering no more than its source had covered before."""
    if isinstance(answer, Failure):
        return answer
    return replace(
        answer,
        samples=tuple(one for one in answer.samples if floor_hour(one.minute) == hour),
        histograms=tuple(one for one in answer.histograms if floor_hour(one.minute) == hour),
        covered_until=min(hour + HOUR, latest.covered.get(answer.source, hour)),
    )
