"""What the database's load is made of, and how many points of DTU less work would give back."""

import re
from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from shared.domain.inspections import QueryStatistics, QueryUse
from shared.domain.recommendations.situations import Situation, use_of_day
from shared.domain.recommendations.values import Measure


class Resource(StrEnum):
    """Parts of a DTU that queries are known to use; nothing tells whose the log writes are."""

    CPU = "cpu"
    READS = "reads"


METRIC_OF = {Resource.CPU: "dtuCpu", Resource.READS: "dtuDataIo"}
WORD_OF = {Resource.CPU: "CPU", Resource.READS: "IO"}


class Work(Struct, frozen=True):
    """CPU time (ms) and pages of 8 KB in a day: all that were read, and those from the disk."""

    cpu_ms: float = 0
    reads: float = 0
    disk_reads: float = 0

    def __add__(self, other: "Work") -> "Work":
        return Work(
            self.cpu_ms + other.cpu_ms,
            self.reads + other.reads,
            self.disk_reads + other.disk_reads,
        )

    def scaled(self, factor: float) -> "Work":
        """A part of it."""
        return Work(self.cpu_ms * factor, self.reads * factor, self.disk_reads * factor)

    def without(self, other: "Work") -> "Work":
        """What is left when other has been saved."""
        return Work(
            max(self.cpu_ms - other.cpu_ms, 0),
            max(self.reads - other.reads, 0),
            max(self.disk_reads - other.disk_reads, 0),
        )


NO_WORK = Work()


class Load(Struct, frozen=True):
    """The day's work of all listed queries, and the mean percent of each part of the DTU."""

    whole: Work
    percent: dict[Resource, float]

    def share(self, work: Work, resource: Resource) -> float:
        """Its share of that resource, in [0, 1]; of reads, of those from the disk where known."""
        whole = self._amount(self.whole, resource)
        return min(self._amount(work, resource) / whole, 1.0) if whole > 0 else 0.0

    def _amount(self, work: Work, resource: Resource) -> float:
        if resource is Resource.CPU:
            return work.cpu_ms
        return work.disk_reads if self.whole.disk_reads > 0 else work.reads

    def points(self, work: Work) -> float:
        """Points of DTU percent that doing without `work` would give back.

        For each resource r: share of r × mean percent of r × (mean percent of r / the highest mean
        percent), the best of them. DTU is the highest of its parts, so what uses another part than
        the highest one counts the less the farther that part lies below.
        """
        return max((self._points(work, resource) for resource in self.percent), default=0.0)

    def resource(self, work: Work) -> Resource:
        """The one by which `work` weighs most."""
        return max(Resource, key=lambda one: self._points(work, one))

    def _points(self, work: Work, resource: Resource) -> float:
        percent = self.percent.get(resource, 0.0)
        highest = max(self.percent.values(), default=0.0)
        return self.share(work, resource) * percent * percent / highest if highest > 0 else 0.0


def load_of(situation: Situation) -> Load:
    """The load of the last 24 hours; without figures of its parts, DTU stands for each of them."""
    uses = [use for query in situation.queries if (use := use_of_day(query)) is not None]
    whole = sum((work_of(use) for use in uses), NO_WORK)
    dtu = situation.mean("dtuUtilization")
    if dtu is None and situation.inspection is not None:
        dtu = situation.inspection.dtu_percent
    found = {one: situation.mean(metric) for one, metric in METRIC_OF.items()}
    known = {one: mean for one, mean in found.items() if mean is not None}
    return Load(whole, known or dict.fromkeys(Resource, dtu or 0.0))


def work_of(use: QueryUse) -> Work:
    """All that a query did in the window."""
    return Work(use.cpu_ms, use.logical_reads, use.physical_reads)


_WORD = re.compile(r"[\w@$#]+")


def words_of(text: str) -> frozenset[str]:
    """The names and keywords of a statement, in lower case."""
    return frozenset(_WORD.findall(text.lower()))


def bare(table: str) -> str:
    """A table's name without its schema, in lower case."""
    return table.rpartition(".")[2].strip("[]").lower()


def readers(
    queries: Iterable[QueryStatistics], table: str, columns: Iterable[str] = ()
) -> list[QueryStatistics]:
    """The queries that name the table, and one of the columns where their text was not cut short.

    The one whose executions read most comes first.
    """
    wanted = {column.lower() for column in columns}

    def fits(query: QueryStatistics) -> bool:
        words = words_of(query.text)
        return bare(table) in words and (
            not wanted or query.text.endswith("…") or bool(wanted & words)
        )

    found = [query for query in queries if use_of_day(query) is not None and fits(query)]
    return sorted(found, key=_reads_each, reverse=True)


def _reads_each(query: QueryStatistics) -> float:
    use = use_of_day(query)
    return use.average_logical_reads if use is not None else 0.0


def measure_of(query: QueryStatistics | None, resource: Resource) -> Measure | None:
    """What an execution of the query costs, to be measured again later."""
    use = use_of_day(query) if query is not None else None
    if query is None or use is None:
        return None
    is_cpu = resource is Resource.CPU
    value, unit = (use.average_cpu_ms, "ms") if is_cpu else (use.average_logical_reads, "pages")
    label = f"{WORD_OF[resource]} of query {query.query_id}"
    return Measure(f"query:{query.query_hash}:{resource}", label, value, unit)
