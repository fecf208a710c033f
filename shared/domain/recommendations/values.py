"""A recommendation as people read it, and how it is weighed against others."""

from collections.abc import Sequence
from enum import StrEnum
from math import sqrt

from msgspec import Struct

from shared.domain.deployments import RecentDeploy
from shared.domain.quantities import quantity
from shared.domain.records import short_hash

LOWEST_RANK = 255
HIGH_FROM, MEDIUM_FROM = 0.15, 0.07
"""Urgencies: about a seventh, and half of that, of what there is of the resource in question."""
MOST_ACTIONS = 12


class Area(StrEnum):
    """Which optimiser speaks: of the database, or of the plan that the app runs on."""

    DTU = "dtu"
    MEMORY = "memory"


class Priority(StrEnum):
    """How much it matters; the first two are said of memory at this very minute only."""

    CRITICAL = "critical"
    IMMEDIATE = "immediate"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Confidence(StrEnum):
    """How sure we are that it helps."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Fact(Struct, frozen=True):
    """A figure that speaks for the recommendation, with its unit."""

    label: str
    value: str


class Estimate(Struct, frozen=True):
    """What following it should save: points of DTU percent (`% DTU`), or `MB a day`."""

    value: float
    unit: str


class Measure(Struct, frozen=True):
    """The figure that should fall when it is followed, as it was found.

    `of` says where to find it again: `metric:NAME` (mean of the last 24 hours), `query:HASH:reads`
    or `query:HASH:cpu` (an execution's mean of the last day).
    """

    of: str
    label: str
    value: float
    unit: str


class Recommendation(Struct, frozen=True, kw_only=True, rename="camel"):
    """One piece of advice.

    `id` is the same as long as kind and subject are. `type`, `priority`, `title`, `description`
    and `actions` are the client's. `rank`: 1 is the most urgent of 255. `size`: the figure that
    has to double before it is said again to somebody who dismissed it. `statement`: the query,
    without its literals. `script` does it, `reversal` takes it back; nobody runs either by itself.
    """

    id: str
    kind: str
    area: Area
    type: str
    priority: Priority
    rank: int
    title: str
    description: str
    actions: tuple[str, ...]
    evidence: tuple[Fact, ...] = ()
    confidence: Confidence = Confidence.MEDIUM
    size: float = 0
    statement: str | None = None
    script: str | None = None
    reversal: str | None = None
    estimate: Estimate | None = None
    deploy: RecentDeploy | None = None
    measure: Measure | None = None
    link: str | None = None


class Gist(Struct, frozen=True, kw_only=True):
    """What is the same whenever a kind of recommendation is given.

    `priority`: the client's own for it; else it follows from how urgent the case is.
    """

    kind: str
    type: str
    area: Area = Area.DTU
    priority: Priority | None = None
    link: str | None = None


class Text(Struct, frozen=True):
    """What a case says."""

    title: str
    description: str
    actions: Sequence[str]
    evidence: Sequence[Fact] = ()


class Remedy(Struct, frozen=True, kw_only=True):
    """What a case offers beside words; see Recommendation."""

    statement: str | None = None
    script: str | None = None
    reversal: str | None = None
    estimate: Estimate | None = None
    deploy: RecentDeploy | None = None
    measure: Measure | None = None


NOTHING_READY = Remedy()


def recommend(
    gist: Gist,
    subject: str,
    text: Text,
    *,
    urgency: float,
    size: float,
    confidence: Confidence = Confidence.MEDIUM,
    remedy: Remedy = NOTHING_READY,
) -> Recommendation:
    """A recommendation about `subject`.

    `urgency` is in [0, 1]: the share of what there is of a resource, or of people's time, that
    following it would give back; each function says by which formula. Its root makes the rank:
    1 + 254 (1 - √urgency).
    """
    return Recommendation(
        id=f"{gist.kind.replace('_', '-')}-{short_hash(gist.kind, subject)}",
        kind=gist.kind,
        area=gist.area,
        type=gist.type,
        priority=gist.priority or priority_of(urgency),
        rank=rank_of(urgency),
        title=text.title,
        description=text.description,
        actions=tuple(text.actions)[:MOST_ACTIONS],
        evidence=tuple(text.evidence),
        confidence=confidence,
        size=size,
        statement=remedy.statement,
        script=remedy.script,
        reversal=remedy.reversal,
        estimate=remedy.estimate,
        deploy=remedy.deploy,
        measure=remedy.measure,
        link=gist.link,
    )


def percent(share: float, digits: int = 0) -> str:
    """A share of 1 as people read it: `41 %`."""
    return quantity(round(100 * share, digits or None), "%")


def rank_of(urgency: float) -> int:
    """1 for what can't wait, 255 for what hardly matters."""
    return 1 + round((LOWEST_RANK - 1) * (1 - sqrt(min(max(urgency, 0.0), 1.0))))


def priority_of(urgency: float) -> Priority:
    """See HIGH_FROM and MEDIUM_FROM."""
    if urgency >= HIGH_FROM:
        return Priority.HIGH
    return Priority.MEDIUM if urgency >= MEDIUM_FROM else Priority.LOW
