"""SMS through Azure Communication Services, one request per message and phone number.

Plain REST: the service's own library would bring another HTTP client along for one request. A
message costs money and wakes people: alerts below `least` are refused, but not a test, which
somebody asked for. The service takes a message and delivers it later; whether it arrived is not
asked.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec

from shared.adapters import egress
from shared.adapters.acs import SCOPE, endpoint_and_key, signed_headers
from shared.adapters.bodies import json_object
from shared.adapters.destinations import Destination, destination
from shared.adapters.egress import Answer, Egress
from shared.adapters.refusals import error_code, refusal
from shared.adapters.texting import is_phone_number, sms_text
from shared.domain.deliveries import masked
from shared.domain.errors import ChannelError, NotAsked
from shared.domain.notifications import Notification
from shared.domain.rehearsals import is_test
from shared.domain.rules import Severity

API_VERSION = "2021-03-07"

Sign = Callable[[str, str, bytes], Mapping[str, str]]
"""The headers that let a POST in: by path, host and body."""

_PROVIDER = "the SMS service"


def open_sms(
    *, connection_string: str, sender: str, least: Severity = Severity.CRITICAL
) -> "SmsChannel":
    """SMS by connection string; raises ValueError when that is not one."""
    endpoint, key = endpoint_and_key(connection_string, _PROVIDER)

    def sign(path: str, host: str, body: bytes) -> Mapping[str, str]:
        return signed_headers(key, path, host, body, datetime.now(UTC))

    return SmsChannel(endpoint, sign, sender, least=least)


def open_sms_as(
    *, endpoint: str, credential: Any, sender: str, least: Severity = Severity.CRITICAL
) -> "SmsChannel":
    """SMS by identity; `endpoint` is https://<resource>.communication.azure.com."""

    def sign(path: str, host: str, body: bytes) -> Mapping[str, str]:  # noqa: ARG001 - a token fits all
        return {"Authorization": f"Bearer {credential.get_token(SCOPE).token}"}

    return SmsChannel(endpoint, sign, sender, least=least)


class SmsChannel:
    """See ports.Channel. `sender` is the service's own number, or its alphanumeric name."""

    type = "sms"
    timeout = timedelta(seconds=egress.DEADLINE)

    def __init__(
        self, endpoint: str, sign: Sign, sender: str, *, least: Severity = Severity.CRITICAL
    ) -> None:
        self._to = _operation(endpoint)
        self._sign = sign
        self._sender = sender
        self.least = least
        # Chosen by whoever runs the monitor, so it may stand on a private endpoint.
        self._way_out = Egress([self._to.with_port])

    def send(self, notification: Notification) -> str | None:
        """See Channel.send; the repeatability id makes a repeated request the same message."""
        problem = self.problem(notification.to) or self._too_mild(notification)
        if problem:
            raise NotAsked(problem)
        body = msgspec.json.encode(self._message(notification))
        answer = self._way_out.post(self._to, body, partial(self._headers, body), _PROVIDER)
        if not answer.is_good:
            raise refusal(_PROVIDER, answer.status, error_code(answer.body), answer.headers)
        return _accepted(answer, notification.to)

    def problem(self, target: str) -> str:
        """See Channel.problem; the number itself stays unsaid."""
        if is_phone_number(target):
            return ""
        return "an SMS action has a target that is no phone number like +491511234567"

    def _too_mild(self, notification: Notification) -> str:
        mild = notification.severity
        is_asked_for = is_test(notification.stories[0].last.episode)
        if is_asked_for or mild.rank >= self.least.rank:
            return ""
        return f"SMS are for {self.least} alerts and worse, and this one is {mild}"

    def _headers(self, body: bytes) -> Mapping[str, str]:
        signed = self._sign(self._to.path, self._to.authority, body)
        return {"Content-Type": "application/json", **signed}

    def _message(self, notification: Notification) -> dict[str, Any]:
        recipient = {
            "to": notification.to,
            "repeatabilityRequestId": str(uuid5(NAMESPACE_URL, notification.id)),
            "repeatabilityFirstSent": format_datetime(_decided_at(notification), usegmt=True),
        }
        return {
            "from": self._sender,
            "smsRecipients": [recipient],
            "message": sms_text(notification),
            "smsSendOptions": {"enableDeliveryReport": False},
        }


def _operation(endpoint: str) -> Destination:
    return destination(
        f"{endpoint.rstrip('/')}/sms?api-version={API_VERSION}", "the SMS service's endpoint"
    )


def _decided_at(notification: Notification) -> datetime:
    """When its newest event was decided: the one time that every try of a message shares."""
    return max(event.decided_at for story in notification.stories for event in story.events)


def _accepted(answer: Answer, to: str) -> str:
    """The id of a message that was taken; 202 says only that the request was read."""
    result = _result(answer.body, to)
    status = result.get("httpStatusCode")
    if result.get("successful") is True and result.get("messageId"):
        return str(result["messageId"])
    if not isinstance(status, int) or status < 300:
        raise ChannelError(f"{_PROVIDER} said nothing usable about {masked(to)}")
    raise refusal(f"{_PROVIDER}, asked for {masked(to)},", status)


def _result(body: bytes, to: str) -> Mapping[str, Any]:
    """What the answer says about this recipient; empty when it says nothing that can be read."""
    results = json_object(body).get("value")
    found = results if isinstance(results, list) else []
    return next((one for one in found if isinstance(one, dict) and one.get("to") == to), {})
