"""The report's page: everything on it is told in words, too, and nothing on it runs."""

import re
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from html.parser import HTMLParser
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from shared.domain.axes import day_marks, short, ticks
from shared.web.report import REPORT
from shared.web.report_page import POLICY, page_of
from shared.web.vectors import chart_svg
from tests.a_report import DRAWN, a_deploy, a_report, an_episode
from tests.builders import OK, a_desk
from tests.domain.lines import END
from tests.web.builders import Counter, a_request, bearer, crm_token, decompressed

EVIL = '<script>alert("x")</script>'


@cache
def page() -> str:
    return page_of(a_report()).decode()


class Reader(HTMLParser):
    """Notes tags that are not closed, attributes, and ids."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: set[str] = set()
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in ("meta", "line", "polyline", "polygon", "circle"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_it_is_whole_and_has_nothing_that_runs_or_is_loaded() -> None:
    found = Reader(page())

    assert found.open == []
    assert len(set(found.ids)) == len(found.ids)
    assert not found.tags & {"script", "img", "link", "iframe", "form", "object"}
    assert not {one for one in found.attributes if one.startswith("on")} | found.attributes & {
        "style",
        "src",
        "href",
    }


def test_the_policy_allows_the_pages_own_style_and_no_other() -> None:
    style = re.search(r"<style>(.*)</style>", page(), re.DOTALL)
    assert style is not None
    digest = b64encode(sha256(style[1].encode()).digest()).decode()

    assert f"style-src 'sha256-{digest}';" in POLICY
    assert POLICY.startswith("default-src 'none';")
    said = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', page())
    assert said is not None, "it has no headers in a tab of somebody else's, and on a disk"
    assert f"{said[1]}; frame-ancestors 'none'" == POLICY, "which no page may say of itself"
    assert said.start() < style.start()
    assert "prefers-color-scheme: dark" in style[1]


def test_every_picture_says_what_it_shows_and_has_its_table() -> None:
    pictures = re.findall(r"<svg.*?</svg>", page(), re.DOTALL)

    assert len(pictures) == 8
    for picture in pictures:
        svg = ET.fromstring(picture)  # noqa: S314 - made by ourselves
        first, second, *_ = svg
        assert (first.tag, second.tag) == ("title", "desc")
        assert svg.attrib["role"] == "img"
        assert svg.attrib["aria-labelledby"] == f"{first.attrib['id']} {second.attrib['id']}"
        assert first.text
        assert second.text
    assert page().count("<summary>Table:") == 5


def test_everything_that_matters_is_on_it() -> None:
    for said in (
        "pantry-crm: report of a week",
        "2026-03-09 06:00 to 2026-03-16 06:00 UTC, beside 2026-03-02 06:00 to 2026-03-09 06:00 UTC",
        "the objective of 99.5 %",
        "weekdays compared with themselves",
        "DTU high",
        "1.8.2, 2026-03-13 06:00 UTC",
        "Database storage: 69.7 % now, 0.5 % more each day: 100 % in about 61 days.",
        "They would suit maintenance.",
        "of its CPU time",
        "was not counted: no setting names the monitor&#x27;s own app",
    ):
        assert said in page(), said


def test_what_comes_from_outside_is_only_text() -> None:
    told = page_of(
        a_report(
            deployments=(a_deploy(EVIL),),
            alerts=(an_episode(rule_name=EVIL, acknowledged_by=EVIL),),
            target=EVIL,
        )
    ).decode()

    assert "<script" not in told
    assert Reader(told).open == []


def test_an_empty_week_is_a_page_that_says_so() -> None:
    told = page_of(a_report({}, alerts=(), deployments=())).decode()

    assert "Nothing was measured from 2026-03-09" in told
    assert "<svg" not in told


def test_an_empty_week_tells_the_alerts_that_were_open_all_the_same() -> None:
    told = page_of(a_report({}, deployments=())).decode()

    assert "Nothing was measured from 2026-03-09" in told
    assert an_episode().rule_name in told


def test_a_gap_is_a_gap_in_the_line() -> None:
    chart = a_report().charts.resource_utilization
    series = chart.series["memoryUsage"]
    gapped = replace(series, value=(*series.value[:10], None, *series.value[11:]))

    svg = chart_svg("c", chart, gapped, ZoneInfo("UTC"))

    assert svg.count('class="line"') == 2
    assert svg.count('fill="none"') == 2, "where no style is let in a line is no black area"
    assert svg.count('class="limit"') == 0, "1,400 MB lie above what is shown"
    drawn = replace(series, warning=900.0)
    assert chart_svg("c", chart, drawn, ZoneInfo("UTC")).count('class="limit"') == 1


@pytest.mark.parametrize(
    ("top", "steps"),
    [
        (0, [0, 1]),
        (5e-17, [0, 1]),
        (1, [0, 0.25, 0.5, 0.75, 1]),
        (7, [0, 2, 4, 6, 8]),
        (100, [0, 25, 50, 75, 100]),
        (1023, [0, 500, 1000, 1500]),
    ],
)
def test_axes_have_round_steps(top: float, steps: list[float]) -> None:
    assert ticks(top) == steps


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0"), (2.5, "2.5"), (1500, "1,500"), (1234.56, "1,235"), (-2e6, "-2,000,000")],
)
def test_axes_tell_figures_in_plain_digits(value: float, said: str) -> None:
    assert short(value) == said


def test_days_begin_at_the_readers_midnight_also_when_the_clock_changes() -> None:
    chart = a_report().charts.user_activity
    spring = replace(chart, start=END + timedelta(days=12), end=END + timedelta(days=15))

    marks = day_marks(spring, ZoneInfo("Europe/Berlin"))

    assert [(f"{at:%H:%M}", said) for at, said in marks] == [
        ("00:00", "Sun 29"),
        ("00:00", "Mon 30"),
        ("00:00", "Tue 31"),
    ]
    assert (marks[1][0] - marks[0][0].astimezone(ZoneInfo("UTC"))).total_seconds() == 23 * 3600


@pytest.mark.parametrize(
    ("zone", "first", "last"),
    [
        ("UTC", "06:00", "06:00"),
        ("Asia/Kolkata", "12:00", "09:00"),
        ("Asia/Kathmandu", "12:00", "09:00"),
    ],
)
def test_hours_are_marked_where_they_are_full_by_the_readers_clock(
    zone: str, first: str, last: str
) -> None:
    """India is half an hour beside UTC, Nepal three quarters."""
    chart = a_report().charts.user_activity
    start = datetime(2026, 1, 8, 6, tzinfo=UTC)
    marks = day_marks(replace(chart, start=start, end=start + timedelta(days=1)), ZoneInfo(zone))

    assert [f"{at:%H:%M}" for at, _ in marks] == [said for _, said in marks]
    assert (marks[0][1], marks[-1][1]) == (first, last)


def test_it_is_asked_for_by_its_format() -> None:
    desk = a_desk([OK] * 70)
    desk.tick(65)
    counter = Counter(desk)

    request = a_request(params={"format": "html"}, headers=bearer(crm_token()))
    answer = counter.ask(REPORT, 66, request)

    assert (answer.status_code, answer.mimetype) == (200, "text/html; charset=utf-8")
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert decompressed(answer).startswith(b"<!DOCTYPE html>")


def test_what_the_office_draws_is_known_to_the_catalog() -> None:
    assert set(a_report().charts.resource_utilization.series) == {"dtuUtilization", "memoryUsage"}
    assert len(DRAWN) == 9
