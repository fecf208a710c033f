"""Who signed in, as the platform's own authentication says it in a request header.

The header is worth something only where the platform sets it and strips what callers send.
"""

import base64
from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Struct

from shared.domain.decoding import decode
from shared.web.problems import Problem

HEADER = "X-MS-CLIENT-PRINCIPAL"
IDS = (
    "http://schemas.microsoft.com/identity/claims/objectidentifier",
    "oid",
    "sub",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier",
)
NAMES = ("preferred_username", "name")


class Claim(Struct, frozen=True):
    """One thing that the platform says about who signed in."""

    typ: str
    val: str


class ClientPrincipal(Struct, frozen=True):
    """The header's content; `name_typ` and `role_typ` tell which claims are names and roles."""

    claims: tuple[Claim, ...]
    auth_typ: str | None = None
    name_typ: str | None = None
    role_typ: str | None = None


def read_login(header: str, role_claim: str) -> dict[str, object]:
    """The header's claims under a token's names: sub, name and the role claim; else a Problem."""
    try:
        given = decode(base64.b64decode(header), ClientPrincipal)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise _unreadable() from None
    subject = _first(given.claims, IDS)
    if not subject:
        raise _unreadable()
    role_types = {role_claim, given.role_typ}
    return {
        "sub": subject,
        "name": _first(given.claims, (*NAMES, given.name_typ or "")),
        role_claim: [claim.val for claim in given.claims if claim.typ in role_types],
    }


def has_login(headers: Mapping[str, str]) -> bool:
    """Whether the platform says that somebody signed in."""
    return bool(headers.get(HEADER))


def _first(claims: Iterable[Claim], types: Iterable[str]) -> str | None:
    values = {claim.typ: claim.val for claim in claims}
    return next((values[kind] for kind in types if values.get(kind)), None)


def _unreadable() -> Problem:
    return Problem(
        401,
        "invalid_login",
        "the platform's login can't be read; sign in again",
        headers={"WWW-Authenticate": "Bearer"},
    )
