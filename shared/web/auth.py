"""Who is asking, and may they? Bearer tokens, or the platform's own login where that is on."""

import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from shared.domain.records import short_hash
from shared.web.platform_login import HEADER, has_login, read_login
from shared.web.problems import Problem
from shared.web.tokens import Claims, CrmTokens, EntraTokens, KeyRing, header_of, invalid_token

LONGEST_NAME = 100
SETTINGS = "AUTH_ISSUER, AUTH_AUDIENCE and AUTH_JWKS_URL, or CRM_TOKEN_KEY"


class Role(StrEnum):
    """What a caller may do; an admin may do everything."""

    ADMIN = "admin"
    READER = "reader"
    DEPLOYER = "deployer"


class Principal(Struct, frozen=True):
    """Somebody who was let in. `by_cookie`: a browser says so without being asked."""

    id: str
    name: str
    roles: frozenset[str]
    by_cookie: bool = False

    @property
    def shown(self) -> str:
        """Who it was, for the log: tells callers apart and names nobody."""
        return short_hash(self.id)

    def may(self, role: Role) -> bool:
        """Whether one of the roles is enough."""
        return role in self.roles or Role.ADMIN in self.roles


class Gate:
    """Lets callers in: by tokens of an issuer, by the CRM's own, or by the platform's login.

    Which verifier judges a token follows from its algorithm, and each knows its own algorithms
    only, so that a public key can never serve as a shared secret.
    """

    def __init__(
        self,
        *,
        issuer: str = "",
        audience: str = "",
        jwks_url: str = "",
        role_claim: str = "roles",
        crm_key: str = "",
        platform_login: bool = False,
    ) -> None:
        self._role_claim = role_claim
        self._platform_login = platform_login
        self._verifiers: list[EntraTokens | CrmTokens] = []
        if issuer and audience and jwks_url:
            keys = KeyRing(jwks_url)
            self._verifiers.append(EntraTokens(issuer=issuer, audience=audience, keys=keys))
        if crm_key:
            self._verifiers.append(CrmTokens(key=crm_key))

    def admit(self, headers: Mapping[str, str]) -> Principal:
        """Who is asking; a Problem (401, or 503 when nobody can tell) for everybody unknown."""
        if self._platform_login and has_login(headers):
            claims = read_login(headers[HEADER], self._role_claim)
            return self._principal(claims, by_cookie=True)
        if not self._verifiers and not self._platform_login:
            raise _unauthenticated(
                "auth_not_configured", f"nobody can be let in before {SETTINGS} is set"
            )
        return self._principal(self._claims(_bearer(headers)))

    def _claims(self, token: str) -> Claims:
        header = header_of(token)
        for verifier in self._verifiers:
            if header.get("alg") in verifier.algorithms:
                return verifier.claims(token, header)
        taken = " or ".join(name for one in self._verifiers for name in one.algorithms)
        raise invalid_token(f"the token must be signed with {taken or 'a key that is set up'}")

    def _principal(self, claims: Claims, *, by_cookie: bool = False) -> Principal:
        subject = str(claims.get("oid") or claims["sub"])
        names = [claims.get("preferred_username"), claims.get("name"), subject]
        return Principal(
            id=subject,
            name=next(filter(None, map(_clean_name, names)), "somebody"),
            roles=_roles(claims.get(self._role_claim)),
            by_cookie=by_cookie,
        )


def demand(principal: Principal, role: Role | None) -> None:
    """A Problem (403) unless the caller has the role; None: everybody who is known may."""
    if role is not None and not principal.may(role):
        raise Problem(
            403,
            "forbidden",
            f"this needs the role {role}, which you do not have",
            headers={"WWW-Authenticate": 'Bearer error="insufficient_scope"'},
        )


def clean_text(text: str, *, keep: str = "") -> str:
    """Text without control and formatting characters, half characters included."""
    kept = (c for c in text if c in keep or not unicodedata.category(c).startswith("C"))
    return "".join(kept).strip()


def _clean_name(name: Any) -> str:
    """A name as it may stand in a timeline: one line, not endless."""
    return clean_text(name)[:LONGEST_NAME] if isinstance(name, str) else ""


def _bearer(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise _unauthenticated("unauthenticated", "send a token: Authorization: Bearer <token>")
    return token.strip()


def _unauthenticated(code: str, message: str) -> Problem:
    return Problem(401, code, message, headers={"WWW-Authenticate": "Bearer"})


def _roles(claim: Any) -> frozenset[str]:
    if isinstance(claim, str):
        return frozenset(claim.split())
    if isinstance(claim, list):
        return frozenset(role for role in claim if isinstance(role, str))
    return frozenset()
