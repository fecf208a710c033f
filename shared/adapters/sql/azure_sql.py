"""The monitored database by SQL: one visit a minute, over one connection, with a guest's manners.

The minute's batch is one round trip. What the login may not read is left out of it, found at the
first visit and every six hours; the CRM's own counts follow in a second one, unless the database is
busy. docs/adr/010 says what is asked when.
"""

import logging
import math
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from typing import Any, Protocol, TypeVar

from shared.adapters.https import Outcomes
from shared.adapters.sql import samples as reading
from shared.adapters.sql.connections import (
    PATIENCE,
    Patience,
    SqlConnection,
    Statement,
    Table,
)
from shared.adapters.sql.failures import (
    DENIED,
    TRANSIENT,
    UNCOMPILED,
    UNKNOWN_NAME,
    SqlFailure,
)
from shared.adapters.sql.windows import Window, day_of, month_of, window_of
from shared.catalog.sql_queries import (
    BUSY,
    COUNTS,
    GRANTED,
    GRANTS,
    MINUTE_BATCH,
    OWN_SHARE,
    RESOURCE_STATS,
    Grant,
    SqlQuery,
)
from shared.domain.errors import SourceError
from shared.domain.samples import Answer, Failure, FailureKind, Reading
from shared.domain.times import HOUR, MINUTE, floor_minute

PROBE_EVERY = timedelta(hours=6)
LOAD_COUNTS_FOR = timedelta(minutes=5)
DEADLINE_S = 9.0
"""Of a visit: drivers wait for the next bytes, which a server may drip for ever."""
LAST_BATCH_S = PATIENCE.batch + 0.5
"""Before the deadline: counts that begin later could cost the minute's figures too."""
MOST_LEFT_BEHIND = 3
"""Visits that may still wait: each holds one of the database's few sessions."""
HOW_TO_GRANT = "infra/sql/grant-monitor.sql grants it"

_LOGICAL = re.compile(r"\[([a-z][A-Za-z.]*)\]")
_WORDS = {"pending": "pending", "failed": "failed"}

_log = logging.getLogger(__name__)

Found = dict[SqlQuery, Table | SourceError]
T = TypeVar("T")


class Connect(Protocol):
    """The way into one database."""

    def __call__(self, *, patience: Patience = PATIENCE) -> SqlConnection:
        """Log in; raises SqlFailure."""
        ...


@dataclass(frozen=True)
class Database:
    """One target's database: how it is reached, and what the CRM calls its tables and columns.

    `zone`: by whose clock its people's days and months begin.
    """

    connect: Connect
    names: Mapping[str, str] = field(default_factory=dict)
    zone: tzinfo = UTC


@dataclass(frozen=True)
class Load:
    """DTU percent as it was last seen; a database that fell silent may still be busy."""

    percent: float = 0.0
    seen_at: datetime | None = None

    def at(self, now: datetime) -> float:
        """What counts at `now`: 0 once it is too old to mean anything."""
        is_known = self.seen_at is not None and now - self.seen_at <= LOAD_COUNTS_FOR
        return self.percent if is_known else 0.0


@dataclass
class _Standing:
    """What is known of a database between visits.

    `lacking` by source: what only a person can give. `unpaid`: what was asked after the figures of
    our own share were taken.
    """

    probed_at: datetime | None = None
    load: Load = Load()
    lacking: dict[str, str] = field(default_factory=dict)
    unpaid: dict[str, float] = field(default_factory=dict)


class AzureSql:
    """A SourceGroup."""

    names = tuple(dict.fromkeys(query.source for query in (*MINUTE_BATCH, *COUNTS)))

    def __init__(self, databases: Mapping[str, Database], *, deadline: float = DEADLINE_S) -> None:
        self._databases = databases
        self._deadline = deadline
        self._standings = {target: _Standing() for target in databases}
        self._outcomes = Outcomes(MOST_LEFT_BEHIND)

    def read(
        self, target: str, *, since: Mapping[str, datetime | None], now: datetime
    ) -> Sequence[Answer]:
        """See SourceGroup.read."""
        database = self._databases.get(target)
        if database is None:
            raise SourceError(f"no database is set for {target}")
        until = time.monotonic() + self._deadline - LAST_BATCH_S
        visit = partial(_visit, database, self._standings[target], since, now, until)
        return the_only(self._outcomes.of([visit], within=self._deadline, target=target))


def the_only(outcomes: Sequence[T | Exception]) -> T:
    """What the one call answered; raises SourceError when it failed."""
    [found] = outcomes
    if isinstance(found, SourceError):
        raise found
    if isinstance(found, Exception):
        raise SourceError(f"the database: {found}") from found
    return found


def _visit(
    database: Database,
    standing: _Standing,
    since: Mapping[str, datetime | None],
    now: datetime,
    counts_until: float,
) -> list[Answer]:
    with closing(opened(database.connect)) as connection:
        return _Visit(connection, database, standing, since, now, counts_until).answers()


def opened(connect: Connect) -> SqlConnection:
    """A connection; the database's own excuses are worth a second try."""
    try:
        return connect()
    except SqlFailure as failure:
        if failure.number not in TRANSIENT:
            raise
        return connect()


class _Visit:
    """What is asked over one connection."""

    def __init__(
        self,
        connection: SqlConnection,
        database: Database,
        standing: _Standing,
        since: Mapping[str, datetime | None],
        now: datetime,
        counts_until: float,
    ) -> None:
        self._connection = connection
        self._database = database
        self._standing = standing
        self._since = since
        self._now = now
        self._counts_until = counts_until
        self._cost: Mapping[str, float] = {}

    def answers(self) -> list[Answer]:
        """The minute's batch, then the counts that are due."""
        if self._is_probe_due():
            self._probe()
        minute = self._minute([query for query in MINUTE_BATCH if query.source in self._since])
        counts = [query for query in COUNTS if query.source in self._since]
        return [*minute, *(self._counts(counts) if counts else [])]

    def _is_probe_due(self) -> bool:
        at = self._standing.probed_at
        return at is None or self._now - at >= PROBE_EVERY

    def _probe(self) -> None:
        """Forget what was lacking, and look what the login may read."""
        found = self._ask([GRANTS])[GRANTS]
        if isinstance(found, SourceError):
            raise found
        [row] = found
        missing = {grant for grant in Grant if not row[GRANTED[grant]]}
        lacking = {
            query.source: f"it needs {query.wants}; {HOW_TO_GRANT}"
            for query in MINUTE_BATCH
            if not missing.isdisjoint(query.needs)
        }
        for source in sorted(lacking.keys() - self._standing.lacking.keys()):
            _log.warning("%s is left out: %s", source, lacking[source])
        self._standing.lacking = lacking
        self._standing.probed_at = self._now

    def _minute(self, queries: Sequence[SqlQuery]) -> list[Answer]:
        found = self._ask(queries, {"since": self._since_of(RESOURCE_STATS)})
        return [self._answer(query, found) for query in queries]

    def _since_of(self, query: SqlQuery) -> datetime:
        return self._since.get(query.source) or floor_minute(self._now) - HOUR

    def _answer(self, query: SqlQuery, found: Found) -> Answer:
        table = found.get(query)
        if not isinstance(table, list):
            return self._failure(query.source, table)
        try:
            with reading.understood(query):
                return self._understood(query, table)
        except SourceError as error:
            return self._failure(query.source, error)

    def _understood(self, query: SqlQuery, table: Table) -> Reading:
        if query is RESOURCE_STATS:
            if table:
                self._standing.load = Load(reading.load(table), self._now)
            return reading.resource_stats(table, self._since[query.source], self._now)
        values = reading.NOW[query](table)
        if query is OWN_SHARE:
            self._cost = values
            values, self._standing.unpaid = _sum(values, self._standing.unpaid), {}
        return reading.of_now(query.source, values, self._now)

    def _failure(
        self, source: str, error: SourceError | None, kind: FailureKind = FailureKind.FAILED
    ) -> Failure:
        """Why there is nothing: the source lacks something, or else what `error` says."""
        lacking = self._standing.lacking.get(source)
        if lacking is not None:
            return Failure(source, self._now, lacking, FailureKind.DENIED)
        return Failure(source, self._now, str(error or "it was not asked"), kind)

    def _counts(self, queries: Sequence[SqlQuery]) -> list[Answer]:
        sources = list(dict.fromkeys(query.source for query in queries))
        load = self._standing.load.at(self._now)
        if load >= BUSY:
            busy = SourceError(
                f"it waits: DTU is at {load:.0f} %, and it is asked below {BUSY:.0f} %"
            )
            return [self._failure(each, busy, FailureKind.DEFERRED) for each in sources]
        slots = {query.source: query.slot * MINUTE for query in queries}
        windows = {each: window_of(self._since[each], self._now, slots[each]) for each in sources}
        found = self._ask_counts(queries, windows)
        return [self._counted(each, windows[each], queries, found) for each in sources]

    def _ask_counts(self, queries: Sequence[SqlQuery], windows: Mapping[str, Window]) -> Found:
        statements = {
            query: Statement(
                renamed(query.text, self._database.names),
                _values(query, windows, self._database.zone),
            )
            for query in queries
            if query.source not in self._standing.lacking
        }
        if not statements:
            return {}
        found = self._run({**statements, OWN_SHARE: Statement(OWN_SHARE.text)}, self._counts_until)
        cost = found.get(OWN_SHARE)
        if isinstance(cost, list):
            with suppress(SourceError), reading.understood(OWN_SHARE):
                self._standing.unpaid = _difference(reading.own_share(cost), self._cost)
        return found

    def _counted(
        self,
        source: str,
        window: Window,
        queries: Iterable[SqlQuery],
        found: Found,
    ) -> Answer:
        tables: dict[SqlQuery, Table] = {}
        for query in (one for one in queries if one.source == source):
            table = found.get(query)
            if not isinstance(table, list):
                return self._failure(source, table)
            tables[query] = table
        try:
            return reading.of_window(source, tables, window, self._now)
        except SourceError as error:
            return self._failure(source, error)

    def _ask(
        self, queries: Sequence[SqlQuery], parameters: Mapping[str, Any] | None = None
    ) -> Found:
        given = parameters or {}
        return self._run(
            {
                query: Statement(query.text, {name: given[name] for name in query.parameters})
                for query in queries
            }
        )

    def _run(self, statements: Mapping[SqlQuery, Statement], until: float = math.inf) -> Found:
        """One round trip for all of them; what fails is left out, and the rest is asked again.

        Nothing is begun after `until`, of the monotonic clock.
        """
        left = [query for query in statements if query.source not in self._standing.lacking]
        found: Found = {}
        tried_again, together = False, True
        while left and time.monotonic() < until:
            asked = left if together else left[:1]
            outcome = self._connection.run([statements[query] for query in asked])
            found |= {
                query: _checked(query, table)
                for query, table in zip(asked, outcome.tables, strict=False)
            }
            unanswered = asked[len(outcome.tables) :]
            left = left[len(outcome.tables) :]
            if not unanswered:
                continue
            failure = outcome.failure or SqlFailure("it gave no table")
            if failure.number in UNCOMPILED and len(unanswered) > 1:
                together = False  # it may be any of them: only alone does the guilty one show
            elif failure.number in TRANSIENT and not tried_again:
                tried_again = True
            else:
                found |= self._give_up(left if failure.ended else left[:1], failure)
                left = [] if failure.ended else left[1:]
        return found | dict.fromkeys(left, SqlFailure("the visit has taken too long already"))

    def _give_up(self, queries: Sequence[SqlQuery], failure: SqlFailure) -> Found:
        """Remember until the next probe what only a person can mend, and say it once."""
        for query in queries:
            lacking = _lacking(query, failure)
            if lacking and query.source:
                self._standing.lacking[query.source] = lacking
                _log.warning("%s is left out: %s: %s", query.source, lacking, failure)
        return dict.fromkeys(queries, failure)


def _lacking(query: SqlQuery, failure: SqlFailure) -> str:
    """What a person can give, without the server's words: health tells it to whoever asks."""
    if failure.number in DENIED:
        needs = f"it needs {query.wants}" if query.needs else "it needs SELECT on its table"
        return f"{needs}; {HOW_TO_GRANT} (error {failure.number})"
    if failure.number in UNKNOWN_NAME and query in COUNTS:
        wrong = f"a table or a column that it counts by is not there (error {failure.number})"
        return f"{wrong}; BUSINESS_NAMES says what the CRM calls it"
    return ""


def _checked(query: SqlQuery, table: Table) -> Table | SourceError:
    try:
        return reading.checked(query, table)
    except SourceError as error:
        return error


def _values(query: SqlQuery, windows: Mapping[str, Window], zone: tzinfo) -> dict[str, Any]:
    window = windows[query.source]
    # A level is of the newest slot, however long the window.
    since = window.last if query in reading.LEVELS else window.since
    today, month = day_of(window.last, zone), month_of(window.last, zone)
    given = {"since": since, "until": window.until, "today": today, "month": month, **_WORDS}
    return {name: given[name] for name in query.parameters}


def renamed(statement: str, names: Mapping[str, str]) -> str:
    """The statement with the CRM's own names, quoted, in place of the logical ones."""
    return _LOGICAL.sub(lambda found: quoted(names[found[1]]), statement)


def quoted(name: str) -> str:
    """An identifier, perhaps with its schema, as T-SQL takes any."""
    return ".".join(f"[{part.replace(']', ']]')}]" for part in name.split("."))


def _sum(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    return {name: value + other.get(name, 0.0) for name, value in one.items()}


def _difference(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    return {name: value - other.get(name, 0.0) for name, value in one.items()}
