"""What is wrong with a statement of the project's, by Microsoft's pages and its own vocabulary."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError

from shared.catalog.sql_queries import NAME_SETS, QUERIES

FILES = sorted(QUERIES.glob("*.sql"))
DOCUMENTED: Mapping[str, Collection[str]] = {
    view: known["columns"]
    for view, known in json.loads(
        Path(__file__).with_name("documented_columns.json").read_text(encoding="utf-8")
    ).items()
}
"""The columns of each view of the schema sys that a statement reads."""
JOINING = (exp.Concat, exp.ConcatWs, exp.DPipe, exp.Command, exp.Execute)
"""By these a statement would be put together from values."""
_WORD = re.compile(r"--[^\n]*|N?'[^']*'|[\w.@]*\w")

Scope = Mapping[str, Collection[str]]
"""What a SELECT reads: columns by the name under which they are known there."""


def problems(text: str, columns: Collection[str], names: Collection[str]) -> list[str]:
    """A sentence for everything that is wrong; `columns` it should answer, by logical `names`."""
    try:
        statements = sqlglot.parse(text, read="tsql")
    except ParseError as error:
        return [f"it is no T-SQL: {error}"]
    statement = statements[0]
    if len(statements) != 1 or not isinstance(statement, exp.Select):
        return ["it is not one SELECT"]
    named = {one.alias: list(one.this.named_selects) for one in statement.find_all(exp.CTE)}
    known = {**dict.fromkeys(names, ()), **named}
    return [
        *_shape(statement, columns),
        *(said for select in statement.find_all(exp.Select) for said in _unknown(select, known)),
    ]


def _shape(statement: exp.Select, columns: Collection[str]) -> Iterator[str]:
    if statement.named_selects != list(columns):
        yield f"it answers {', '.join(statement.named_selects)}, not {', '.join(columns)}"
    for joining in statement.find_all(*JOINING):
        yield f"it puts something together: {joining.sql('tsql')}"
    for added in statement.find_all(exp.Add):
        if any(_is_text(one) for one in added.find_all(exp.Literal, exp.National)):
            yield f"it adds to a text: {added.sql('tsql')}"


def _is_text(literal: exp.Expression) -> bool:
    return isinstance(literal, exp.National) or literal.is_string


def _unknown(select: exp.Select, names: Scope) -> Iterator[str]:
    """What a SELECT names that its tables do not have."""
    read: dict[str, Collection[str]] = {}
    for source in _sources(select):
        known = _columns(source, names)
        if known is None:
            yield f"nothing is documented of {source.sql('tsql')}"
        read[source.alias_or_name] = known or ()
    for column in select.find_all(exp.Column):
        if column.find_ancestor(exp.Select) is not select or _orders_by_alias(column, select):
            continue
        if not _is_known(column, read):
            yield f"nobody has the column {column.sql('tsql')}"


def _orders_by_alias(column: exp.Column, select: exp.Select) -> bool:
    """What a SELECT answers has a name in its ORDER BY, and nowhere else."""
    is_alias = not column.table and column.name in select.named_selects
    order = column.find_ancestor(exp.Order)
    return is_alias and order is not None and order.parent is select


def _sources(select: exp.Select) -> Iterator[exp.Expression]:
    first = select.args.get("from_")
    if first is not None:
        yield first.this
    yield from (join.this for join in select.args.get("joins") or ())


def _columns(source: exp.Expression, names: Scope) -> Collection[str] | None:
    """`names` are logical ones, and what the statement itself defined WITH its columns."""
    match source:
        case exp.Subquery():
            return list(source.this.named_selects)
        case exp.Lateral():
            return DOCUMENTED.get(source.this.expression.name)
        case exp.Table() if source.db == "sys":
            return DOCUMENTED.get(source.name)
        case exp.Table() if source.this.quoted and source.name in names:
            return [name for name in names if name.startswith(f"{source.name}.")]
        case exp.Table() if not source.db:
            return names.get(source.name) or None
    return None


def _is_known(column: exp.Column, read: Scope) -> bool:
    if column.table:
        return column.name in read.get(column.table, ())
    return any(column.name in columns for columns in read.values())


def logical_names(text: str) -> set[str]:
    """What stands in brackets: the CRM's own tables and columns."""
    statement = sqlglot.parse_one(text, read="tsql")
    return {one.name for one in statement.find_all(exp.Identifier) if one.quoted}


def _selects(text: str) -> Iterator[exp.Select]:
    return sqlglot.parse_one(text, read="tsql").find_all(exp.Select)


def misspellings(text: str) -> Iterator[str]:
    """The statement again and again, each time with one name of a column misspelt in one place."""
    known = {column for columns in DOCUMENTED.values() for column in columns}
    known |= {name for names in NAME_SETS.values() for name in names}
    known |= {column for one in _selects(text) for column in one.named_selects}
    for word in _WORD.finditer(text):
        if word[0] in known or word[0].partition(".")[2] in known:
            yield f"{text[: word.end()]}Misspelt{text[word.end() :]}"
