"""Indexes that are missing: merged, weighed against what they cost, and ready to be made."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.inspections import Index, MissingIndex, QueryStatistics
from shared.domain.quantities import quantity
from shared.domain.recommendations.loads import (
    NO_WORK,
    Resource,
    Work,
    bare,
    load_of,
    measure_of,
    readers,
    work_of,
)
from shared.domain.recommendations.situations import Situation, use_of_day
from shared.domain.recommendations.values import (
    Confidence,
    Estimate,
    Fact,
    Gist,
    Recommendation,
    Remedy,
    Text,
    recommend,
)
from shared.domain.records import short_hash
from shared.domain.times import DAY

GIST = Gist(
    kind="missing_index",
    type="missing_index",
    link="https://learn.microsoft.com/sql/relational-databases/indexes/"
    "tune-nonclustered-missing-index-suggestions",
)
LEAST_POINTS = 0.5
"""An index that gives back less is not worth its keeping."""
MOST = 5
PAGES_OF_A_WRITE = 4
"""Pages that a change of a row touches in one more index: its levels, and a split now and then."""
PAGES_OF_A_UNIT = 1350.0
"""The optimiser's price of a page that is scanned is 1/1350 (0.000740741), as plans show."""
ASSUMED_DAYS = 7.0
"""For how long suggestions have been counted, where that can't be read."""
SHORTEST_DAYS = 0.25
BYTES_OF_A_COLUMN = 16
BYTES_OF_A_ROW = 12


class Worth(Struct, frozen=True):
    """What an index would save each query in a day, and the pages that its upkeep costs."""

    parts: tuple[tuple[QueryStatistics, Work], ...]
    upkeep: float

    @property
    def saved(self) -> Work:
        """All that would be saved."""
        return sum((work for _, work in self.parts), NO_WORK)

    @property
    def gain(self) -> float:
        """The share of it that upkeep leaves over; 0 when it costs more than it saves."""
        reads = self.saved.reads
        return max(1 - self.upkeep / reads, 0.0) if reads > 0 else 0.0

    @property
    def helped(self) -> list[QueryStatistics]:
        """Whom it serves, the one first that it was most likely asked for by."""
        return [query for query, _ in self.parts]


def missing_indexes(situation: Situation) -> Iterable[Recommendation]:
    """The indexes that would give back most.

    Suggestions that one index can serve are merged; one that was not asked for in a day is over.
    Its seeks go to the executions, since the restart or since each first came, of the queries that
    name the table and a key column: first to those that read about as much as its cost says (1,350
    pages a unit). Each saves `impact` percent of its work, of so much at most.
    Upkeep: 4 pages for each write of the table in a day. Points = load.points(saved × (1 - pages of
    upkeep / pages saved)), urgency = points / 100. So a suggestion with a great impact and few
    seeks, or on a table that is mostly written, weighs little.
    """
    load, found = load_of(situation), []
    for missing in wanted_indexes(situation):
        worth = worth_of(missing, situation)
        points = load.points(worth.saved.scaled(worth.gain))
        if points >= LEAST_POINTS:
            found.append((points, missing, worth))
    found.sort(key=lambda one: -one[0])
    for points, missing, worth in found[:MOST]:
        yield _recommended(points, missing, worth, situation)


def _recommended(
    points: float, missing: MissingIndex, worth: Worth, situation: Situation
) -> Recommendation:
    proven = situation.uptime_days is not None
    return recommend(
        GIST,
        f"{missing.table}|{','.join(sorted(missing.equality))}|{','.join(missing.inequality)}",
        _text(missing, worth, situation),
        urgency=points / 100,
        size=points,
        confidence=Confidence.HIGH if proven and missing.impact >= 50 else Confidence.MEDIUM,
        remedy=Remedy(
            statement=worth.helped[0].text if worth.helped else None,
            script=_script(missing),
            reversal=f"DROP INDEX {name_of(missing)} ON {quoted(missing.table)};",
            estimate=Estimate(round(points, 1), "% DTU"),
            measure=measure_of(next(iter(worth.helped), None), Resource.READS),
        ),
    )


def _text(missing: MissingIndex, worth: Worth, situation: Situation) -> Text:
    keys = ", ".join(keys_of(missing))
    helped = ", ".join(str(query.query_id) for query in worth.helped[:3])
    return Text(
        f"Missing index on {missing.table} ({keys})",
        f"The optimiser asked for it {_count(missing.seeks + missing.scans)} times and expects "
        f"{missing.impact:.0f} % less cost for each; it serves query {helped}."
        f"{_near(missing, situation.indexes)}",
        (
            "Create the index at a quiet hour: the script keeps the table usable meanwhile.",
            f"Look again a day later whether query {helped} reads less; else drop it.",
        ),
        (
            Fact("asked for", f"{_count(missing.seeks + missing.scans)} times"),
            Fact("cost of a query", f"{missing.cost:.1f} of the optimiser's units"),
            Fact("expected to fall by", f"{missing.impact:.0f} %"),
            Fact("reads saved a day", quantity(round(worth.saved.reads), "pages")),
            Fact("pages for upkeep a day", quantity(round(worth.upkeep), "pages")),
            *_size_fact(missing, situation),
        ),
    )


def _count(number: int) -> str:
    return f"{number:,}"


def _size_fact(missing: MissingIndex, situation: Situation) -> Iterable[Fact]:
    """Rows × (12 bytes and 16 for each column): an order of magnitude."""
    rows = next(
        (one.rows for one in situation.tables if bare(one.table) == bare(missing.table)), None
    )
    if rows is not None:
        columns = len(keys_of(missing)) + len(missing.included)
        size = rows * (BYTES_OF_A_ROW + BYTES_OF_A_COLUMN * columns) / 2**20
        yield Fact("its size, about", quantity(round(size, 1), "MB"))


def _near(missing: MissingIndex, indexes: Sequence[Index]) -> str:
    """Where an index with the same first key exists, widening it may be better than a second."""
    first = keys_of(missing)[0]
    for index in indexes:
        begins = [key.removesuffix(" DESC").lower() for key in index.keys[:1]] == [first.lower()]
        if begins and bare(index.table) == bare(missing.table) and not index.is_primary_key:
            return f" {index.name} begins with {first}, too: widening it may do."
    return ""


def wanted_indexes(situation: Situation) -> list[MissingIndex]:
    """The suggestions, each merged with those that it can serve as well, that do not exist yet.

    One index serves several when its keys can be put in an order of which each one's equality
    columns are a beginning, and these with its first other column, too.
    """
    groups: list[list[MissingIndex]] = []
    asked = [one for one in situation.missing_indexes if keys_of(one) and _is_asked(one, situation)]
    for one in sorted(asked, key=_width, reverse=True):
        group = next((group for group in groups if _serves(group, one)), None)
        if group is None:
            groups.append([one])
        else:
            group.append(one)
    merged = [_merged(group) if len(group) > 1 else group[0] for group in groups]
    return [one for one in merged if not _exists(one, situation.indexes)]


def _is_asked(missing: MissingIndex, situation: Situation) -> bool:
    return missing.last_seek_at is None or situation.now - missing.last_seek_at <= DAY


def _width(missing: MissingIndex) -> tuple[int, int, float]:
    return len(keys_of(missing)), len(missing.included), missing.cost


def keys_of(missing: MissingIndex) -> tuple[str, ...]:
    """Columns compared for equality first, then the first of the others: more can't be seeked."""
    return (*missing.equality, *missing.inequality[:1])


def _serves(group: Sequence[MissingIndex], one: MissingIndex) -> bool:
    chain = _chain([*group, one])
    nested = all(small <= large for small, large in pairwise(chain))
    return nested and group[0].table == one.table and set(keys_of(one)) <= set(keys_of(group[0]))


def _chain(group: Iterable[MissingIndex]) -> list[frozenset[str]]:
    """What the beginnings of an index for all of them must be, the shortest first."""
    starts = [frozenset(part) for one in group for part in (one.equality, keys_of(one))]
    return sorted(starts, key=len)


def _merged(group: Sequence[MissingIndex]) -> MissingIndex:
    """One for all; costs and impacts weigh by how often each was asked for."""
    order = {key: None for start in _chain(group) for key in keys_of(group[0]) if key in start}
    carried = dict.fromkeys(c for one in group for c in (*one.inequality[1:], *one.included))
    weights = [max(one.seeks + one.scans, 1) for one in group]

    def mean(values: Iterable[float]) -> float:
        return sum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights)

    return replace(
        group[0],
        equality=tuple(order),
        inequality=(),
        included=tuple(column for column in carried if column not in order),
        seeks=sum(one.seeks for one in group),
        scans=sum(one.scans for one in group),
        cost=mean(one.cost for one in group),
        impact=mean(one.impact for one in group),
    )


def _exists(missing: MissingIndex, indexes: Sequence[Index]) -> bool:
    """An index that was made meanwhile: suggestions stay until the next restart.

    One that begins with what is compared otherwise than for equality is not what was asked for.
    """
    keys = [key.lower() for key in keys_of(missing)]
    starts = {len(missing.equality), len(keys)}
    needed = {column.lower() for column in missing.included}
    for index in indexes:
        if bare(index.table) != bare(missing.table) or index.is_disabled or index.filter:
            continue
        has = [key.removesuffix(" DESC").lower() for key in index.keys]
        carried = {*has, *(column.lower() for column in index.includes)}
        if all(set(has[:n]) == set(keys[:n]) for n in starts) and needed <= carried:
            return True
    return False


def worth_of(missing: MissingIndex, situation: Situation) -> Worth:
    """What the index would save in a day, for whom, and what keeping it costs."""
    left, parts = float(missing.seeks + missing.scans), []
    for query in sorted(
        readers(situation.queries, missing.table, keys_of(missing)),
        key=lambda one: _distance(one, missing),
    ):
        use = use_of_day(query)
        if use is None or left <= 0:
            break
        executed = use.executions * _counted_days(query, situation)
        part = min(left / executed, 1.0)
        meant = min(PAGES_OF_A_UNIT * missing.cost / max(use.average_logical_reads, 1.0), 1.0)
        parts.append((query, work_of(use).scaled(part * meant * missing.impact / 100)))
        left -= executed * part
    return Worth(tuple(parts), _upkeep(missing, situation))


def _counted_days(query: QueryStatistics, situation: Situation) -> float:
    """For how long its executions can have asked: since the restart, or since it first came."""
    days = _uptime(situation)
    if query.first_seen_at is not None:
        days = min(days, (situation.now - query.first_seen_at) / DAY)
    return max(days, SHORTEST_DAYS)


def _uptime(situation: Situation) -> float:
    return max(situation.uptime_days or ASSUMED_DAYS, SHORTEST_DAYS)


def _distance(query: QueryStatistics, missing: MissingIndex) -> float:
    """How far what it reads lies from what the suggestion is about, as a factor's logarithm."""
    use = use_of_day(query)
    reads = use.average_logical_reads if use is not None else 0.0
    return abs(math.log(max(reads, 1.0) / max(PAGES_OF_A_UNIT * missing.cost, 1.0)))


def _upkeep(missing: MissingIndex, situation: Situation) -> float:
    writes = [
        one.writes or 0 for one in situation.indexes if bare(one.table) == bare(missing.table)
    ]
    return PAGES_OF_A_WRITE * max(writes, default=0) / _uptime(situation)


def relief_of(query: QueryStatistics, situation: Situation) -> Work:
    """The most of its work that one of the missing indexes would save it."""
    worths = (worth_of(missing, situation) for missing in wanted_indexes(situation))
    found = (
        work.scaled(worth.gain) for worth in worths for one, work in worth.parts if one is query
    )
    return max(found, key=lambda work: work.reads, default=NO_WORK)


def name_of(missing: MissingIndex) -> str:
    """A name that says what it is for, and is the same each time."""
    columns = "_".join(keys_of(missing))
    told = short_hash(missing.table, columns, *missing.included)
    return bracketed(f"IX_{missing.table.rpartition('.')[2]}_{columns}"[:110] + f"_{told[:4]}")


def _script(missing: MissingIndex) -> str:
    """Azure SQL Database has online index operations, and leaves out no tier.

    learn.microsoft.com: perform-index-operations-online.
    """
    keys = ", ".join(map(bracketed, keys_of(missing)))
    carried = ", ".join(map(bracketed, missing.included))
    include = f" INCLUDE ({carried})" if carried else ""
    made = f"CREATE NONCLUSTERED INDEX {name_of(missing)} ON {quoted(missing.table)} ({keys})"
    return f"{made}{include} WITH (ONLINE = ON, MAXDOP = 1);"


def quoted(table: str) -> str:
    """A table with its schema as T-SQL takes it, whatever its name: a further dot belongs to it."""
    return ".".join(map(bracketed, table.split(".", 1)))


def bracketed(name: str) -> str:
    """A name as T-SQL takes it."""
    return f"[{name.replace(']', ']]')}]"
