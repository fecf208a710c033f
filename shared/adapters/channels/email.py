"""Mail through Azure Communication Services, one request per message.

The service takes a mail and delivers it later; whether it arrived is not asked: an Azure-managed
domain answers only 20 such questions an hour.
"""

import logging
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from shared.adapters.acs import endpoint_and_key
from shared.adapters.https import is_plain_loopback, outcomes
from shared.adapters.pictures import draw
from shared.adapters.refusals import check_encrypted, code_word, refusal
from shared.adapters.rendering import mail_html, mail_text, one_line
from shared.domain.errors import ChannelError
from shared.domain.notifications import Notification
from shared.domain.rules import Severity

if TYPE_CHECKING:
    from shared.domain.reports.report import PerformanceReport

CONNECT_TIMEOUT = 4
READ_TIMEOUT = 10
DEADLINE = 15
"""Seconds for all of it, finding the host and fetching an identity's token included."""
DRAWING = 2
"""Seconds of them that the picture may take; a mail whose picture is not ready goes without it."""
DRAWING_REPORT = 5
"""Likewise, for all pictures of a report."""
LONGEST_SUBJECT = 200
PICTURE_ID = "last-hour"
_ACCEPTED = frozenset({"notstarted", "running", "succeeded"})
_PROVIDER = "the mail service"

_log = logging.getLogger(__name__)


def open_email(*, connection_string: str, sender: str) -> "EmailChannel":
    """Mail by connection string; raises ValueError when that is not one."""
    endpoint, key = endpoint_and_key(connection_string, "the mail service")
    check_encrypted(endpoint, "the mail service's endpoint")

    def client() -> Any:
        from azure.core.credentials import AzureKeyCredential  # noqa: PLC0415 - SDK import

        # The SDK's own reading of connection strings forgets whether the endpoint is http.
        return _client(endpoint, AzureKeyCredential(key))

    return EmailChannel(client, sender)


def open_email_as(*, endpoint: str, credential: Any, sender: str) -> "EmailChannel":
    """Mail by identity; `endpoint` is https://<resource>.communication.azure.com."""
    check_encrypted(endpoint, "the mail service's endpoint")
    plain = {"enforce_https": False} if is_plain_loopback(endpoint) else {}
    return EmailChannel(lambda: _client(endpoint, credential), sender, options=plain)


def _client(endpoint: str, credential: Any) -> Any:
    from azure.communication.email import EmailClient  # noqa: PLC0415 - SDK import

    return EmailClient(
        endpoint,
        credential,
        connection_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        # azure-core would sleep through any Retry-After, which may be an hour.
        retry_total=0,
        permit_redirects=False,
    )


class EmailChannel:
    """See ports.Channel. `client` makes an EmailClient, when the first mail is to be sent."""

    type = "email"
    timeout = timedelta(seconds=DEADLINE)
    least = Severity.LOW

    def __init__(
        self,
        client: Callable[[], Any],
        sender: str,
        *,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self._make_client = client
        self._sender = sender
        self._options = options or {}

    def send(self, notification: Notification) -> str | None:
        """See Channel.send; the operation id makes a repeated request the same mail."""
        end = time.monotonic() + DEADLINE
        message = self._message(notification)
        operation = str(uuid5(NAMESPACE_URL, notification.id))
        with _translated():
            left = end - time.monotonic()
            [answer] = outcomes([partial(self._begin, message, operation)], within=left)
            if isinstance(answer, Exception):
                raise answer
        return _accepted(answer)

    def _begin(self, message: Mapping[str, Any], operation: str) -> Any:
        # Not polling, the poller's status() says `succeeded` whatever happened: the result tells.
        poller = self._client.begin_send(
            message, operation_id=operation, polling=False, **self._options
        )
        return poller.result()

    def problem(self, target: str) -> str:
        """See Channel.problem; the address itself stays unsaid."""
        return "" if "@" in target else "an e-mail action has a target that is no e-mail address"

    @cached_property
    def _client(self) -> Any:
        return self._make_client()

    def _message(self, notification: Notification) -> dict[str, Any]:
        html, attached = _shown(notification)
        return {
            "senderAddress": self._sender,
            "recipients": {"to": [{"address": notification.to}]},
            "content": {
                "subject": one_line(notification.subject, LONGEST_SUBJECT),
                "plainText": mail_text(notification),
                "html": html,
            },
            "attachments": attached,
            "userEngagementTrackingDisabled": True,
        }


def _shown(notification: Notification) -> tuple[str, list[dict[str, str]]]:
    """The page of a mail, and the pictures that it shows."""
    if notification.report is not None:
        return _report_shown(notification.report)
    png = _drawn(notification)
    html = mail_html(notification, picture=PICTURE_ID if png else None)
    return html, [_attached(PICTURE_ID, png)] if png else []


def _report_shown(report: "PerformanceReport") -> tuple[str, list[dict[str, str]]]:
    """A report with those of its pictures that are ready in time; its tables tell the rest."""
    from shared.adapters.report_mail import report_html  # noqa: PLC0415 - once a week
    from shared.adapters.report_pictures import Picture, sketches  # noqa: PLC0415 - as above

    found = outcomes([one.drawn for one in sketches(report)], within=DRAWING_REPORT)
    pictures = [one for one in found if isinstance(one, Picture)]
    if len(pictures) < len(found):
        _log.warning("a report goes without %d of its pictures", len(found) - len(pictures))
    return report_html(report, pictures), [_attached(one.name, one.png) for one in pictures]


def _drawn(notification: Notification) -> bytes | None:
    """The picture of the notification's trail; None without one, or when drawing is too slow."""
    if notification.trail is None:
        return None
    [png] = outcomes([partial(draw, notification.trail)], within=DRAWING)
    if isinstance(png, Exception):
        _log.warning("message %s goes without its picture: %r", notification.id, png)
        return None
    return png


def _attached(name: str, png: bytes) -> dict[str, str]:
    """Inline where the page shows it; a reader who sees no HTML has it as a file."""
    return {
        "name": f"{name}.png",
        "contentType": "image/png",
        "contentInBase64": b64encode(png).decode(),
        "contentId": name,
    }


def _accepted(answer: Any) -> str:
    """The id of a mail that the service took; a failed one would fail again under its id."""
    if not isinstance(answer, Mapping) or not answer.get("id"):
        raise ChannelError(f"{_PROVIDER} gave an answer without an id")
    status = str(answer.get("status"))
    if status.lower() in _ACCEPTED:
        return str(answer["id"])
    said = " ".join(filter(None, (code_word(status), _code(answer))))
    raise ChannelError(f"{_PROVIDER} gave the mail up: {said}", permanent=True)


def _code(answer: Any) -> str:
    error = answer.get("error") if isinstance(answer, Mapping) else None
    return code_word(error.get("code")) if isinstance(error, Mapping) else ""


@contextmanager
def _translated() -> Iterator[None]:
    """The SDK's errors may quote what was sent: they stay out of ours, text and chain."""
    from azure.core.exceptions import AzureError, HttpResponseError  # noqa: PLC0415 - SDK import

    try:
        yield
    except HttpResponseError as error:
        raise _translation(error) from None
    except (AzureError, OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        # Beyond its own tree the SDK raises whatever a made-up answer leads it to.
        raise ChannelError(f"{_PROVIDER} was not reached: {type(error).__name__}") from None


def _translation(error: Any) -> ChannelError:
    response = error.response
    if response is None or response.status_code < 300:
        return ChannelError(f"{_PROVIDER} gave no usable answer: {type(error).__name__}")
    return refusal(_PROVIDER, response.status_code, _code(_body(response)), response.headers)


def _body(response: Any) -> Any:
    try:
        return response.json()
    except Exception:  # noqa: BLE001 - the body of a refusal is only a hint
        return None
