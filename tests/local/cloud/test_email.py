"""The mail answerer as the real client meets it, and what it refuses."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
import requests
from azure.communication.email import EmailClient
from azure.core.credentials import AccessToken, AzureKeyCredential
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest

from local import clocks
from local.cloud import email, identity
from local.cloud.answerers import Desk
from local.cloud.clouds import running_cloud
from local.cloud.email import (
    ACCESS_KEY,
    AUDIENCE,
    SENDER,
    Mailroom,
    Refused,
    connection_string,
    mails,
)
from local.cloud.faults import Fault
from shared.adapters.channels.email import open_email, open_email_as
from shared.domain.errors import ChannelError
from shared.domain.notifications import Notification, compose
from shared.domain.rules import Action, ActionType
from tests.builders import an_event
from tests.local.cloud.handmade import T0, wait_until

MINUTE = timedelta(minutes=1)


@dataclass
class Wall:
    now: datetime = T0

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def running(desk: Desk, wall: Wall) -> Iterator[Desk]:
    make = partial(email.answerer, mailroom=Mailroom(wall=wall))
    with running_cloud(desk, [make, identity.answerer]):
        yield desk


def a_message(number: int = 1) -> Notification:
    return compose(f"m{number}", Action(ActionType.EMAIL, "admin@example.com"), [an_event()])


def body(**changes: Any) -> dict[str, Any]:
    given = {
        "senderAddress": SENDER,
        "recipients": {"to": [{"address": "admin@example.com"}]},
        "content": {"subject": "Hello", "plainText": "Hello."},
    }
    return {**given, **changes}


def client(desk: Desk, key: str = ACCESS_KEY) -> EmailClient:
    return EmailClient(desk.urls["email"], AzureKeyCredential(key), retry_total=0)


def post(desk: Desk, content: bytes, **headers: str) -> requests.Response:
    token = desk.keys.token(AUDIENCE)
    return requests.post(
        f"{desk.urls['email']}/emails:send?api-version=2025-09-01",
        data=content,
        headers={"Authorization": f"Bearer {token}", **headers},
        timeout=60,
    )


def test_the_apps_own_mail_arrives_with_its_raw_request(running: Desk) -> None:
    channel = open_email(connection_string=connection_string(running), sender=SENDER)

    provider_id = channel.send(a_message())

    (mail,) = mails(running)
    assert mail.to == ("admin@example.com",)
    assert mail.subject == a_message().subject
    assert mail.plain_text == a_message().text
    assert mail.html.startswith("<!DOCTYPE html>")
    assert mail.operation == provider_id
    assert json.loads(mail.raw.body)["senderAddress"] == SENDER


def test_an_identity_may_send(running: Desk) -> None:
    class Identity:
        def get_token(self, *_: str, **__: Any) -> AccessToken:
            return AccessToken(running.keys.token(AUDIENCE), 4102444800)

    channel = open_email_as(endpoint=running.urls["email"], credential=Identity(), sender=SENDER)

    assert channel.send(a_message())
    assert len(mails(running)) == 1


def test_the_answer_is_the_documented_one(running: Desk) -> None:
    operation = "8540c0de-899f-5cce-acb5-3ec493af3800"

    answer = post(running, json.dumps(body()).encode(), **{"Operation-Id": operation})

    assert answer.status_code == 202
    assert answer.json() == {"id": operation, "status": "Running"}
    assert answer.headers["retry-after"] == "20"
    place = f"{running.urls['email']}/emails/operations/{operation}?api-version=2025-09-01"
    assert answer.headers["Operation-Location"] == place


def test_the_real_client_sees_it_run_and_succeed(running: Desk) -> None:
    asking = client(running)
    operation = asking.begin_send(body(), polling=False).result()["id"]
    url = f"{running.urls['email']}/emails/operations/{operation}?api-version=2025-09-01"

    answers = [asking.send_request(HttpRequest("GET", url)) for _ in range(2)]

    assert [answer.json() for answer in answers] == [
        {"id": operation, "status": "Running"},
        {"id": operation, "status": "Succeeded"},
    ]
    assert answers[0].headers["retry-after"] == "100"


def test_an_operation_that_is_repeated_is_one_mail_and_counts_once(running: Desk) -> None:
    channel = open_email(connection_string=connection_string(running), sender=SENDER)

    ids = {channel.send(a_message()) for _ in range(7)}

    assert len(ids) == 1
    assert len(mails(running)) == 1
    assert len(running.inbox.records("email")) == 7


def test_the_sixth_mail_of_a_minute_and_the_eleventh_of_an_hour_are_refused(
    running: Desk, wall: Wall
) -> None:
    channel = open_email(connection_string=connection_string(running), sender=SENDER)
    waits = []
    for burst in range(2):
        for number in range(5):
            channel.send(a_message(burst * 5 + number))
        with pytest.raises(ChannelError) as refusal:
            channel.send(a_message(99))
        waits.append(refusal.value.retry_after or MINUTE * 0)
        wall.now += waits[-1]

    assert waits == [MINUTE, 59 * MINUTE]
    assert len(mails(running)) == 10


def test_asking_how_far_it_is_has_limits_of_its_own(wall: Wall) -> None:
    room = Mailroom(wall=wall)
    operation = room.send(body(), None)

    assert [room.status(operation) for _ in range(3)] == ["Running", "Succeeded", "Succeeded"]
    with pytest.raises(Refused) as refusal:
        [room.status(operation) for _ in range(8)]
    assert (refusal.value.status, refusal.value.retry_after) == (429, MINUTE)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"senderAddress": ""}, 400, "BadRequest"),
        ({"senderAddress": "a@elsewhere.example"}, 404, "DomainNotLinked"),
        ({"recipients": {}}, 400, "BadRequest"),
        ({"recipients": {"to": []}}, 400, "BadRequest"),
        ({"recipients": {"to": [{"address": "nobody"}]}}, 400, "BadRequest"),
        ({"recipients": {"to": ["admin@example.com"]}}, 400, "BadRequest"),
        ({"content": {"plainText": "Hello."}}, 400, "BadRequest"),
        ({"content": {"subject": "Hello"}}, 400, "BadRequest"),
        ({"content": "Hello"}, 400, "BadRequest"),
    ],
)
def test_a_message_that_is_not_right_is_refused(
    running: Desk, change: dict[str, Any], status: int, code: str
) -> None:
    answer = post(running, json.dumps(body(**change)).encode())

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert mails(running) == []


@pytest.mark.parametrize("content", [b"", b"not json", b"[]"])
def test_a_body_that_is_no_message_is_refused(running: Desk, content: bytes) -> None:
    assert post(running, content).status_code == 400


def test_an_operation_id_must_be_a_guid(running: Desk) -> None:
    answer = post(running, json.dumps(body()).encode(), **{"Operation-Id": "mine"})

    assert answer.status_code == 400


def test_a_version_is_asked_for(running: Desk) -> None:
    authorization = {"Authorization": f"Bearer {running.keys.token(AUDIENCE)}"}
    url = f"{running.urls['email']}/emails:send"

    assert requests.post(url, json=body(), headers=authorization, timeout=60).status_code == 400


def test_another_key_is_refused(running: Desk) -> None:
    refused(running, key="b3RoZXI=")

    assert mails(running) == []


@pytest.mark.parametrize(
    ("version", "date", "more"),
    [("2024-01-01", {}, b""), ("2025-09-01", {"x-ms-date": "now"}, b""), ("2025-09-01", {}, b" ")],
    ids=["path", "date", "body"],
)
def test_a_signature_covers_path_date_and_body(
    running: Desk, version: str, date: dict[str, str], more: bytes
) -> None:
    client(running).begin_send(body(), polling=False)
    (signed,) = running.inbox.records("email")
    headers = {**signed.headers, **date, "content-length": str(len(signed.body + more))}
    url = f"{running.urls['email']}/emails:send?api-version={version}"

    answer = requests.post(url, data=signed.body + more, headers=headers, timeout=60)

    assert answer.status_code == 401


@pytest.mark.parametrize(("minutes", "allowed"), [(4, True), (-4, True), (6, False), (-6, False)])
def test_a_date_more_than_five_minutes_off_is_refused(
    running: Desk, monkeypatch: pytest.MonkeyPatch, minutes: int, *, allowed: bool
) -> None:
    now = clocks.wall_now() + minutes * MINUTE
    monkeypatch.setattr("local.cloud.email.wall_now", lambda: now)

    if allowed:
        client(running).begin_send(body(), polling=False)
    else:
        refused(running)

    assert len(mails(running)) == allowed


def refused(desk: Desk, key: str = ACCESS_KEY) -> None:
    with pytest.raises(HttpResponseError) as refusal:
        client(desk, key).begin_send(body(), polling=False)
    assert refusal.value.status_code == 401


def test_a_token_for_something_else_is_refused(running: Desk) -> None:
    token = running.keys.token("https://management.azure.com")
    answer = post(running, json.dumps(body()).encode(), Authorization=f"Bearer {token}")

    assert answer.status_code == 401


def test_a_mail_that_was_taken_but_not_answered_is_sent_once(
    running: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client gives up, asks again under the same operation, and hears of the first mail."""
    patient = open_email(connection_string=connection_string(running), sender=SENDER)
    monkeypatch.setattr("shared.adapters.channels.email.READ_TIMEOUT", 0.1)
    hasty = open_email(connection_string=connection_string(running), sender=SENDER)
    running.faults.set("email", Fault("slow", seconds=60, times=1))

    with pytest.raises(ChannelError):
        hasty.send(a_message())
    wait_until(lambda: mails(running))
    first = mails(running)
    running.faults.clear()

    assert patient.send(a_message()) == first[0].operation
    assert mails(running) == first
