"""docs/inspections.md: what an inspection asks, by which grant, and what it finds."""

import re

from shared.adapters.sql.findings import ADDED, PARTS
from shared.catalog.inspection_queries import INSPECTION_QUERIES
from shared.catalog.sql_queries import BUSY, SqlQuery
from shared.domain.blockings import LOOK_AGAIN
from shared.domain.quiet_hours import CALM, EVERY, STARVED
from shared.domain.times import HOUR, MINUTE

_INTRODUCTION = f"""# Inspections

Made by `python -m local.make_docs` from `shared/catalog/inspection_queries.py`.

Every {EVERY // HOUR} hours the monitor looks at the database from the inside, while DTU is below
{CALM:.0f} %; after {STARVED // HOUR} hours without, at the quarter hour that was the quietest of
the day; at {BUSY:.0f} % and more never ([ADR 16](adr/016-an-inspection-when-there-is-time.md)).
[Advice](advice.md) is judged by what it finds.

On the desk's CRM it takes 18 round trips, 132 rows, 64 KB of T-SQL and 23 KB of answers
(`make bench ARGS=sql`). What it takes of a real database it asks at its end: its row and the log
have its CPU time and the pages that it read.

Blocked sessions do not wait for that. When some wait for the second minute in a row, who keeps
them waiting is looked at once, by `blocking_chains` alone, at most every
{LOOK_AGAIN // MINUTE} minutes and not at {BUSY:.0f} % DTU or more; advice names it for a day
([ADR 22](adr/022-a-chain-is-seen-while-it-lasts.md)).

Each statement is asked for itself, in this order. One that fails, for want of a grant or of time,
costs its own findings, and the inspection says why. Every one of
[the grants](../infra/sql/grant-monitor.sql) is optional.

| statement | needs | finds | what |
|---|---|---|---|
"""
_FOLDER = "../shared/catalog/queries"


def inspections_page() -> str:
    """A row for each statement; what it asks is its own first sentence."""
    return _INTRODUCTION + "".join(map(_row, INSPECTION_QUERIES))


def _row(query: SqlQuery) -> str:
    link = f"[{query.name}]({_FOLDER}/{query.name}.sql)"
    return f"| {link} | {query.wants} | {_found(query)} | {_about(query)} |\n"


def _found(query: SqlQuery) -> str:
    parts = [name for name, (_, queries) in PARTS.items() if query in queries]
    parts += [f"{name} of indexes" for name, added in ADDED.items() if query is added]
    return ", ".join(part.replace("_", " ") for part in parts)


def _about(query: SqlQuery) -> str:
    lines = re.findall(r"^-- ?(.*)", query.text, re.MULTILINE)
    return " ".join(lines).partition(". ")[0] + "."
