"""A target's database: can we log in, what may we read, are the CRM's tables where we look."""

import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from shared.adapters.checkups import database_mends, mends, setting_mends
from shared.adapters.checkups.identities import Credentials
from shared.adapters.sql.azure_sql import AzureSql, Database, opened
from shared.adapters.sql.connections import Row, Statement
from shared.adapters.sql.failures import DENIED, UNKNOWN_NAME, SqlFailure
from shared.catalog.sql_queries import COUNTS, GRANTED, GRANTS, NAME_SETS, Grant
from shared.domain.errors import SourceError, Untried, Unwell
from shared.domain.samples import Answer, Failure, FailureKind
from shared.domain.times import MINUTE, floor_minute

USES = {
    Grant.DATABASE_STATE: "DTU by the quarter minute, workers, sessions, waits, Query Store",
    Grant.SERVER_STATE: "who blocks whom, the query behind a storm, which indexes are used",
    Grant.DEFINITION: "advice on indexes and statistics",
}
"""What each grant is for."""
OPTIONAL = (Grant.SERVER_STATE, Grant.DEFINITION)

_ALL_COLUMNS = (
    "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME FROM INFORMATION_SCHEMA.COLUMNS ORDER BY 1, 2, 3"
)
_NUMBER = re.compile(r"\(error (\d+)\)")
_FULL = (10928, 10929, 10936)
"""No worker or session is left."""
_LOGIN_REFUSED, _NO_DATABASE, _FIREWALL = (18456, 18452), 4060, 40615


@dataclass(frozen=True)
class Place:
    """A database's resource id, and where it is reached; `user` when it is not by identity."""

    resource_id: str
    host: str
    port: int
    name: str
    user: str = ""

    @property
    def server(self) -> str:
        """As sqlcmd wants it."""
        return f"{self.host},{self.port}"


class DatabaseExaminer:
    """One visit for all that is asked of one database: `log_in` comes first."""

    def __init__(
        self,
        target: str,
        database: Database,
        place: Place,
        who: Credentials,
        now: datetime,
    ) -> None:
        self._target = target
        self._database = database
        self._place = place
        self._who = who
        self._now = now
        self._held: Row = {}

    def log_in(self) -> str:
        """Enter the database and ask what may be read."""
        try:
            with closing(opened(self._database.connect)) as connection:
                outcome = connection.run([Statement(GRANTS.text)])
        except SqlFailure as failure:
            raise self._refused(failure) from failure
        if outcome.failure is not None or not outcome.tables or not outcome.tables[0]:
            raise self._refused(outcome.failure or SqlFailure("it gave no table"))
        self._held = outcome.tables[0][0]
        return f"lets us in at {self._place.host}"

    def _refused(self, failure: SqlFailure) -> Unwell:
        where, who = self._place, self._who.identity
        match failure.number:
            case number if number in _LOGIN_REFUSED and where.user:
                mend = setting_mends.set_setting("SQL_PASSWORD", f"<password of {where.user}>", who)
            case number if number in _LOGIN_REFUSED:
                mend = database_mends.let_in(where.server, where.name, who)
            case number if number == _NO_DATABASE:
                mend = database_mends.list_databases(where.resource_id)
            case number if number == _FIREWALL:
                mend = database_mends.open_firewall(where.resource_id)
            case number if number in _FULL:
                mend = database_mends.show_sessions(where.server, where.name)
            case _:
                mend = f"az sql db show --ids {where.resource_id} --query status"
        return Unwell(str(failure), mend=mend)

    def grant(self, grant: Grant) -> str:
        """Whether the login has it."""
        if self._held.get(GRANTED[grant]):
            return f"has {grant}"
        raise Unwell(
            f"the login lacks {grant}",
            mend=self._granting(grant),
            limps=grant in OPTIONAL,
        )

    def _granting(self, grant: Grant) -> str:
        where, name = self._place, self._who.identity.name
        if grant is Grant.SERVER_STATE:
            return database_mends.join_server_role(where.server, grant, name)
        return database_mends.sql(where.server, where.name, f"GRANT {grant} TO [{name}]")

    def count(self, source: str) -> str:
        """Whether the CRM's rows of that source can be counted."""
        answer = self._counted.get(source)
        if not isinstance(answer, Failure):
            return "its table is there and can be counted"
        if answer.kind is FailureKind.DEFERRED:
            raise Untried(answer.error)
        raise Unwell(answer.error, mend=self._mend(source, answer.error))

    def _mend(self, source: str, said: str) -> str:
        found = _NUMBER.search(said)
        number = int(found[1]) if found else None
        if number in UNKNOWN_NAME:
            return self._rename(source)
        if number in DENIED:
            return database_mends.sql(self._place.server, self._place.name, self._select(source))
        return mends.NOTHING

    def _rename(self, source: str) -> str:
        """See what there is, then say it; names that already differ from the CRM's are kept."""
        look = database_mends.sql(self._place.server, self._place.name, _ALL_COLUMNS)
        usual = NAME_SETS["crm"]
        kept = {one: real for one, real in self._database.names.items() if usual[one] != real}
        said = {one: f"<what {real} is called>" for one, real in self._names(source).items()}
        return f"{look} && {setting_mends.set_names({**kept, **said}, self._who.identity)}"

    def _names(self, source: str) -> dict[str, str]:
        """The logical names of a source and what they are taken for."""
        words = {
            name for query in COUNTS if query.source == source for name in _logical(query.text)
        }
        return {name: self._database.names[name] for name in sorted(words)}

    def _select(self, source: str) -> str:
        """Grants on every table that the source counts, column by column."""
        names, who = self._names(source), self._who.identity.name
        return "; ".join(
            f"GRANT SELECT ON OBJECT::[{table}] ({_columns(names, name)}) TO [{who}]"
            for name, table in names.items()
            if "." not in name
        )

    @cached_property
    def _counted(self) -> Mapping[str, Answer]:
        """One more visit counts everything, as a pass would."""
        since = {query.source: floor_minute(self._now) - 10 * MINUTE for query in COUNTS}
        try:
            answers: Sequence[Answer] = AzureSql({self._target: self._database}).read(
                self._target, since=since, now=self._now
            )
        except SourceError as error:
            raise Unwell(str(error), mend=mends.NOTHING) from error
        return {one.source: one for one in answers}


def _logical(text: str) -> list[str]:
    return re.findall(r"\[([a-z][A-Za-z.]*)\]", text)


def _columns(names: Mapping[str, str], table: str) -> str:
    return ", ".join(f"[{real}]" for name, real in names.items() if name.startswith(f"{table}."))
