"""T-SQL's functions and globals that DuckDB lacks, as macros over the connection's moment.

`moment` is a variable of each DuckDB connection, a struct whose fields are named here; it is set
anew for every statement, so that each sees the desk's clock and its own login.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb

from local.cloud.sql.accounts import Account
from local.cloud.sql.grants import (
    DATABASE,
    VIEW_DATABASE_STATE,
    VIEW_DEFINITION,
    VIEW_SERVER_STATE,
    Grants,
)
from local.cloud.sql.inside_keys import statistics_key
from local.cloud.sql.kept import naive
from local.cloud.sql.moments import DATABASE_ID, LOG_PAGES, Moment
from local.world.levels import STORAGE_LIMIT
from local.world.traffic import USERS

SERVER = "pantry-sql"
VERSION = "Microsoft SQL Azure (RTM) - 12.0.2000.8"
ROLE = "##MS_ServerStateReader##"


def _of(name: str) -> str:
    return f"getvariable('moment').{name}"


def _cases(given: str, answers: Mapping[str, str]) -> str:
    """A property's answer, by its name in any case; an unknown one is NULL."""
    whens = " ".join(f"WHEN '{name.lower()}' THEN {answer}" for name, answer in answers.items())
    return f"CASE lower({given}) {whens} END"


_DATABASE_PROPERTIES = {
    "MaxSizeInBytes": f"CAST({_of('limit_bytes')} AS VARCHAR)",
    "ServiceObjective": "'Basic'",
    "Edition": "'Basic'",
    "Status": "'ONLINE'",
    "Updateability": "'READ_WRITE'",
    "Collation": "'SQL_Latin1_General_CP1_CI_AS'",
}
_SERVER_PROPERTIES = {
    "EngineEdition": "'5'",
    "Edition": "'SQL Azure'",
    "ProductVersion": "'12.0.2000.8'",
    "ServerName": f"'{SERVER}'",
}
_FILE_PROPERTIES = {
    "SpaceUsed": f"CASE file WHEN 'data_0' THEN {_of('data_pages')} "
    f"WHEN 'log' THEN {LOG_PAGES} END",
    "IsReadOnly": "0",
    "IsPrimaryFile": "CASE file WHEN 'data_0' THEN 1 ELSE 0 END",
    "IsLogFile": "CASE file WHEN 'log' THEN 1 ELSE 0 END",
}
_PERMISSIONS = {
    VIEW_DATABASE_STATE: _of("view_database_state"),
    VIEW_SERVER_STATE: _of("view_server_state"),
    VIEW_DEFINITION: _of("view_definition"),
    "CONNECT": "1",
    "SELECT": "CASE WHEN list_contains("
    + _of("refused")
    + ", split_part(lower(securable), '.', -1)) THEN 0 ELSE 1 END",
}
_MACROS = {
    "sysutcdatetime()": _of("world_now"),
    "getutcdate()": _of("world_now"),
    "world_offset()": f"{_of('world_now')} AT TIME ZONE 'UTC'",
    "global_spid()": _of("session_id"),
    "global_version()": f"'{VERSION}'",
    "global_servername()": f"'{SERVER}'",
    "global_trancount()": "0",
    "db_name()": f"'{DATABASE}'",
    "db_id()": f"CAST({DATABASE_ID} AS SMALLINT)",
    "schema_name(id)": "CASE id WHEN 1 THEN 'dbo' END",
    "stats_date(object, stats)": f"list_extract({_of('analysed')}, "
    f"list_position({_of('statistics')}, 1000 * CAST(object AS BIGINT) + stats))",
    "host_name()": _of("host"),
    "app_name()": _of("program"),
    "original_login()": _of("login"),
    "user_name()": _of("login"),
    "fileproperty(file, property)": _cases("property", _FILE_PROPERTIES),
    "databasepropertyex(db, property)": f"CASE WHEN lower(db) = '{DATABASE}' "
    f"THEN {_cases('property', _DATABASE_PROPERTIES)} END",
    "serverproperty(property)": _cases("property", _SERVER_PROPERTIES),
    "has_perms_by_name(securable, kind, permission)": _cases("permission", _PERMISSIONS),
    "is_srvrolemember(role)": f"CASE role WHEN '{ROLE}' THEN {_of('view_server_state')} ELSE 0 END",
    "datalength(given)": "2 * length(CAST(given AS VARCHAR))",
}


@dataclass(frozen=True)
class Facts:
    """What the functions answer at a moment, for one login."""

    now: datetime
    account: Account
    grants: Grants

    def variable(self, moment: Moment | None = None) -> dict[str, Any]:
        """The connection's variable; without a moment, the figures of the world are 0."""
        return {
            "world_now": naive(self.now),
            "session_id": self.account.session_id,
            "host": self.account.login.host,
            "program": self.account.login.program,
            "login": self.account.login_name,
            "refused": ["", *self.grants.refused()],
            "view_database_state": int(self.grants.holds(VIEW_DATABASE_STATE)),
            "view_server_state": int(self.grants.holds(VIEW_SERVER_STATE)),
            "view_definition": int(self.grants.holds(VIEW_DEFINITION)),
            "data_pages": moment.data_pages if moment else 0,
            "limit_bytes": moment.world.storage_limit_bytes if moment else STORAGE_LIMIT,
            "pending": moment.pending if moment else 0,
            "users": USERS,
            **_analysed(moment),
        }


def _analysed(moment: Moment | None) -> dict[str, Any]:
    """Which statistics there are, and when they were refreshed; lists keep their types by one."""
    known = {statistics_key(0, 0): naive(datetime.max.replace(tzinfo=UTC))}
    known |= moment.inside_rows.statistics_dates() if moment else {}
    return {"statistics": list(known), "analysed": list(known.values())}


def define_functions(database: duckdb.DuckDBPyConnection, facts: Facts) -> None:
    """Create the macros; a connection's variable needs its types before they can be read."""
    database.execute("SET VARIABLE moment = $1", [facts.variable()])
    for signature, body in _MACROS.items():
        database.execute(f"CREATE MACRO {signature} AS {body}")
