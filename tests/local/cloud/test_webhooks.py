"""The receiver of webhooks as the app's channel meets it, and what it refuses."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local.cloud import webhooks as receiver
from local.cloud.answerers import Desk
from local.cloud.clouds import running_cloud
from local.cloud.messages import messages
from local.cloud.webhooks import KEY, SECRET, posted, webhooks
from shared.adapters.alert_schema import common_alert
from shared.adapters.channels.webhook import WebhookChannel, signature
from shared.adapters.egress import Egress
from shared.domain.errors import ChannelError
from shared.domain.notifications import Notification, compose
from shared.domain.rules import Action, ActionType
from tests.builders import an_event


@pytest.fixture
def running(desk: Desk) -> Iterator[Desk]:
    with running_cloud(desk, [receiver.answerer]):
        yield desk


def a_message(to: str = "ops") -> Notification:
    return compose("m1", Action(ActionType.WEBHOOK, to), [an_event()])


def a_channel(desk: Desk, **keys: str) -> WebhookChannel:
    given = {
        name: (hook["url"], keys.get(name, hook["key"])) for name, hook in webhooks(desk).items()
    }
    place = desk.urls["webhooks"].removeprefix("http://")
    return WebhookChannel(given, way_out=Egress([place]))


def a_body() -> Any:
    return json.loads(json.dumps(common_alert(a_message()), default=str))


def post(desk: Desk, path: str, body: bytes, **headers: str) -> requests.Response:
    timestamp = headers.pop("timestamp", str(int(time.time())))
    signed = {
        "X-Pantry-Timestamp": timestamp,
        "X-Pantry-Signature": signature(KEY, timestamp, body),
        "Idempotency-Key": "m1",
        **headers,
    }
    return requests.post(f"{desk.urls['webhooks']}{path}", body, headers=signed, timeout=60)


def test_the_apps_own_message_arrives_verified(running: Desk) -> None:
    a_channel(running).send(a_message())

    (message,) = posted(running)
    assert message.hook == "ops"
    assert message.essentials["severity"] == "Sev0"
    assert message.context["text"] == a_message().text


def test_a_message_that_comes_again_is_one_message_in_the_inbox(running: Desk) -> None:
    for _ in range(2):
        a_channel(running).send(a_message())
    a_channel(running).send(a_message("tickets"))

    assert [(one.via, one.to) for one in messages(running)] == [
        ("webhook", "ops"),
        ("webhook", "tickets"),
    ]
    assert {one.subject for one in messages(running)} == {a_message().subject}


def test_a_message_signed_with_another_key_is_given_up(running: Desk) -> None:
    with pytest.raises(ChannelError, match="answered 401") as failure:
        a_channel(running, ops="another key").send(a_message())

    assert failure.value.permanent
    assert posted(running) == []


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (f"/hooks/ops/{SECRET}", {}, 200),
        ("/hooks/ops/wrong", {}, 403),
        (f"/hooks/gone/{SECRET}", {}, 404),
        (f"/hooks/ops/{SECRET}", {"X-Pantry-Signature": "v1=00"}, 401),
        (f"/hooks/ops/{SECRET}", {"timestamp": "1767225723"}, 401),
        (f"/hooks/ops/{SECRET}", {"timestamp": "now"}, 401),
        (f"/hooks/ops/{SECRET}", {"Idempotency-Key": ""}, 400),
    ],
)
def test_it_takes_what_is_signed_and_fresh(
    running: Desk, path: str, headers: dict[str, str], status: int
) -> None:
    answer = post(running, path, json.dumps(a_body()).encode(), **headers)

    assert answer.status_code == status
    assert len(posted(running)) == (status == 200)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("severity", "critical"),
        ("monitorCondition", "Firing"),
        ("alertTargetIDs", "pantry-crm"),
        ("essentialsVersion", 1.0),
        ("firedDateTime", None),
    ],
)
def test_another_schema_is_refused(running: Desk, field: str, value: object) -> None:
    body = a_body()
    body["data"]["essentials"][field] = value
    others: list[Any] = [body, {**a_body(), "schemaId": "other"}, [], 7]
    for given in others:
        answer = post(running, f"/hooks/ops/{SECRET}", json.dumps(given).encode())
        assert answer.status_code == 400
