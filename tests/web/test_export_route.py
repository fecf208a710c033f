"""GET export: page by page everything, and nothing that a spreadsheet would run."""

import csv
import io
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import azure.functions as func
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.catalog.metrics import CATALOG
from shared.domain.alerts import AlertState
from shared.domain.deployments import RecentDeploy
from shared.domain.records import Insert, alert_key
from shared.domain.times import DAY, HOUR, MINUTE
from shared.web import export
from shared.web.export import COLUMNS, EXPORT, spelled
from shared.web.histories import RangeQuery, step_asked
from shared.web.spreadsheets import MEDIA_TYPE, csv_of, defused
from tests.builders import BAD, OK, T0, TARGET, Desk, a_desk, an_alert, at
from tests.web.builders import Counter, a_request, bearer, crm_token, error_of

NEXT = '>; rel="next"'


@pytest.fixture
def desk() -> Desk:
    desk = a_desk([OK, BAD] * 30)
    desk.ticks(0, 31)
    return desk


@pytest.fixture
def counter(desk: Desk) -> Counter:
    return Counter(desk)


def ask(counter: Counter, **params: str) -> func.HttpResponse:
    request = a_request(params=params, headers=bearer(crm_token(roles="reader")))
    return counter.ask(EXPORT, 30, request)


def lines(answer: func.HttpResponse) -> list[list[str]]:
    assert answer.status_code == 200, answer.get_body()
    return list(csv.reader(io.StringIO(answer.get_body().decode(), newline="")))


def pages(counter: Counter, **params: str) -> list[list[list[str]]]:
    """All pages, following the links."""
    found: list[list[list[str]]] = []
    while True:
        answer = ask(counter, **params)
        found.append(lines(answer))
        link = answer.headers.get("Link", "")
        if not link:
            return found
        assert link.startswith("<export?")
        assert link.endswith(NEXT)
        params = dict(parse_qsl(urlsplit(link[1:].removesuffix(NEXT)).query))


def keep(desk: Desk, number: int, **changes: Any) -> None:
    alert = an_alert(
        f"20251201T{number:04d}Z-1a2b3c4d",
        state=AlertState.RESOLVED,
        active_at=at(-number),
        resolved_at=at(9),
        **changes,
    )
    desk.house.alerts.commit(TARGET, [Insert(alert_key(alert.id), alert)])


def test_metrics_are_a_line_for_each_step(counter: Counter) -> None:
    answer = ask(counter, metrics="dtuUtilization,responseTime.avg", range="15m")

    header, *rows = lines(answer)
    assert header == ["timestamp", "dtuUtilization", "responseTime.avg"]
    assert rows[0] == ["2026-01-01T00:15:00Z", "99.0", ""]
    assert len(rows) == 15
    assert answer.mimetype == MEDIA_TYPE
    assert answer.headers["Content-Disposition"] == (
        'attachment; filename="pantry-crm-metrics.csv"'
    )


def test_pages_make_up_the_whole(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"metrics": "dtuUtilization", "from": "2026-01-01T00:01:30Z", "step": "2m"}
    (whole,) = pages(counter, **asked)
    monkeypatch.setattr(export, "MOST_ROWS", 4)

    found = pages(counter, **asked)

    assert [len(page) - 1 for page in found] == [4, 4, 4, 3]
    assert [row for page in found for row in page[1:]] == whole[1:]
    assert {tuple(page[0]) for page in found} == {("timestamp", "dtuUtilization")}


def test_a_long_range_in_small_steps_is_more_pages(counter: Counter) -> None:
    answer = ask(counter, metrics="dtuUtilization", range="3d", step="1m")

    assert len(lines(answer)) == 2001
    assert "step=1m" in answer.headers["Link"]


def test_a_page_reads_no_more_than_an_answer_should(counter: Counter) -> None:
    """Steps of an hour and a half take the minutes of every metric."""
    answer = ask(counter, range="14d", step="90m")

    assert (len(lines(answer)) - 1) * 1.5 * len(CATALOG.metrics) < 6000
    assert "step=90m" in answer.headers["Link"]


def test_what_is_older_than_minutes_are_kept_comes_by_the_hour(counter: Counter) -> None:
    (page,) = pages(counter, **{"from": "2025-06-01T00:10:00Z", "to": "2025-06-01T02:00:00Z"})

    assert [row[0][:16] for row in page[1:]] == ["2025-06-01T00:00", "2025-06-01T01:00"]


def test_the_longest_step_is_one_line(counter: Counter) -> None:
    answer = ask(counter, metrics="dtuUtilization", range="1h", step="9999d")

    assert len(lines(answer)) == 2
    assert "Link" not in answer.headers


@pytest.mark.parametrize("step", [MINUTE, 90 * MINUTE, HOUR, 36 * HOUR, DAY, 300 * DAY])
def test_every_step_is_spelled_so_that_it_can_be_asked_for(step: timedelta) -> None:
    assert step_asked(RangeQuery(step=spelled(step))) == step


def test_alerts_are_listed_newest_first(counter: Counter, desk: Desk) -> None:
    keep(desk, 10, note="calm", deploy=RecentDeploy("1.8.2", T0, 14))
    keep(desk, 20)

    header, *rows = lines(ask(counter, of="alerts"))

    assert header == [*COLUMNS, "deploy"]
    found = [dict(zip(header, row, strict=True)) for row in rows]
    assert [one["alertId"][:24] for one in found] == [
        "pantry-crm.20251201T0020",
        "pantry-crm.20251201T0010",
    ]
    assert (found[1]["note"], found[1]["deploy"], found[0]["note"]) == ("calm", "1.8.2", "")
    assert (found[1]["value"], found[1]["activeAt"]) == ("99.0", "2025-12-31T23:50:00Z")


def test_alerts_of_a_range_come_page_by_page(
    counter: Counter, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 8):
        keep(desk, number)
    monkeypatch.setattr(export, "MOST_ROWS", 2)

    found = pages(counter, of="alerts", **{"from": "2025-12-31T23:54:00Z"})

    assert [len(page) - 1 for page in found] == [2, 2, 2]
    ids = [row[0] for page in found for row in page[1:]]
    assert len(set(ids)) == 6
    assert "from=2025-12-31T23%3A30%3A00Z" in ask(counter, of="alerts", range="1h").headers["Link"]


def test_a_note_is_no_formula(counter: Counter, desk: Desk) -> None:
    keep(desk, 10, note='=HYPERLINK("https://example.com")', value=-5.0)

    header, row = lines(ask(counter, of="alerts"))

    found = dict(zip(header, row, strict=True))
    assert found["note"] == '\'=HYPERLINK("https://example.com")'
    assert found["value"] == "-5.0"


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", " =1", "\u00a0=1", "\uff1d1"]
)
def test_what_could_be_a_formula_stands_behind_an_apostrophe(text: str) -> None:
    assert defused(text) == f"'{text}"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("calm;=1+1", "calm;'=1+1"),
        ("calm; @SUM(A1);-1", "calm; '@SUM(A1);'-1"),
        ("calm\n=1", "calm\n'=1"),
        ("calm\t\uff1d1", "calm\t'\uff1d1"),
    ],
)
def test_a_formula_that_other_separators_would_uncover_is_none_either(text: str, left: str) -> None:
    assert defused(text) == left


@pytest.mark.parametrize(
    "text", ["", "a; b", "DTU high", "a=1", "1-2", "#alerts", "2026-01-01T00:00:00Z"]
)
def test_other_text_is_left_alone(text: str) -> None:
    assert defused(text) == text


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=9), min_size=1))
def test_every_text_can_be_read_back(texts: list[str]) -> None:
    header = [str(number) for number in range(len(texts))]

    _, found = csv.reader(io.StringIO(csv_of(header, [texts]).decode(), newline=""))

    assert found == [defused(text) for text in texts]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"of": "rules"}, "invalid_of"),
        ({"format": "xlsx"}, "invalid_format"),
        ({"from": "2027-01-01T00:00:00Z"}, "invalid_range"),
        ({"from": "2026-01-01T00:00:00Z", "range": "1h"}, "invalid_range"),
        ({"from": "2026-01-01T00:00:00Z", "range": "1h", "of": "alerts"}, "invalid_range"),
        ({"to": "2026-01-01T00:00:00Z", "range": "1h", "of": "alerts"}, "invalid_range"),
        ({"from": "2025-01-01T00:00:00Z", "step": "5m"}, "invalid_range"),
        ({"to": "2026-01-01T00:00:00Z"}, "invalid_range"),
        ({"metrics": "dtu"}, "unknown_metric"),
    ],
)
def test_what_makes_no_sense_is_refused(
    counter: Counter, params: dict[str, str], code: str
) -> None:
    assert error_of(ask(counter, **params))[:2] == (400, code)
