"""The dashboard in a real browser, over the whole monitor on a virtual clock.

The front doors are function_app's own; timers are played by hand, storage is the in-memory twin.
"""

import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from local.cloud.messages import messages
from local.desks import memory_storage
from local.host.cors import Cors, CorsFront
from local.host.front import Front, routes
from local.host.invoking import Invoker
from local.host.running import LOOPBACK, Running
from local.host.triggers import read_functions
from local.rig import Rig, running_rig
from local.surroundings import AUDIENCE
from local.world.engine import Script, ScriptedWorld
from local.world.scenes import DtuStorm, Scene
from shared import bootstrap
from shared.adapters.chunk_store import ChunkStore
from shared.adapters.ledger import RowLedger
from shared.ports import House
from tests.walks.faulting import NOWHERE

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "build" / "dashboard"
AXE = ROOT / "local" / "node" / "node_modules" / "axe-core" / "axe.min.js"
MONDAY = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FIRST_STORM, SECOND_STORM = MONDAY + 3 * MINUTE, MONDAY + 16 * MINUTE
STORM_MINUTES = 6
ZONE = "Europe/Berlin"
PREFIX = "api"
PATIENCE_MS = 60_000
"""A loaded machine is slow, not wrong."""
SIZES = {
    "narrow": (320, 640),
    "phone": (375, 812),
    "tablet": (768, 1024),
    "desk": (1440, 900),
    "wall": (2560, 1440),
}


JUDGE = """
axe.run().then(({ violations }) => violations.flatMap((one) =>
  one.nodes.map((node) => `${one.id}: ${node.target.join(" ")}: ${node.failureSummary}`)))
"""


@dataclass
class Stage:
    """A monitor, its page's address and a browser; `minute` is the next one to be played."""

    rig: Rig
    url: str
    browser: Browser
    minute: datetime = MONDAY
    troubles: list[str] = field(default_factory=list)

    def play_to(self, end: datetime) -> None:
        """Let both timers fire in every minute until then."""
        self.rig.play(self.minute, end)
        self.minute = end
        self.rig.clock.now = end

    def token(self, *roles: str) -> str:
        keys, life = self.rig.desk.keys, timedelta(hours=1)
        return keys.user_token(roles=list(roles), audience=AUDIENCE, lifetime=life)

    def told(self, word: str) -> list[str]:
        """The subjects with that word that reached anybody, oldest first."""
        return [one.subject for one in reversed(messages(self.rig.desk)) if word in one.subject]

    @contextmanager
    def page(
        self,
        query: str = "",
        *,
        size: str = "desk",
        theme: str = "light",
        role: str | None = "admin",
        script: str = "",
    ) -> Iterator[Page]:
        """The page, signed in; whatever the browser complains of is a failure."""
        width, height = SIZES[size]
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if theme == "dark" else "light",
            timezone_id=ZONE,
            reduced_motion="reduce",
        )
        try:
            page = self._opened(context, role, script)
            page.goto(f"{self.url}{query}")
            yield page
            assert self.troubles == []
        finally:
            context.close()
            self.troubles = []

    def _opened(self, context: BrowserContext, role: str | None, script: str) -> Page:
        if role:
            kept = f"sessionStorage.setItem('pantry-monitor.token', '{self.token(role)}')"
            context.add_init_script(kept)
        if script:
            context.add_init_script(script)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("console", lambda said: self._complained(said.type, said.text))
        return page

    def _complained(self, kind: str, text: str) -> None:
        """A refusal that a test asks for is no trouble; a policy that refuses something is."""
        if kind in ("error", "warning") and not re.match("Failed to load resource", text):
            self.troubles.append(text)


STORMS = tuple(DtuStorm(at, STORM_MINUTES) for at in (FIRST_STORM, SECOND_STORM))
"""Of the same query."""


@contextmanager
def running_page(
    browser: Browser,
    scenes: Sequence[Scene] = STORMS,
    *,
    guests: Sequence[str] = (),
    **changes: str,
) -> Iterator[Stage]:
    """The monitor at MONDAY, in a world where that happens; with other settings.

    `guests`: the origins that the platform's CORS lets call, without credentials.
    """
    world = ScriptedWorld(Script("on the page", MONDAY, tuple(scenes)))
    with ExitStack() as stack:
        rig = stack.enter_context(
            running_rig(world, storage=NOWHERE, now=MONDAY, changes=changes, furnish=_in_memory)
        )
        url = stack.enter_context(_served(rig, guests))
        yield Stage(rig, url, browser)


@contextmanager
def running_browser() -> Iterator[Browser]:
    """A process has one at a time."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def picture(page: Page, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True, caret="initial")


def judged(stage: Stage, page: Page) -> list[str]:
    """What axe-core finds; the policy refuses the styles that it tries to set, as it should."""
    assert stage.troubles == []
    found: list[str] = page.evaluate(JUDGE)
    stage.troubles.clear()
    return found


def chromium() -> str:
    """The system's browser; without it the test is skipped, in CI it fails."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    return found


def _in_memory(house: House) -> House:
    storage = memory_storage()
    return replace(
        house,
        samples=ChunkStore(storage.samples),
        alerts=RowLedger(storage.alerts),
        config=RowLedger(storage.config),
        queue=storage.queue,
    )


@contextmanager
def _served(rig: Rig, guests: Sequence[str]) -> Iterator[str]:
    """The app's HTTP functions over the rig's house, at the rig's time."""
    import function_app  # noqa: PLC0415 - its bootstrap reads the environment that was just made

    with (
        patch.dict(os.environ, rig.environment),
        patch.object(bootstrap, "house", lambda: rig.house),
        patch.object(bootstrap, "utc_now", lambda: rig.clock.now),
        _fresh_settings(),
    ):
        invoker = Invoker(lambda: rig.clock.now, timedelta(minutes=2))
        front = Front(routes(read_functions(function_app.app), PREFIX), invoker)
        with Running(CorsFront(front, Cors(guests)), [], [], invoker, timedelta(seconds=5)).on(
            0
        ) as port:
            yield f"http://{LOOPBACK}:{port}/{PREFIX}/monitoring/dashboard"


@contextmanager
def _fresh_settings() -> Iterator[None]:
    kept = (bootstrap.settings, bootstrap.gate)
    try:
        for one in kept:
            one.cache_clear()
        yield
    finally:
        for one in kept:
            one.cache_clear()


def wait_until_closed(page: Page, tab: Page) -> None:
    """What the page closes is told to us a little later."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while not tab.is_closed():
        assert time.monotonic() < end, "the tab is still open"
        page.wait_for_timeout(20)
