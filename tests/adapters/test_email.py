"""What the mail service is asked for, to the letter, and what its identity way needs."""

import base64
import hashlib
import json
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from subprocess import run
from typing import Any
from uuid import UUID

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from msgspec.structs import replace

from shared.adapters.channels import email
from shared.adapters.channels.email import (
    DEADLINE,
    DRAWING,
    EmailChannel,
    open_email,
    open_email_as,
)
from shared.adapters.pictures import alt_text, draw
from shared.domain.errors import ChannelError
from shared.domain.notifications import compose
from shared.domain.reports.weekly import weekly_event
from shared.domain.rules import Action, ActionType
from shared.domain.trails import Trail
from tests.a_report import a_report
from tests.adapters.builders import MINUTE, T0, an_alert, an_event
from tests.adapters.providers import Provider, running_provider
from tests.builders import MAIL

KEY = base64.b64encode(b"key").decode()
SENDER = "monitor@example.com"
NOTIFICATION = compose("m1", Action(ActionType.EMAIL, "admin@example.com"), [an_event()])


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider() as running:
        running.answers(202, b'{"id": "op-1", "status": "Running"}')
        yield running


def mail(provider: Provider) -> EmailChannel:
    return open_email(connection_string=f"endpoint={provider.url}/;accesskey={KEY}", sender=SENDER)


def test_a_report_goes_with_all_its_pictures(provider: Provider) -> None:
    weekly = replace(
        compose("m2", MAIL, [weekly_event(a_report(), MAIL, due_at=T0, now=T0)]), report=a_report()
    )

    mail(provider).send(weekly)

    body = json.loads(provider.asked[0].body)
    names = [one["contentId"] for one in body["attachments"]]
    assert names == ["report-0", "report-1", "report-2", "report-3", "report-week"]
    assert all(f'src="cid:{name}"' in body["content"]["html"] for name in names)
    assert body["content"]["plainText"] == weekly.text
    assert len(provider.asked[0].body) < 500_000, "the service takes 10 MB"


def test_the_request_is_the_documented_one(provider: Provider) -> None:
    assert mail(provider).send(NOTIFICATION) == "op-1"

    (asked,) = provider.asked
    body = json.loads(asked.body)
    assert (asked.method, asked.path) == ("POST", "/emails:send?api-version=2025-09-01")
    assert body["senderAddress"] == SENDER
    assert body["recipients"] == {"to": [{"address": "admin@example.com"}]}
    assert body["userEngagementTrackingDisabled"] is True
    assert body["content"]["subject"] == NOTIFICATION.subject
    assert body["content"]["plainText"] == NOTIFICATION.text
    assert body["content"]["html"].startswith("<!DOCTYPE html>")
    assert body["attachments"] == []
    hashed = base64.b64encode(hashlib.sha256(asked.body).digest()).decode()
    assert asked.headers["x-ms-content-sha256"] == hashed
    assert asked.headers["authorization"].startswith("HMAC-SHA256 SignedHeaders=")


def test_the_same_message_is_the_same_operation(provider: Provider) -> None:
    channel = mail(provider)
    other = compose("m2", Action(ActionType.EMAIL, "admin@example.com"), [an_event()])

    for notification in (NOTIFICATION, NOTIFICATION, other):
        channel.send(notification)

    first, again, second = (asked.headers["operation-id"] for asked in provider.asked)
    assert first == again != second
    assert str(UUID(first)) == first


def test_a_subject_is_one_line_of_bounded_length(provider: Provider) -> None:
    event = an_event(alert=an_alert(rule_name="x\r\nBcc: all@example.com" + "y" * 400))
    resolved = compose("m1", Action(ActionType.EMAIL, "a@example.com"), [event, event])
    mail(provider).send(resolved)

    subject = json.loads(provider.asked[0].body)["content"]["subject"]
    assert "\n" not in subject
    assert len(subject) <= 200


@pytest.mark.parametrize("status", ["NotStarted", "Running", "Succeeded", "running"])
def test_every_way_to_say_taken_is_taken(provider: Provider, status: str) -> None:
    provider.answers(202, json.dumps({"id": "op-1", "status": status}).encode())

    assert mail(provider).send(NOTIFICATION) == "op-1"


def test_a_mail_given_up_says_why_and_is_not_tried_under_its_id_again(provider: Provider) -> None:
    answer = {"id": "1", "status": "Failed", "error": {"code": "EmailDropped", "message": "?"}}
    provider.answers(202, json.dumps(answer).encode())

    with pytest.raises(ChannelError, match="gave the mail up: Failed EmailDropped") as failure:
        mail(provider).send(NOTIFICATION)

    assert failure.value.permanent


def test_the_services_code_is_shown_and_its_prose_is_not(provider: Provider) -> None:
    said = {"error": {"code": "DomainNotLinked", "message": f"{KEY} is not linked"}}
    provider.answers(404, json.dumps(said).encode())

    with pytest.raises(ChannelError) as failure:
        mail(provider).send(NOTIFICATION)

    assert str(failure.value) == "the mail service answered 404 DomainNotLinked"


class Identity:
    """A credential that answers a token, or the error it is given."""

    def __init__(self, error: Exception | None = None) -> None:
        self.scopes: list[str] = []
        self._error = error

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.scopes.extend(scopes)
        if self._error:
            raise self._error
        return AccessToken("token", 4102444800)


def test_an_identity_needs_no_key(provider: Provider) -> None:
    identity = Identity()
    channel = open_email_as(endpoint=provider.url, credential=identity, sender=SENDER)

    assert channel.send(NOTIFICATION) == "op-1"
    assert provider.asked[0].headers["authorization"] == "Bearer token"
    assert identity.scopes == ["https://communication.azure.com//.default"]


def test_an_identity_without_a_token_may_have_one_later(provider: Provider) -> None:
    identity = Identity(ClientAuthenticationError("the endpoint said s3cr3t"))
    channel = open_email_as(endpoint=provider.url, credential=identity, sender=SENDER)

    with pytest.raises(ChannelError) as failure:
        channel.send(NOTIFICATION)

    assert not failure.value.permanent
    assert "s3cr3t" not in str(failure.value)
    assert provider.asked == []


@pytest.mark.parametrize(
    "given",
    ["", "endpoint=https://mail.example.com", "endpoint=https://mail.example.com;accesskey=no!"],
)
def test_a_connection_string_must_have_a_key(given: str) -> None:
    with pytest.raises(ValueError, match="accesskey") as refusal:
        open_email(connection_string=given, sender=SENDER)

    assert "no!" not in str(refusal.value)


def test_a_target_must_be_an_address_and_is_not_named() -> None:
    channel = EmailChannel(lambda: None, SENDER)

    assert channel.problem("admin@example.com") == ""
    assert "hopefully" not in channel.problem("hopefully")
    assert channel.problem("hopefully")


def test_the_time_out_leaves_a_pass_its_forty_seconds() -> None:
    assert EmailChannel(lambda: None, SENDER).timeout == timedelta(seconds=DEADLINE)
    assert DEADLINE <= 15


def test_the_sdk_is_not_imported_before_the_first_mail() -> None:
    code = (
        "import sys; from shared.adapters.channels.email import open_email; "
        f"open_email(connection_string='endpoint=https://x.example/;accesskey={KEY}', sender='a');"
        "sys.exit(any(name.startswith('azure') for name in sys.modules))"
    )

    assert run([sys.executable, "-c", code], check=False).returncode == 0


# The picture.

TRAIL = Trail(
    label="DTU",
    unit="%",
    first=T0,
    values=(40.0,) * 58 + (98.0,) * 2,
    threshold=95.0,
    bad_from=T0 + 58 * MINUTE,
    bad_until=T0 + 60 * MINUTE,
)
ILLUSTRATED = replace(NOTIFICATION, trail=TRAIL)


def sent(provider: Provider) -> dict[str, Any]:
    (asked,) = provider.asked
    body: dict[str, Any] = json.loads(asked.body)
    return body


def test_the_picture_is_attached_and_shown_where_the_page_names_it(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(email, "DRAWING", 60)
    mail(provider).send(ILLUSTRATED)

    body = sent(provider)
    (attached,) = body["attachments"]
    assert (attached["name"], attached["contentType"]) == ("last-hour.png", "image/png")
    assert f'src="cid:{attached["contentId"]}"' in body["content"]["html"]
    assert base64.b64decode(attached["contentInBase64"]) == draw(TRAIL)
    assert alt_text(TRAIL) in body["content"]["html"]
    assert body["content"]["plainText"] == NOTIFICATION.text


def broken(_: Trail) -> bytes:
    raise ZeroDivisionError


def test_a_mail_goes_without_a_picture_that_cannot_be_drawn(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(email, "draw", broken)

    assert mail(provider).send(ILLUSTRATED) == "op-1"

    body = sent(provider)
    assert body["attachments"] == []
    assert "<img" not in body["content"]["html"]


def test_a_mail_does_not_wait_for_its_picture(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()

    def slow(trail: Trail) -> bytes:
        released.wait(30)
        return draw(trail)

    monkeypatch.setattr(email, "draw", slow)
    monkeypatch.setattr(email, "DRAWING", 0.05)

    assert mail(provider).send(ILLUSTRATED) == "op-1"
    assert sent(provider)["attachments"] == []
    assert not released.is_set()
    released.set()


def test_the_time_for_the_picture_is_part_of_the_sends_own() -> None:
    assert DRAWING == 2 < DEADLINE
