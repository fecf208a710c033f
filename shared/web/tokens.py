"""Bearer tokens: whose signature is trusted, and what a token must say.

The libraries are imported at the first token: they cost more than all the rest of the app's start.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared.web.problems import Problem

LEEWAY = 60
LONGEST_TOKEN = 16 * 1024
LONGEST_LIFE = 3600
"""Seconds that a token of the CRM's own may be valid."""
CRM_ISSUER, CRM_AUDIENCE = "pantry-crm", "pantry-monitor"
ENTRA_ALGORITHMS, CRM_ALGORITHMS = ("RS256", "ES256"), ("HS256",)

KEYS_LIVE = 3600.0
KEYS_LAST = 24 * 3600.0
UNKNOWN_KEY_EVERY = 60.0
FAILED_EVERY = 10.0
FETCH_TIMEOUT = 5.0

Claims = Mapping[str, Any]


def invalid_token(message: str) -> Problem:
    """401 for a token that was sent and can't be accepted; it is never quoted."""
    challenge = f'Bearer error="invalid_token", error_description="{message}"'
    return Problem(401, "invalid_token", message, headers={"WWW-Authenticate": challenge})


class KeyRing:
    """The issuer's signing keys by id, fetched when they are needed.

    They are fetched anew each hour, and for an unknown id at most once a minute: made-up ids must
    not hammer the issuer. While it is out of reach the known keys count for a day. `_tried_at`:
    when the last fetch failed; None when it did not.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: dict[str, Any] = {}
        self._fetched_at: float | None = None
        self._tried_at: float | None = None

    def key(self, kid: str) -> Any:
        """The key of that id; a Problem: 401 when there is none, 503 when nobody can tell."""
        if kid not in self._keys or not self._is_younger(KEYS_LIVE):
            self._refresh(kid)
        if not self._is_younger(KEYS_LAST):
            raise _unavailable()
        try:
            return self._keys[kid]
        except KeyError:
            raise self._stranger() from None

    def _refresh(self, kid: str) -> None:
        """Fetch, one thread at a time; whoever has a key that still counts does not wait for it."""
        must_wait = kid not in self._keys or not self._is_younger(KEYS_LAST)
        if self._lock.acquire(blocking=must_wait):
            try:
                if self._wants_fetch(kid):
                    self._fetch()
            finally:
                self._lock.release()

    def _stranger(self) -> Problem:
        """While the issuer does not answer, nobody knows whether the key is a new one."""
        if self._tried_at is not None:
            return _unavailable()
        return invalid_token("the token's signing key is not the issuer's")

    def _is_younger(self, age: float) -> bool:
        return self._fetched_at is not None and self._clock() - self._fetched_at < age

    def _wants_fetch(self, kid: str) -> bool:
        """Looked at again under the lock: another thread may just have fetched."""
        if self._tried_at is not None and self._clock() - self._tried_at < FAILED_EVERY:
            return False
        if not self._is_younger(KEYS_LIVE):
            return True
        return kid not in self._keys and not self._is_younger(UNKNOWN_KEY_EVERY)

    def _fetch(self) -> None:
        from jwt import PyJWKClient, PyJWTError  # noqa: PLC0415 - see the module

        self._tried_at = self._clock()
        client = PyJWKClient(self._url, cache_jwk_set=False, timeout=FETCH_TIMEOUT)
        try:
            found = client.get_signing_keys()
        except (PyJWTError, ValueError, OSError):
            return
        self._keys = {str(key.key_id): key for key in found}
        self._fetched_at, self._tried_at = self._clock(), None


def _unavailable() -> Problem:
    return Problem(
        503,
        "auth_unavailable",
        "the issuer's signing keys can't be fetched just now; try again",
        headers={"Retry-After": str(int(FAILED_EVERY))},
    )


class EntraTokens:
    """Tokens of an issuer that publishes its keys, such as Entra ID."""

    algorithms: Sequence[str] = ENTRA_ALGORITHMS

    def __init__(self, *, issuer: str, audience: str, keys: KeyRing) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = keys

    def claims(self, token: str, header: Mapping[str, Any]) -> Claims:
        """What the token says, once it is believed; else a Problem."""
        kid = header.get("kid")
        if not isinstance(kid, str):
            raise invalid_token("the token does not say which key signed it")
        found = _verified(token, self._keys.key(kid), self.algorithms, self._issuer, self._audience)
        if not isinstance(found.get("oid") or found.get("sub"), str):
            raise invalid_token("the token does not say whose it is")
        return found


class CrmTokens:
    """Short tokens that the CRM's server signs with a secret it shares with the monitor."""

    algorithms: Sequence[str] = CRM_ALGORITHMS

    def __init__(self, *, key: str) -> None:
        self._key = key

    def claims(self, token: str, header: Mapping[str, Any]) -> Claims:  # noqa: ARG002 - one key only
        """What the token says, once it is believed; else a Problem."""
        found = _verified(token, self._key, self.algorithms, CRM_ISSUER, CRM_AUDIENCE)
        if not found.get("sub") or "iat" not in found:
            raise invalid_token("the token needs sub (who asks) and iat (when it was made)")
        if int(found["exp"]) - int(found["iat"]) > LONGEST_LIFE:
            raise invalid_token("the token is made for more than an hour")
        return found


def crm_token(key: str, who: str, *, now: int, minutes: int, **claims: Any) -> str:
    """A token as CrmTokens takes it; `now` in seconds since 1970."""
    import jwt  # noqa: PLC0415 - see the module

    usual = {
        "iss": CRM_ISSUER,
        "aud": CRM_AUDIENCE,
        "sub": who,
        "name": who,
        "iat": now,
        "exp": now + 60 * minutes,
    }
    return jwt.encode({**usual, **claims}, key, CRM_ALGORITHMS[0])


def header_of(token: str) -> Mapping[str, Any]:
    """The header as it is written; nothing in it is believed."""
    import jwt  # noqa: PLC0415 - see the module

    if len(token) > LONGEST_TOKEN:
        raise invalid_token("the token is too long")
    try:
        return jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise invalid_token("the token is not a signed JWT") from None


def _verified(
    token: str, key: Any, algorithms: Sequence[str], issuer: str, audience: str
) -> dict[str, Any]:
    import jwt  # noqa: PLC0415 - see the module

    try:
        return jwt.decode(
            token,
            key,
            algorithms=list(algorithms),
            issuer=issuer,
            audience=audience,
            leeway=LEEWAY,
            options={"require": ["exp", "iss", "aud"], "strict_aud": True},
        )
    except jwt.PyJWTError as error:
        raise invalid_token(_sentence(error)) from None


def _sentence(error: Exception) -> str:
    import jwt  # noqa: PLC0415 - see the module

    said: dict[type[Exception], str] = {
        jwt.ExpiredSignatureError: "the token is expired",
        jwt.ImmatureSignatureError: "the token is not valid yet",
        jwt.InvalidAudienceError: "the token is made for somebody else (aud)",
        jwt.InvalidIssuerError: "the token is from another issuer (iss)",
        jwt.InvalidSignatureError: "the token's signature is wrong",
    }
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"the token lacks the claim {error.claim}"
    return said.get(type(error), "the token can't be read")
