"""What a metric and a source are, and the catalog that knows them all by name."""

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum

from msgspec import Struct

from shared.domain.errors import InvalidInput


class Kind(StrEnum):
    """How a metric's minutes are rolled up into hours and days."""

    GAUGE = "gauge"
    COUNT = "count"
    RATIO = "ratio"
    DISTRIBUTION = "distribution"


class Within(StrEnum):
    """How several samples of one minute in one answer become the minute's cell."""

    LAST = "last"
    MEAN = "mean"
    MAX = "max"
    MIN = "min"
    SUM = "sum"


class Better(StrEnum):
    """Which way a metric improves."""

    LOW = "low"
    HIGH = "high"
    NEITHER = "neither"


class Writes(StrEnum):
    """How a source's answer meets the cells that are stored already."""

    REPLACE = "replace"
    COMBINE = "combine"  # asked several times a minute: max or min with what is there
    WINDOW = "window"  # counts over windows that must join without overlap


class Source(Struct, frozen=True, kw_only=True):
    """Something that is asked for samples.

    `settle`: how far behind the clock its minutes are complete. `cadence`: how often it is asked.
    `remembers`: how far back it can be asked again; zero: what it does not say in time is lost.
    `presses`: it is asked in every pass, twice a minute.
    """

    name: str
    settle: timedelta
    description: str
    cadence: timedelta = timedelta(minutes=1)
    remembers: timedelta = timedelta(0)
    writes: Writes = Writes.REPLACE
    presses: bool = False


class Sight(StrEnum):
    """What can be seen of a database while it suffers: what it executes, or who blocks others."""

    RUNNING = "running"
    BLOCKING = "blocking"


class Metric(Struct, frozen=True, kw_only=True):
    """One measured quantity of a target.

    `name` is its name on the wire, `column` its name in Table Storage, `label` its name in a
    sentence. `every`: a sample holds for that many minutes. `sources`: who measures it, the first
    before the fallbacks. `of`: for a distribution, the count whose zero means that there was
    nothing to measure. `statistic`: for a distribution, `mean` or the quantile in (0, 1).
    `witnessed`: what of the database says, just then, why it is high. `suspected`: who tried to
    log in during so many minutes says it; 0: nobody does. `least` and `limit`: it
    can't be lower or higher (None: it can). `judged`: a detector says how unusual each minute is.
    """

    name: str
    column: str
    label: str
    unit: str
    group: str
    kind: Kind
    within: Within
    sources: tuple[str, ...]
    description: str
    every: int = 1
    better: Better = Better.LOW
    least: float | None = 0
    limit: float | None = None
    warning: float | None = None
    critical: float | None = None
    of: str | None = None
    statistic: float | str | None = None
    witnessed: Sight | None = None
    suspected: int = 0
    judged: bool = False

    @property
    def score(self) -> str | None:
        """The column in which a detector writes how unusual each minute is, 0–1; None: no one."""
        return f"{self.column}_score" if self.judged else None

    @property
    def expected(self) -> tuple[str, str] | None:
        """Likewise the columns of the lowest and the highest value that would have been usual."""
        return (f"{self.column}_low", f"{self.column}_high") if self.judged else None


class Catalog:
    """All metrics and sources of the house, found by name; unknown names are answered kindly."""

    def __init__(self, metrics: Iterable[Metric], sources: Iterable[Source]) -> None:
        self._metrics = {metric.name: metric for metric in metrics}
        self._sources = {source.name: source for source in sources}

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Every metric, in the catalog's order."""
        return tuple(self._metrics.values())

    @property
    def sources(self) -> tuple[Source, ...]:
        """Every source, in the catalog's order."""
        return tuple(self._sources.values())

    def metric(self, name: str) -> Metric:
        """The metric of that name; raises InvalidInput that names the nearest ones."""
        try:
            return self._metrics[name]
        except KeyError:
            raise InvalidInput(self._unknown(name)) from None

    def source(self, name: str) -> Source:
        """The source of that name."""
        return self._sources[name]

    def sources_of(self, metric: Metric) -> tuple[Source, ...]:
        """Who measures `metric`, the primary source first."""
        return tuple(self._sources[name] for name in metric.sources)

    def distributions(self) -> tuple[Metric, ...]:
        """The metrics that are computed from a minute's histogram."""
        return tuple(m for m in self._metrics.values() if m.kind is Kind.DISTRIBUTION)

    def _unknown(self, name: str) -> str:
        from difflib import get_close_matches  # noqa: PLC0415 - only mistakes need it

        near = get_close_matches(name, self._metrics, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(near)}?" if near else "docs/metrics.md lists them all."
        return f"there is no metric {name!r}; {hint}"
