"""What a receiver gets: the common alert schema, and a signature that it can verify."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.alert_schema import common_alert
from shared.adapters.channels.webhook import WebhookChannel, signature
from shared.adapters.egress import Egress
from shared.domain.alerts import AlertKind, AlertState
from shared.domain.deployments import RecentDeploy
from shared.domain.episodes import Event, EventKind
from shared.domain.errors import ChannelError
from shared.domain.notifications import Notification, compose
from shared.domain.reasons import Reason
from shared.domain.rules import Action, ActionType, Severity
from tests.adapters.builders import T0, a_culprit, an_alert, an_event
from tests.adapters.providers import Provider, running_provider

KEY = "k" * 40
DOCS = Path(__file__).parents[2] / "docs" / "webhooks.md"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider() as running:
        yield running


def a_notification(*events: Event, to: str = "ops", message: str = "m1") -> Notification:
    return compose(message, Action(ActionType.WEBHOOK, to), events or [an_event()])


def a_channel(provider: Provider, key: str = KEY, **more: Any) -> WebhookChannel:
    way_out = Egress([provider.url.removeprefix("http://")])
    return WebhookChannel({"ops": (f"{provider.url}/s3cr3t", key)}, way_out=way_out, **more)


def resolved() -> Event:
    over = an_alert(
        id="20260101T0100Z-ffffffff",
        rule_name="Errors high",
        severity=Severity.HIGH,
        state=AlertState.RESOLVED,
        resolved_at=T0 + timedelta(minutes=9),
    )
    kind, reason = EventKind.RESOLVED, Reason.RECOVERED
    return an_event(id=f"{over.id}-2", episode=over.id, seq=2, kind=kind, reason=reason, alert=over)


def documented(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)


def test_the_body_is_the_documented_one(provider: Provider) -> None:
    went_live = datetime(2025, 12, 31, 23, 46, 10, tzinfo=UTC)
    deploy = RecentDeploy("1.8.2", went_live, minutes_before=14)
    event = an_event(alert=an_alert(culprits=(a_culprit(),), deploy=deploy))

    a_channel(provider).send(a_notification(event))

    (asked,) = provider.asked
    body = json.loads(asked.body)
    [story] = body["data"]["alertContext"]["stories"]
    body["data"]["alertContext"]["stories"] = ["…"]
    assert body == json.loads(documented("json")[0])
    assert story["alertId"] == body["data"]["essentials"]["alertId"]
    assert story["reason"] == "breach"


def test_the_headers_are_the_documented_ones(provider: Provider) -> None:
    at = datetime(2026, 1, 1, 0, 2, 3, 999999, tzinfo=UTC)

    a_channel(provider, wall=lambda: at).send(a_notification())

    (asked,) = provider.asked
    assert (asked.method, asked.path) == ("POST", "/s3cr3t")
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["idempotency-key"] == "m1"
    assert asked.headers["user-agent"] == "pantry-monitor"
    assert asked.headers["x-pantry-timestamp"] == "1767225723"
    assert asked.headers["x-pantry-signature"] == signature(KEY, "1767225723", asked.body)


def test_a_signature_worked_out_elsewhere_is_the_same() -> None:
    # printf '1767225723.{"a":1}' | openssl dgst -sha256 -hmac key
    said = "v1=2da7f335a69234561e0be2eb82e51fbb673e651aad925966f21ea1d351c0604a"

    assert signature("key", "1767225723", b'{"a":1}') == said


def test_a_receiver_can_verify_it_as_documented(provider: Provider) -> None:
    [snippet] = documented("python")
    receiver: dict[str, Any] = {}
    exec(snippet, receiver)  # noqa: S102 - what the page tells receivers to run
    is_genuine = receiver["is_genuine"]

    a_channel(provider).send(a_notification())

    (asked,) = provider.asked
    timestamp, signed = (asked.headers[f"x-pantry-{one}"] for one in ("timestamp", "signature"))
    old = str(int(timestamp) - 600)
    assert is_genuine(KEY, timestamp, signed, asked.body)
    assert not is_genuine("another key", timestamp, signed, asked.body)
    assert not is_genuine(KEY, str(int(timestamp) + 1), signed, asked.body)
    assert not is_genuine(KEY, timestamp, signed, asked.body + b" ")
    assert not is_genuine(KEY, timestamp, "", asked.body)
    assert not is_genuine(KEY, "now", signed, asked.body)
    assert not is_genuine(KEY, old, signature(KEY, old, asked.body), asked.body)


def test_without_a_key_nothing_is_signed(provider: Provider) -> None:
    a_channel(provider, key="").send(a_notification())

    assert not any(name.startswith("x-pantry") for name in provider.asked[0].headers)


def test_the_same_message_has_the_same_key_at_each_try(provider: Provider) -> None:
    channel = a_channel(provider)
    for message in ("m1", "m1", "m2"):
        channel.send(a_notification(message=message))

    assert [one.headers["idempotency-key"] for one in provider.asked] == ["m1", "m1", "m2"]


@pytest.mark.parametrize(
    ("severity", "told"),
    [
        (Severity.CRITICAL, "Sev0"),
        (Severity.HIGH, "Sev1"),
        (Severity.MEDIUM, "Sev2"),
        (Severity.LOW, "Sev3"),
    ],
)
def test_severities_are_azures(severity: Severity, told: str) -> None:
    event = an_event(alert=an_alert(severity=severity))

    assert common_alert(a_notification(event))["data"]["essentials"]["severity"] == told


def test_every_story_is_told_and_the_essentials_are_the_worst_open_ones() -> None:
    data = common_alert(a_notification(resolved(), an_event()))["data"]

    assert data["essentials"]["monitorCondition"] == "Fired"
    assert "resolvedDateTime" not in data["essentials"]
    fired, over = data["alertContext"]["stories"]
    assert (fired["alertRule"], fired["monitorCondition"]) == ("DTU critical", "Fired")
    assert (over["alertRule"], over["monitorCondition"]) == ("Errors high", "Resolved")
    assert over["resolvedDateTime"] == T0 + timedelta(minutes=9)
    assert (over["severity"], over["reason"]) == ("Sev1", Reason.RECOVERED)


def test_each_story_names_its_own_culprits() -> None:
    burst = an_event(alert=an_alert(culprits=(a_culprit(),)))

    context = common_alert(a_notification(resolved(), burst))["data"]["alertContext"]

    assert context["culprits"] == (a_culprit(),)
    assert [story["culprits"] for story in context["stories"]] == [(a_culprit(),), ()]


def test_an_end_alone_is_resolved() -> None:
    essentials = common_alert(a_notification(resolved()))["data"]["essentials"]

    assert essentials["monitorCondition"] == "Resolved"
    assert essentials["firedDateTime"] < essentials["resolvedDateTime"]


def test_figures_that_are_none_or_no_numbers_are_null(provider: Provider) -> None:
    silent = an_alert(kind=AlertKind.NO_DATA, value=None, last_value=float("nan"))

    a_channel(provider).send(a_notification(an_event(alert=silent)))

    context = json.loads(provider.asked[0].body)["data"]["alertContext"]
    assert (context["value"], context["lastValue"]) == (None, None)


def test_an_unknown_name_is_refused_with_the_setting_to_fill(provider: Provider) -> None:
    with pytest.raises(ChannelError, match="no webhook named others") as failure:
        a_channel(provider).send(a_notification(to="others"))

    assert failure.value.permanent
    assert "WEBHOOKS" in str(failure.value)
    assert provider.asked == []


def test_no_word_of_a_receivers_answer_is_repeated(provider: Provider) -> None:
    provider.answers(404, b"s3cr3t")

    with pytest.raises(ChannelError) as failure:
        a_channel(provider).send(a_notification())

    assert str(failure.value) == "the webhook ops answered 404"


def test_a_url_that_cannot_be_used_names_the_webhook_only() -> None:
    with pytest.raises(ValueError, match="the webhook ops must be a URL") as refusal:
        WebhookChannel({"ops": ("https://user:s3cr3t@hooks.example.com/s3cr3t", KEY)})

    assert "s3cr3t" not in str(refusal.value)


def test_a_webhook_inside_is_refused_unless_it_is_listed(provider: Provider) -> None:
    inside = WebhookChannel({"ops": (f"{provider.url}/s3cr3t", KEY)})

    with pytest.raises(ChannelError, match="the webhook ops leads to an address inside") as failure:
        inside.send(a_notification())

    assert failure.value.permanent
    assert provider.asked == []


def test_its_repr_holds_no_secret(provider: Provider) -> None:
    channel = a_channel(provider)

    assert "s3cr3t" not in repr(channel) + repr(channel._webhooks["ops"][0])
