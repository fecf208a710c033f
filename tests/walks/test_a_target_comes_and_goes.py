"""As docs/operate.md says: by settings a target comes, has rules of its own, and goes."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from local.azurite import Account
from local.rig import TICK, WATCH
from shared import bootstrap
from shared.adapters.rows import InsertRow
from shared.catalog.rules import default_rules
from shared.domain.alerts import Alert
from shared.domain.records import Insert
from shared.domain.rules import KeptRule
from shared.domain.times import MINUTE
from shared.furnishing.storage import CONFIG, open_identity, table
from shared.services.minute import CollectMessage
from shared.services.passes import PassKind
from shared.services.targets import RULES, TARGETS, Target
from tests.adapters.providers import Provider, running_provider
from tests.test_function_app import CRM_KEY, a_message, a_timer, ask, call, forget

pytestmark = pytest.mark.slow

FIRST, OTHER = "pantry-crm", "other-app"
START = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Desk:
    """The app over a storage account; new settings are a new process, as on the platform."""

    def __init__(self, page: Provider, patch: pytest.MonkeyPatch) -> None:
        import function_app  # noqa: PLC0415 - after its environment is set

        self.app: Any = function_app
        self.page = page
        self.now = START
        self._patch = patch
        patch.setattr(bootstrap, "wall_now", lambda: self.now)

    def set(self, targets: str, more: dict[str, Any] | None = None) -> None:
        self._patch.setenv("MONITOR_TARGETS", targets)
        self._patch.setenv("MORE_TARGETS", json.dumps(more or {}))
        forget()

    def live(self, minutes: int) -> None:
        """Both timers of the next minutes."""
        for _ in range(minutes):
            for after, timer in ((TICK, self.app.tick), (WATCH, self.app.watch)):
                self.now = self.now.replace(second=0) + after
                call(timer, a_timer())
            self.now = self.now.replace(second=0) + MINUTE

    @property
    def described(self) -> dict[str, Any]:
        """What MORE_TARGETS says of the other one."""
        return {OTHER: {"health_url": f"{self.page.url}/health"}}

    def stories(self, target: str) -> list[tuple[str, str, str | None]]:
        kept = bootstrap.house().alerts.scan(target, "alert:", Alert)
        return [(one.value.rule_id, one.value.state, one.value.reason) for one in kept]

    def activated_at(self, target: str) -> datetime | None:
        kept = bootstrap.house().config.get(TARGETS, target, Target)
        return None if kept is None or kept.value.retired_at else kept.value.activated_at


@pytest.fixture
def desk(storage: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("AzureWebJobsStorage", storage.connection_string)
    monkeypatch.setenv("SEVERITY_ROUTES", json.dumps({"critical": ["console:log"]}))
    monkeypatch.setenv("CRM_TOKEN_KEY", CRM_KEY)
    with running_provider() as page:
        page.answers(503)
        yield Desk(page, monkeypatch)
    forget()


def test_a_target_is_added_and_taken_away_without_deploying(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    desk.set(FIRST)
    desk.live(1)
    desk.set(f"{FIRST},{OTHER}", desk.described)
    desk.live(4)

    assert desk.activated_at(OTHER) == START + MINUTE
    assert desk.stories(OTHER) == [("site-down", "firing", "breach")]
    assert desk.stories(FIRST) == []
    assert ask(desk.app.list_alerts, params={"target": OTHER})[1]["data"][0]["target"] == OTHER

    desk.set(FIRST)
    desk.live(1)

    assert desk.stories(OTHER) == [("site-down", "resolved", "rule_removed")]
    house = bootstrap.house()
    assert house.alerts.keys(OTHER, "outbox:") + house.alerts.keys(OTHER, "due:") == []
    assert desk.activated_at(OTHER) is None
    told = [one.getMessage() for one in caplog.records if one.name == "pantry.alerts"]
    assert [OTHER in one for one in told] == [True, True]
    assert said(caplog, "no heartbeat") == []


def said(caplog: pytest.LogCaptureFixture, beginning: str) -> list[str]:
    texts = [record.getMessage() for record in caplog.records]
    return [one for one in texts if one.startswith(beginning)]


def test_what_is_left_of_a_target_that_went_does_nothing(desk: Desk) -> None:
    """Messages in the queue, links, and whoever still asks for it."""
    desk.set(f"{FIRST},{OTHER}", desk.described)
    desk.live(3)
    [(rule, _, _)] = desk.stories(OTHER)
    [alert] = bootstrap.house().alerts.keys(OTHER, "alert:")
    desk.set(FIRST)
    desk.live(1)
    asked = len(desk.page.asked)

    for kind in (PassKind.COLLECT, PassKind.WATCH, PassKind.CLOSE):
        call(desk.app.collect_target, a_message(CollectMessage(OTHER, desk.now, kind)))
    wish = json.dumps({"alertId": f"{OTHER}.{alert[6:]}", "action": "acknowledge"})
    status, answer = ask(desk.app.act_on_alert, "POST", wish.encode())

    assert (status, answer["error"]["code"]) == (404, "not_found")
    assert len(desk.page.asked) == asked
    assert desk.activated_at(OTHER) is None
    assert desk.stories(OTHER) == [(rule, "resolved", "rule_removed")]


def test_who_comes_back_begins_anew(desk: Desk) -> None:
    desk.set(f"{FIRST},{OTHER}", desk.described)
    desk.live(3)
    desk.set(FIRST)
    desk.live(1)
    desk.set(f"{FIRST},{OTHER}", desk.described)
    desk.live(4)

    assert desk.activated_at(OTHER) == START + 4 * MINUTE
    assert [state for _, state, _ in desk.stories(OTHER)] == ["resolved", "firing"]


def test_a_rule_for_the_one_replaces_the_shipped_one_there(desk: Desk) -> None:
    desk.set(f"{FIRST},{OTHER}", desk.described)
    desk.live(1)
    (shipped,) = (rule for rule in default_rules() if rule.id == "site-down")
    here = replace(shipped, targets=(FIRST,))
    there = replace(shipped, id="site-down-other", duration=30, targets=(OTHER,))
    rules = [Insert(rule.id, KeptRule(rule, desk.now)) for rule in (here, there)]
    bootstrap.house().config.commit(RULES, rules)
    desk.live(4)

    assert desk.stories(OTHER) == []
    assert bootstrap.house().alerts.keys(OTHER, "state:site-down-other") != []


def test_a_target_described_wrongly_is_named_and_harms_no_other(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    third = {"third-app": {"plan": "the plan", "health_url": f"{desk.page.url}/third"}}
    desk.set(f"{FIRST},{OTHER},third-app", {**desk.described, **third})
    desk.live(3)

    assert [rule for rule, _, _ in desk.stories(OTHER)] == ["site-down"]
    assert [rule for rule, _, _ in desk.stories("third-app")] == ["site-down"]
    assert said(caplog, "MORE_TARGETS must be right for third-app: its plan must be") != []
    public = "MORE_TARGETS can't all be used; the log says why"
    assert any(public in one for one in said(caplog, "no heartbeat"))
    assert public in bootstrap.problems()


def test_one_may_say_from_when_on_a_target_is_judged(desk: Desk) -> None:
    """The row as `az storage entity insert` writes it, before the first pass."""
    desk.set(FIRST)
    config = table(bootstrap.settings(), CONFIG, open_identity)
    config.transact(TARGETS, [InsertRow(OTHER, {"activatedAt": "2026-03-02T09:03:00Z"})])
    desk.set(f"{FIRST},{OTHER}", desk.described)
    desk.live(3)

    assert desk.stories(OTHER) == []
    assert bootstrap.house().samples.latest(OTHER).values["availability"] == 0.0
    desk.live(3)
    assert desk.stories(OTHER) == [("site-down", "firing", "breach")]
