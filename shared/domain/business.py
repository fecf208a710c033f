"""What the CRM was used for and what it brought, by name; made of the tallies of a range."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from shared.domain.tallies import Tally

MOST = 40
"""Names of each list."""


class DealStage(Struct, frozen=True, kw_only=True, rename="camel"):
    """Deals of a stage, and their value in the CRM's own currency."""

    stage: str
    deals: int
    value: float


class InteractionType(Struct, frozen=True, kw_only=True, rename="camel"):
    """How often interactions of a type were logged."""

    type: str
    count: int


class ReportType(Struct, frozen=True, kw_only=True, rename="camel"):
    """How often reports of a type were generated, and how long they took, in ms."""

    type: str
    count: int
    mean_ms: float
    longest_ms: float


class UsedOperation(Struct, frozen=True, kw_only=True, rename="camel"):
    """What the CRM was asked for; `users`: the most in a quarter of an hour that sampling kept."""

    name: str
    requests: int
    errors: int
    mean_ms: float
    users: int


class ViewedPage(Struct, frozen=True, kw_only=True, rename="camel"):
    """What browsers showed; `users` as of an operation."""

    name: str
    views: int
    mean_ms: float
    users: int


class BusinessQuarter(Struct, frozen=True, kw_only=True, rename="camel"):
    """A quarter of an hour: what of the lists fell into it."""

    at: datetime
    requests: int
    views: int
    interactions: int


class Business(Struct, frozen=True, kw_only=True, rename="camel"):
    """A range in the CRM's business and its use.

    `pipeline`: the open deals by stage as of `pipeline_at`, null before the first look. `closed`:
    those that ended in the range; `conversion`: won of these, in percent, null without any;
    `revenue`: the value of those won. The lists have those with most first, at most forty names.
    `cut`: rows of the range's hours that were too many to keep; names with few are told too little.
    """

    pipeline_at: datetime | None
    pipeline: tuple[DealStage, ...]
    closed: tuple[DealStage, ...]
    conversion: float | None
    revenue: float
    interactions: tuple[InteractionType, ...]
    reports: tuple[ReportType, ...]
    operations: tuple[UsedOperation, ...]
    pages: tuple[ViewedPage, ...]
    quarters: tuple[BusinessQuarter, ...]
    cut: int


def business_of(tallies: Sequence[Tally], *, won: str, lost: str, cut: int) -> Business:
    """The tallies of a range as lists; `won` and `lost` are how deals end, in small letters."""
    pipeline = max((one for one in tallies if one.table == "pipeline"), default=None, key=_slot)
    closed = [
        DealStage(stage=name, deals=int(deals), value=value)
        for name, (deals, value) in _summed(tallies, "deals", 2)
    ]
    won_ones = [one for one in closed if one.stage.casefold() == won]
    gained = sum(one.deals for one in won_ones)
    ended = gained + sum(one.deals for one in closed if one.stage.casefold() == lost)
    return Business(
        pipeline_at=pipeline.slot if pipeline else None,
        pipeline=_stages(pipeline),
        closed=tuple(closed),
        conversion=100 * gained / ended if ended else None,
        revenue=sum((one.value for one in won_ones), 0.0),
        interactions=tuple(
            InteractionType(type=name, count=int(count))
            for name, (count,) in _summed(tallies, "interactions", 1)
        ),
        reports=tuple(
            ReportType(type=name, count=int(count), mean_ms=_mean(took, count), longest_ms=longest)
            for name, (count, took, longest) in _summed(tallies, "reports", 3, highest=(2,))
        ),
        operations=_operations(tallies),
        pages=tuple(
            ViewedPage(name=name, views=int(count), mean_ms=_mean(took, count), users=int(users))
            for name, (count, took, users) in _summed(tallies, "pages", 3, highest=(2,))
        ),
        quarters=_quarters(tallies),
        cut=cut,
    )


def _slot(one: Tally) -> datetime:
    return one.slot


def _stages(pipeline: Tally | None) -> tuple[DealStage, ...]:
    rows = pipeline.rows if pipeline else ()
    return tuple(
        DealStage(stage=row.labels[0], deals=int(row.figures[1]), value=row.figures[0])
        for row in rows
    )


def _summed(
    tallies: Iterable[Tally], table: str, figures: int, *, highest: Sequence[int] = ()
) -> list[tuple[str, list[float]]]:
    """By name the sums of a table's figures, of `highest` the highest; those with most first."""
    found: dict[str, list[float]] = {}
    for one in tallies:
        for row in one.rows if one.table == table else ():
            known = found.setdefault(row.labels[0], [0.0] * figures)
            for n, figure in enumerate(row.figures):
                known[n] = max(known[n], figure) if n in highest else known[n] + figure
    return sorted(found.items(), key=lambda one: (-one[1][0], one[0]))[:MOST]


def _operations(tallies: Iterable[Tally]) -> tuple[UsedOperation, ...]:
    return tuple(
        UsedOperation(
            name=name,
            requests=int(count),
            errors=int(errors),
            mean_ms=_mean(took, count),
            users=int(users),
        )
        for name, (count, errors, took, users) in _summed(tallies, "operations", 4, highest=(3,))
    )


def _mean(total: float, count: float) -> float:
    return total / count if count else 0.0


def _quarters(tallies: Iterable[Tally]) -> tuple[BusinessQuarter, ...]:
    counts: dict[datetime, dict[str, float]] = {}
    for one in tallies:
        if one.table in ("operations", "pages", "interactions"):
            total = sum(row.figures[0] for row in one.rows)
            counts.setdefault(one.slot, {})[one.table] = total
    return tuple(
        BusinessQuarter(
            at=at,
            requests=int(counts[at].get("operations", 0)),
            views=int(counts[at].get("pages", 0)),
            interactions=int(counts[at].get("interactions", 0)),
        )
        for at in sorted(counts)
    )
