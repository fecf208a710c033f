"""Remedies for what sqlglot's way from T-SQL to DuckDB gets wrong, a function per kind of node.

Each takes a node whose children are remedied already, and returns what takes its place. What would
be answered wrongly is refused instead (SqlError 102): loud is better than nearly right.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from sqlglot import exp

from local.cloud.sql.engine import SYNTAX, SqlError
from local.cloud.sql.views import SYSTEM_VIEWS

GLOBALS = ("SPID", "VERSION", "SERVERNAME", "TRANCOUNT")
UNDECLARED = 137
FUNCTIONS = {
    "dm_exec_sql_text": ("sql_handle",),
    "dm_db_stats_properties": ("object_id", "stats_id"),
}
"""Views of the desk that are functions in the schema sys: the columns that are their arguments."""
_UNITS = {
    **dict.fromkeys(("YY", "YYYY"), "YEAR"),
    **dict.fromkeys(("QQ", "Q"), "QUARTER"),
    **dict.fromkeys(("MM", "M"), "MONTH"),
    **dict.fromkeys(("DD", "D", "DY", "Y", "DAYOFYEAR"), "DAY"),
    **dict.fromkeys(("WK", "WW"), "WEEK"),
    "HH": "HOUR",
    **dict.fromkeys(("MI", "N"), "MINUTE"),
    **dict.fromkeys(("SS", "S"), "SECOND"),
    "MS": "MILLISECOND",
    "MCS": "MICROSECOND",
}
_TEXT_TYPES = exp.DataType.TEXT_TYPES
_BINARY_TYPES = (exp.DataType.Type.VARBINARY, exp.DataType.Type.BINARY)
_TEXTS = (exp.National, exp.DPipe, exp.Concat, exp.Substring, exp.Upper, exp.Lower, exp.Trim)

Node = exp.Expr
Remedy = Callable[[Any], Node]


def remedied(tree: Node) -> Node:
    """The tree with every remedy applied, from the leaves up: a parent sees mended children."""
    # The holder gives the root a parent, so that it can be replaced like every other node.
    holder = exp.Paren(this=tree)
    for node in reversed(list(tree.walk())):
        remedy = REMEDIES.get(type(node))
        if remedy is not None:
            changed = remedy(node)
            if changed is not node:
                node.replace(changed)
    mended: Node = holder.this
    mended.pop()
    return mended


def refuse(what: str) -> SqlError:
    """The error for what is T-SQL, but not on this desk."""
    return SqlError(SYNTAX, f"Incorrect syntax near '{what}': the desk does not translate it.")


def _called(name: str, *arguments: Node) -> Node:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _global(node: exp.Parameter) -> Node:
    """@@NAME is parsed as a parameter of a parameter."""
    inner = node.this
    if not isinstance(inner, exp.Parameter):
        return node
    if inner.name.upper() not in GLOBALS:
        raise SqlError(UNDECLARED, f'Must declare the scalar variable "@@{inner.name}".')
    return _called(f"global_{inner.name.lower()}")


def _date_add(node: exp.DateAdd) -> Node:
    node.set("unit", _unit(node))
    base, count = node.this, node.expression
    if isinstance(base, exp.Literal):
        # The number of days since 1900 is how T-SQL reads a number where it wants a time.
        text = base.this if base.is_string else "1900-01-01"
        if not base.is_string and base.this != "0":
            raise refuse(f"DATEADD(…, {base.this})")
        node.set("this", exp.cast(exp.Literal.string(text), "timestamp"))
    if isinstance(count, exp.Literal) and "." in count.this:
        node.set("expression", exp.Literal.number(int(float(count.this))))
    return node


def _date_diff(node: exp.DateDiff) -> Node:
    """DATEDIFF counts in int, DATEDIFF_BIG in bigint."""
    node.set("unit", _unit(node))
    if _unit(node).name == "WEEK":
        raise refuse("DATEDIFF(week)")
    return node if node.args.get("big_int") else _int(node)


def _unit(node: Any) -> Node:
    name = node.unit.name.upper()
    return exp.var(_UNITS.get(name, name))


def _count(node: exp.Count) -> Node:
    """COUNT is an int, COUNT_BIG a bigint; in a window the cast goes around the whole of it."""
    if node.args.get("big_int") or isinstance(node.parent, exp.Window):
        return node
    return _int(node)


def _convert(node: exp.Convert) -> Node:
    """Styles 1 and 2 spell a binary value in hex; sqlglot takes all of them for dates'."""
    style = node.args.get("style")
    kind, value = node.this, node.expression
    if style is not None and style.name in ("1", "2") and kind.this in _TEXT_TYPES:
        spelled = _called("HEX", value.copy())
        if style.name == "1":
            spelled = exp.DPipe(this=exp.Literal.string("0x"), expression=spelled)
        return _shortened(spelled, kind)
    if style is not None and kind.this in _BINARY_TYPES:
        raise refuse(f"CONVERT(varbinary, …, {style.name})")
    if style is not None:
        return node
    cast = exp.TryCast if node.args.get("safe") else exp.Cast
    return _cast(cast(this=value.copy(), to=kind.copy()))


def _cast(node: exp.Cast | exp.TryCast) -> Node:
    """A text's length cuts it off, which DuckDB's does not."""
    kind = node.to
    if kind.this not in _TEXT_TYPES or not kind.expressions:
        return node
    plain = type(node)(this=node.this.copy(), to=exp.DataType(this=kind.this, nested=False))
    return _shortened(plain, kind)


def _shortened(text: Node, kind: exp.DataType) -> Node:
    if not kind.expressions:
        return text
    return exp.Left(this=text, expression=kind.expressions[0].this.copy())


def _type(node: exp.DataType) -> Node:
    """Types that mean something else in DuckDB, or take no length there."""
    if node.this == exp.DataType.Type.FLOAT:
        return exp.DataType(this=exp.DataType.Type.DOUBLE, nested=False)
    if node.this in (exp.DataType.Type.MONEY, exp.DataType.Type.SMALLMONEY):
        return exp.DataType.build("decimal(19, 4)")
    if node.this == exp.DataType.Type.BIT:
        return exp.DataType(this=exp.DataType.Type.BOOLEAN, nested=False)
    of_any_length = [each.name.upper() for each in node.expressions] == ["MAX"]
    if of_any_length or node.this in _BINARY_TYPES:
        node.set("expressions", [])
    return node


def _add(node: exp.Add) -> Node:
    """A plus joins texts, where one side shows that it is one."""
    if not (_is_text(node.this) or _is_text(node.expression)):
        return node
    return exp.DPipe(this=node.this.copy(), expression=node.expression.copy())


def _is_text(node: Node) -> bool:
    if isinstance(node, exp.Literal):
        return bool(node.is_string)
    if isinstance(node, exp.Cast):
        return node.to.this in _TEXT_TYPES
    if isinstance(node, exp.Paren):
        return _is_text(node.this)
    return isinstance(node, _TEXTS)


def _like(node: exp.Like) -> Node:
    """The database compares without regard to case."""
    pattern = node.expression
    if isinstance(pattern, exp.Literal | exp.National) and "[" in pattern.name:
        raise refuse("LIKE N'[…]'")
    return exp.ILike(this=node.this.copy(), expression=pattern.copy())


def _apply(node: exp.Join) -> Node:
    """CROSS APPLY and OUTER APPLY are joins of something lateral, for which DuckDB wants an ON."""
    lateral = node.this
    if not isinstance(lateral, exp.Lateral):
        return node
    crosses = bool(lateral.args.get("cross_apply"))
    lateral.set("cross_apply", None)
    node.set("on", exp.true())
    node.set("kind", "INNER" if crosses else None)
    node.set("side", None if crosses else "LEFT")
    return node


def _lateral(node: exp.Lateral) -> Node:
    """A function of the schema sys, called for each row."""
    called = node.this
    if isinstance(called, exp.Dot):
        if called.this.name.lower() != "sys":
            raise _no_function(called.sql("tsql"))
        node.set("this", _rows_of(called.expression))
    return node


def _table(node: exp.Table) -> Node:
    """Such a function, called once."""
    if not isinstance(node.this, exp.Anonymous):
        return node
    if node.db.lower() != "sys":
        raise _no_function(node.this.name)
    found = _rows_of(node.this)
    found.set("alias", node.args.get("alias"))
    return found


def _rows_of(called: Node) -> Node:
    """The rows that the function answers: those of its view where its arguments stand."""
    name = called.name.lower()
    arguments = FUNCTIONS.get(name)
    if arguments is None or len(called.expressions) != len(arguments):
        raise _no_function(f"sys.{name}")
    given = zip(arguments, called.expressions, strict=True)
    conditions = [exp.column(each, table=name).eq(value.copy()) for each, value in given]
    answered = [exp.column(each) for each in SYSTEM_VIEWS[name] if each != "sql_handle"]
    view = exp.Table(this=exp.to_identifier(name))
    return exp.select(*answered).from_(view).where(*conditions).subquery()


def _no_function(name: str) -> SqlError:
    return SqlError(208, f"Invalid object name '{name}'.")


def _select(node: exp.Select) -> Node:
    """TOP … WITH TIES: all rows whose rank is among the first."""
    limit = node.args.get("limit")
    options = limit.args.get("limit_options") if isinstance(limit, exp.Limit) else None
    if limit is None or options is None:
        return node
    if options.args.get("percent"):
        raise refuse("TOP … PERCENT")
    if options.args.get("with_ties"):
        order = node.args["order"].copy()
        rank = exp.Window(this=exp.Anonymous(this="RANK"), order=order)
        node.set("qualify", exp.Qualify(this=exp.LTE(this=rank, expression=limit.expression)))
        node.set("limit", None)
    return node


def _extract(node: exp.Extract) -> Node:
    """Which day a week begins with is a setting there, and another one here."""
    if "WEEK" in node.name.upper():
        raise refuse(f"DATEPART({node.name.lower()})")
    return _int(node)


def _int(node: Node) -> Node:
    """DuckDB answers a bigint where T-SQL has an int."""
    return exp.cast(node.copy(), "int")


def _refused(node: Node) -> Node:
    raise refuse(node.key.upper())


def _matches(node: Node) -> Node:
    """Functions whose names DuckDB knows with another meaning, or not at all."""
    if re.fullmatch(r"PATINDEX|DATE_BUCKET|SWITCHOFFSET", node.name, re.IGNORECASE):
        raise refuse(node.name.upper())
    return node


REMEDIES: Mapping[type[Node], Remedy] = {
    exp.Parameter: _global,
    exp.CurrentTimestamp: lambda _: _called("sysutcdatetime"),
    exp.CurrentTimestampLTZ: lambda _: _called("world_offset"),
    exp.CurrentSchema: lambda node: _called("schema_name", node.this.copy()) if node.this else node,
    exp.CurrentUser: lambda _: _called("original_login"),
    exp.DateAdd: _date_add,
    exp.DateDiff: _date_diff,
    exp.Extract: _extract,
    exp.Length: _int,
    exp.StrPosition: _int,
    exp.Count: _count,
    exp.Convert: _convert,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.DataType: _type,
    exp.Add: _add,
    exp.Like: _like,
    exp.Collate: lambda node: node.this.copy(),
    exp.Join: _apply,
    exp.Lateral: _lateral,
    exp.Table: _table,
    exp.Select: _select,
    exp.Anonymous: _matches,
    exp.SHA: _refused,
    exp.SHA2: _refused,
    exp.MD5: _refused,
    exp.NumberToStr: _refused,
}
