"""What was recommended before: what people did about it, what came of it, when it is said again."""

import math
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.quantities import number, quantity
from shared.domain.recommendations.situations import Situation, use_of_day
from shared.domain.recommendations.values import Area, Measure, Recommendation, percent
from shared.domain.times import DAY

SETTLES = DAY
"""Measures look back over a day: before it has passed, they still tell of the time before."""
HELPED = 0.8
"""It helped when a fifth is gone at least."""
DOUBLED = 2.0
KEPT_FOR = timedelta(days=120)
"""What is not found any more is remembered so long, counted from when it was found last."""


UNREAD_FOR = DAY
"""So long a saying stands whose part of the database can't be read, such as for want of time."""
READ_FOR = {
    "bad_query": ("queries",),
    "plan_regression": ("regressions",),
    "failing_query": ("failures",),
    "missing_index": ("missing_indexes", "queries"),
    "unused_index": ("indexes", "usage", "started_at"),
    "duplicate_index": ("indexes", "started_at"),
    "query_store": ("query_store",),
    "stale_statistics": ("statistics",),
}
"""The parts of an inspection that a kind is judged by, as Inspection.lacking names them; who waits
for whom, and what the last hour's queries cost, is left out: it is soon another story."""


class Status(StrEnum):
    """Where a recommendation stands; people set the last three."""

    NEW = "new"
    SEEN = "seen"
    DONE = "done"
    DISMISSED = "dismissed"


class Saying(Struct, frozen=True, kw_only=True, rename="camel"):
    """A recommendation as it was last found, and its story.

    `said_at`: when it was first said, or said again after `done` or `dismissed`. `found_at`: when
    it was found last; `is_found`: in the newest look, too. `changed_at`, `changed_by`, `note`: of
    the last change of its status. `dismissed_size`: how large it was when it was dismissed.
    `done_at`, `before`: when it was done and what was measured then; `follow_up` says what came of
    it. `again`: why it is said again.
    """

    recommendation: Recommendation
    status: Status = Status.NEW
    said_at: datetime
    found_at: datetime
    is_found: bool = True
    changed_at: datetime | None = None
    changed_by: str | None = None
    note: str | None = None
    dismissed_size: float | None = None
    done_at: datetime | None = None
    before: Measure | None = None
    follow_up: str | None = None
    again: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether somebody should look at it: it was found in the newest look, and not decided."""
        return self.is_found and self.status in (Status.NEW, Status.SEEN)

    def is_forgotten(self, now: datetime) -> bool:
        """Whether it may be dropped; what people decided about it goes with it."""
        return not self.is_found and now - self.found_at > KEPT_FOR


def changed(saying: Saying, status: Status, *, by: str, note: str | None, now: datetime) -> Saying:
    """What a person says about it; saying the same again changes nothing."""
    if saying.status is status:
        return saying
    done = status is Status.DONE
    return replace(
        saying,
        status=status,
        changed_at=now,
        changed_by=by,
        note=note,
        dismissed_size=saying.recommendation.size if status is Status.DISMISSED else None,
        done_at=now if done else saying.done_at,
        before=saying.recommendation.measure if done else saying.before,
        follow_up=None if done else saying.follow_up,
        again=None,
    )


def found(saying: Saying | None, now: Recommendation, situation: Situation) -> Saying:
    """The saying after a look that found it."""
    at = situation.now
    if saying is None:
        return Saying(recommendation=now, said_at=at, found_at=at)
    why = _why_again(saying, now, situation)
    known = replace(_followed_up(saying, situation), found_at=at, is_found=True)
    if why is not None:
        return replace(known, recommendation=now, status=Status.NEW, said_at=at, again=why)
    # What was dismissed is measured by how large it was then, or it would double by small steps.
    return replace(known, recommendation=now, dismissed_size=_dismissed_size(saying))


def not_found(saying: Saying, situation: Situation) -> Saying:
    """The saying after a look that did not find it; what could not be looked for is not gone."""
    known = _followed_up(saying, situation)
    return known if _is_unread(saying, situation) else replace(known, is_found=False)


def _is_unread(saying: Saying, situation: Situation) -> bool:
    inspection = situation.inspection
    needed = READ_FOR.get(saying.recommendation.kind, ())
    is_lacking = inspection is not None and any(part in inspection.lacking for part in needed)
    return is_lacking and situation.now - saying.found_at <= UNREAD_FOR


def _dismissed_size(saying: Saying) -> float | None:
    """None unless it is dismissed; rows of older versions kept it in the recommendation's place."""
    if saying.status is not Status.DISMISSED:
        return None
    known = saying.dismissed_size
    return saying.recommendation.size if known is None else known


def _why_again(saying: Saying, now: Recommendation, situation: Situation) -> str | None:
    when = f"{saying.changed_at:%Y-%m-%d}" if saying.changed_at is not None else "before"
    if now.size >= DOUBLED * (_dismissed_size(saying) or math.inf):
        return f"Dismissed on {when}, and at least twice as large since."
    if saying.status is Status.DONE and _has_settled(saying, situation):
        told = outcome(saying, situation)
        if told is None or not told.helped:
            return f"Done on {when}, and found again{f': {told.sentence}' if told else '.'}"
    return None


def _has_settled(saying: Saying, situation: Situation) -> bool:
    """An old inspection says nothing about what was done since; of the app none says anything."""
    is_of_app = saying.recommendation.area is Area.MEMORY
    seen_at = situation.now if is_of_app else situation.inspected_at
    return saying.done_at is not None and seen_at - saying.done_at >= SETTLES


def _followed_up(saying: Saying, situation: Situation) -> Saying:
    if saying.done_at is None or not _has_settled(saying, situation):
        return saying
    told = outcome(saying, situation)
    return saying if told is None else replace(saying, follow_up=told.sentence)


class Outcome(Struct, frozen=True):
    """What came of doing it, in a sentence, and whether that was help."""

    sentence: str
    helped: bool


def outcome(saying: Saying, situation: Situation) -> Outcome | None:
    """The measure before and now; None when nothing was measured, or can't be now.

    What was 0 can't fall, and says nothing of what was done.
    """
    before = saying.before
    if before is None or not before.value or saying.done_at is None:
        return None
    since = f"since it was done on {saying.done_at:%Y-%m-%d}"
    after = measured(before, situation)
    if after is None:
        gone = before.of.startswith("query:") and bool(situation.queries)
        sentence = f"{before.label} is not among the dearest any more {since}."
        return Outcome(sentence, helped=True) if gone else None
    change = after / before.value - 1
    told = f"{number(round(before.value, 1))} to {quantity(round(after, 1), before.unit)}"
    return Outcome(
        f"{before.label} {_signed(change)} {since} ({told}).", after <= HELPED * before.value
    )


def _signed(change: float) -> str:
    sign = "+" if change > 0 else "−" if change < 0 else "±"
    return f"{sign}{percent(abs(change))}"


def measured(measure: Measure, situation: Situation) -> float | None:
    """The same figure now."""
    kind, _, rest = measure.of.partition(":")
    if kind == "metric":
        return situation.mean(rest)
    query_hash, _, resource = rest.partition(":")
    for query in situation.queries:
        use = use_of_day(query)
        if query.query_hash == query_hash and use is not None:
            return use.average_cpu_ms if resource == "cpu" else use.average_logical_reads
    return None
