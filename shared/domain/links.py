"""Links that act without a login: a token for one action on one episode by one recipient.

A token is its claims and their HMAC-SHA256. It is good until it expires, and only for the state
that its message showed: whoever acted since made it stale (docs/adr/013-links-that-act.md).
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from shared.domain import short_links
from shared.domain.decoding import decode
from shared.domain.episodes import Event
from shared.domain.errors import LinkRefused
from shared.domain.short_links import Pointer

GOOD_FOR = timedelta(days=7)
SNOOZE_MINUTES = 60
LONGEST_TOKEN = 1000
PATH = "/api/monitoring/action"
_PURPOSE = b"pantry-monitor action 1|"
_SHORT_PURPOSE = b"pantry-monitor short 1|"
"""What else is ever signed with the same key can't be taken for a token."""


class LinkAction(StrEnum):
    """What a link can do, in the words of services/manage."""

    ACKNOWLEDGE = "acknowledge"
    SNOOZE = "snooze"
    RESOLVE = "resolve"


LABELS = {
    LinkAction.ACKNOWLEDGE: "Acknowledge",
    LinkAction.SNOOZE: "Snooze 1 h",
    LinkAction.RESOLVE: "Resolve",
}


class Permit(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a token allows. `recipient`: the channel's hash; `as_of`: when its event was decided.

    `as_of` is world time, `expires_at` wall time.
    """

    target: str
    episode: str
    action: LinkAction
    recipient: str
    as_of: datetime
    expires_at: datetime


class Link(Struct, frozen=True):
    """A link as a message shows it; whoever has it may act, so it goes into no log."""

    action: LinkAction
    label: str
    url: str


def sign(permit: Permit, key: str) -> str:
    """The token, in letters that a URL takes as they are."""
    claims = msgspec.json.encode(permit)
    return f"{_text(claims)}.{_text(_digest(claims, key))}"


def read(token: str, keys: Sequence[str]) -> Permit:
    """What the token allows, expired or not; raises LinkRefused."""
    refused = _refused()
    claims, _, digest = token[:LONGEST_TOKEN].partition(".")
    try:
        given, signature = _bytes(claims), _bytes(digest)
    except ValueError:
        raise refused from None
    if not any(hmac.compare_digest(_digest(given, key), signature) for key in keys):
        raise refused
    try:
        return decode(given, Permit)
    except msgspec.DecodeError:
        raise refused from None


def sign_short(pointer: Pointer, key: str) -> str:
    """The code of a short link; raises ValueError for an episode that has no short form."""
    named = short_links.packed(pointer)
    return _text(named + _digest(named, key, _SHORT_PURPOSE)[: short_links.SIGNATURE])


def read_short(code: str, keys: Sequence[str]) -> Pointer:
    """What the code names; raises LinkRefused."""
    try:
        raw = _bytes(code if len(code) == short_links.CODE_LENGTH else "")
    except ValueError:
        raise _refused() from None
    named, signature = raw[: -short_links.SIGNATURE], raw[-short_links.SIGNATURE :]
    expected = (_digest(named, key, _SHORT_PURPOSE)[: short_links.SIGNATURE] for key in keys)
    if not any(hmac.compare_digest(one, signature) for one in expected):
        raise _refused()
    return short_links.unpacked(named)


def _refused() -> LinkRefused:
    return LinkRefused("the link is incomplete or was changed")


def _digest(claims: bytes, key: str, purpose: bytes = _PURPOSE) -> bytes:
    return hmac.new(key.encode(), purpose + claims, hashlib.sha256).digest()


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    """The bytes of one spelling only: a second one of the same token would be another token."""
    raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    if _text(raw) != text:
        raise ValueError("not the spelling that was written")
    return raw


class LinkMaker:
    """Makes and reads the links of an app that is reached at `public_url`.

    `keys`: the newest first; it signs, and all of them are accepted while they are given.
    """

    def __init__(self, keys: Sequence[str], public_url: str) -> None:
        self._keys = tuple(keys)
        self._url = public_url.rstrip("/") + PATH
        self._short_url = public_url.rstrip("/") + short_links.PATH

    def link(self, permit: Permit) -> Link:
        """The link for a permit."""
        token = urlencode({"token": sign(permit, self._keys[0])})
        return Link(permit.action, LABELS[permit.action], f"{self._url}?{token}")

    def read(self, token: str) -> Permit:
        """What the token allows, expired or not; raises LinkRefused."""
        return read(token, self._keys)

    def short(self, pointer: Pointer) -> str:
        """The short link to the page that has all others; empty where there is no short form."""
        try:
            return self._short_url + sign_short(pointer, self._keys[0])
        except ValueError:
            return ""

    def read_short(self, code: str) -> Pointer:
        """What a short link's code names; raises LinkRefused."""
        return read_short(code, self._keys)


def permits(event: Event, recipient: str, wanted_since: datetime) -> tuple[Permit, ...]:
    """What may be done about an event by whom it was sent to; `wanted_since`: its delivery's."""
    if event.letter is not None:
        return ()
    return tuple(
        Permit(
            target=event.target,
            episode=event.episode,
            action=action,
            recipient=recipient,
            as_of=event.decided_at,
            expires_at=expires(wanted_since),
        )
        for action in LinkAction
        if action is not LinkAction.ACKNOWLEDGE or event.alert.acknowledged_by is None
    )


def expires(wanted_since: datetime) -> datetime:
    """When a link expires whose delivery is wanted since then; each try of it says the same."""
    return wanted_since + GOOD_FOR
