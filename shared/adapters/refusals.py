"""What a provider's HTTP answer means for a message: the next try, or none."""

import re
from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from shared.adapters.bodies import json_object
from shared.adapters.https import is_plain_loopback
from shared.domain.errors import ChannelError

LONGEST_PATIENCE = timedelta(days=7)
_MAY_HEAL = frozenset({408, 409, 425, 429})
_CODE = re.compile(r"[A-Za-z][\w.-]{0,79}")


def refusal(
    provider: str, status: int, code: object = "", headers: Mapping[str, str] | None = None
) -> ChannelError:
    """The error of an answer that does not accept the message.

    Permanent where only a person can help: redirects (nobody follows one with a secret in hand)
    and what is wrong with the message, the address, or our permission. Of the answer's text only
    a code word is shown: the rest may echo what was sent.
    """
    headers = headers or {}
    said = " ".join(part for part in (f"{provider} answered {status}", code_word(code)) if part)
    if 300 <= status < 500 and status not in _MAY_HEAL:
        return ChannelError(said, permanent=True)
    return ChannelError(said, retry_after=patience(headers))


def code_word(given: object) -> str:
    """A provider's word for what is wrong, if it is no more than a word."""
    text = given.strip() if isinstance(given, str) else ""
    return text if _CODE.fullmatch(text) else ""


def error_code(body: bytes) -> str:
    """The code word of an Azure service's JSON error, `{"error": {"code": …}}`; else empty."""
    error = json_object(body).get("error")
    return code_word(error.get("code")) if isinstance(error, dict) else ""


def patience(headers: Mapping[str, str]) -> timedelta | None:
    """What Retry-After asks for, in seconds or as a date beside the answer's own; else None."""
    asked = headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdigit():
        # A number of hundreds of digits is not worth converting.
        seconds = min(int(asked[:12]), int(LONGEST_PATIENCE.total_seconds()))
        return timedelta(seconds=seconds) if seconds else None
    try:
        until, said_at = map(parsedate_to_datetime, (asked, headers.get("Date", "")))
        wait = min(until - said_at, LONGEST_PATIENCE)
    except (ValueError, TypeError):
        return None
    return wait if wait > timedelta(0) else None


def check_encrypted(url: str, what: str) -> None:
    """Raise ValueError, without the URL, unless it is https or plain http to this machine."""
    parts = urlsplit(url)
    if not (parts.scheme == "https" and parts.hostname) and not is_plain_loopback(url):
        raise ValueError(f"{what} must be a URL beginning with https://")
