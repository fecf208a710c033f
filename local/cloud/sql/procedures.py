"""The procedures that drivers call: prepared statements, and what types there are."""

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any, NamedTuple

from local.cloud.sql.answers import Tokens, procedure_tokens
from local.cloud.sql.engine import Column, Result, SqlError
from local.cloud.sql.requests import Call, named

UNKNOWN_PROCEDURE = 2812
UNKNOWN_HANDLE = 8179

Run = Callable[[str, Mapping[str, Any]], Iterator[Result]]


class Prepared(NamedTuple):
    """A statement with the declaration of its parameters."""

    sql: str
    declaration: str | None


class Procedures:
    """Those of one connection, whose prepared statements they keep."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._prepared: dict[int, Prepared] = {}
        self._handles = count(1)

    def forget(self) -> None:
        """Drop the prepared statements."""
        self._prepared.clear()

    def tokens(self, call: Call) -> Tokens:
        """The whole answer to a call; see `procedure_tokens`."""
        match call.procedure:
            case "sp_executesql":
                prepared = Prepared(call.value(0), call.value(1))
                return procedure_tokens(self._execute(prepared, call, values_from=2))
            case "sp_prepexec":
                self._prepared.pop(call.value(0), None)
                handle, prepared = self._prepare(call)
                return procedure_tokens(self._execute(prepared, call, values_from=3), handle)
            case "sp_prepare":
                handle, _ = self._prepare(call)
                return procedure_tokens([], handle)
            case _:
                return procedure_tokens(self._results(call))

    def _results(self, call: Call) -> Iterator[Result]:
        match call.procedure:
            case "sp_execute":
                yield from self._execute(self._known(call.value(0)), call, values_from=1)
            case "sp_unprepare":
                self._prepared.pop(call.value(0), None)
            case "sp_datatype_info_100":
                yield _datatype_info(call.value(0))
            case "sp_reset_connection":
                self.forget()
            case unknown:
                sentence = f"Could not find stored procedure '{unknown}'."
                raise SqlError(UNKNOWN_PROCEDURE, sentence)

    def _prepare(self, call: Call) -> tuple[int, Prepared]:
        handle = next(self._handles)
        self._prepared[handle] = Prepared(call.value(2), call.value(1))
        return handle, self._prepared[handle]

    def _known(self, handle: int) -> Prepared:
        if handle not in self._prepared:
            raise SqlError(
                UNKNOWN_HANDLE, f"Could not find prepared statement with handle {handle}."
            )
        return self._prepared[handle]

    def _execute(self, prepared: Prepared, call: Call, *, values_from: int) -> Iterator[Result]:
        values = named(prepared.declaration, call.given[values_from:])
        yield from self._run(prepared.sql, values)


# What Microsoft's driver asks for when it connects: by ODBC's number, the type and its longest.
_DATATYPES = {
    12: ("varchar", 8000),
    -9: ("nvarchar", 4000),
    -3: ("varbinary", 8000),
    93: ("datetime2", 27),
}
_DATATYPE_COLUMNS = (
    Column("TYPE_NAME", "nvarchar(128)"),
    Column("DATA_TYPE", "smallint"),
    Column("PRECISION", "int"),
    Column("LITERAL_PREFIX", "nvarchar(32)"),
    Column("LITERAL_SUFFIX", "nvarchar(32)"),
    Column("CREATE_PARAMS", "nvarchar(32)"),
    Column("NULLABLE", "smallint"),
    Column("CASE_SENSITIVE", "smallint"),
    Column("SEARCHABLE", "smallint"),
    Column("UNSIGNED_ATTRIBUTE", "smallint"),
    Column("MONEY", "smallint"),
    Column("AUTO_INCREMENT", "smallint"),
    Column("LOCAL_TYPE_NAME", "nvarchar(128)"),
    Column("MINIMUM_SCALE", "smallint"),
    Column("MAXIMUM_SCALE", "smallint"),
    Column("SQL_DATA_TYPE", "smallint"),
    Column("SQL_DATETIME_SUB", "smallint"),
    Column("NUM_PREC_RADIX", "int"),
    Column("INTERVAL_PRECISION", "smallint"),
    Column("USERTYPE", "smallint"),
)


def _datatype_info(odbc_type: int) -> Result:
    if odbc_type not in _DATATYPES:
        return Result(_DATATYPE_COLUMNS)
    name, longest = _DATATYPES[odbc_type]
    known = {
        "TYPE_NAME": name,
        "DATA_TYPE": odbc_type,
        "PRECISION": longest,
        "NULLABLE": 1,
        "SEARCHABLE": 3,
        "LOCAL_TYPE_NAME": name,
        "SQL_DATA_TYPE": odbc_type,
    }
    return Result(_DATATYPE_COLUMNS, [tuple(known.get(one.name) for one in _DATATYPE_COLUMNS)])
