"""The monitor's element in a page of the CRM's own origin, as a browser lets it be there."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Page, expect

from local.host.running import LOOPBACK
from tests.walks.page_stage import (
    FIRST_STORM,
    MINUTE,
    Stage,
    picture,
    running_browser,
    running_page,
    wait_until_closed,
)

pytestmark = pytest.mark.slow

STORM = "DTU Usage Critical"
CRM_SHEET = """
body { margin: 0; text-align: center; text-transform: uppercase; letter-spacing: 4px; color: red }
main { max-width: 60rem; margin: auto; font: italic 30px/3 serif; cursor: wait }
h2, p, button, article, .card, .root { border: 9px solid lime !important; color: fuchsia }
"""
ELEMENT = '<pantry-monitor refresh-interval="60000" theme="dark"></pantry-monitor>'
INSIDE = "document.querySelector('pantry-monitor').shadowRoot"

STYLES = f"""
((all) => {{
  const of = (read) => [...new Set(all.map((one) => read(getComputedStyle(one))))];
  return {{
    textTransform: of((is) => is.textTransform), fontStyle: of((is) => is.fontStyle),
    visible: of((is) => is.visibility === "visible"), cursor: of((is) => is.cursor),
    borderTopColor: of((is) => is.borderTopColor === "rgb(0, 255, 0)"),
    letterSpacing: of((is) => is.letterSpacing === "4px"),
  }};
}})([...{INSIDE}.querySelectorAll(".root, .sentence, .card, h3")])
"""


class Crm(ThreadingHTTPServer):
    """A page of somebody else, which lets nothing in but what docs/dashboard.md asks for."""

    monitor = ""

    @property
    def origin(self) -> str:
        return f"http://{LOOPBACK}:{self.server_port}"


class CrmPage(BaseHTTPRequestHandler):
    """Every address answers the same page, and its sheet."""

    server: Crm

    def do_GET(self) -> None:
        is_sheet = self.path.endswith(".css")
        self.send_response(200)
        self.send_header("Content-Type", "text/css" if is_sheet else "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", self._policy())
        self.end_headers()
        self.wfile.write((CRM_SHEET if is_sheet else self._page()).encode())

    def _policy(self) -> str:
        at = self.server.monitor.partition("/api")[0]
        return (
            f"default-src 'none'; script-src {at}; style-src 'self' {at}; connect-src {at}; "
            "img-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'"
        )

    def _page(self) -> str:
        script = f'<script type="module" src="{self.server.monitor}/pantry-monitor.js"></script>'
        sheet = '<link rel="stylesheet" href="/crm.css"><title>CRM</title>'
        return f"<!DOCTYPE html>{sheet}<h1>Kitchen Pantry</h1><main>{ELEMENT}</main>{script}"

    def log_message(self, *_: object) -> None:
        """Nothing: the test says what matters."""


@contextmanager
def running_crm() -> Iterator[Crm]:
    with Crm((LOOPBACK, 0), CrmPage) as crm:
        thread = Thread(target=crm.serve_forever, daemon=True)
        thread.start()
        try:
            yield crm
        finally:
            crm.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def crm() -> Iterator[Crm]:
    with running_crm() as running:
        yield running


@pytest.fixture(scope="module")
def stage(crm: Crm) -> Iterator[Stage]:
    """In the middle of a storm; the CRM's origin may call, and no other."""
    with running_browser() as browser, running_page(browser, guests=[crm.origin]) as running:
        running.play_to(FIRST_STORM + 4 * MINUTE)
        crm.monitor = running.url
        yield running


def sign_in(page: Page, token: str) -> None:
    page.eval_on_selector("pantry-monitor", f"(one) => {{ one.token = '{token}' }}")


def test_it_is_at_home_in_a_page_of_another_origin(stage: Stage, crm: Crm) -> None:
    with stage.page(role=None) as page:
        page.goto(crm.origin)
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        expect(page.get_by_role("link", name="Sign in with Microsoft")).to_have_count(0)
        sign_in(page, stage.token("admin"))

        expect(page.locator(".sentence")).to_contain_text("Critical: DTU 9")
        expect(page.locator(".stage canvas").first).to_be_visible()
        picture(page, "embedded")
        storm = page.get_by_role("article").filter(has=page.get_by_role("heading", name=STORM))
        storm.get_by_role("button", name="Acknowledge").click()
        expect(storm).to_contain_text("Acknowledged by Desk user")
        page.get_by_role("link", name="Advice").click()
        expect(page.get_by_text("Nobody has looked yet")).to_be_visible()
        page.get_by_role("link", name="Rules").click()
        expect(page.get_by_role("heading", name=STORM)).to_be_visible()
        assert (page.url, page.title()) == (f"{crm.origin}/", "CRM")
        assert page.evaluate("[sessionStorage.length, document.cookie]") == [0, ""]


def test_the_page_around_it_changes_nothing_inside_and_nothing_is_changed(
    stage: Stage, crm: Crm
) -> None:
    with stage.page(role=None) as page:
        page.goto(crm.origin)
        sign_in(page, stage.token("reader"))
        expect(page.locator(".sentence")).to_be_visible()

        assert page.evaluate(STYLES) == {
            "textTransform": ["none"],
            "fontStyle": ["normal"],
            "visible": [True],
            "borderTopColor": [False],
            "letterSpacing": [False],
            "cursor": ["auto"],
        }
        assert page.evaluate("document.documentElement.dataset.theme ?? null") is None
        assert (
            page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgba(0, 0, 0, 0)"
        )


def test_it_can_be_moved_and_taken_away(stage: Stage, crm: Crm) -> None:
    with stage.page(role=None) as page:
        page.goto(crm.origin)
        sign_in(page, stage.token("reader"))
        expect(page.locator(".sentence")).to_be_visible()
        page.evaluate("document.body.append(document.querySelector('pantry-monitor'))")
        expect(page.locator(".sentence")).to_be_visible()
        expect(page.get_by_role("heading", name="Sign in")).to_have_count(0)

        page.evaluate("document.querySelector('pantry-monitor').remove()")

        expect(page.locator(".sentence")).to_have_count(0)


def test_an_origin_that_is_not_allowed_sees_nothing(stage: Stage, crm: Crm) -> None:
    with running_crm() as stranger, stage.page(role=None) as page:
        stranger.monitor = crm.monitor
        page.goto(stranger.origin)
        page.wait_for_load_state("networkidle")

        assert page.evaluate(INSIDE) is None
        refused = [one for one in stage.troubles if "CORS policy" in one]
        assert refused
        stage.troubles.clear()


def test_a_report_can_be_read_there_though_that_policy_lets_its_style_not_in(
    stage: Stage, crm: Crm
) -> None:
    filled = "getComputedStyle(document.querySelector('polyline')).fill"
    with stage.page(role=None) as page:
        page.goto(crm.origin)
        sign_in(page, stage.token("admin"))
        with page.expect_popup() as popup:
            page.get_by_role("button", name="Report 7d").click()

        expect(popup.value.get_by_role("heading", level=1)).to_contain_text("report of a week")
        assert popup.value.evaluate(filled) == "none"
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        wait_until_closed(page, popup.value)
