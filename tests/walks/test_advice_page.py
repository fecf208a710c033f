"""Advice in a real browser: what the desk's culprits are told, and what people make of it."""

import re
from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, Locator, Page, Route, expect

from local.rig import TARGET
from local.world.inside_scenes import Regressed, WantedIndex
from shared.domain.deployments import DeploymentWish, new_deployment
from shared.domain.recommendations.registry import judge
from shared.domain.recommendations.sayings import Saying, Status, changed
from shared.domain.records import Insert, advice_key
from shared.domain.times import DAY, HOUR
from shared.services.advise import advise
from shared.services.deployments import mark_deployment
from tests.domain.advising import a_query, a_situation, a_use
from tests.walks.page_stage import (
    AXE,
    MINUTE,
    MONDAY,
    SIZES,
    Stage,
    judged,
    picture,
    running_browser,
    running_page,
)

pytestmark = pytest.mark.slow

BEGUN = MONDAY - 22 * HOUR
DONE_AT = MONDAY - 2 * DAY
MENDED = 7
"""The query that somebody made cheaper two days ago."""
FOLLOW_UP = re.compile(r"What came of it: .*−31\s%")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as running:
        yield running


@pytest.fixture(scope="module")
def stage(browser: Browser) -> Iterator[Stage]:
    """A release yesterday made a query slow and another one want an index; both were found."""
    scenes = (Regressed(BEGUN), WantedIndex(BEGUN))
    with running_page(browser, scenes, LOG_ANALYTICS_WORKSPACE_ID="") as running:
        house = running.rig.house
        release = DeploymentWish(version="1.8.2", at=BEGUN - 22 * MINUTE)
        marker = new_deployment(release, target=TARGET, by="pipeline", now=MONDAY)
        mark_deployment(marker, alerts=house.alerts, now=MONDAY)
        done = mended()
        house.alerts.commit(TARGET, [Insert(advice_key(done.recommendation.id), done)])
        running.play_to(MONDAY + 2 * MINUTE)
        assert house.inspector is not None
        found = house.inspector.inspect(TARGET, now=running.minute)
        cheaper = a_query(MENDED, a_use(cpu_ms=345, reads=13_800))
        found = replace(found, queries=(*(found.queries or ()), cheaper))
        advise(TARGET, found, house=house, now=running.minute)
        yield running


def mended() -> Saying:
    """It was found two days ago, and done."""
    dear = a_query(MENDED, a_use(cpu_ms=500, reads=20_000))
    first = judge(a_situation(day={"dtuUtilization": 60, "dtuDataIo": 60}, queries=(dear,)))[0]
    said = Saying(recommendation=first, said_at=DONE_AT, found_at=DONE_AT)
    return changed(said, Status.DONE, by="Ann", note="paged the list", now=DONE_AT)


def about(page: Page, title: str) -> Locator:
    return page.get_by_role("article").filter(has=page.get_by_role("heading", name=title))


def test_the_overview_names_what_matters_most_and_leads_there(stage: Stage) -> None:
    with stage.page() as page:
        advised = page.get_by_role("region", name="Advice")
        expect(advised.get_by_role("listitem")).to_have_count(3)
        named = advised.get_by_role("link").all_inner_texts()
        advised.get_by_role("link", name="Missing index").click()
        expect(page.get_by_role("heading", name="Advice")).to_be_visible()
        assert re.search(r"view=advice&advice=missing-index-", page.url)
        expect(about(page, "Missing index").locator("pre").nth(1)).to_be_visible()
        assert page.get_by_role("article").get_by_role("heading").all_inner_texts() == named


def test_why_how_much_and_a_script_to_copy(stage: Stage) -> None:
    with stage.page("?view=advice") as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        regressed, missing = about(page, "times the"), about(page, "Missing index")
        expect(regressed).to_contain_text(re.compile(r"It regressed \d+ min after deploy 1.8.2"))
        expect(regressed).to_contain_text(re.compile(r"rank \d+ of 255, confidence high"))
        expect(missing).to_contain_text(re.compile(r"Saves about [\d.]+\s% DTU"))

        missing.get_by_text("Evidence and script").click()
        expect(missing.locator("dl")).to_contain_text("asked for")
        texts = missing.locator("pre")
        expect(texts.nth(0)).to_contain_text(re.compile(r"WHERE \S+ = (\?|@P1)"))
        expect(texts.nth(1)).to_contain_text("CREATE NONCLUSTERED INDEX")
        expect(texts.nth(2)).to_contain_text("DROP INDEX")
        vendor = missing.get_by_role("link", name="vendor")
        expect(vendor).to_have_attribute("href", re.compile("^https://learn.microsoft.com/"))

        missing.locator("figure").filter(has_text="Script").get_by_role("button").click()
        expect(missing.get_by_role("button", name="Copied")).to_be_visible()
        kept = page.evaluate("navigator.clipboard.readText()")
        assert kept == texts.nth(1).inner_text()


def test_it_is_seen_dismissed_and_opened_again(stage: Stage) -> None:
    with stage.page("?view=advice") as page:
        one = about(page, "Missing index")
        one.get_by_role("button", name="Seen").click()
        expect(one).to_contain_text("Seen by Desk user")
        expect(one.get_by_role("button", name="Seen")).to_have_count(0)

        one.get_by_role("button", name="Dismiss").click()
        expect(one).to_have_count(0)
        page.get_by_role("button", name="Dismissed 1").click()
        expect(page).to_have_url(re.compile(r"view=advice&status=dismissed"))
        expect(one).to_contain_text("Dismissed by Desk user")
        one.get_by_role("button", name="Open again").click()
        expect(page.get_by_text("Nothing was dismissed yet.")).to_be_visible()
        page.get_by_role("button", name=re.compile("^Open")).click()
        expect(one).to_contain_text("Seen by Desk user")


def test_what_was_done_says_what_came_of_it(stage: Stage) -> None:
    with stage.page("?view=advice&status=done") as page:
        done = page.get_by_role("article")

        expect(done).to_contain_text(FOLLOW_UP)
        expect(done).to_contain_text("Done by Ann, 21 Nov, 10:30: paged the list")


def test_a_refusal_takes_the_status_back(stage: Stage) -> None:
    """The page was opened by an admin whose role is gone by now."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    with stage.page("?view=advice") as page:
        page.route("**/advice/*", hold)
        one = about(page, "times the")
        one.get_by_role("button", name="Done").click()

        expect(one).to_contain_text("Done by you")
        expect(one.get_by_role("button", name="Open again")).to_be_disabled()
        asked = {**held[0].request.headers, "authorization": f"Bearer {stage.token('reader')}"}
        held[0].continue_(headers=asked)

        expect(one.get_by_role("alert")).to_contain_text("This needs the role admin")
        expect(one).not_to_contain_text("Done by you")
        expect(one.get_by_role("button", name="Done")).to_be_enabled()


def test_readers_read_and_have_nothing_to_press(stage: Stage) -> None:
    with stage.page("?view=advice", role="reader") as page:
        one = about(page, "times the")
        expect(one).to_contain_text("New, first said 10:32")
        expect(one.get_by_role("button")).to_have_count(0)


def test_without_advice_it_says_when_the_last_look_was(stage: Stage) -> None:
    def empty(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        told["data"]["recommendations"], told["data"]["estimatedImprovement"] = [], 0
        route.fulfill(response=answer, json=told)

    with stage.page("?view=advice") as page:
        page.route("**/advice?*", empty)
        page.reload()
        expect(page.get_by_text("Nothing is advised. The last look was at 10:32.")).to_be_visible()
        page.get_by_role("link", name="Overview").click()
        expect(page.get_by_role("region", name="Advice")).to_contain_text("Nothing is advised.")


@pytest.mark.parametrize(("theme", "size"), [("light", "phone"), ("dark", "desk")])
def test_nobody_is_kept_out_of_it(stage: Stage, theme: str, size: str) -> None:
    script = AXE.read_text(encoding="utf-8")
    with stage.page("?view=advice", theme=theme, size=size, script=script) as page:
        expect(about(page, "Missing index")).to_be_visible()
        for one in page.get_by_text("Evidence").all():
            one.click()
        expect(page.locator("pre").first).to_be_visible()

        assert judged(stage, page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
        picture(page, f"advice-{size}-{theme}")
        page.get_by_role("link", name="Overview").click()
        expect(page.get_by_role("region", name="Advice")).to_be_visible()
        assert judged(stage, page) == []
        picture(page, f"overview-advice-{size}")
