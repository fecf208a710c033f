"""Tokens: whatever is changed about one, it is refused; keys may follow one another."""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from msgspec.structs import replace

from shared.domain.errors import LinkRefused
from shared.domain.links import (
    LABELS,
    LinkAction,
    LinkMaker,
    Permit,
    expires,
    read,
    read_short,
    sign,
    sign_short,
)
from shared.domain.short_links import CODE_LENGTH, Pointer
from tests.builders import TARGET, at

OLD, NEW = "an old secret of more than 32 bytes", "a new secret of more than 32 bytes"
PERMIT = Permit(
    target=TARGET,
    episode="20260101T0005Z-1a2b3c4d",
    action=LinkAction.ACKNOWLEDGE,
    recipient="0a1b2c3d",
    as_of=at(7),
    expires_at=at(7 * 24 * 60),
)
TOKEN = sign(PERMIT, NEW)
POINTER = Pointer(episode=PERMIT.episode, seq=3, channel=PERMIT.recipient)
CODE = sign_short(POINTER, NEW)


def claims(token: str = TOKEN) -> list[Any]:
    text = token.partition(".")[0]
    given: list[Any] = msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return given


def with_claims(given: Any) -> str:
    """The token's signature under other claims."""
    text = urlsafe_b64encode(msgspec.json.encode(given)).decode().rstrip("=")
    return f"{text}.{TOKEN.partition('.')[2]}"


def test_a_token_says_what_was_signed_in_letters_of_a_url() -> None:
    assert read(TOKEN, [NEW]) == PERMIT
    assert parse_qs(f"token={TOKEN}") == {"token": [TOKEN]}


@pytest.mark.parametrize(
    ("place", "other"),
    [
        (0, "other-app"),
        (1, "20260101T0005Z-ffffffff"),
        (2, "resolve"),
        (3, "ffffffff"),
        (4, "2027-01-01T00:07:00Z"),
        (5, "2027-01-01T00:07:00Z"),
    ],
    ids=["target", "episode", "action", "recipient", "as of", "expiry"],
)
def test_a_claim_that_was_swapped_is_refused(place: int, other: str) -> None:
    given = claims()
    given[place] = other

    with pytest.raises(LinkRefused):
        read(with_claims(given), [NEW])


def test_every_single_letter_counts() -> None:
    for place, letter in enumerate(TOKEN):
        changed = TOKEN[:place] + ("A" if letter != "A" else "B") + TOKEN[place + 1 :]
        with pytest.raises(LinkRefused):
            read(changed, [NEW])


WRONG = [
    "",
    ".",
    "..",
    TOKEN[:-1],
    TOKEN + "A",
    TOKEN + "=",
    TOKEN + ".A",
    TOKEN.replace(".", ""),
    f" {TOKEN}",
    f"{TOKEN}\n",
    f"{TOKEN}%00",
    TOKEN.partition(".")[0],
    f".{TOKEN.partition('.')[2]}",
    "ü.ü",
    "A" * 100_000,
]


@pytest.mark.parametrize("token", WRONG, ids=range(len(WRONG)))
def test_what_is_no_token_is_refused_and_nothing_else_is_raised(token: str) -> None:
    with pytest.raises(LinkRefused):
        read(token, [NEW])


def test_something_else_that_the_key_signed_is_no_token() -> None:
    body = msgspec.json.encode(PERMIT)
    digest = hmac.new(NEW.encode(), body, hashlib.sha256).digest()
    token = ".".join(urlsafe_b64encode(one).decode().rstrip("=") for one in (body, digest))

    with pytest.raises(LinkRefused):
        read(token, [NEW])


def test_claims_that_are_none_are_refused_though_they_are_signed() -> None:
    class Short(Permit, frozen=True, array_like=True):
        """One claim too many."""

        more: str = "x"

    given = Short(**{name: getattr(PERMIT, name) for name in PERMIT.__struct_fields__})

    with pytest.raises(LinkRefused):
        read(sign(given, NEW), [NEW])


def test_keys_overlap_the_newest_signs_and_all_are_accepted() -> None:
    before, during, after = (
        LinkMaker(keys, "https://monitor.example.com/") for keys in ([OLD], [NEW, OLD], [NEW])
    )
    old, new = (token_of(maker) for maker in (before, during))

    assert during.read(old) == during.read(new) == after.read(new) == PERMIT
    for maker, token in ((after, old), (before, new)):
        with pytest.raises(LinkRefused):
            maker.read(token)


def token_of(maker: LinkMaker) -> str:
    (token,) = parse_qs(urlsplit(maker.link(PERMIT).url).query)["token"]
    return token


def test_a_link_opens_the_apps_own_page() -> None:
    link = LinkMaker([NEW], "https://monitor.example.com/").link(PERMIT)

    assert link.url == f"https://monitor.example.com/api/monitoring/action?token={TOKEN}"
    assert link.label == LABELS[LinkAction.ACKNOWLEDGE] == "Acknowledge"


def test_a_link_stays_the_same_however_often_its_message_is_tried() -> None:
    assert sign(replace(PERMIT, expires_at=expires(at(1))), NEW) == sign(
        replace(PERMIT, expires_at=expires(at(1))), NEW
    )
    assert expires(at(1)) == at(1) + timedelta(days=7)


def test_a_maker_shows_no_key() -> None:
    assert NEW not in repr(LinkMaker([NEW], "https://monitor.example.com"))


def test_a_short_link_names_an_event_in_32_letters_of_a_url() -> None:
    maker = LinkMaker([NEW], "https://monitor.example.com/")

    assert maker.short(POINTER) == f"https://monitor.example.com/api/monitoring/a?c={CODE}"
    assert maker.read_short(CODE) == POINTER
    assert len(CODE) == CODE_LENGTH
    assert parse_qs(f"c={CODE}") == {"c": [CODE]}


def test_every_single_letter_of_a_code_counts() -> None:
    for place, letter in enumerate(CODE):
        changed = CODE[:place] + ("A" if letter != "A" else "B") + CODE[place + 1 :]
        with pytest.raises(LinkRefused):
            read_short(changed, [NEW])


@pytest.mark.parametrize("code", ["", CODE[:-1], f"{CODE}A", f"{CODE}=", "ü" * 32, "A" * 32])
def test_what_is_no_code_is_refused_and_nothing_else_is_raised(code: str) -> None:
    with pytest.raises(LinkRefused):
        read_short(code, [NEW])


def test_a_code_is_no_token_and_a_token_is_no_code() -> None:
    with pytest.raises(LinkRefused):
        read(CODE, [NEW])
    with pytest.raises(LinkRefused):
        read_short(TOKEN, [NEW])


def test_keys_of_codes_overlap_too() -> None:
    assert read_short(sign_short(POINTER, OLD), [NEW, OLD]) == POINTER
    with pytest.raises(LinkRefused):
        read_short(CODE, [OLD])


@pytest.mark.parametrize(
    "episode", ["20260101T0005Z-test1a2b", "20260101T0005Z-", "20190101T0005Z-1a2b3c4d", "e1"]
)
def test_what_is_no_episode_of_a_rule_has_no_short_link(episode: str) -> None:
    maker = LinkMaker([NEW], "https://monitor.example.com")

    assert maker.short(replace(POINTER, episode=episode)) == ""
