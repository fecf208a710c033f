"""Translates one SELECT of T-SQL for DuckDB, and says what it reads and what it is called.

Known differences that stay: AVG of integers and divisions of decimals give a float, a text's
trailing blanks count in comparisons, and a datetimeoffset is answered in UTC.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from local.cloud.sql.engine import SYNTAX, UNKNOWN_OBJECT, SqlError
from local.cloud.sql.remedies import FUNCTIONS, remedied
from local.cloud.sql.views import BUSINESS_TABLES, SYSTEM_VIEWS

# It warns of every hint and option that it leaves out: these are meant for another server.
logging.getLogger("sqlglot").setLevel(logging.ERROR)

_SYSTEM = {name.lower(): name for name in SYSTEM_VIEWS}
_BUSINESS = {name.lower(): name for name in BUSINESS_TABLES}
_UNNAMED = "no name "


@dataclass(frozen=True)
class Translated:
    """A statement for DuckDB; names are as the views and tables have them.

    `mentions` are the names, in small letters, of all columns that it reads; None means all.
    """

    sql: str
    parameters: frozenset[str]
    views: frozenset[str]
    tables: frozenset[str]
    mentions: frozenset[str] | None


@lru_cache(maxsize=256)
def translate(statement: str) -> Translated:
    """DuckDB's form of a SELECT.

    Raises SqlError: 102 for what is no SELECT or can't be translated, 208 for an object that the
    database never had, 229 and 262 for what would write.
    """
    tree = remedied(_parsed(statement))
    views, tables = _placed(tree)
    _name_columns(tree)
    sql = tree.sql(dialect="duckdb", identify=True, comments=False)
    if not sql.strip():
        raise _syntax(statement)
    names = (node.name for node in tree.find_all(exp.Parameter))
    return Translated(sql, frozenset(names), views, tables, _mentions(tree))


def heading(name: str) -> str:
    """A result's column's name; an expression without an alias has none."""
    return "" if name.startswith(_UNNAMED) else name


def _parsed(statement: str) -> exp.Expr:
    try:
        parsed = sqlglot.parse(statement, read="tsql")
    except SqlglotError as error:
        raise _syntax(statement) from error
    tree = parsed[0] if len(parsed) == 1 else None
    if isinstance(tree, exp.Insert | exp.Update | exp.Delete | exp.Merge):
        what = tree.key.upper()
        raise SqlError(229, f"The {what} permission was denied to this login.", severity=14)
    if not isinstance(tree, exp.Select | exp.SetOperation):
        raise _syntax(statement)
    if tree.find(exp.Into) is not None:
        raise SqlError(262, "CREATE TABLE permission denied in database 'pantry'.", severity=14)
    return tree


def _syntax(statement: str) -> SqlError:
    word = statement.split(maxsplit=1)[0] if statement.split() else ""
    return SqlError(SYNTAX, f"Incorrect syntax near '{word[:40]}'.", severity=15)


def _placed(tree: exp.Expr) -> tuple[frozenset[str], frozenset[str]]:
    """What is read: system views, which are tables of the connection, and the CRM's tables."""
    defined = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    views, tables = set(), set()
    for table in list(tree.find_all(exp.Table)):
        name, schema = table.name.lower(), table.db.lower()
        if name in FUNCTIONS and not schema:
            views.add(name)
        elif schema == "sys" and name in _SYSTEM and name not in FUNCTIONS:
            views.add(_SYSTEM[name])
            table.set("db", None)
        elif schema in ("", "dbo") and name in _BUSINESS:
            tables.add(_BUSINESS[name])
            table.set("db", exp.to_identifier("dbo"))
        elif schema or name not in defined:
            written = ".".join(part.name for part in table.parts)
            raise SqlError(UNKNOWN_OBJECT, f"Invalid object name '{written}'.")
    _unqualify(tree)
    return frozenset(views), frozenset(tables)


def _unqualify(tree: exp.Expr) -> None:
    """Columns are named by their table alone: its schema is not where DuckDB looks."""
    for column in tree.find_all(exp.Column):
        if column.db:
            column.set("db", None)


def _mentions(tree: exp.Expr) -> frozenset[str] | None:
    stars = (star for star in tree.find_all(exp.Star) if not isinstance(star.parent, exp.Count))
    if next(stars, None) is not None:
        return None
    return frozenset(column.name.lower() for column in tree.find_all(exp.Column))


def _name_columns(tree: exp.Expr) -> None:
    """DuckDB would name an expression by its whole text, which no driver can read."""
    for i, projection in enumerate(list(_outermost(tree))):
        if not isinstance(projection, exp.Alias | exp.Column | exp.Star):
            projection.replace(exp.alias_(projection.copy(), f"{_UNNAMED}{i}", quoted=True))


def _outermost(tree: exp.Expr) -> Iterator[exp.Expr]:
    while isinstance(tree, exp.SetOperation | exp.Subquery):
        tree = tree.this
    yield from tree.expressions
