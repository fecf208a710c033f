"""The dashboard as people use it, in a real Chromium; its pictures go to build/dashboard."""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from shared import bootstrap
from shared.web.auth import Gate
from shared.web.platform_login import HEADER
from tests.walks.page_stage import (
    AXE,
    FIRST_STORM,
    MINUTE,
    SECOND_STORM,
    SIZES,
    STORM_MINUTES,
    Stage,
    judged,
    picture,
    running_browser,
    running_page,
    wait_until_closed,
)

pytestmark = pytest.mark.slow

STORM = "DTU Usage Critical"
VIEWS = (
    "overview",
    "episodes",
    "advice",
    "business",
    "security",
    "rules",
    "maintenance",
    "deliveries",
)
STORMY = 80
UNUSUAL_PIXELS = """
(() => {
  const canvas = document.querySelector("pantry-monitor").shadowRoot.querySelector("canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let found = 0;
  for (let at = 0; at < data.length; at += 4) {
    const [red, green, blue] = data.slice(at, at + 3);
    if (red > 140 && red < 200 && green < 60 && blue > 80 && blue < 140) found++;
  }
  return found;
})()
"""
LARGEST = 60_000
MOST_FILES = 6
CALM_LAYOUT = 0.05
WATCH_LAYOUT = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.shifted += one.value;
}).observe({ type: "layout-shift", buffered: true });
"""
TRAVELLED = """
[performance.getEntriesByType("navigation"), performance.getEntriesByType("resource")]
  .flat().filter((one) => one.name.includes("/dashboard"))
  .map((one) => [one.name, one.encodedBodySize])
"""
CUT_HEADS = """
[...document.querySelector("pantry-monitor").shadowRoot.querySelectorAll(".card header")]
  .filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.textContent)
"""
OPEN_ALL = """
document.querySelector("pantry-monitor").shadowRoot
  .querySelectorAll("details:not(.figures), .chart:first-of-type .figures")
  .forEach((one) => { one.open = true; })
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as running:
        yield running


@pytest.fixture(scope="module")
def stage(browser: Browser) -> Iterator[Stage]:
    """In the middle of the first storm."""
    with running_page(browser) as running:
        running.play_to(FIRST_STORM + 4 * MINUTE)
        yield running


def episode(page: Page) -> Any:
    return page.get_by_role("article").filter(has=page.get_by_role("heading", name=STORM))


def refreshed(page: Page) -> None:
    with page.expect_response(lambda answer: "/metrics?" in answer.url):
        page.get_by_role("button", name="Refresh", exact=True).click()


def test_a_first_run_and_a_storm_that_is_acknowledged_and_silenced(browser: Browser) -> None:
    with running_page(browser, LOG_ANALYTICS_WORKSPACE_ID="") as stage, stage.page() as page:
        expect(page.get_by_role("heading", name="Nothing was measured yet")).to_be_visible()
        expect(page.get_by_role("listitem").filter(has_text="Logs")).to_contain_text("not asked")
        picture(page, "first-run")

        stage.play_to(FIRST_STORM)
        refreshed(page)
        expect(page.locator(".sentence")).to_contain_text("Healthy")
        expect(page.locator(".ages tr").filter(has_text="Logs")).to_contain_text("not connected")
        picture(page, "calm")

        stage.play_to(FIRST_STORM + 4 * MINUTE)
        refreshed(page)
        expect(page.locator(".sentence")).to_have_text(
            re.compile(r"^Critical: DTU 9\d(\.\d)?\s% for 4\smin; 1 critical$")
        )
        expect(episode(page).locator("code")).to_contain_text("FROM [dbo].[Interaction]")
        told = stage.told(STORM) + stage.told("DTU 9")
        assert told

        acknowledge = episode(page).get_by_role("button", name="Acknowledge")
        acknowledge.click()
        expect(episode(page)).to_contain_text("Acknowledged by Desk user")
        expect(acknowledge).to_be_disabled()

        episode(page).get_by_role("button", name="Snooze …").click()
        episode(page).get_by_role("button", name="1 h", exact=True).click()
        expect(episode(page)).to_contain_text("Snoozed until")

        stage.play_to(SECOND_STORM)
        refreshed(page)
        expect(page.locator(".nothing")).to_contain_text(f"The last was {STORM}")
        after_first = stage.told("CRITICAL")
        assert stage.told("RESOLVED")

        stage.play_to(SECOND_STORM + 4 * MINUTE)
        refreshed(page)
        expect(episode(page)).to_contain_text("Snoozed until")
        assert stage.told("CRITICAL") == after_first, "the snooze holds for the next storm, too"

        episode(page).get_by_text("Timeline").click()
        expect(episode(page).locator(".timeline")).to_contain_text("Suppressed")
        episode(page).get_by_role("button", name="Resolve").click()
        expect(page.locator(".nothing")).to_be_visible()
        assert stage.rig.clock.now < SECOND_STORM + STORM_MINUTES * MINUTE


def test_a_refused_action_rolls_the_button_back(stage: Stage) -> None:
    with stage.page(role="reader") as page:
        acknowledge = episode(page).get_by_role("button", name="Acknowledge")
        held: list[Route] = []

        def hold(route: Route) -> None:
            held.append(route)

        page.route("**/monitoring/alerts", hold)

        acknowledge.click()

        expect(episode(page)).to_contain_text("Acknowledged by you")
        expect(episode(page).get_by_role("button", name="Resolve")).to_be_disabled()
        held.pop().continue_()
        expect(episode(page).get_by_role("alert")).to_contain_text("This needs the role admin")
        expect(episode(page)).not_to_contain_text("Acknowledged by you")
        expect(acknowledge).to_be_enabled()


def test_ranges_and_zooms_are_in_the_address(stage: Stage) -> None:
    with stage.page("?range=3h") as page:
        expect(page.get_by_role("button", name="3h")).to_have_attribute("aria-pressed", "true")
        page.get_by_role("button", name="15m").click()
        expect(page).to_have_url(f"{stage.url}?range=15m")

        plot = page.locator(".stage").first
        plot.scroll_into_view_if_needed()
        box = plot.bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 60, steps=5)
        page.mouse.up()

        expect(page.get_by_text("Zoomed.")).to_be_visible()
        assert "from=2026-11-23T09" in page.url
        page.go_back()
        expect(page).to_have_url(f"{stage.url}?range=15m")
        page.get_by_role("link", name="Rules").click()
        expect(page).to_have_url(f"{stage.url}?view=rules&range=15m")
        expect(page.get_by_role("heading", name=STORM)).to_be_visible()


def test_the_last_good_figures_stay_when_the_api_fails(stage: Stage) -> None:
    with stage.page() as page:
        expect(episode(page)).to_be_visible()
        page.route("**/metrics?*", lambda route: route.fulfill(status=503, body="{"))

        refreshed(page)

        expect(page.locator(".trouble")).to_contain_text("What you see was last updated at")
        expect(episode(page)).to_be_visible()
        picture(page, "api-failure")
        page.unroute("**/metrics?*")
        page.get_by_role("button", name="Try again").click()
        expect(page.locator(".trouble")).to_have_count(0)


def test_what_cannot_be_read_is_said(stage: Stage) -> None:
    def damage(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        told["meta"]["damaged"] = [{"from": "2026-11-23T08:00:00Z", "to": "2026-11-23T09:00:00Z"}]
        route.fulfill(response=answer, json=told)

    with stage.page(role=None) as page:
        page.route("**/metrics?*", damage)
        page.get_by_label("Access token").fill(stage.token("reader"))
        page.keyboard.press("Enter")

        expect(page.locator(".ranges")).to_contain_text("left out: 09:00 – 10:00")


def test_everything_can_be_done_with_the_keyboard(stage: Stage) -> None:
    with stage.page(role=None) as page:
        expect(page.get_by_label("Access token")).to_be_focused()
        page.keyboard.type(stage.token("admin"))
        page.keyboard.press("Enter")
        expect(episode(page)).to_be_visible()

        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
        page.keyboard.press("Escape")
        page.locator(".stage").first.focus()
        page.keyboard.press("Home")
        slider = page.get_by_role("slider", name="DTU Utilization Trend")
        first = slider.get_attribute("aria-valuetext")
        page.keyboard.press("End")
        assert first != slider.get_attribute("aria-valuetext")
        expect(slider).to_have_attribute("aria-valuetext", re.compile(r"DTU 9\d"))
        page.keyboard.press("+")
        expect(page.get_by_text("Zoomed.")).to_be_visible()
        page.keyboard.press("-")

        episode(page).get_by_role("button", name="Snooze").focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        expect(episode(page).get_by_role("button", name="15 min")).to_be_focused()
        page.keyboard.press("6")
        expect(page.get_by_role("heading", name="Rules")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nobody_is_kept_out_of_any_view(stage: Stage, theme: str) -> None:
    """axe-core finds nothing, and what was there to see is kept as pictures."""
    script = AXE.read_text(encoding="utf-8")
    with stage.page(theme=theme, script=script) as page:
        for view in VIEWS:
            page.goto(f"{stage.url}?view={view}&rule=dtu-critical")
            expect(page.locator(".sentence")).to_be_visible()
            page.wait_for_load_state("networkidle")
            page.evaluate(OPEN_ALL)
            assert judged(stage, page) == [], view
            picture(page, f"{view}-{theme}")
    with stage.page(theme=theme, role=None, script=script) as page:
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert judged(stage, page) == []
        picture(page, f"sign-in-{theme}")


@pytest.mark.parametrize("size", SIZES)
def test_it_fits_every_screen(stage: Stage, size: str) -> None:
    with stage.page(size=size, theme="dark" if size == "wall" else "light") as page:
        expect(episode(page)).to_be_visible()
        page.wait_for_load_state("networkidle")
        picture(page, size)

        wide = page.evaluate("document.documentElement.scrollWidth")

        assert wide <= SIZES[size][0]
        assert page.evaluate(CUT_HEADS) == []


def test_names_without_a_blank_do_not_push_it_aside(stage: Stage) -> None:
    def lengthen(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        for one in told["data"] if isinstance(told["data"], list) else told["data"]["alerts"]:
            one.update(ruleName="x" * 120, note="y" * 300)
        route.fulfill(response=answer, json=told)

    with stage.page(size="narrow", role=None) as page:
        page.route(re.compile(r"/(metrics|alerts)\?"), lengthen)
        page.get_by_label("Access token").fill(stage.token("reader"))
        page.keyboard.press("Enter")
        expect(page.get_by_role("article").first).to_contain_text("y" * 300)

        wide = page.evaluate("document.documentElement.scrollWidth")

        assert wide <= SIZES["narrow"][0]


def test_every_view_fits_a_phone_and_says_where_one_is(stage: Stage) -> None:
    with stage.page(size="phone") as page:
        for view in VIEWS:
            page.goto(f"{stage.url}?view={view}&rule=dtu-critical")
            here = page.get_by_role("navigation", name="Views").locator("[aria-current]")
            expect(here).to_have_text(re.compile(view, re.IGNORECASE))
            expect(here).to_be_in_viewport(ratio=0.9)
            page.evaluate(OPEN_ALL)
            page.wait_for_load_state("networkidle")

            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= SIZES["phone"][0], view


def test_who_may_not_look_is_told_kindly_and_the_platforms_login_is_offered(stage: Stage) -> None:
    with stage.page(role=None) as page:
        page.route("**/.auth/me", lambda route: route.fulfill(status=401))
        page.reload()
        offered = page.get_by_role("link", name="Sign in with Microsoft")
        expect(offered).to_have_attribute("href", re.compile(r"/\.auth/login/aad\?post_login"))

        field, go = page.get_by_label("Access token"), page.get_by_role("button", name="Show the")
        field.fill("nonsense")
        go.click()
        expect(page.get_by_role("alert")).to_contain_text("This token is not taken")
        field.fill(stage.token("deployer"))
        go.click()
        expect(page.get_by_role("alert")).to_contain_text("this needs the role reader")
        field.fill(stage.token("reader"))
        page.get_by_label("Keep it until").check()
        go.click()
        expect(episode(page)).to_be_visible()
        page.reload()
        expect(episode(page)).to_be_visible()

        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert page.evaluate("sessionStorage.getItem('pantry-monitor.token')") is None


def test_a_rule_is_tried_and_changed_and_a_window_comes_and_goes(stage: Stage) -> None:
    with stage.page("?view=rules&rule=memory-warning") as page:
        rule = page.get_by_role("article").filter(
            has=page.get_by_role("heading", name="Memory Usage High")
        )
        rule.get_by_label("Threshold (MB)").fill("880.5")
        rule.get_by_role("button", name="Try on the last 7 days").click()
        expect(rule.locator(".trial")).to_contain_text(re.compile(r"fired \d+ times in 7 days"))
        rule.get_by_label("Threshold (MB)").fill("1801")
        rule.get_by_role("button", name="Save").click()
        expect(rule.get_by_role("alert")).to_contain_text("Refused:")
        rule.get_by_label("Threshold (MB)").fill("1450")
        rule.get_by_role("button", name="Save").click()
        expect(rule.get_by_role("status")).to_contain_text("Saved; it counts from the next minute")
        expect(rule).to_contain_text("Memory greater than 1,450\u00a0MB")
        rule.get_by_role("button", name="Back to the shipped rule").click()
        expect(rule).to_contain_text("Memory greater than 1,400\u00a0MB")

        page.get_by_role("link", name="Maintenance").click()
        page.get_by_label("When").select_option("again and again")
        page.get_by_label("Note").fill("quiet nights")
        page.get_by_label("Low").check()
        page.get_by_role("button", name="Add the window").click()
        window = page.get_by_role("article").filter(has_text="quiet nights")
        expect(window).to_contain_text("Every day from 22:00 to 07:00 (Europe/Berlin)")
        expect(window).to_contain_text("low only")
        expect(page.get_by_label("When")).to_have_value("now")
        expect(page.get_by_label("Minutes")).to_have_value("60")
        window.get_by_role("button", name="End it").click()
        expect(window).to_have_count(0)


def test_it_is_a_guest_in_another_page(stage: Stage) -> None:
    home = stage.url.removesuffix("/api/monitoring/dashboard")
    element = '<pantry-monitor refresh-interval="60000" alerts-enabled="false"></pantry-monitor>'
    script = f'<script type="module" src="{stage.url}/pantry-monitor.js"></script>'
    crm = f"<!DOCTYPE html><title>CRM</title><h1>CRM</h1>{element}{script}"
    sign_in = f"(one) => {{ one.token = '{stage.token('reader')}' }}"
    with stage.page(role=None) as page:
        page.route(f"{home}/crm", lambda route: route.fulfill(body=crm, content_type="text/html"))
        page.goto(f"{home}/crm")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

        page.eval_on_selector("pantry-monitor", sign_in)

        expect(page.locator(".sentence")).to_contain_text("Critical")
        expect(page.get_by_role("heading", name="DTU Utilization Trend")).to_be_visible()
        expect(page.get_by_label("Refresh every")).to_have_value("60")
        expect(episode(page)).to_have_count(0)
        page.get_by_role("link", name="Rules").click()
        expect(page.get_by_role("heading", name=STORM)).to_be_visible()
        assert (page.url, page.title()) == (f"{home}/crm", "CRM")
        assert page.evaluate("sessionStorage.length") == 0


def test_it_starts_small_and_stands_still(stage: Stage) -> None:
    with stage.page(script=WATCH_LAYOUT) as page:
        expect(episode(page)).to_be_visible()
        page.wait_for_load_state("networkidle")

        travelled = page.evaluate(TRAVELLED)

        assert len(travelled) <= MOST_FILES, json.dumps(travelled)
        assert 0 < sum(size for _, size in travelled) <= LARGEST, json.dumps(travelled)
        assert page.evaluate("window.shifted") <= CALM_LAYOUT


def test_what_was_unusual_is_shown_and_said(stage: Stage) -> None:
    """A detector is silent on its first day; so here it is told what it would say in a week."""

    def judge(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        dtu = told["data"]["historical"]["series"]["dtuUtilization"]
        assert dtu["usual"].keys() == {"score", "low", "high"}
        storm = [value is not None and value > STORMY for value in dtu["value"]]
        dtu["usual"] = {
            "score": [0.8 if one else 0.1 for one in storm],
            "low": [24.0] * len(storm),
            "high": [44.0] * len(storm),
        }
        route.fulfill(response=answer, json=told)

    with stage.page(role=None) as page:
        page.route("**/metrics?*usual=1*", judge)
        page.get_by_label("Access token").fill(stage.token("reader"))
        page.keyboard.press("Enter")

        expect(page.locator(".ranges")).to_contain_text("Strip at the foot: unusual.")
        dtu = page.locator(".chart").first
        expect(dtu.locator(".summary")).to_contain_text(
            re.compile(r"; DTU unusual at 10:33 for \d\smin(;|\.)")
        )
        assert painted(page) > 0
        picture(page, "unusual")


def painted(page: Page) -> int:
    """How many pixels of the first chart have the colour of what is unusual."""
    found: int = page.evaluate(UNUSUAL_PIXELS)
    return found


def test_business_and_security_are_told_by_name_over_the_chosen_range(stage: Stage) -> None:
    with stage.page("?view=business") as page:
        expect(page.get_by_role("region", name="Pipeline")).to_contain_text("proposal")
        expect(page.get_by_role("region", name="Operations")).to_contain_text("GET /api/contacts")
        with page.expect_response(lambda answer: "business?range=24h" in answer.url):
            page.get_by_role("button", name="24h").click()
        expect(page).to_have_url(re.compile("view=business&range=24h"))

    with stage.page("?view=security&range=1y", role="reader") as page:
        expect(page.get_by_role("button", name="24h")).to_have_attribute("aria-pressed", "true")
        expect(page.locator(".list")).to_contain_text("whole for the role admin alone")
        tried = page.get_by_role("region", name="Failed logins by address")
        expect(tried.get_by_role("rowheader").first).to_have_text(re.compile(r"^[\d.]+\.0/24$"))


NOTE_REVOKED = """
window.revoked = [];
const revoke = URL.revokeObjectURL;
URL.revokeObjectURL = (url) => { window.revoked.push(url); revoke(url); };
"""


@contextmanager
def opened_report(page: Page, label: str) -> Iterator[Page]:
    """The tab in which the button opens the report; whatever it complains of is a failure."""
    troubles: list[str] = []
    page.context.on("console", lambda said: troubles.append(said.text))
    button = page.get_by_role("button", name=label)
    button.focus()
    with page.expect_popup() as popup:
        page.keyboard.press("Enter")
    report = popup.value
    expect(report.get_by_role("heading", level=1)).to_contain_text("pantry-crm: report of")
    yield report
    assert troubles == []


@pytest.mark.parametrize(("theme", "ground"), [("light", "243, 244, 246"), ("dark", "11, 18, 32")])
def test_the_report_opens_in_its_style_for_who_has_a_token(
    stage: Stage, theme: str, ground: str
) -> None:
    with stage.page(theme=theme, size="phone") as page:
        expect(episode(page)).to_be_visible()
        with opened_report(page, "Report 7d") as report:
            expect(report.get_by_text("What the monitor costs")).to_be_visible()
            look = "getComputedStyle(document.body).backgroundColor"
            assert report.evaluate(look) == f"rgb({ground})"
            assert report.evaluate("document.documentElement.scrollWidth") <= SIZES["phone"][0]
            picture(report, f"report-{theme}")


def test_the_report_opens_for_whom_the_platform_knows(stage: Stage) -> None:
    """Its front end makes a header of the cookie, which a browser sends by itself."""
    claims = [{"typ": "oid", "val": "o-1"}, {"typ": "roles", "val": "reader"}]
    said = base64.b64encode(json.dumps({"claims": claims}).encode()).decode()
    known = patch.object(bootstrap, "gate", lambda: Gate(platform_login=True))
    with known, stage.page(role=None) as page:
        page.context.set_extra_http_headers({HEADER: said})
        page.reload()
        expect(page.locator(".sentence")).to_be_visible()
        with opened_report(page, "Report 30d") as report:
            expect(report.get_by_role("heading", level=1)).to_contain_text("30 days")


def test_a_report_that_does_not_come_leaves_no_empty_tab(stage: Stage) -> None:
    with stage.page() as page:
        expect(episode(page)).to_be_visible()
        page.context.route("**/report?*", lambda route: route.fulfill(status=503, body="{}"))
        with page.expect_popup() as popup:
            page.get_by_role("button", name="Report 7d").click()

        expect(page.get_by_role("alert")).to_contain_text("the answer can't be read")
        wait_until_closed(page, popup.value)


def test_a_report_says_that_it_comes_and_who_closes_its_tab_hears_no_more(stage: Stage) -> None:
    with stage.page() as page:
        expect(episode(page)).to_be_visible()
        waiting: list[Route] = []

        def hold(route: Route) -> None:
            waiting.append(route)

        page.context.route("**/report?*", hold)
        with page.expect_popup() as popup:
            page.get_by_role("button", name="Report 7d").click()
        expect(popup.value.locator("body")).to_have_text("The report is on its way …")

        popup.value.close()
        waiting[0].fulfill(status=503, body="{}")

        page.wait_for_timeout(200)
        expect(page.get_by_role("alert")).to_have_count(0)


def test_what_a_report_showed_is_gone_with_who_signs_out(stage: Stage) -> None:
    """A tab begins with a copy of its opener's storage, and so of the token in it."""
    kept = f"sessionStorage.setItem('pantry-monitor.token', '{stage.token('admin')}')"
    with stage.page(role=None, script=NOTE_REVOKED) as page:
        page.evaluate(kept)
        page.reload()
        expect(episode(page)).to_be_visible()
        with opened_report(page, "Report 7d") as report:
            assert report.evaluate("sessionStorage.length") == 0
            blob = report.url

        page.get_by_role("button", name="Sign out").click()

        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        wait_until_closed(page, report)
        assert page.evaluate("window.revoked") == [blob]


def test_where_no_tab_may_be_opened_that_is_said(stage: Stage) -> None:
    with stage.page(script="window.open = () => null") as page:
        expect(episode(page)).to_be_visible()
        page.get_by_role("button", name="Report 7d").click()
        expect(page.get_by_role("alert")).to_have_text(
            re.compile("^Your browser lets this page open no tab: allow it pop-ups.Close$")
        )
