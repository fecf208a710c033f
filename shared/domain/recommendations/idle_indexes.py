"""Indexes that only cost: never read, or served by another. Never those that guard something."""

from collections.abc import Iterable, Sequence

from shared.domain.inspections import Index
from shared.domain.quantities import quantity
from shared.domain.recommendations.indexes import bracketed, quoted
from shared.domain.recommendations.situations import Situation
from shared.domain.recommendations.values import (
    Confidence,
    Fact,
    Gist,
    Recommendation,
    Remedy,
    Text,
    recommend,
)

DESIGN = "https://learn.microsoft.com/sql/relational-databases/sql-server-index-design-guide"
UNUSED = Gist(kind="unused_index", type="unused_index", link=DESIGN)
DUPLICATE = Gist(kind="duplicate_index", type="duplicate_index", link=DESIGN)

PROVEN_DAYS = 14.0
"""A report of the month's end is missed all the same: the reversal brings the index back."""
LIMIT_MB = 2048.0
LEAST_URGENCY = 0.01
MOST_URGENCY = 0.04
"""Nothing gets slower tomorrow: always a low priority."""
MOST = 5


def unused_indexes(situation: Situation) -> Iterable[Recommendation]:
    """Indexes that were written and never read in at least 14 days of counting.

    Primary keys, unique ones and those behind foreign keys stay. Urgency = 0.01 + size / 2 GB,
    at most 0.04.
    """
    days = situation.uptime_days
    if days is None or days < PROVEN_DAYS:
        return
    idle = [one for one in _droppable(situation) if one.reads == 0 and (one.writes or 0) > 0]
    for one in sorted(idle, key=lambda index: -(index.writes or 0))[:MOST]:
        yield recommend(
            UNUSED,
            f"{one.table}|{one.name}",
            Text(
                f"Index {one.name} is never read",
                f"In {days:.0f} days it was written {one.writes or 0:,} times and read never.",
                (
                    "Ask whoever made it: a report of the year's end may need it.",
                    "Drop it by the script; the reversal makes it again.",
                ),
                (*_facts(one), Fact("counted for", quantity(round(days), "days"))),
            ),
            urgency=_urgency(one),
            size=one.size_mb,
            confidence=Confidence.HIGH if days >= 2 * PROVEN_DAYS else Confidence.MEDIUM,
            remedy=_drop(one),
        )


def duplicate_indexes(situation: Situation) -> Iterable[Recommendation]:
    """Indexes whose keys another one has, too, and whose carried columns it carries as well.

    The one that carries less goes; of equal ones the one that is read less. Only with 14 days of
    counting, as with unused ones, because reads decide. Urgency = 0.01 + size / 2 GB, at most 0.04.
    """
    days = situation.uptime_days
    if days is None or days < PROVEN_DAYS:
        return
    for one in _droppable(situation):
        other = next((wide for wide in situation.indexes if _replaces(wide, one)), None)
        if other is not None:
            yield recommend(
                DUPLICATE,
                f"{one.table}|{one.name}",
                Text(
                    f"Index {one.name} is a duplicate of {other.name}",
                    f"{other.name} has the same keys ({', '.join(one.keys)}) and carries the same "
                    "columns: each write is done twice.",
                    (
                        "Look for its name in the CRM's code: a hint that names it would fail.",
                        "Drop it by the script; the reversal makes it again.",
                    ),
                    (*_facts(one), Fact("what stays", other.name)),
                ),
                urgency=_urgency(one),
                size=one.size_mb,
                confidence=Confidence.HIGH,
                remedy=_drop(one),
            )


def _droppable(situation: Situation) -> list[Index]:
    return [one for one in situation.indexes if one.kind == "NONCLUSTERED" and not _guards(one)]


def _guards(index: Index) -> bool:
    """It holds a promise, or speeds up a check that nobody sees in the usage figures."""
    return (
        index.is_primary_key
        or index.is_unique
        or index.is_unique_constraint
        or index.supports_foreign_key
        or index.is_disabled
    )


def _replaces(wide: Index, one: Index) -> bool:
    """Whether `wide` can take over; of two equals only one may go."""
    if wide.table != one.table or wide.name == one.name or wide.kind != one.kind:
        return False
    if wide.keys != one.keys or wide.filter != one.filter or wide.is_disabled:
        return False
    if not set(one.includes) <= set(wide.includes):
        return False
    if _guards(wide) or set(wide.includes) != set(one.includes):
        return True
    return (wide.reads or 0, wide.name) > (one.reads or 0, one.name)


def _urgency(index: Index) -> float:
    return min(LEAST_URGENCY + index.size_mb / LIMIT_MB, MOST_URGENCY)


def _facts(index: Index) -> Sequence[Fact]:
    return (
        Fact("written", f"{index.writes or 0:,} times"),
        Fact("read", f"{index.reads or 0:,} times"),
        Fact("size", quantity(round(index.size_mb, 1), "MB")),
    )


def _drop(index: Index) -> Remedy:
    where = f"{bracketed(index.name)} ON {quoted(index.table)}"
    include = f" INCLUDE ({', '.join(map(bracketed, index.includes))})" if index.includes else ""
    only = f" WHERE {index.filter}" if index.filter else ""
    made = f"CREATE NONCLUSTERED INDEX {where} ({', '.join(map(_key, index.keys))})"
    return Remedy(
        script=f"DROP INDEX {where};", reversal=f"{made}{include}{only} WITH (ONLINE = ON);"
    )


def _key(key: str) -> str:
    name = key.removesuffix(" DESC")
    return bracketed(name) + (" DESC" if name != key else "")
