"""What the SMS service is asked for, to the letter, and what fits into a message."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.adapters.channels.sms import open_sms, open_sms_as
from shared.adapters.texting import ALPHABET, LONGEST, gsm, is_phone_number, sms_text
from shared.domain.alerts import AlertKind
from shared.domain.deliveries import masked, public_name
from shared.domain.deployments import RecentDeploy
from shared.domain.episodes import Event, EventKind
from shared.domain.errors import ChannelError, NotAsked
from shared.domain.notifications import Notification, compose
from shared.domain.reasons import Reason
from shared.domain.rehearsals import rehearsal, rehearsal_id
from shared.domain.rules import Action, ActionType, Severity
from shared.ports import Channel
from tests.adapters.builders import a_culprit, an_alert, an_event
from tests.adapters.providers import Provider, running_provider
from tests.builders import TARGET, at

KEY = base64.b64encode(b"key").decode()
PHONE = "+491511234567"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider() as running:
        running.answers(202, taken())
        yield running


def result(**said: Any) -> dict[str, Any]:
    return {"to": PHONE, "httpStatusCode": 202, "messageId": "o-1", "successful": True, **said}


def taken(**said: Any) -> bytes:
    return json.dumps({"value": [result(**said)]}).encode()


def a_notification(*events: Event, to: str = PHONE, message: str = "m1") -> Notification:
    return compose(message, Action(ActionType.SMS, to), events or [an_event()])


def sms(provider: Provider, **more: Any) -> Channel:
    string = f"endpoint={provider.url}/;accesskey={KEY}"
    return open_sms(connection_string=string, sender="+18005550100", **more)


def mild() -> Notification:
    return a_notification(an_event(alert=an_alert(severity=Severity.HIGH)))


def refused(channel: Channel, notification: Notification) -> ChannelError:
    with pytest.raises(ChannelError) as failure:
        channel.send(notification)
    return failure.value


def test_the_request_is_the_documented_one(provider: Provider) -> None:
    assert sms(provider).send(a_notification()) == "o-1"

    (asked,) = provider.asked
    assert (asked.method, asked.path) == ("POST", "/sms?api-version=2021-03-07")
    assert asked.headers["content-type"] == "application/json"
    body = json.loads(asked.body)
    [recipient] = body["smsRecipients"]
    assert body["from"] == "+18005550100"
    assert body["smsSendOptions"] == {"enableDeliveryReport": False}
    assert recipient["to"] == PHONE
    assert recipient["repeatabilityFirstSent"] == "Thu, 01 Jan 2026 00:02:00 GMT"
    assert str(UUID(recipient["repeatabilityRequestId"])) == recipient["repeatabilityRequestId"]


def test_it_is_signed_with_the_key(provider: Provider) -> None:
    sms(provider).send(a_notification())

    (asked,) = provider.asked
    content = base64.b64encode(hashlib.sha256(asked.body).digest()).decode()
    host = provider.url.removeprefix("http://")
    signed = f"POST\n{asked.path}\n{asked.headers['x-ms-date']};{host};{content}"
    digest = base64.b64encode(hmac.new(b"key", signed.encode(), hashlib.sha256).digest()).decode()
    assert asked.headers["host"] == host
    assert asked.headers["x-ms-content-sha256"] == content
    assert asked.headers["authorization"] == (
        f"HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={digest}"
    )


def test_the_same_message_is_the_same_request_at_each_try(provider: Provider) -> None:
    channel = sms(provider)
    for message in ("m1", "m1", "m2"):
        channel.send(a_notification(message=message))

    first, again, second = (
        json.loads(asked.body)["smsRecipients"][0]["repeatabilityRequestId"]
        for asked in provider.asked
    )
    assert provider.asked[0].body == provider.asked[1].body
    assert first == again != second


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
    channel = open_sms_as(endpoint=provider.url, credential=identity, sender="Pantry")

    assert channel.send(a_notification()) == "o-1"
    assert provider.asked[0].headers["authorization"] == "Bearer token"
    assert identity.scopes == ["https://communication.azure.com/.default"]


def test_an_identity_without_a_token_may_have_one_later(provider: Provider) -> None:
    identity = Identity(ClientAuthenticationError("the endpoint said s3cr3t"))
    channel = open_sms_as(endpoint=provider.url, credential=identity, sender="Pantry")

    error = refused(channel, a_notification())

    assert not error.permanent
    assert "s3cr3t" not in str(error)
    assert provider.asked == []


@pytest.mark.parametrize(
    ("status", "permanent"), [(400, True), (401, True), (404, True), (429, False), (500, False)]
)
def test_a_recipient_that_failed_inside_a_202_is_a_failure(
    provider: Provider, status: int, *, permanent: bool
) -> None:
    said = f"Invalid number {PHONE}"
    provider.answers(
        202,
        taken(successful=False, httpStatusCode=status, errorMessage=said, messageId=None),
    )

    error = refused(sms(provider), a_notification())

    assert error.permanent is permanent
    assert str(error) == f"the SMS service, asked for +49…67, answered {status}"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"value": null}',
        b'{"value": [{"to": "+491510000000", "messageId": "1", "successful": true}]}',
        taken(successful="true"),
        taken(messageId=""),
        taken(successful=False, httpStatusCode="400"),
    ],
)
def test_an_answer_that_does_not_name_the_recipient_is_none(
    provider: Provider, body: bytes
) -> None:
    provider.answers(202, body)

    error = refused(sms(provider), a_notification())

    assert not error.permanent
    assert str(error) == "the SMS service said nothing usable about +49…67"


def test_the_recipient_is_found_among_others(provider: Provider) -> None:
    others = [{"to": "+491510000000", "httpStatusCode": 400, "successful": False}]
    provider.answers(202, json.dumps({"value": [*others, result()]}).encode())

    assert sms(provider).send(a_notification()) == "o-1"


def test_a_milder_alert_than_critical_is_refused_before_anything_is_sent(
    provider: Provider,
) -> None:
    error = refused(sms(provider), mild())

    assert isinstance(error, NotAsked)
    assert str(error) == "SMS are for critical alerts and worse, and this one is high"
    assert provider.asked == []


def test_a_test_goes_out_however_mild_it_is(provider: Provider) -> None:
    to = Action(ActionType.SMS, PHONE)
    events = rehearsal(TARGET, rehearsal_id(at(5), "1a2b"), [to], by="admin", now=at(5))

    assert sms(provider).send(a_notification(*events)) == "o-1"


def test_a_milder_alert_that_a_critical_story_tells_goes_along(provider: Provider) -> None:
    other = an_alert(id="20260101T0100Z-ffffffff", severity=Severity.LOW)
    event = an_event(id=f"{other.id}-1", episode=other.id, alert=other)

    sms(provider).send(a_notification(event, an_event()))

    assert "+1 more" in json.loads(provider.asked[0].body)["message"]


def test_the_least_severity_can_be_lowered(provider: Provider) -> None:
    assert sms(provider, least=Severity.HIGH).send(mild()) == "o-1"


@pytest.mark.parametrize(
    "number",
    [
        "",
        "491511234567",
        "00491511234567",
        "+0491511234567",
        "+49 151 1234567",
        "+49-151-1234567",
        "+49123",
        "+4915112345678901",
        "+٤٩١٥١١٢٣٤٥٦٧",
        "+491511234567\n",
        "admin@example.com",
        "tel:+491511234567",
    ],
)
def test_what_is_no_phone_number_is_refused_and_not_repeated(
    provider: Provider, number: str
) -> None:
    channel = sms(provider)

    error = refused(channel, a_notification(to=number))

    assert error.permanent
    assert channel.problem(number) == str(error)
    assert not number or number not in str(error).replace("+491511234567", "")
    assert provider.asked == []


@pytest.mark.parametrize("number", ["+491511234567", "+18005550100", "+4512345678"])
def test_e164_is_a_phone_number_and_shown_without_its_middle(number: str) -> None:
    assert is_phone_number(number)
    assert masked(number) == f"{number[:3]}…{number[-2:]}"
    assert public_name(Action(ActionType.SMS, number)) == masked(number)


@pytest.mark.parametrize("string", ["", "endpoint=https://x.example", "endpoint=x;accesskey=no!"])
def test_a_connection_string_must_have_a_key(string: str) -> None:
    with pytest.raises(ValueError, match="the SMS service needs endpoint=") as refusal:
        open_sms(connection_string=string, sender="Pantry")

    assert "no!" not in str(refusal.value)


def test_severity_rule_value_and_target_come_first() -> None:
    assert sms_text(a_notification()) == (
        "CRITICAL DTU critical: 98.2 % on pantry-crm, since 2026-01-01 00:00 UTC"
    )


def test_a_deploy_is_left_out_where_it_does_not_fit_as_a_whole() -> None:
    deploy = RecentDeploy("x" * 90, datetime(2026, 1, 1, tzinfo=UTC), 14)
    with_deploy = sms_text(a_notification(an_event(alert=an_alert(deploy=deploy))))

    assert with_deploy == sms_text(a_notification())


def with_words(words: str) -> str:
    return sms_text(compose("m1", Action(ActionType.SMS, PHONE, words), [an_event()]))


def test_the_actions_own_message_is_told_before_the_time_where_all_of_it_fits() -> None:
    plain = sms_text(a_notification())
    short = plain.partition(", since")[0]

    assert with_words("Call {target} ☎") == f"{plain}. Call pantry-crm ?"
    assert with_words("x" * 100) == f"{short}. {'x' * 100}"
    assert with_words("x" * 120) == plain
    assert with_words("{nothing}" * 3).isascii()


def with_menu(link: str, *events: Event) -> Notification:
    action = Action(ActionType.SMS, PHONE)
    return compose("m1", action, events or [an_event()], menu=lambda _: link)


SHORT = "https://monitor.example.com/api/monitoring/a?c=" + "A" * 32


def test_a_link_follows_and_the_words_make_room_for_it() -> None:
    said = sms_text(with_menu(SHORT))
    long = sms_text(
        with_menu(SHORT, an_event(alert=an_alert(rule_name="Response Time of the shop")))
    )

    assert said == (
        f"CRITICAL DTU critical: 98.2 % on pantry-crm, since 2026-01-01 00:00 UTC {SHORT}"
    )
    assert long == f"CRITICAL Response Time of the shop: 98.2 % on pantry-crm {SHORT}"
    assert max(len(said), len(long)) <= LONGEST


def test_a_link_that_would_take_the_words_is_left_out() -> None:
    link = SHORT.replace("monitor", "m" * 40)

    assert sms_text(with_menu(link)) == sms_text(a_notification())


def test_an_end_has_no_link() -> None:
    over = an_event(kind=EventKind.RESOLVED)

    assert "http" not in sms_text(with_menu(SHORT, over))


def test_there_is_no_room_for_culprits() -> None:
    event = an_event(alert=an_alert(culprits=(a_culprit(),)))

    assert sms_text(a_notification(event)) == sms_text(a_notification())


def test_a_silence_and_an_end_say_so() -> None:
    silent = an_alert(kind=AlertKind.NO_DATA, value=None, last_value=None)
    over = an_event(kind=EventKind.RESOLVED)

    assert "CRITICAL DTU critical: no data on" in sms_text(a_notification(an_event(alert=silent)))
    assert sms_text(a_notification(over)) == (
        "RESOLVED DTU critical: 98.2 % on pantry-crm, after 2 min"
    )


def test_who_is_called_in_or_reminded_reads_why() -> None:
    called = an_event(kind=EventKind.ESCALATION, reason=Reason.UNACKNOWLEDGED)
    later = called.decided_at + timedelta(hours=4)
    reminded = an_event(kind=EventKind.REMINDER, reason=Reason.REMINDER_DUE, decided_at=later)

    absent = replace(reminded, alert=an_alert(condition="absent", last_value=None))

    said = [sms_text(a_notification(event)) for event in (called, reminded, absent)]

    assert said[0].startswith("CRITICAL Escalated: DTU critical: 98.2 % on pantry-crm, since")
    assert said[1].startswith("CRITICAL Reminder: DTU critical: no data, last 98.2 % on pantry-")
    assert said[2].startswith("CRITICAL Reminder: DTU critical: no data on pantry-crm, since")


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("Größe über 95 %", "Größe über 95 %"),
        ("café à la crème, naïve", "café à la crème, naive"),
        ("≥ 95 × 2 – “yes”… €5", '>= 95 x 2 - "yes"... EUR5'),
        ("[CRITICAL] {a|b} ~c^d\\e`f", "(CRITICAL) (a/b) -c'd/e'f"),
        ("a\r\n\tb  c", "a b c"),
        ("Žluťoučký kůň", "Zlutoucky kun"),
        ("кухня 台所 🔥", "????? ?? ?"),
        ("ﬁve½", "five1/2"),
    ],
)
def test_letters_are_written_in_the_alphabet(given: str, written: str) -> None:
    assert gsm(given) == written


@given(name=st.text(), link=st.integers(0, 150), count=st.integers(1, 5))
def test_no_message_is_longer_than_one_sms_or_leaves_the_alphabet(
    name: str, link: int, count: int
) -> None:
    events = [
        an_event(id=f"e{number}-1", episode=f"e{number}", alert=an_alert(rule_name=name * 20))
        for number in range(count)
    ]
    menu = "x" * link
    text = sms_text(with_menu(menu, *events))

    assert len(text) <= LONGEST
    assert set(text) <= ALPHABET
    assert text.startswith("CRITICAL ")
    assert text.endswith(menu) or "98.2 % on pantry-crm" in text


def test_the_alphabet_is_the_basic_table_without_its_escape() -> None:
    assert len(ALPHABET) == 126
    assert not set("{}[]~^|\\€\f\x1b`") & ALPHABET
