"""The keys and tokens of the issuer on the desk. Tokens live in wall time, as real ones do."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from secrets import token_hex
from threading import Lock
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

from local.clocks import wall_now
from local.cloud.resources import TENANT

ALGORITHM = "RS256"
HOUR = timedelta(hours=1)


class TokenRefused(Exception):
    """A request's token isn't good enough; `code` is Azure's word for why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class _Key:
    kid: str
    private: RSAPrivateKey

    def public(self) -> dict[str, Any]:
        described = json.loads(RSAAlgorithm.to_jwk(self.private.public_key()))
        return {
            "kty": "RSA",
            "use": "sig",
            "alg": ALGORITHM,
            "kid": self.kid,
            "n": described["n"],
            "e": described["e"],
        }


def _new_key() -> _Key:
    return _Key(token_hex(10), generate_private_key(public_exponent=65537, key_size=2048))


class Keys:
    """Signs tokens with the newest key; the older ones still count while they are published."""

    def __init__(self) -> None:
        self.issuer = f"https://login.microsoftonline.com/{TENANT}/v2.0"
        self._lock = Lock()

    @cached_property
    def _keys(self) -> list[_Key]:
        # Made when first needed: half a tenth of a second that most tests do not owe.
        return [_new_key()]

    def rotate(self, *, keep_old: bool = True) -> None:
        """Sign with a new key from now on; the old ones stay published, or go at once."""
        with self._lock:
            self._keys[:] = [_new_key(), *(self._keys if keep_old else [])]

    def jwks(self) -> dict[str, Any]:
        """The public keys as the issuer publishes them."""
        with self._lock:
            return {"keys": [key.public() for key in self._keys]}

    def token(self, audience: str, *, lifetime: timedelta = HOUR, **claims: Any) -> str:
        """A signed token for an application or a user; `claims` replace what is usual."""
        now = int(wall_now().timestamp())
        usual = {
            "iss": self.issuer,
            "aud": audience,
            "iat": now,
            "nbf": now,
            "exp": now + int(lifetime.total_seconds()),
            "tid": TENANT,
            "sub": str(uuid4()),
            "ver": "2.0",
        }
        with self._lock:
            key = self._keys[0]
        return jwt.encode({**usual, **claims}, key.private, ALGORITHM, headers={"kid": key.kid})

    def user_token(
        self,
        *,
        roles: Sequence[str],
        audience: str,
        lifetime: timedelta = HOUR,
        **claims: Any,
    ) -> str:
        """A token as Entra ID gives it to somebody who signed in."""
        subject = str(uuid4())
        usual = {"oid": subject, "sub": subject, "roles": list(roles), "name": "Desk user"}
        return self.token(audience, lifetime=lifetime, **{**usual, **claims})

    def check(self, authorization: str | None, audience: str) -> dict[str, Any]:
        """The claims of the bearer token in an Authorization header; raises TokenRefused."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise TokenRefused(
                "AuthenticationFailed",
                "Authentication failed. The 'Authorization' header is missing.",
            )
        claims = self._claims(token.strip())
        if str(claims.get("aud", "")).rstrip("/") != audience.rstrip("/"):
            raise TokenRefused(
                "InvalidAuthenticationTokenAudience",
                f"The access token has been obtained for wrong audience or resource "
                f"'{claims.get('aud')}'. It should exactly match '{audience}'.",
            )
        return claims

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            with self._lock:
                published = {key.kid: key.private.public_key() for key in self._keys}
            if kid not in published:
                raise TokenRefused("InvalidAuthenticationToken", "The signing key is unknown.")
            return jwt.decode(
                token,
                published[kid],
                algorithms=[ALGORITHM],
                issuer=self.issuer,
                options={"verify_aud": False, "require": ["exp", "iss", "aud"]},
            )
        except jwt.ExpiredSignatureError as error:
            raise TokenRefused(
                "ExpiredAuthenticationToken", "The access token expiry UTC time has passed."
            ) from error
        except jwt.InvalidTokenError as error:
            raise TokenRefused(
                "InvalidAuthenticationToken", f"The access token is invalid: {error}"
            ) from error
