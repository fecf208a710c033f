"""The front doors: what the platform sees, what an import costs, and that each of them works."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import azure.functions as func
import jwt
import pytest
from msgspec.json import encode

from local.azurite import Account
from shared import bootstrap
from shared.catalog.rules import default_rules
from shared.domain.records import Insert, outbox_key
from shared.domain.rules import Action, ActionType, KeptRule
from shared.services.dispatch import dispatch
from shared.services.minute import CollectMessage, DeliveryMessage
from shared.web.routes import ROUTES
from shared.web.unmatched import METHODS
from tests.builders import LOG, a_rule, an_event

ROOT = Path(__file__).parents[1]
TARGET = "pantry-crm"
SDKS = [
    *("azure.data", "azure.identity", "azure.storage", "azure.core"),
    *("pyodbc", "requests", "jwt", "cryptography"),
]
CRM_KEY = "a shared secret of more than 32 bytes"
INDEX = """
import json, sys, function_app
found = function_app.app.get_functions()
functions = {one.get_function_name(): json.loads(one.get_function_json()) for one in found}
print(json.dumps({"functions": functions, "modules": sorted(sys.modules)}))
"""

TIMERS = ("tick", "watch", "roll_up", "advise", "send_report")


def index(**settings: str) -> dict[str, Any]:
    """What `app.get_functions()` says in a process of its own, and what that imported."""
    shown = subprocess.run(
        [sys.executable, "-c", INDEX],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    found: dict[str, Any] = json.loads(shown.stdout)
    return found


@pytest.fixture(scope="module")
def indexed() -> dict[str, Any]:
    return index()


def triggers(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        name: next(one for one in bindings["bindings"] if "Trigger" in one["type"])
        for name, bindings in found["functions"].items()
    }


def test_every_function_has_its_trigger(indexed: dict[str, Any]) -> None:
    assert {name: one["type"] for name, one in triggers(indexed).items()} == {
        "tick": "timerTrigger",
        "watch": "timerTrigger",
        "roll_up": "timerTrigger",
        "advise": "timerTrigger",
        "send_report": "timerTrigger",
        "collect_target": "queueTrigger",
        "deliver": "queueTrigger",
        "metrics": "httpTrigger",
        "list_alerts": "httpTrigger",
        "alert": "httpTrigger",
        "act_on_alert": "httpTrigger",
        "show_action": "httpTrigger",
        "do_action": "httpTrigger",
        "show_menu": "httpTrigger",
        "list_rules": "httpTrigger",
        "rule": "httpTrigger",
        "save_rule": "httpTrigger",
        "remove_rule": "httpTrigger",
        "reset_rule": "httpTrigger",
        "backtest_rule": "httpTrigger",
        "list_deliveries": "httpTrigger",
        "resend_delivery": "httpTrigger",
        "audit": "httpTrigger",
        "list_channels": "httpTrigger",
        "try_channel": "httpTrigger",
        "try_path": "httpTrigger",
        "list_maintenance": "httpTrigger",
        "add_maintenance": "httpTrigger",
        "end_maintenance": "httpTrigger",
        "list_deployments": "httpTrigger",
        "mark_deployment": "httpTrigger",
        "list_advice": "httpTrigger",
        "change_advice": "httpTrigger",
        "report": "httpTrigger",
        "business": "httpTrigger",
        "security": "httpTrigger",
        "export": "httpTrigger",
        "openmetrics": "httpTrigger",
        "describe_api": "httpTrigger",
        "health": "httpTrigger",
        "dashboard": "httpTrigger",
        "dashboard_file": "httpTrigger",
        "dashboard_kept": "httpTrigger",
        "unmatched": "httpTrigger",
    }


def test_timers_run_as_often_as_they_should_and_have_six_fields(indexed: dict[str, Any]) -> None:
    found = triggers(indexed)
    schedules = {name: found[name]["schedule"] for name in TIMERS}

    assert schedules == {
        "tick": "20 * * * * *",
        "watch": "50 * * * * *",
        "roll_up": "0 10 2 * * *",
        "advise": "35 5,20,35,50 * * * *",
        "send_report": "25 2,32 * * * *",
    }


def test_http_is_anonymous_to_the_platform(indexed: dict[str, Any]) -> None:
    found = {n: one for n, one in triggers(indexed).items() if one["type"] == "httpTrigger"}
    assert {door["authLevel"] for door in found.values()} == {"ANONYMOUS"}

    doors = [door for name, door in found.items() if name != "unmatched"]
    assert sorted((door["route"], one) for door in doors for one in door["methods"]) == sorted(
        (f"monitoring/{route.name}", route.method) for route in ROUTES
    ), "a new front door is described in shared/web/routes.py, and docs/api.md lists it"


def test_what_no_other_door_answers_is_asked_last(indexed: dict[str, Any]) -> None:
    """By the alphabet, as the host asks today, as well as in the order of this file."""
    names = [name for name, one in triggers(indexed).items() if one["type"] == "httpTrigger"]

    assert max(names, key=str.upper) == names[-1] == "unmatched"
    assert tuple(triggers(indexed)["unmatched"]["methods"]) == METHODS


def test_queues_are_those_of_the_monitors_own_storage(indexed: dict[str, Any]) -> None:
    found = triggers(indexed)

    assert {name: found[name]["queueName"] for name in ("collect_target", "deliver")} == {
        "collect_target": "collect",
        "deliver": "deliveries",
    }
    assert {found[name]["connection"] for name in ("collect_target", "deliver")} == {
        "AzureWebJobsStorage"
    }


def test_indexing_imports_no_sdk(indexed: dict[str, Any]) -> None:
    loaded = [m for m in indexed["modules"] for sdk in SDKS if m == sdk or m.startswith(f"{sdk}.")]

    assert loaded == []


def test_wrong_settings_do_not_keep_the_app_from_being_indexed(indexed: dict[str, Any]) -> None:
    found = index(COLLECT_INLINE_MAX="none", MONITOR_TARGETS="?")

    assert found["functions"].keys() == indexed["functions"].keys()


@pytest.fixture
def app(storage: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module on an empty storage account."""
    monkeypatch.setenv("AzureWebJobsStorage", storage.connection_string)
    yield from fresh_app()


def fresh_app() -> Iterator[Any]:
    import function_app  # noqa: PLC0415 - after its environment is set

    forget()
    yield function_app
    forget()


def forget() -> None:
    for remembered in (bootstrap.settings, bootstrap.house, bootstrap.gate, bootstrap.warn):
        remembered.cache_clear()
    bootstrap._stored.cache_clear()


def call(function: Any, *arguments: Any) -> Any:
    """Call a decorated function as the platform would."""
    return function._function.get_user_function()(*arguments)


class Timer(func.TimerRequest):
    """A timer that is on time."""

    @property
    def past_due(self) -> bool:
        return False


def a_timer() -> func.TimerRequest:
    return Timer()


def a_message(body: object) -> func.QueueMessage:
    return func.QueueMessage(id="1", body=encode(body))


def health_of(app: Any) -> dict[str, Any]:
    request = func.HttpRequest("GET", "/api/monitoring/health", body=b"")
    answer = call(app.health, request)
    assert answer.status_code == 200
    told: dict[str, Any] = json.loads(answer.get_body())["data"]
    return told


def test_the_timers_work_on_real_storage(app: Any) -> None:
    call(app.tick, a_timer())
    call(app.watch, a_timer())
    call(app.roll_up, a_timer())
    call(app.advise, a_timer())
    call(app.send_report, a_timer())

    house = bootstrap.house()
    updated = house.samples.latest(TARGET).updated_at
    assert updated is not None
    assert datetime.now(UTC) - updated < timedelta(minutes=1)
    assert len(house.alerts.keys(TARGET, "state:")) == len(house.rules) == len(default_rules())


def test_the_sdks_do_not_log_every_request(app: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)  # of the root, as the Functions worker sets it

    call(app.tick, a_timer())

    assert [record.name for record in caplog.records if record.name.startswith("azure")] == []


def test_a_queued_target_is_collected(app: Any) -> None:
    call(app.collect_target, a_message(CollectMessage(TARGET, datetime.now(UTC))))

    assert bootstrap.house().samples.latest(TARGET).updated_at is not None


def test_a_queued_delivery_is_delivered(app: Any, caplog: pytest.LogCaptureFixture) -> None:
    house = bootstrap.house()
    event = an_event(routes=[LOG])
    house.alerts.commit(TARGET, [Insert(outbox_key(event.episode, event.seq), event)])
    dispatch(TARGET, house=house)
    (row,) = house.alerts.keys(TARGET, "delivery:")
    channel = row.split(":")[2]

    call(app.deliver, a_message(DeliveryMessage(TARGET, event.episode, channel)))

    assert "DTU high" in caplog.text
    assert house.alerts.keys(TARGET, "due:") == []


def ask(
    function: Any,
    method: str = "GET",
    body: bytes = b"",
    params: dict[str, str] | None = None,
    **route: str,
) -> Any:
    """The status and envelope that an admin of the CRM gets."""
    now = int(datetime.now(UTC).timestamp())
    claims = {"iss": "pantry-crm", "aud": "pantry-monitor", "sub": "1", "roles": "admin"}
    token = jwt.encode({**claims, "iat": now, "exp": now + 60}, CRM_KEY, "HS256")
    headers = {"Authorization": f"Bearer {token}"}
    url = "/api/monitoring/x"
    request = func.HttpRequest(
        method, url, headers=headers, params=params, route_params=route, body=body
    )
    answer = call(function, request)
    return answer.status_code, json.loads(answer.get_body())


def test_an_admin_sees_figures_and_alerts_and_acts(
    app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_TOKEN_KEY", CRM_KEY)
    call(app.tick, a_timer())
    nobody: Any = {"id": f"{TARGET}.20260101T0005Z-1a2b3c4d"}
    wish = encode({"alertId": nobody["id"], "action": "resolve"})

    status, told = ask(app.metrics)

    assert (status, len(told["data"]["historical"])) == (200, 60)
    assert told["data"]["lastUpdated"] is not None
    assert ask(app.list_alerts)[1]["data"] == []
    assert ask(app.alert, **nobody)[0] == 404
    assert ask(app.act_on_alert, "POST", wish)[1]["error"]["code"] == "not_found"

    window = ask(app.add_maintenance, "POST", encode({"minutes": 5}))[1]["data"]
    assert ask(app.list_maintenance)[1]["data"] == [window]
    assert ask(app.end_maintenance, "DELETE", id=window["id"])[1]["data"]["holds"] is False


def test_without_keys_nobody_is_let_in(app: Any) -> None:
    status, told = ask(app.metrics)

    assert (status, told["error"]["code"]) == (401, "auth_not_configured")


def test_health_says_who_cannot_be_told(app: Any) -> None:
    said = health_of(app)

    assert said["status"] == "degraded"
    assert any("ALERT_EMAIL" in warning for warning in said["warnings"])


def test_a_probe_that_wants_no_body_is_told_the_same_status(app: Any) -> None:
    bare = func.HttpRequest("HEAD", "/api/monitoring/health", body=b"")
    deep = func.HttpRequest("HEAD", "/api/monitoring/health", params={"deep": "1"}, body=b"")

    told, refused = call(app.health, bare), call(app.health, deep)

    assert (told.status_code, told.get_body(), told.mimetype) == (200, b"", "application/json")
    assert told.headers["X-Request-Id"]
    assert (refused.status_code, refused.get_body()) == (401, b"")


def test_a_deep_look_asks_the_real_storage(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_TOKEN_KEY", CRM_KEY)

    status, told = ask(app.health, params={"deep": "1"})

    assert (status, told["data"]["status"]) == (200, "degraded")
    verdicts = {one["name"]: one["verdict"] for one in told["data"]["checkups"]}
    assert verdicts == {
        **dict.fromkeys(("settings", "tables", "queues", "poison", "clock"), "well"),
        f"last pass over {TARGET}": "broken",
        **dict.fromkeys(("rules", "followers"), "lacking"),
    }


def test_health_looks_at_the_rules_that_people_made_too(app: Any) -> None:
    own = a_rule("own", actions=(), escalate_to=(Action(ActionType.TEAMS, "ops"),))
    bootstrap.house().config.commit("rule", [Insert("own", KeptRule(own))])

    assert "no teams channel is set up, so teams alerts reach nobody" in health_of(app)["warnings"]


def test_with_wrong_settings_health_says_so_without_secrets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AzureWebJobsStorage", "AccountKey=c2VjcmV0")
    monkeypatch.setenv("COLLECT_INLINE_MAX", "none")
    for app in fresh_app():
        said = health_of(app)

        assert said["status"] == "degraded"
        assert any("COLLECT_INLINE_MAX" in warning for warning in said["warnings"])
        assert "c2VjcmV0" not in json.dumps(said)
        status, told = ask(app.metrics)
        assert (status, told["error"]["code"]) == (503, "settings_unusable")
        assert "COLLECT_INLINE_MAX" in told["error"]["message"]
        assert "c2VjcmV0" not in json.dumps(told)


@pytest.mark.parametrize("channel", ["pigeon:roof"])
def test_a_fallback_of_no_known_type_leaves_health_able_to_answer(
    monkeypatch: pytest.MonkeyPatch, channel: str
) -> None:
    monkeypatch.setenv("AzureWebJobsStorage__accountName", "pantry")
    monkeypatch.setenv("FALLBACK_CHANNEL", channel)
    for app in fresh_app():
        said = health_of(app)

        assert any("FALLBACK_CHANNEL" in warning for warning in said["warnings"])
