"""The queries of infra/queries/ read the lines that the code writes; run on DuckDB."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb_kql
import pytest

from local.bicep_files import INFRA, parse
from local.kusto.analyzer import analyze, analyze_files
from shared.domain.decisions import Suppression, Transition
from shared.domain.deliveries import Attempt, Status, first_delivery
from shared.domain.machine import State
from shared.domain.reasons import Reason
from shared.domain.samples import Failure, FailureKind
from shared.domain.times import iso
from shared.services.evaluate import Evaluation
from shared.services.passes import Pass, PassKind, line_of
from tests.builders import MAIL, T0, TARGET, a_desk, a_reading, an_event, at

QUERIES = sorted((INFRA / "queries").glob("*.kql"))
DOCUMENT = (INFRA.parent / "docs" / "logs.md").read_text()


def a_pass(**changes: Any) -> Pass:
    """A tick in which nearly everything happened that a line can tell."""
    told = first_delivery(an_event(), MAIL, T0)
    given: dict[str, Any] = {
        "kind": PassKind.TICK,
        "id": "0badcafe",
        "answers": [
            a_reading({8: 1.0}, covered=9),
            Failure("probe", at(9), "HTTP 503"),
            Failure("users", at(9), "it waits: DTU is at 99 %, …", FailureKind.DEFERRED),
        ],
        "rules": 2,
        "evaluation": Evaluation(
            transitions=[
                Transition(
                    rule="dtu-high",
                    minute=at(8),
                    before=State.PENDING,
                    after=State.FIRING,
                    reason=Reason.BREACH,
                    episode=None,
                )
            ],
            suppressions=[
                Suppression(rule="cpu-high", minute=at(8), reason=Reason.SNOOZED, episode=None)
            ],
            broken=["odd"],
            covered={"dmv": at(9), "probe": at(2)},
        ),
        "attempts": [Attempt(delivery=told, before=Status.PENDING, reason=Reason.RETRY)],
        "durations": {
            "collect": 10_000,
            "evaluate": 90,
            "dispatch": 5,
            "deliver": 6,
            "total": 10_101,
        },
    }
    return Pass(TARGET, at(9, 20), **{**given, **changes})


def said() -> list[str]:
    """The messages of a log: two passes, a heartbeat, and lines of others."""
    catalog = a_desk().house.catalog
    calm = Pass(TARGET, at(10, 50), PassKind.WATCH, durations={"total": 12})
    lines = [json.dumps(line_of(one, catalog)) for one in (a_pass(), calm)]
    others = ["heartbeat: 1 targets", "no heartbeat: two", "Executing 'Functions.tick'", "pass on"]
    return [f"pass {line}" for line in lines] + others


def answers(query: str) -> list[dict[str, Any]]:
    """What a query finds in that log."""
    con = duckdb_kql.connect()
    con.execute(
        "CREATE TABLE AppTraces (TimeGenerated TIMESTAMP, Message VARCHAR, AppRoleName VARCHAR)"
    )
    con.execute(
        "CREATE TABLE AppExceptions (TimeGenerated TIMESTAMP, ExceptionType VARCHAR,"
        " OuterMessage VARCHAR, AppRoleName VARCHAR)"
    )
    moment = datetime.now(UTC).replace(tzinfo=None)
    con.executemany(
        "INSERT INTO AppTraces VALUES (?, ?, 'func')", [(moment, one) for one in said()]
    )
    con.executemany(
        "INSERT INTO AppExceptions VALUES (?, 'KeyError', ?, ?)",
        [(moment, "'dtu'", "func"), (moment, "of the CRM", "crm")],
    )
    # The same now for both: a day must not begin between the lines and the question.
    found = duckdb_kql.kql(con, query.replace("now()", f"datetime({moment.isoformat()})"))
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


PUT_IN = {
    "at_a_moment": ("2026-01-01T10:42:00Z", iso(at(9))),
    "why_it_fired": ("dtu-critical", "dtu-high"),
}
"""What a reader of a query puts in, in place of its example."""

EXPECTED: dict[str, dict[str, Any]] = {
    "at_a_moment": {"id": "0badcafe", "what": "tick", "target": TARGET},
    "deliveries": {"channel": "email", "status": "pending", "reason": "retry", "rows": 1},
    "failures_today": {"what": "heartbeat", "said": "two", "times": 1},
    "failing_sources": {"name": "probe", "error": "HTTP 503", "failures": 1},
    "heartbeats": {"beat": True, "said": "all is well", "times": 1},
    "late_sources": {"name": "probe", "longest": 7, "passes": 1},
    "missed_minutes": {"target": TARGET, "minutes": 1},
    "pass_durations": {"what": "tick", "passes": 1, "p95": 10_101.0},
    "slow_passes": {"id": "0badcafe", "what": "tick", "total": 10_101.0, "collect": 10_000.0},
    "suppressions": {"rule": "cpu-high", "reason": "snoozed", "times": 1},
    "transitions": {"rule": "dtu-high", "before": "pending", "after": "firing", "reason": "breach"},
    "unfinished_passes": {"id": "0badcafe", "broken": '["odd"]', "behind": "false"},
    "why_it_fired": {"before": "pending", "after": "firing", "reason": "breach", "id": "0badcafe"},
}


def test_every_query_has_an_expected_answer() -> None:
    assert {file.stem for file in QUERIES} == EXPECTED.keys()


@pytest.mark.parametrize("file", QUERIES, ids=lambda file: file.stem)
def test_a_query_finds_what_the_log_says(file: Path) -> None:
    example, own = PUT_IN.get(file.stem, ("", ""))
    text = file.read_text()
    assert example in text
    rows = answers(text.replace(example, own) if example else text)
    wanted = EXPECTED[file.stem]

    assert any(row.items() >= wanted.items() for row in rows), rows


@pytest.mark.parametrize("file", QUERIES, ids=lambda file: file.stem)
def test_a_query_is_documented_and_says_what_it_asks(file: Path) -> None:
    assert file.read_text().startswith("// ")
    assert f"infra/queries/{file.name}" in DOCUMENT


def test_a_source_that_waits_is_no_source_that_fails() -> None:
    rows = answers((INFRA / "queries" / "failing_sources.kql").read_text())

    assert [row["name"] for row in rows] == ["probe"]


def test_what_failed_today_is_all_of_it() -> None:
    rows = answers((INFRA / "queries" / "failures_today.kql").read_text())

    assert {(row["what"], row["name"]) for row in rows} == {
        ("source", "probe"),
        ("rule", "odd"),
        ("delivery", "email"),
        ("heartbeat", ""),
        # Not the CRM's own, which stand in the same table where they share a workspace.
        ("exception", "KeyError"),
    }


def test_the_portal_has_every_query() -> None:
    saved = parse("x", (INFRA / "modules" / "saved_queries.bicep").read_text()).resources
    loaded = [one.value["properties"]["query"] for one in saved.values() if one.type.count("/") > 1]

    assert all(
        one.value["properties"]["etag"] == "*" for one in saved.values() if one.type.count("/") > 1
    ), "a second deployment would be refused"
    assert loaded == [("loadTextContent", f"../queries/{file.name}") for file in QUERIES]


def test_azures_own_alerts_ask_what_is_logged() -> None:
    text = (INFRA / "modules" / "supervision.bicep").read_text()
    queries = dict(re.findall(r"^var (\w+) = '(.*)'$", text, re.MULTILINE))
    asked = {
        name: one.replace("${appName}", "func-pantry-monitor") for name, one in queries.items()
    }

    assert asked.keys() == {"silence", "failures"}
    assert {name: one.diagnostics for name, one in analyze(asked).items()} == {
        "silence": (),
        "failures": (),
    }
    assert 'startswith "heartbeat: "' in asked["silence"]


def test_microsofts_analyzer_finds_nothing_wrong() -> None:
    found = analyze_files(INFRA / "queries")

    assert list(found) == QUERIES
    assert {file.name: one.diagnostics for file, one in found.items() if one.diagnostics} == {}


def test_the_example_of_the_document_is_right_and_a_wrong_column_would_be_found() -> None:
    (example,) = re.findall(r"```kusto\n(.*?)```", DOCUMENT, re.DOTALL)
    found = analyze({"right": example, "wrong": example.replace("Message", "Mesage")})

    assert found["right"].diagnostics == ()
    assert found["wrong"].diagnostics


def test_the_document_names_every_field_of_the_line() -> None:
    line = line_of(a_pass(), a_desk().house.catalog)

    missing = [name for name in line if not re.search(rf"`{name}`", DOCUMENT)]
    assert missing == []


def test_no_setting_of_the_host_drops_lines() -> None:
    host = json.loads((INFRA.parent / "host.json").read_text())
    sampling = host["logging"]["applicationInsights"]["samplingSettings"]

    assert host["logging"]["logLevel"]["default"] == "Information"
    assert "Trace" in sampling["excludedTypes"].split(";")
