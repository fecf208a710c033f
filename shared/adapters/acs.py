"""Azure Communication Services' connection strings, and its signatures over plain requests."""

import hashlib
import hmac
from base64 import b64decode, b64encode
from datetime import datetime
from email.utils import format_datetime

SCOPE = "https://communication.azure.com/.default"


def endpoint_and_key(connection_string: str, what: str) -> tuple[str, str]:
    """The endpoint and the key (base64); raises ValueError, without them, when it has none."""
    pairs = (part.partition("=") for part in connection_string.split(";"))
    parts = {name.strip().lower(): value.strip() for name, _, value in pairs}
    key = parts.get("accesskey", "")
    try:
        usable = bool(b64decode(key, validate=True))
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"{what} needs endpoint=https://…/;accesskey=<base64>")
    return parts.get("endpoint", ""), key


def signed_headers(key: str, path: str, host: str, body: bytes, at: datetime) -> dict[str, str]:
    """The headers that sign a POST of `body` to `path` (query included) on `host`.

    `at` is aware UTC; the service refuses a time that is more than minutes off.
    """
    date = format_datetime(at, usegmt=True)
    content = b64encode(hashlib.sha256(body).digest()).decode()
    signed = f"POST\n{path}\n{date};{host};{content}"
    digest = hmac.new(b64decode(key), signed.encode(), hashlib.sha256).digest()
    names = "x-ms-date;host;x-ms-content-sha256"
    return {
        "x-ms-date": date,
        "x-ms-content-sha256": content,
        "Authorization": (
            f"HMAC-SHA256 SignedHeaders={names}&Signature={b64encode(digest).decode()}"
        ),
    }
