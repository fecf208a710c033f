"""DuckDB's errors as SQL Server spells them."""

import re

import duckdb

from local.cloud.sql.engine import SYNTAX, UNKNOWN_COLUMN, SqlError

CONVERSION = 245
OVERFLOW = 8115
DIVISION = 8134
UNKNOWN_FUNCTION = 195
UNBOUND = 4104

_COLUMN = re.compile(
    r'Referenced column "(?P<a>.+?)" (?:was )?not found|does not have a column named "(?P<b>.+?)"'
)
_TABLE = re.compile(r'Referenced table "(.+?)" not found')
_FUNCTION = re.compile(r"Function with name (\S+) does not exist", re.IGNORECASE)


def sql_error(error: duckdb.Error) -> SqlError:
    """The server's error for what DuckDB could not execute; 102 where there is no closer one."""
    said = str(error).partition("\n")[0]
    if column := _COLUMN.search(said):
        return SqlError(UNKNOWN_COLUMN, f"Invalid column name '{column['a'] or column['b']}'.")
    if table := _TABLE.search(said):
        text = f'The multi-part identifier "{table[1]}" could not be bound.'
        return SqlError(UNBOUND, text)
    if function := _FUNCTION.search(said):
        name = function[1].upper()
        return SqlError(UNKNOWN_FUNCTION, f"'{name}' is not a recognized built-in function name.")
    return _of_values(error, said)


def _of_values(error: duckdb.Error, said: str) -> SqlError:
    if "ivision by zero" in said:
        return SqlError(DIVISION, "Divide by zero error encountered.")
    if isinstance(error, duckdb.OutOfRangeException) or "out of range" in said:
        return SqlError(OVERFLOW, f"Arithmetic overflow error: {said}")
    if isinstance(error, duckdb.ConversionException):
        return SqlError(CONVERSION, f"Conversion failed: {said}")
    return SqlError(SYNTAX, f"Incorrect syntax: {said}")
