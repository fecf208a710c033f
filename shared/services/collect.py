"""Ask every due source at once, and merge the answers into the hour chunks."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from queue import Empty, SimpleQueue
from typing import NamedTuple

from msgspec.structs import replace

from shared.domain.anomalies.kept import KeptDetectors
from shared.domain.anomalies.scoring import score_covered
from shared.domain.chunks import (
    HourChunk,
    Latest,
    Merge,
    by_hour,
    columns_of,
    touched_hours,
)
from shared.domain.errors import Conflict, InvalidInput, SourceDenied
from shared.domain.metrics import Catalog, Writes
from shared.domain.samples import Answer, Failure, FailureKind, Reading
from shared.domain.times import HOUR, floor_hour, floor_minute
from shared.ports import House, MetricSource, SampleStore
from shared.services.tally import keep_tallies

PATIENCE = timedelta(seconds=10)
MOST_HOURS = 12
MOST_TRIES = 5
_SLACK = timedelta(seconds=30)

_log = logging.getLogger(__name__)


class Collected(NamedTuple):
    """What the sources answered, and `latest` as it was stored with it."""

    answers: list[Answer]
    latest: Latest


def collect(target: str, *, house: House, sources: Collection[str], now: datetime) -> Collected:
    """Read the due ones of the named sources, each since its watermark, and store what they said.

    A source that fails or hangs costs its own minutes only; they stay uncovered and are read
    again. Doing it twice changes nothing.
    """
    latest = house.samples.latest(target)
    due = [name for name in sources if is_due(name, latest, house.catalog, now)]
    questions = _questions(target, due, latest, house, now)
    told = [still_lacking(answer, latest) for answer in ask(questions, now)]
    answers = [checked(answer, house.catalog, now) for answer in told]
    keep_tallies(target, answers, alerts=house.alerts)
    stored = store(answers, target, latest, catalog=house.catalog, samples=house.samples, now=now)
    return Collected(answers, stored)


def is_due(source: str, latest: Latest, catalog: Catalog, now: datetime) -> bool:
    """Whether the source's cadence has passed since it was last asked, or it has yet to speak."""
    asked = latest.asked.get(source)
    if asked is None or is_pressing(source, catalog) or _never_spoke(source, latest, catalog):
        return True
    return now - asked.at >= catalog.source(source).cadence - _SLACK


def _never_spoke(source: str, latest: Latest, catalog: Catalog) -> bool:
    """Whether all that it was asked failed: a first day must not wait for a seldom source's turn.

    One that lacks a grant is left to its cadence, because only a person can mend that; and so is
    one that counts in the database, where a statement that takes too long is a load.
    """
    its_own = catalog.source(source).writes is not Writes.WINDOW
    return its_own and source not in latest.covered and source not in latest.lacking


def is_pressing(source: str, catalog: Catalog) -> bool:
    """Whether the source is asked in every pass, twice a minute."""
    its = catalog.source(source)
    return its.presses or its.writes is Writes.COMBINE


class Question(NamedTuple):
    """One call out of the house, and the sources that it speaks for."""

    sources: tuple[str, ...]
    ask: Callable[[], Sequence[Answer]]


def _questions(
    target: str, due: Collection[str], latest: Latest, house: House, now: datetime
) -> list[Question]:
    """A question for each source that is read alone, and one for each group with a due source."""
    since = {name: latest.covered.get(name) for name in due}
    alone = [
        Question((source.name,), partial(read_alone, source, target, since[source.name], now))
        for source in house.sources
        if source.name in since
    ]
    together = [
        Question(tuple(its), partial(group.read, target, since=its, now=now))
        for group in house.groups
        if (its := {name: since[name] for name in group.names if name in since})
    ]
    return alone + together


def read_alone(
    source: MetricSource, target: str, since: datetime | None, now: datetime
) -> list[Answer]:
    """The answers of a source that is read by itself."""
    return [source.read(target, since=since, now=now)]


def ask(
    questions: Sequence[Question], now: datetime, *, patience: timedelta = PATIENCE
) -> list[Answer]:
    """An answer for every source of the questions, within `patience`; a silent one is a failure.

    Threads are daemons on purpose: one that hangs must not keep the process from ending.
    """
    answers: SimpleQueue[Answer] = SimpleQueue()
    for question in questions:
        threading.Thread(target=_put, args=(question, now, answers), daemon=True).start()
    names = [name for question in questions for name in question.sources]
    arrived = _gather(answers, len(names), patience)
    late = "no answer within its deadline"
    return [arrived.get(name) or Failure(name, now, late) for name in names]


def _put(question: Question, now: datetime, answers: "SimpleQueue[Answer]") -> None:
    try:
        given = {answer.source: answer for answer in question.ask()}
        said = "gave no answer"
        kind = FailureKind.FAILED
    except Exception as error:  # noqa: BLE001 - one broken source must not stop the others
        _log.warning("source %s failed: %s", ", ".join(question.sources), error)
        given, said, kind = {}, *_why(error)
    for name in question.sources:
        answers.put(given.get(name) or Failure(name, now, said, kind))


def _why(error: Exception) -> tuple[str, FailureKind]:
    """What is kept of an error; of a missing grant only what everybody may read."""
    if isinstance(error, SourceDenied):
        return error.lacking, FailureKind.DENIED
    return f"{type(error).__name__}: {error}", FailureKind.FAILED


def still_lacking(answer: Answer, latest: Latest) -> Answer:
    """What was lacking is so until it is seen to be there: no failed visit says otherwise.

    Else its silence would be judged as if it had been asked, back to the target's beginning.
    """
    lacking = latest.lacking.get(answer.source)
    if lacking is None or isinstance(answer, Reading) or answer.kind is FailureKind.DENIED:
        return answer
    return replace(answer, error=lacking, kind=FailureKind.DENIED)


def checked(answer: Answer, catalog: Catalog, now: datetime) -> Answer:
    """The answer without what can't be: nothing is known of the future, nor of unknown metrics.

    A source whose clock runs ahead must not make rules fold minutes that are not over yet.
    """
    if isinstance(answer, Failure):
        return answer
    try:
        columns_of(answer, catalog)
    except InvalidInput as error:
        _log.error("source %s: %s", answer.source, error)
        return Failure(answer.source, answer.asked_at, str(error))
    return replace(
        answer,
        samples=tuple(sample for sample in answer.samples if sample.minute <= now),
        histograms=tuple(one for one in answer.histograms if one.minute <= now),
        covered_until=min(floor_minute(answer.covered_until), floor_minute(now)),
    )


def _gather(answers: "SimpleQueue[Answer]", count: int, patience: timedelta) -> dict[str, Answer]:
    arrived: dict[str, Answer] = {}
    end = time.monotonic() + patience.total_seconds()
    while len(arrived) < count:
        try:
            answer = answers.get(timeout=max(end - time.monotonic(), 0.0))
        except Empty:
            break
        arrived[answer.source] = answer
    return arrived


def store(
    answers: Sequence[Answer],
    target: str,
    latest: Latest | None = None,
    *,
    catalog: Catalog,
    samples: SampleStore,
    now: datetime,
) -> Latest:
    """Merge the answers into the stored hours, oldest first, at most 12 hours a transaction.

    `latest` as read before saves a read; a stale one costs a second try. Answers the new one, still
    with the ETag of the one before.
    """
    hours = sorted(set().union(*(_hours(answer) for answer in answers)))
    batches = [hours[i : i + MOST_HOURS] for i in range(0, len(hours), MOST_HOURS)] or [[]]
    since: datetime | None = None
    stored = Latest()
    for batch in batches:
        until = None if batch is batches[-1] else batch[-1] + HOUR
        part = [_clip(answer, batch, since, until) for answer in answers]
        stored = _store_batch(
            [answer for answer in part if answer is not None],
            target,
            latest,
            catalog=catalog,
            samples=samples,
            now=now,
        )
        latest, since = None, until
    return stored


def _hours(answer: Answer) -> set[datetime]:
    return touched_hours(answer) if isinstance(answer, Reading) else set()


def _clip(
    answer: Answer, hours: Sequence[datetime], since: datetime | None, until: datetime | None
) -> Answer | None:
    """The part of an answer in `hours`; it covers [since, until), None being the answer's own."""
    if isinstance(answer, Failure):
        return answer if until is None else None
    if until is not None and answer.since is not None and answer.since >= until:
        return None  # its window has not begun: covering less than that would tear it off
    wanted = set(hours)
    return replace(
        answer,
        samples=tuple(s for s in answer.samples if floor_hour(s.minute) in wanted),
        histograms=tuple(h for h in answer.histograms if floor_hour(h.minute) in wanted),
        covered_until=min(answer.covered_until, until or answer.covered_until),
        since=_later(answer.since, since),
    )


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    """Where a window goes on: at its own start, or where the batch before it ended."""
    return max(one, other) if one is not None and other is not None else one or other


def _store_batch(
    answers: Sequence[Answer],
    target: str,
    latest: Latest | None,
    *,
    catalog: Catalog,
    samples: SampleStore,
    now: datetime,
) -> Latest:
    for attempt in range(1, MOST_TRIES + 1):
        latest = latest or samples.latest(target)
        merge = Merge(catalog, latest, by_hour(_stored(answers, target, samples)))
        for answer in answers:
            if isinstance(answer, Reading):
                merge.add(answer)
            else:
                merge.add_failure(answer)
        detectors = _judged(merge, target, catalog, samples)
        merged = replace(merge.latest, updated_at=now)
        try:
            samples.save(target, merge.chunks(), merged, detectors)
        except Conflict:
            if attempt == MOST_TRIES:
                raise
            latest = None
        else:
            return merged
    raise AssertionError("the last try returns or raises")


def _judged(
    merge: Merge, target: str, catalog: Catalog, samples: SampleStore
) -> KeptDetectors | None:
    """The detectors after what the merge covers newly; None when that is nothing of theirs."""
    scored = score_covered(merge, catalog, partial(samples.detectors, target))
    if scored is None:
        return None
    if scored.lost:
        _log.error("detectors of %s begin anew: %s", target, ", ".join(scored.lost))
    return scored.detectors


def _stored(answers: Sequence[Answer], target: str, samples: SampleStore) -> list[HourChunk]:
    hours = set().union(*(_hours(answer) for answer in answers))
    if not hours:
        return []
    return samples.hours(target, min(hours), max(hours), histograms=True)
