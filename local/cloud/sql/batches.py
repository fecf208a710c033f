"""Cuts a batch into its statements, as the server does: by semicolons, and after each SET."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import TokenType
from sqlglot.errors import TokenError

from local.cloud.sql.engine import SYNTAX, SqlError

UNKNOWN_OPTION = 195

_OPTIONS = r"""
    \s*SET\s+(?:
        (?:NOCOUNT|XACT_ABORT|ARITHABORT|ANSI_\w+|QUOTED_IDENTIFIER|CONCAT_NULL_YIELDS_NULL
            |IMPLICIT_TRANSACTIONS|NUMERIC_ROUNDABORT|CURSOR_CLOSE_ON_COMMIT)\s+(?:ON|OFF)
        |(?:LOCK_TIMEOUT|TEXTSIZE|DATEFIRST)\s+-?\d+
        |ROWCOUNT\s+0
        |(?:DATEFORMAT|LANGUAGE)\s+\w+
        |DEADLOCK_PRIORITY\s+(?:LOW|NORMAL|HIGH|-?\d+)
        |TRANSACTION\s+ISOLATION\s+LEVEL\s+(?P<level>
            READ\s+UNCOMMITTED|READ\s+COMMITTED|REPEATABLE\s+READ|SNAPSHOT|SERIALIZABLE)
    )\b
"""
_SET = re.compile(_OPTIONS, re.IGNORECASE | re.VERBOSE)
_ANY_SET = re.compile(r"\s*SET\s+(\w+)", re.IGNORECASE)
_LEVELS = ("READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE", "SNAPSHOT")


@dataclass(frozen=True)
class Statement:
    """A statement of a batch: its text, and where it begins and ends there, in characters."""

    text: str
    begins: int
    ends: int
    is_set: bool = False
    isolation_level: int | None = None
    """What it sets, as sys.dm_exec_sessions numbers it: 1 is READ UNCOMMITTED."""


@lru_cache(maxsize=256)
def split(batch: str) -> tuple[Statement, ...]:
    """The statements of a batch, comments between them left out; raises SqlError 102 or 195."""
    return tuple(
        statement
        for begins, ends in _parts(batch)
        for statement in _after_sets(batch, begins, ends)
    )


def _parts(batch: str) -> Iterator[tuple[int, int]]:
    """What lies between semicolons; those in texts, names and comments are none."""
    begins: int | None = None
    ends = 0
    for token in _tokens(batch):
        if token.token_type is not TokenType.SEMICOLON:
            begins = token.start if begins is None else begins
            ends = token.end + 1
        elif begins is not None:
            yield begins, ends
            begins = None
    if begins is not None:
        yield begins, ends


def _tokens(batch: str) -> list[sqlglot.Token]:
    try:
        return sqlglot.tokenize(batch, read="tsql")
    except TokenError as error:
        raise SqlError(SYNTAX, "Unclosed quotation mark, comment or name.", severity=15) from error


def _after_sets(batch: str, begins: int, ends: int) -> Iterator[Statement]:
    """A part's leading SETs one by one, which need no semicolon, then the rest of it."""
    while found := _SET.match(batch, begins, ends):
        level = _level(found["level"])
        yield Statement(found[0], begins, found.end(), is_set=True, isolation_level=level)
        begins = found.end()
    rest = batch[begins:ends]
    if unknown := _ANY_SET.match(rest):
        raise SqlError(UNKNOWN_OPTION, f"'{unknown[1]}' is not a recognized SET option.")
    if rest.strip():
        yield Statement(rest, begins, ends)


def _level(named: str | None) -> int | None:
    return _LEVELS.index(" ".join(named.upper().split())) + 1 if named else None
