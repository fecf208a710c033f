"""The forms of settings that lead somewhere: URLs, hosts and connection strings.

Each turns a setting's text into its value or raises ValueError, as those of setting_forms.
"""

import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

from shared.setting_forms import has_placeholder, json_object, signing_key


def connection(text: str) -> str:
    parts = [part.partition("=") for part in text.strip().rstrip(";").split(";")]
    given = {name.strip().lower(): value for name, _, value in parts}
    by_key = given.get("accountname") and _is_base64(given.get("accountkey", ""))
    by_sas = given.get("tableendpoint") and given.get("sharedaccesssignature")
    if text and not (all(given.values()) and (by_key or by_sas)):
        raise ValueError(
            "a connection string spelled out, with AccountName and AccountKey; "
            "`make azurite` prints that of an emulator on your desk"
        )
    return text


def is_loopback(url: SplitResult) -> bool:
    try:
        return ip_address(url.hostname or "").is_loopback
    except ValueError:
        return url.hostname == "localhost"


def https_url(text: str) -> str:
    """An absolute https URL; plain http only to this machine."""
    try:
        url = urlsplit(text)
        allowed = url.scheme == "https" or (url.scheme == "http" and is_loopback(url))
        usable = allowed and bool(url.hostname) and url.port != 0 and text.split() == [text]
        usable = usable and not has_placeholder(text)
    except ValueError:
        usable = False
    if text and not usable:
        raise ValueError("a URL beginning with https://, without spaces and placeholders in <>")
    return text


def azure(*domains: str) -> Callable[[str], str]:
    """A URL that gets bearer tokens: only Microsoft's own domains, or this machine."""

    def parse(text: str) -> str:
        url = urlsplit(https_url(text))
        host = url.hostname or ""
        if (
            text
            and not is_loopback(url)
            and not any(host == domain or host.endswith(f".{domain}") for domain in domains)
        ):
            raise ValueError(f"a URL on {' or '.join(domains)}")
        return text.rstrip("/")

    return parse


def acs(text: str) -> str:
    parts = (part.strip().partition("=") for part in text.split(";"))
    given = {name.lower(): value for name, _, value in parts}
    if text and not (given.get("endpoint") and _is_base64(given.get("accesskey", ""))):
        raise ValueError("a connection string endpoint=https://…/;accesskey=…, its key in base64")
    https_url(given.get("endpoint", ""))
    return text


def _is_base64(text: str) -> bool:
    try:
        return bool(b64decode(text, validate=True))
    except ValueError:
        return False


def webhooks(text: str) -> Mapping[str, str]:
    """Channel names and their incoming webhooks' URLs."""
    given = json_object(
        text, 'a JSON object like {"#alerts": "https://hooks.slack.com/services/…"}'
    )
    for url in given.values():
        if not isinstance(url, str) or not url:
            raise ValueError("a JSON object of channel names and URLs")
        https_url(url)
    return given


# As shared/adapters/destinations.py reads them; a test holds the two together.
_PLAIN_URL = re.compile(
    r"https?://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]{1,253})(?::[0-9]{1,5})?"
    r"(?:[/?][a-z0-9\-._~!$&'()*+,;=:@%/?]*)?",
    re.IGNORECASE | re.ASCII,
)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)*[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?", re.IGNORECASE)
_LISTED_HOST = re.compile(
    r"(?=[^:\[]*[a-z])[a-z0-9._-]+(:[0-9]{1,5})?|([0-9.]+|\[[0-9a-f:.]+\]):[0-9]{1,5}",
    re.IGNORECASE | re.ASCII,
)
_HOOKS = 'a JSON object like {"ops": {"url": "https://…", "key": "…"}} or {"ops": "https://…"}'


def plain_url(text: str) -> str:
    """An https URL in plain writing: an address in disguise is no host."""
    found = _PLAIN_URL.fullmatch(https_url(text))
    if not found or not (_is_address(found["host"]) or _NAME.fullmatch(found["host"])):
        raise ValueError("a URL beginning with https:// and a host in plain writing")
    return text


def _is_address(host: str) -> bool:
    try:
        return bool(ip_address(host.strip("[]")))
    except ValueError:
        return False


def plain_webhooks(text: str) -> Mapping[str, str]:
    """Names and URLs of webhooks."""
    given = json_object(text, 'a JSON object like {"operations": "https://…"}')
    if not all(isinstance(url, str) for url in given.values()):
        raise ValueError("a JSON object of names and URLs")
    return {name: plain_url(url) for name, url in given.items()}


class Hook(NamedTuple):
    """One receiver of webhooks; an empty key means that its messages are not signed."""

    url: str
    key: str = ""


def hooks(text: str) -> Mapping[str, Hook]:
    """Receivers' names, URLs and signing keys."""
    return {name: _hook(one) for name, one in json_object(text, _HOOKS).items()}


def _hook(given: Any) -> Hook:
    parts = {"url": given} if isinstance(given, str) else given
    if not isinstance(parts, dict) or not {"url"} <= parts.keys() <= set(Hook._fields):
        raise ValueError(_HOOKS)
    if not all(isinstance(one, str) for one in parts.values()):
        raise ValueError(_HOOKS)
    return Hook(plain_url(parts["url"]), signing_key(parts.get("key", "")))


def listed_hosts(text: str) -> tuple[str, ...]:
    """Host names, or address:port; an address alone would open every port of a machine."""
    hosts = tuple(one.strip().lower() for one in text.split(",") if one.strip())
    if not all(_LISTED_HOST.fullmatch(one) for one in hosts):
        raise ValueError("host names, or address:port, joined by commas")
    return hosts
