"""Ask every due source at once, and merge the answers into the hour chunks."""

import logging
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue

from msgspec.structs import replace

from shared.domain.chunks import HourChunk, Latest, Merge, by_hour, touched_hours
from shared.domain.errors import Conflict
from shared.domain.metrics import Catalog, Writes
from shared.domain.samples import Failure, Reading
from shared.domain.times import HOUR
from shared.ports import House, MetricSource, SampleStore

PATIENCE = timedelta(seconds=10)
MOST_HOURS = 12
MOST_TRIES = 5
_SLACK = timedelta(seconds=30)

_log = logging.getLogger(__name__)

Answer = Reading | Failure


def collect(
    target: str, *, house: House, sources: Sequence[MetricSource], now: datetime
) -> list[Answer]:
    """Read the due sources, each since its watermark, and store what they said.

    A source that fails or hangs costs its own minutes only; they stay uncovered and are read
    again. Doing it twice changes nothing.
    """
    latest = house.samples.latest(target)
    due = [source for source in sources if is_due(source, latest, house.catalog, now)]
    answers = read_sources(due, target, latest, now)
    store(answers, target, latest, catalog=house.catalog, samples=house.samples, now=now)
    return answers


def is_due(source: MetricSource, latest: Latest, catalog: Catalog, now: datetime) -> bool:
    """Whether the source's cadence has passed since it was last asked."""
    asked = latest.asked.get(source.name)
    known = catalog.source(source.name)
    if asked is None or is_probe(source, catalog):
        return True
    return now - asked.at >= known.cadence - _SLACK


def is_probe(source: MetricSource, catalog: Catalog) -> bool:
    """Whether the source is asked in every pass, twice a minute."""
    return catalog.source(source.name).writes is Writes.COMBINE


def read_sources(
    sources: Sequence[MetricSource],
    target: str,
    latest: Latest,
    now: datetime,
    *,
    patience: timedelta = PATIENCE,
) -> list[Answer]:
    """All answers within `patience`, in the sources' order; a silent source is a failure.

    Threads are daemons on purpose: one that hangs must not keep the process from ending.
    """
    answers: SimpleQueue[Answer] = SimpleQueue()
    for source in sources:
        since = latest.covered.get(source.name)
        threading.Thread(
            target=lambda s=source, w=since: answers.put(_read(s, target, w, now)), daemon=True
        ).start()
    arrived = _gather(answers, len(sources), patience)
    late = "no answer within its deadline"
    return [arrived.get(source.name) or Failure(source.name, now, late) for source in sources]


def _read(source: MetricSource, target: str, since: datetime | None, now: datetime) -> Answer:
    try:
        return source.read(target, since=since, now=now)
    except Exception as error:  # noqa: BLE001 - one broken source must not stop the others
        _log.warning("source %s failed for %s: %s", source.name, target, error)
        return Failure(source.name, now, f"{type(error).__name__}: {error}")


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
) -> None:
    """Merge the answers into the stored hours, oldest first, at most 12 hours a transaction.

    `latest` as read before saves a read; a stale one costs a second try.
    """
    hours = sorted(set().union(*(_hours(answer) for answer in answers)))
    batches = [hours[i : i + MOST_HOURS] for i in range(0, len(hours), MOST_HOURS)] or [[]]
    for batch in batches:
        is_last = batch is batches[-1]
        part = [_clip(answer, batch, catalog, is_last=is_last) for answer in answers]
        _store_batch(
            [answer for answer in part if answer is not None],
            target,
            latest,
            catalog=catalog,
            samples=samples,
            now=now,
        )
        latest = None


def _hours(answer: Answer) -> set[datetime]:
    return touched_hours(answer) if isinstance(answer, Reading) else set()


def _clip(
    answer: Answer, hours: Sequence[datetime], catalog: Catalog, *, is_last: bool
) -> Answer | None:
    """The part of an answer that lies in `hours`; it covers no more than that, until the last."""
    if isinstance(answer, Failure):
        return answer if is_last else None
    if catalog.source(answer.source).writes is Writes.WINDOW:
        return answer if is_last else None
    if is_last and len(hours) < MOST_HOURS and not touched_hours(answer) - set(hours):
        return answer
    wanted = set(hours)
    covered = answer.covered_until if is_last else min(answer.covered_until, hours[-1] + HOUR)
    return replace(
        answer,
        samples=tuple(s for s in answer.samples if _hour(s.minute) in wanted),
        histograms=tuple(h for h in answer.histograms if _hour(h.minute) in wanted),
        covered_until=covered,
    )


def _hour(minute: datetime) -> datetime:
    return minute.replace(minute=0)


def _store_batch(
    answers: Sequence[Answer],
    target: str,
    latest: Latest | None,
    *,
    catalog: Catalog,
    samples: SampleStore,
    now: datetime,
) -> None:
    for attempt in range(MOST_TRIES):
        latest = latest or samples.latest(target)
        merge = Merge(catalog, latest, by_hour(_stored(answers, target, samples)))
        for answer in answers:
            if isinstance(answer, Reading):
                merge.add(answer)
            else:
                merge.add_failure(answer)
        try:
            samples.save(target, merge.chunks(), replace(merge.latest, updated_at=now))
        except Conflict:
            if attempt + 1 == MOST_TRIES:
                raise
            latest = None
        else:
            return


def _stored(answers: Sequence[Answer], target: str, samples: SampleStore) -> list[HourChunk]:
    hours = set().union(*(_hours(answer) for answer in answers))
    if not hours:
        return []
    return samples.hours(target, min(hours), max(hours), histograms=True)
