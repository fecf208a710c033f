"""The shapes in which Log Analytics answers: tables, and errors in their wrappings."""

import json
import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import duckdb
from duckdb_kql import KqlError, KqlSyntaxError
from duckdb_kql.types import kusto_type

from local.cloud.log_analytics_store import Answer

Body = dict[str, Any]


def table_body(answer: Answer) -> Body:
    """A query's result as JSON would have it."""
    kinds = [kind for _, kind in answer.columns]
    columns = [{"name": name, "type": kusto_type(kind)} for name, kind in answer.columns]
    rows = [[_cell(v, kind) for v, kind in zip(row, kinds, strict=True)] for row in answer.rows]
    return {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": rows}]}


def _cell(value: Any, kind: Any) -> Any:
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else _spelt(value)
        case datetime():
            return value.isoformat() + "Z"
        case timedelta():
            return _timespan(value)
        case list() | dict():
            return _nested(value, kind)
        case _:
            return str(value)


def _spelt(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _timespan(value: timedelta) -> str:
    sign = "-" if value < timedelta(0) else ""
    seconds, micros = divmod(abs(value) // timedelta(microseconds=1), 1_000_000)
    days, seconds = divmod(seconds, 86400)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{sign}{f'{days}.' if days else ''}{clock}{f'.{micros:06}0' if micros else ''}"


def _nested(value: Any, kind: Any) -> str:
    """The JSON text of a list or a struct, whose leaves may be JSON text already."""
    if value is None:
        return "null"
    if isinstance(value, list):
        of = kind.child
        return f"[{','.join(_nested(one, of) for one in value)}]"
    if isinstance(value, dict):
        kinds = dict(kind.children)
        parts = (
            f"{json.dumps(k)}:{_nested(v, kinds.get(k, kinds.get('value')))}"
            for k, v in value.items()
        )
        return f"{{{','.join(parts)}}}"
    return str(value) if str(kind) == "JSON" else json.dumps(_cell(value, kind))


def error_body(code: str, message: str, inner: Mapping[str, Any] | None = None) -> Body:
    """An error as the API wraps it."""
    error = {"message": message, "code": code, "correlationId": str(uuid4())}
    return {"error": {**error, "innererror": inner} if inner else error}


def bad_query(error: KqlError | duckdb.Error) -> Body:
    """What is wrong with a query, as deep inside as Azure hides it."""
    if isinstance(error, KqlSyntaxError):
        outer, text, inner = "SyntaxError", "A recognition error occurred in the query.", "SYN0002"
    else:
        outer, text, inner = "SemanticError", "A semantic error occurred.", "SEM0100"
    innermost = {"code": inner, "message": str(error).partition("\n")[0]}
    wrapped = {"code": outer, "message": text, "innererror": innermost}
    return error_body("BadArgumentError", "The request had some invalid properties", wrapped)
