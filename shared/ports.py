"""What the services need from outside, one Protocol each; adapters and their twins provide it."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Protocol, TypeVar

from msgspec import Struct

from shared.domain.anomalies.kept import KeptDetectors
from shared.domain.budgets import Limits
from shared.domain.chunks import HourChunk, Latest
from shared.domain.costs import Count, Prices
from shared.domain.culprits import Culprit
from shared.domain.days import DayChunk, Versions
from shared.domain.inspections import BlockingChain, Inspection
from shared.domain.links import LinkMaker
from shared.domain.metrics import Catalog
from shared.domain.notifications import Notification
from shared.domain.records import Kept, Write
from shared.domain.reports.reporting import NOBODY, Reporting
from shared.domain.retention import KEPT, Retention
from shared.domain.routing import Routing
from shared.domain.rules import Action, Rule, Severity
from shared.domain.samples import Answer, Reading
from shared.domain.times import Span

T = TypeVar("T")

WallClock = Callable[[], datetime]
"""Real time, aware UTC: leases, delivery times, time-outs. World time is passed as `now`."""


class MetricSource(Protocol):
    """Something that can be asked for a target's samples."""

    @property
    def name(self) -> str:
        """Its name in the catalog."""
        ...

    def read(self, target: str, *, since: datetime | None, now: datetime) -> Reading:
        """All samples from `since` (its watermark; None: never read) up to `now`.

        Raises SourceError. Must keep to its own time-outs; it is abandoned after 10 s.
        """
        ...


class SourceGroup(Protocol):
    """Several sources of the catalog that are read together, over one connection."""

    @property
    def names(self) -> tuple[str, ...]:
        """Their names in the catalog."""
        ...

    def read(
        self, target: str, *, since: Mapping[str, datetime | None], now: datetime
    ) -> Sequence[Answer]:
        """One answer for each key of `since`: the sources that are due, each with its watermark.

        A source that fails answers a Failure and does not harm the others. Raises SourceError when
        none could be asked. Keeps to its own time-outs, like MetricSource.read.
        """
        ...


class Witness(Protocol):
    """Somebody who can see what a target's database is doing just now."""

    def running(self, target: str) -> Sequence[Culprit]:
        """The statements that are being executed, the hungriest first; empty when none is.

        Bounded to a few seconds and a handful of rows: it is asked when the database suffers.
        Raises SourceError when it can't be seen.
        """
        ...

    def blocking(self, target: str) -> Sequence[BlockingChain]:
        """Who keeps other sessions waiting, the longest wait first; bounded and raises as above."""
        ...


class Inspector(Protocol):
    """Somebody who can look at a target's database from the inside."""

    def knows(self, target: str) -> bool:
        """Whether that target has a database that can be inspected."""
        ...

    def inspect(self, target: str, *, now: datetime) -> Inspection:
        """Everything that can be read, compared with nothing yet; what can't be is named.

        It costs the database something and is bounded to a minute: ask when it has time. Raises
        SourceError when it can't be entered.
        """
        ...


class SampleStore(Protocol):
    """A target's history in hour and day chunks, and its `latest` row."""

    def latest(self, target: str) -> Latest:
        """The newest values and watermarks; empty for a target that was never read."""
        ...

    def hours(
        self,
        target: str,
        first: datetime,
        last: datetime,
        *,
        columns: Iterable[str] | None = None,
        summaries: bool = False,
        histograms: bool = False,
    ) -> list[HourChunk]:
        """The stored chunks of the hours `first` to `last`, both included, oldest first.

        Only the named columns (None: all) are read; `summaries` reads the summary instead of
        cells; `histograms` reads those too. A chunk read in part must not be saved again. What
        can't be read is logged and left out of its chunk, which names it.
        """
        ...

    def detectors(self, target: str) -> KeptDetectors:
        """What is known of the target's metrics; empty for one that was never judged."""
        ...

    def save(
        self,
        target: str,
        chunks: Sequence[HourChunk],
        latest: Latest,
        detectors: KeptDetectors | None = None,
    ) -> None:
        """Write whole chunks (at most 12), `latest` and the detectors in one transaction.

        Raises Conflict when one of them changed since it was read; then nothing is written.
        """
        ...

    def versions(self, target: str, first: datetime, last: datetime) -> Versions:
        """The ETag of every stored hour from `first` to `last`; cheaper than their chunks."""
        ...

    def drop_hours(self, target: str, hours: Versions, day: DayChunk | None = None) -> None:
        """Delete these hours (at most 99) and write their `day`, all or nothing.

        Raises Conflict when one of them changed.
        """
        ...

    def days(
        self,
        target: str,
        first: datetime,
        last: datetime,
        *,
        columns: Iterable[str] | None = None,
        quarters: bool = False,
        summaries: bool = False,
        histograms: bool = False,
    ) -> list[DayChunk]:
        """The stored chunks of the days `first` to `last`, likewise; a column is 24 hours.

        `quarters` reads those of the named columns instead of their hours.
        """
        ...

    def save_day(self, target: str, chunk: DayChunk) -> None:
        """Write a whole day; raises Conflict when it changed since it was read."""
        ...

    def drop_days(self, target: str, days: Versions) -> None:
        """Delete these days (at most 100), all or none; raises Conflict when one changed."""
        ...


class Ledger(Protocol):
    """Typed rows of one partition (a target's alerts, or a kind of configuration) under ETags."""

    def get(self, partition: str, key: str, kind: type[T]) -> Kept[T] | None:
        """One row, or None; raises DamagedRow for one that can't be read."""
        ...

    def scan(
        self, partition: str, prefix: str, kind: type[T], *, first: str = "", end: str | None = None
    ) -> list[Kept[T]]:
        """All rows whose key begins with `prefix`, in key order; damaged ones are only logged.

        From the key `first` to before `end`, where they are given.
        """
        ...

    def keys(
        self, partition: str, prefix: str, *, first: str = "", end: str | None = None
    ) -> list[str]:
        """The keys that begin with `prefix`, in order; cheaper than their rows.

        `first` and `end` bound them: first ≤ key < end.
        """
        ...

    def commit(self, partition: str, writes: Sequence[Write]) -> list[str | None]:
        """Do all of at most 100 writes or none; answers each row's new ETag (None: deleted).

        Raises Conflict when a row to insert exists, or one to change is gone or was changed.
        """
        ...


class WorkQueue(Protocol):
    """Messages that some instance of the app will handle, at least once, in any order."""

    def put(self, queue: str, message: Struct, *, live_for: timedelta | None = None) -> None:
        """Send ids, never state; `live_for` bounds how long the message is worth anything."""
        ...


class Channel(Protocol):
    """One way to tell people."""

    @property
    def type(self) -> str:
        """The action type it serves."""
        ...

    @property
    def timeout(self) -> timedelta:
        """The longest that one `send` can take, all its time-outs added up."""
        ...

    @property
    def least(self) -> Severity:
        """What it tells is at least so severe; a milder message is a permanent refusal."""
        ...

    def send(self, notification: Notification) -> str | None:
        """Deliver once and answer the provider's id; raises ChannelError."""
        ...

    def problem(self, target: str) -> str:
        """Why `target` can't be told as things are set up, for everybody to read; else empty.

        Nothing is asked of the provider, and no secret or private address is named.
        """
        ...


class Meter(Protocol):
    """Somebody who knows what the monitor itself uses."""

    def count(self, span: Span) -> Count:
        """What it used in these whole hours; what can't be counted is None, and says why.

        Bounded to half a minute or so; raises nothing.
        """
        ...


class Pulse(Protocol):
    """Somebody outside who notices when the monitor itself falls silent."""

    def beat(self, problems: Sequence[str]) -> None:
        """Say that all is well (no problems), or what is not; raises ChannelError.

        Bounded to a few seconds: it is told at the end of a pass.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Examination:
    """One thing that the monitor depends on, and how to find out whether it is well.

    `ask` really asks it and answers how it is, in a sentence; it raises Unwell, which knows what
    mends it, or any other error. Keeps to its own time-outs. `breaks`: what can't be done without
    it. `after`: the names of others without which asking it would say nothing. `late`: what to do
    when it does not answer at all.
    """

    name: str
    breaks: str
    ask: Callable[[], str]
    after: tuple[str, ...] = ()
    late: str = "ask again in a minute; https://status.azure.com says whether Azure is well"


@dataclass(frozen=True, kw_only=True)
class House:
    """Every port of one running monitor, as bootstrap (or a test) furnished it.

    `rules` are the shipped ones; what people change lives in `config`. `fallback` hears what no
    other channel could tell. `measured`: the names of each target's sources; a target that it does
    not know has them all. `routing`: where the alerts go of rules that leave it open. `budgets`:
    what the resources behind the types of channel take. `reader_zone`: the time that messages tell
    beside UTC. `links`: makes the links by which their readers act; without it messages have none.
    `retention`: how long what is stored is kept. `reporting`: who gets the week's, when. `doubts`:
    what of the targets' settings can't be used, in words for everybody.
    `meter`: counts what the monitor uses; None: no setting says where. `prices`: what that costs.
    """

    catalog: Catalog
    rules: Sequence[Rule]
    samples: SampleStore
    alerts: Ledger
    config: Ledger
    queue: WorkQueue
    sources: Sequence[MetricSource]
    channels: Mapping[str, Channel]
    wall: WallClock
    fallback: Action | None = None
    routing: Routing = field(default_factory=Routing)
    budgets: Mapping[str, Limits] = field(default_factory=dict)
    measured: Mapping[str, Collection[str]] = field(default_factory=dict)
    groups: Sequence[SourceGroup] = ()
    witness: Witness | None = None
    inspector: Inspector | None = None
    reader_zone: tzinfo | None = None
    links: LinkMaker | None = None
    pulse: Pulse | None = None
    retention: Retention = KEPT
    reporting: Reporting = NOBODY
    doubts: Sequence[str] = ()
    meter: Meter | None = None
    prices: Prices = field(default_factory=Prices)

    def sources_of(self, target: str) -> list[str]:
        """The names of the sources that measure `target`, those read alone first."""
        grouped = [name for group in self.groups for name in group.names]
        known = self.measured.get(target)
        names = [*(source.name for source in self.sources), *grouped]
        return [name for name in names if known is None or name in known]
