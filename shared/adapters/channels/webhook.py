"""Any receiver of webhooks: the common alert schema, signed with the webhook's key if it has one.

How a receiver verifies the signature is told in docs/webhooks.md. URLs and keys are secrets: they
are named in no error and in no log.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec

from shared.adapters import egress
from shared.adapters.alert_schema import common_alert
from shared.adapters.destinations import destination, name_problem
from shared.adapters.egress import Egress
from shared.adapters.refusals import refusal
from shared.domain.errors import NotAsked
from shared.domain.notifications import Notification
from shared.domain.rules import Severity

TIMESTAMP = "X-Pantry-Timestamp"
SIGNATURE = "X-Pantry-Signature"


def _now() -> datetime:
    return datetime.now(UTC)


class WebhookChannel:
    """See ports.Channel; `webhooks` are (URL, key) by name, the key empty for an unsigned one."""

    type = "webhook"
    timeout = timedelta(seconds=egress.DEADLINE)
    least = Severity.LOW

    def __init__(
        self,
        webhooks: Mapping[str, tuple[str, str]],
        *,
        way_out: Egress | None = None,
        wall: Callable[[], datetime] = _now,
    ) -> None:
        self._webhooks = {
            name: (destination(url, f"the webhook {name}"), key)
            for name, (url, key) in webhooks.items()
        }
        self._way_out = way_out or Egress()
        self._wall = wall

    def send(self, notification: Notification) -> str | None:
        """See Channel.send; a webhook gives no id."""
        problem = self.problem(notification.to)
        if problem:
            raise NotAsked(problem)
        to, key = self._webhooks[notification.to]
        body = msgspec.json.encode(common_alert(notification))
        who = f"the webhook {notification.to}"
        headers = partial(self._headers, notification.id, body, key)
        answer = self._way_out.post(to, body, headers, who)
        if not answer.is_good:
            # No word of the body: nobody knows what a stranger's server repeats.
            raise refusal(who, answer.status, "", answer.headers)
        return None

    def problem(self, target: str) -> str:
        """See Channel.problem; an URL in the wrong place is a secret as well."""
        return name_problem(target, self._webhooks, "webhook", "WEBHOOKS")

    def _headers(self, message: str, body: bytes, key: str) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Idempotency-Key": message}
        if not key:
            return headers
        timestamp = str(int(self._wall().timestamp()))
        return {**headers, TIMESTAMP: timestamp, SIGNATURE: signature(key, timestamp, body)}


def signature(key: str, timestamp: str, body: bytes) -> str:
    """`v1=` and the HMAC-SHA256, in hex, of the timestamp, a dot and the body."""
    signed = timestamp.encode() + b"." + body
    return "v1=" + hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()
