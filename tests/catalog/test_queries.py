"""Every query in the catalog: accepted by Microsoft's analyzer, and right about hand-made rows."""

import json
import math
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import duckdb_kql
import pytest

from local.cloud.log_analytics_answers import table_body
from local.cloud.log_analytics_store import LogStore, Span
from local.cloud.log_analytics_tables import Item
from local.kusto.analyzer import Analysis, AnalyzerMissingError, analyze
from shared.catalog.log_queries import LOG_QUERIES, PAGES, SECURITY, USAGE
from shared.catalog.metrics import CATALOG
from shared.domain.histograms import GAMMA, LAST_BUCKET, bucket_of
from tests.catalog.kql import FILES, misspellings, name_of
from tests.local.cloud.handmade import PlainWorld

ANSWERS = Path(__file__).parent / "answers"
EXPECTED = {
    **{query.name: query.columns for query in LOG_QUERIES},
    **{query.name: query.columns for query in USAGE},
    SECURITY.name: SECURITY.columns,
}
BROKEN = {
    "a command": ".drop table AppRequests",
    "nothing": "",
    "a comment": "// nothing",
    "a statement without a result": "let a = 1;",
    "a named condition": "AppRequests | where Success = true | count",
    "a named condition in a function": "AppRequests | summarize countif(Success = true)",
    "an unknown table": "AppNothing | count",
    "an unknown column": "AppRequests | where Nothing == 1 | count",
    "a comparison of text with a number": "AppRequests | where ResultCode > 400 | count",
    "no operator": "AppRequests | wherever",
}


def texts() -> dict[str, str]:
    """Every query, right, misspelt and broken: one Node process looks at them all."""
    right = {file.stem: file.read_text(encoding="utf-8") for file in FILES}
    wrong = {
        f"{name} misspelt {n}": text
        for name, kql in right.items()
        for n, text in enumerate(misspellings(kql))
    }
    return {**right, **wrong, **BROKEN}


@pytest.fixture(scope="module")
def analyses() -> dict[str, Analysis]:
    try:
        return analyze(texts())
    except AnalyzerMissingError as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))


def test_every_query_file_is_in_the_table_and_has_an_answer_to_compare_with() -> None:
    names = [file.stem for file in FILES]

    assert names == sorted(EXPECTED)
    assert names == sorted(file.stem for file in ANSWERS.glob("*.json"))


def test_the_queries_give_every_metric_of_the_source_once() -> None:
    given = [m for query in LOG_QUERIES for m in (*query.counts.values(), *query.distributions)]

    assert sorted(given) == sorted(m.name for m in CATALOG.metrics if "logs" in m.sources)
    conduct = sorted(m.name for m in CATALOG.metrics if "security" in m.sources)
    assert sorted(SECURITY.counts.values()) == conduct
    assert SECURITY.out_of_hours < SECURITY.counts.keys()


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_the_analyzer_accepts_it_and_expects_the_columns_that_are_read(
    file: Path, analyses: Mapping[str, Analysis]
) -> None:
    analysis = analyses[file.stem]

    assert analysis.diagnostics == ()
    assert dict(analysis.columns) == EXPECTED[file.stem]


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_a_column_that_is_misspelt_anywhere_is_noticed(
    file: Path, analyses: Mapping[str, Analysis]
) -> None:
    count = len(list(misspellings(file.read_text(encoding="utf-8"))))
    unnoticed = [
        n
        for n in range(count)
        if not analyses[f"{file.stem} misspelt {n}"].diagnostics
        and dict(analyses[f"{file.stem} misspelt {n}"].columns) == EXPECTED[file.stem]
    ]

    assert count > len(EXPECTED[file.stem])
    assert unnoticed == []


@pytest.mark.parametrize("name", BROKEN)
def test_the_analyzer_refuses(name: str, analyses: Mapping[str, Analysis]) -> None:
    assert analyses[name].diagnostics


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_it_answers_hand_made_rows_exactly(file: Path) -> None:
    known = json.loads((ANSWERS / f"{file.stem}.json").read_text(encoding="utf-8"))

    answered = run(file.read_text(encoding="utf-8"), known["rows"])["tables"][0]

    assert [column["name"] for column in answered["columns"]] == known["columns"]
    assert sorted(tidied(row) for row in answered["rows"]) == known["answer"]


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_it_answers_no_rows_with_no_rows(file: Path) -> None:
    assert run(file.read_text(encoding="utf-8"), {})["tables"][0]["rows"] == []


def test_views_of_pages_that_are_too_many_to_name_are_in_the_total() -> None:
    shown = {"DurationMs": 1, "UserId": "", "ItemCount": 2}
    quarters = [(0, "/a"), (0, "/b"), (15, "/c")]
    rows = [
        {**shown, "TimeGenerated": f"2026-03-02T09:{minute:02}:00Z", "Name": name}
        for minute, name in quarters
    ]

    answered = run(PAGES.text.replace("top 2000 ", "top 1 "), {"AppPageViews": rows})

    told = [(row[0], row[-1]) for row in answered["tables"][0]["rows"]]
    assert len(told) == 3
    assert {one for one in told if one[1] is not None} == {
        ("2026-03-02T09:00:00Z", 4),
        ("2026-03-02T09:15:00Z", 2),
    }


def run(kql: str, rows: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The answer to a query over tables of documented columns that hold just these rows."""
    store = LogStore(PlainWorld())
    start = datetime(2026, 3, 2, 9, tzinfo=UTC)
    for table, given in rows.items():
        for row in given:
            at = datetime.fromisoformat(row["TimeGenerated"])
            store._insert(table, [Item(at, {**row, "TimeGenerated": at})])
    end = start + timedelta(hours=1)
    return table_body(store.answer(kql, Span(start, end), end))


def tidied(row: list[Any]) -> list[Any]:
    """Kusto promises no order inside a list."""
    return [
        json.dumps(sorted(json.loads(cell)), separators=(",", ":"))
        if isinstance(cell, str) and cell.startswith("[")
        else cell
        for cell in row
    ]


def test_buckets_are_those_of_the_histograms_to_the_last_digit() -> None:
    """Edges are the hard ones: each, and its neighbours among the floats."""
    edges = [GAMMA**n for n in range(LAST_BUCKET + 20)]
    near = [math.nextafter(edge, towards) for edge in edges for towards in (0, math.inf)]
    some = [Random(7).uniform(0, 60_000) for _ in range(5000)]
    durations = [*edges, *near, *some, 0.0, 0.5, 1.0, 7e6, 1e12]

    for duration, bucket in buckets_by_kql(durations):
        assert bucket == bucket_of(duration), duration


def buckets_by_kql(durations: list[float]) -> list[tuple[float, int]]:
    kql = LOG_QUERIES[0].text
    formula = kql.split("Bucket = ", 1)[1].split("\n", 1)[0]
    duckdb = duckdb_kql.connect()
    duckdb.execute("CREATE TABLE T AS SELECT unnest(?) AS DurationMs", [durations])
    rows = duckdb_kql.execute(duckdb, f"T | project DurationMs, Bucket = {formula}").fetchall()
    duckdb.close()
    return rows
