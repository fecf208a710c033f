"""The SMS answerer as the app's channel meets it, and what it refuses."""

from base64 import b64encode
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import requests

from local.cloud import identity, sms
from local.cloud.answerers import Desk
from local.cloud.clouds import running_cloud
from local.cloud.email import ACCESS_KEY, AUDIENCE
from local.cloud.messages import messages
from local.cloud.sms import ADMIN, SENDER, Exchange, connection_string, texts
from shared.adapters.channels.sms import open_sms, open_sms_as
from shared.domain.errors import ChannelError
from shared.domain.notifications import Notification, compose
from shared.domain.rules import Action, ActionType
from shared.ports import Channel
from tests.builders import an_event
from tests.local.cloud.handmade import T0

OUT = "+15555550199"


@pytest.fixture
def running(desk: Desk) -> Iterator[Desk]:
    exchange = Exchange(opted_out=(OUT,), wall=lambda: T0)
    with running_cloud(desk, [partial(sms.answerer, exchange=exchange), identity.answerer]):
        yield desk


def a_message(to: str = ADMIN, message: str = "m1") -> Notification:
    return compose(message, Action(ActionType.SMS, to), [an_event()])


def a_channel(desk: Desk, key: str = ACCESS_KEY) -> Channel:
    string = connection_string(desk).replace(ACCESS_KEY, key)
    return open_sms(connection_string=string, sender=SENDER)


def post(desk: Desk, body: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {desk.keys.token(AUDIENCE)}"}
    url = f"{desk.urls['sms']}/sms?api-version=2021-03-07"
    return requests.post(url, json=body, headers=headers, timeout=60)


def a_body(*recipients: Any, **changes: Any) -> dict[str, Any]:
    given = {"from": SENDER, "smsRecipients": list(recipients), "message": "Hello."}
    return {**given, **changes}


def test_the_apps_own_message_arrives_signed_and_is_shown(running: Desk) -> None:
    assert (a_channel(running).send(a_message()) or "").startswith("Outgoing_")

    (message,) = messages(running)
    assert (message.via, message.to) == ("sms", ADMIN)
    assert message.subject == "CRITICAL DTU high: 99 % on pantry-crm"
    assert message.text.startswith(message.subject)


def test_a_repeated_request_is_one_sms(running: Desk) -> None:
    channel = a_channel(running)

    first, again, other = (channel.send(a_message(message=one)) for one in ("m1", "m1", "m2"))

    assert first == again != other
    assert len(texts(running)) == 2


def test_a_wrong_key_is_given_up(running: Desk) -> None:
    with pytest.raises(ChannelError, match="answered 401 Denied") as failure:
        a_channel(running, b64encode(b"another").decode()).send(a_message())

    assert failure.value.permanent
    assert texts(running) == []


class Identity:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def get_token(self, *_: str, **__: Any) -> Any:
        token = self._desk.keys.token(AUDIENCE)
        return type("Token", (), {"token": token})()


def test_an_identity_needs_no_key(running: Desk) -> None:
    url = running.urls["sms"]
    channel = open_sms_as(endpoint=url, credential=Identity(running), sender=SENDER)

    assert channel.send(a_message())
    assert len(texts(running)) == 1


def test_a_recipient_that_opted_out_is_given_up_though_the_request_is_taken(running: Desk) -> None:
    with pytest.raises(ChannelError, match=r"asked for \+15…99, answered 400") as failure:
        a_channel(running).send(a_message(OUT))

    assert failure.value.permanent
    assert running.inbox.records("sms")[0].status == 202
    assert texts(running) == []


def test_each_recipient_has_a_result_of_its_own(running: Desk) -> None:
    repeatable = {"to": ADMIN, "repeatabilityRequestId": "fda6d242-46aa-4247-8bf6-619a1206f9c3"}
    answer = post(running, a_body({"to": ADMIN}, {"to": "12"}, {"to": OUT}, repeatable))

    assert answer.status_code == 202
    assert [one["httpStatusCode"] for one in answer.json()["value"]] == [202, 400, 400, 400]
    assert [one.to for one in texts(running)] == [ADMIN]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ([], 400),
        (a_body(), 400),
        (a_body({"to": ADMIN}, message=""), 400),
        (a_body({"to": ADMIN}, message="x" * 2049), 400),
        (a_body(*[{"to": ADMIN}] * 101), 400),
        (a_body({"to": ADMIN}, **{"from": "+18005550199"}), 401),
    ],
)
def test_a_request_that_is_wrong_as_a_whole_is_refused(
    running: Desk, body: Any, status: int
) -> None:
    assert post(running, body).status_code == status
    assert texts(running) == []


def test_beyond_its_limit_a_recipient_is_told_to_come_later(running: Desk) -> None:
    results = [post(running, a_body(*[{"to": ADMIN}] * 100)).json()["value"] for _ in range(3)]

    assert [{one["httpStatusCode"] for one in found} for found in results] == [{202}, {202}, {429}]
