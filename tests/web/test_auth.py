"""Who is let in, and in which sentence everybody else is refused."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.web import tokens
from shared.web.auth import Gate, Principal, Role, demand
from shared.web.problems import Problem
from shared.web.tokens import KeyRing
from tests.web.builders import (
    AUDIENCE,
    CRM_KEY,
    ISSUER,
    Issuer,
    bearer,
    crm_token,
    entra_token,
    rsa_key,
    running_issuer,
)

HOUR = 3600


@pytest.fixture(scope="module")
def page() -> Iterator[Issuer]:
    with running_issuer() as issuer:
        yield issuer


@pytest.fixture
def issuer(page: Issuer, monkeypatch: pytest.MonkeyPatch) -> Issuer:
    monkeypatch.setattr(tokens, "FETCH_TIMEOUT", 60)  # a loaded machine is slow, not wrong
    page.kids, page.answer, page.status, page.asked = ["one"], None, 200, 0
    return page


@pytest.fixture
def entra(issuer: Issuer) -> Gate:
    return Gate(issuer=ISSUER, audience=AUDIENCE, jwks_url=issuer.url)


@pytest.fixture
def crm() -> Gate:
    return Gate(crm_key=CRM_KEY)


def refusal(gate: Gate, headers: dict[str, str]) -> Problem:
    with pytest.raises(Problem) as caught:
        gate.admit(headers)
    return caught.value


def in_seconds(seconds: float) -> int:
    return int(time.time() + seconds)


def test_an_issuers_token_lets_its_owner_in(entra: Gate) -> None:
    principal = entra.admit(bearer(entra_token()))

    assert principal == Principal("object-1", "admin@example.com", frozenset({"admin"}))


def test_a_token_signed_on_a_curve_lets_its_owner_in(entra: Gate, issuer: Issuer) -> None:
    issuer.kids = ["ec-1"]

    assert entra.admit(bearer(entra_token("ec-1"))).id == "object-1"


def test_the_crms_token_lets_its_user_in(crm: Gate) -> None:
    principal = crm.admit(bearer(crm_token()))

    assert principal == Principal("user-1", "Desk admin", frozenset({"admin"}))


@pytest.mark.parametrize("scheme", ["bearer", "Bearer", "BEARER"])
def test_the_scheme_may_be_spelled_as_one_likes(crm: Gate, scheme: str) -> None:
    assert crm.admit({"Authorization": f"{scheme}  {crm_token()} "}).id == "user-1"


@pytest.mark.parametrize(
    ("claims", "sentence"),
    [
        ({"exp": in_seconds(-HOUR)}, "the token is expired"),
        ({"exp": None}, "the token lacks the claim exp"),
        ({"nbf": in_seconds(HOUR)}, "the token is not valid yet"),
        ({"iat": in_seconds(HOUR)}, "the token is not valid yet"),
        ({"aud": "api://another"}, "the token is made for somebody else (aud)"),
        ({"aud": [AUDIENCE, "api://another"]}, "the token is made for somebody else (aud)"),
        ({"aud": None}, "the token lacks the claim aud"),
        ({"iss": f"{ISSUER}/"}, "the token is from another issuer (iss)"),
        ({"iss": None}, "the token lacks the claim iss"),
        ({"sub": None, "oid": None}, "the token does not say whose it is"),
        ({"sub": 7}, "the token can't be read"),
        ({"exp": "soon"}, "the token can't be read"),
    ],
)
def test_an_issuers_token_that_says_something_wrong_is_refused(
    entra: Gate, claims: dict[str, Any], sentence: str
) -> None:
    problem = refusal(entra, bearer(entra_token(**claims)))

    assert (problem.status, problem.code, problem.message) == (401, "invalid_token", sentence)


@pytest.mark.parametrize(
    ("claims", "sentence"),
    [
        ({"exp": in_seconds(-HOUR)}, "the token is expired"),
        ({"exp": None}, "the token lacks the claim exp"),
        ({"aud": "pantry-crm"}, "the token is made for somebody else (aud)"),
        ({"iss": "another-crm"}, "the token is from another issuer (iss)"),
        ({"sub": None}, "the token needs sub (who asks) and iat (when it was made)"),
        ({"iat": None}, "the token needs sub (who asks) and iat (when it was made)"),
        ({"exp": in_seconds(2 * HOUR)}, "the token is made for more than an hour"),
        ({"key": "another secret of more than 32 bytes"}, "the token's signature is wrong"),
        ({"key": CRM_KEY * 2, "algorithm": "HS512"}, "the token must be signed with HS256"),
    ],
)
def test_a_crm_token_that_says_something_wrong_is_refused(
    crm: Gate, claims: dict[str, Any], sentence: str
) -> None:
    problem = refusal(crm, bearer(crm_token(**claims)))

    assert (problem.status, problem.code, problem.message) == (401, "invalid_token", sentence)


@pytest.mark.parametrize("seconds", [-30, 30])
def test_clocks_may_differ_by_a_minute(entra: Gate, seconds: int) -> None:
    claim = "exp" if seconds < 0 else "nbf"
    claims: Any = {claim: in_seconds(seconds)}

    assert entra.admit(bearer(entra_token(**claims))).id == "object-1"


def test_an_unsigned_token_is_refused_by_everybody(entra: Gate, crm: Gate) -> None:
    claims = jwt.decode(entra_token(), options={"verify_signature": False})
    unsigned = jwt.encode(claims, "", "none", headers={"kid": "one"})

    assert "must be signed with RS256 or ES256" in refusal(entra, bearer(unsigned)).message
    assert "must be signed with HS256" in refusal(crm, bearer(unsigned)).message


def encoded(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def test_a_public_key_never_serves_as_a_shared_secret(issuer: Issuer) -> None:
    """The classic confusion: HS256 with the issuer's public key as the secret."""
    public = rsa_key("one").public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    claims = jwt.decode(entra_token(), options={"verify_signature": False})
    signed = f"{encoded({'alg': 'HS256', 'kid': 'one'})}.{encoded(claims)}"
    digest = hmac.new(pem, signed.encode(), hashlib.sha256).digest()
    forged = f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"

    for crm_key in ("", CRM_KEY):
        gate = Gate(issuer=ISSUER, audience=AUDIENCE, jwks_url=issuer.url, crm_key=crm_key)
        assert refusal(gate, bearer(forged)).status == 401
    assert issuer.asked == 0


def test_an_issuers_token_is_nothing_where_only_the_crm_signs(crm: Gate) -> None:
    problem = refusal(crm, bearer(entra_token()))

    assert problem.message == "the token must be signed with HS256"


def test_both_kinds_of_token_are_taken_where_both_are_set_up(issuer: Issuer) -> None:
    gate = Gate(issuer=ISSUER, audience=AUDIENCE, jwks_url=issuer.url, crm_key=CRM_KEY)

    assert gate.admit(bearer(entra_token())).id == "object-1"
    assert gate.admit(bearer(crm_token())).id == "user-1"


@pytest.mark.parametrize(
    "token", ["x", "a.b.c", "..", "ey.ey.ey", "é", "a" * 20_000, f"{encoded({'alg': 1})}.e30."]
)
def test_garbage_is_refused_and_never_quoted(entra: Gate, token: str) -> None:
    problem = refusal(entra, bearer(token))

    assert (problem.status, problem.code) == (401, "invalid_token")
    assert problem.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token"')
    assert token not in problem.message or len(token) < 4


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic eA=="}, {"Authorization": ""}])
def test_who_sends_no_token_is_asked_for_one(crm: Gate, headers: dict[str, str]) -> None:
    problem = refusal(crm, headers)

    assert (problem.status, problem.code) == (401, "unauthenticated")
    assert problem.headers == {"WWW-Authenticate": "Bearer"}


def test_a_monitor_without_any_key_says_what_to_set() -> None:
    problem = refusal(Gate(), bearer(crm_token()))

    assert (problem.status, problem.code) == (401, "auth_not_configured")
    assert "AUTH_JWKS_URL" in problem.message
    assert "CRM_TOKEN_KEY" in problem.message


@pytest.mark.parametrize("kid", ["two", None, 7])
def test_a_token_of_an_unknown_key_is_refused(entra: Gate, kid: object) -> None:
    header = {"alg": "RS256", "kid": kid}
    token = f"{encoded(header)}.{encoded({})}.{encoded(1)}"

    assert refusal(entra, bearer(token)).code == "invalid_token"


def test_made_up_key_ids_do_not_hammer_the_issuer(entra: Gate, issuer: Issuer) -> None:
    entra.admit(bearer(entra_token()))
    for number in range(20):
        refusal(entra, bearer(entra_token(header={"kid": f"made-up-{number}"})))

    assert issuer.asked == 1


def test_a_rotated_key_is_found_after_a_minute(issuer: Issuer) -> None:
    clock = [0.0]
    ring = KeyRing(issuer.url, clock=lambda: clock[0])
    ring.key("one")
    issuer.kids = ["two"]
    with pytest.raises(Problem):
        ring.key("two")
    clock[0] = 61

    assert ring.key("two").key_id == "two"
    assert issuer.asked == 2
    with pytest.raises(Problem, match="not the issuer's"):
        ring.key("one")


def test_keys_are_fetched_anew_each_hour(issuer: Issuer) -> None:
    clock = [0.0]
    ring = KeyRing(issuer.url, clock=lambda: clock[0])
    for clock[0] in (0, 3599, 3601, 3700):
        ring.key("one")

    assert issuer.asked == 2


@pytest.mark.parametrize(
    ("status", "answer"),
    [(500, b""), (200, b"<html>"), (200, b"[]"), (200, b'{"keys": []}'), (302, b"")],
)
def test_an_issuer_that_does_not_answer_is_no_fault_of_the_caller(
    entra: Gate, issuer: Issuer, status: int, answer: bytes
) -> None:
    issuer.status, issuer.answer = status, answer

    first, second = (refusal(entra, bearer(entra_token())) for _ in range(2))

    assert (first.status, first.code) == (second.status, second.code) == (503, "auth_unavailable")
    assert first.headers["Retry-After"] == "10"
    assert issuer.asked == 1


def test_known_keys_count_for_a_day_while_the_issuer_is_away(issuer: Issuer) -> None:
    clock = [0.0]
    ring = KeyRing(issuer.url, clock=lambda: clock[0])
    ring.key("one")
    issuer.status = 500
    clock[0] = 23 * HOUR

    assert ring.key("one").key_id == "one"
    with pytest.raises(Problem) as unknown:
        ring.key("two")
    clock[0] = 25 * HOUR
    with pytest.raises(Problem) as late:
        ring.key("one")
    assert (unknown.value.status, late.value.status) == (503, 503)


@pytest.mark.parametrize(
    ("claim", "roles"),
    [
        (["admin", "reader"], {"admin", "reader"}),
        ("reader admin", {"admin", "reader"}),
        ("admin", {"admin"}),
        (["admin", 7], {"admin"}),
        ([], set()),
        (None, set()),
        (7, set()),
    ],
)
def test_roles_come_as_a_list_or_in_one_string(crm: Gate, claim: Any, roles: set[str]) -> None:
    assert crm.admit(bearer(crm_token(roles=claim))).roles == roles


def test_the_role_claim_has_the_name_that_was_set_up() -> None:
    gate = Gate(crm_key=CRM_KEY, role_claim="groups")

    assert gate.admit(bearer(crm_token(groups=["reader"]))).roles == {"reader"}


@pytest.mark.parametrize(
    ("roles", "role"),
    [({"admin"}, Role.ADMIN), ({"admin"}, Role.READER), ({"reader"}, Role.READER)],
)
def test_an_admin_may_do_all_and_a_reader_may_read(roles: set[str], role: Role) -> None:
    demand(Principal("1", "one", frozenset(roles)), role)


@pytest.mark.parametrize(
    ("roles", "role"),
    [({"reader"}, Role.ADMIN), ({"deployer", "Admin"}, Role.READER), (set(), Role.READER)],
)
def test_a_wrong_role_is_forbidden(roles: set[str], role: Role) -> None:
    with pytest.raises(Problem) as caught:
        demand(Principal("1", "one", frozenset(roles)), role)
    assert (caught.value.status, caught.value.code) == (403, "forbidden")


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"preferred_username": "admin@example.com", "name": "Admin"}, "admin@example.com"),
        ({"name": "Admin"}, "Admin"),
        ({"name": None}, "user-1"),
        ({"name": "a\r\nb\x00\u202e\ud800c"}, "abc"),
        ({"name": "\x07"}, "user-1"),
        ({"name": ["Admin"]}, "user-1"),
        ({"name": "x" * 300}, "x" * 100),
    ],
)
def test_a_name_fits_a_timeline(crm: Gate, claims: dict[str, Any], name: str) -> None:
    assert crm.admit(bearer(crm_token(**claims))).name == name


def login(*claims: tuple[str, str], **more: object) -> dict[str, str]:
    given = {"claims": [{"typ": kind, "val": value} for kind, value in claims], **more}
    header = base64.b64encode(json.dumps(given).encode()).decode()
    return {"X-MS-CLIENT-PRINCIPAL": header}


OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"


def test_the_platforms_login_is_trusted_where_it_is_on() -> None:
    headers = login((OBJECT_ID, "o-1"), ("name", "Admin"), ("r", "admin"), role_typ="r")
    principal = Gate(platform_login=True).admit(headers)

    assert principal == Principal("o-1", "Admin", frozenset({"admin"}), by_cookie=True)


def test_a_made_up_login_is_nothing_where_the_platforms_is_off(crm: Gate) -> None:
    headers = login((OBJECT_ID, "o-1"), ("roles", "admin"))

    assert refusal(crm, headers).code == "unauthenticated"


@pytest.mark.parametrize("header", ["x", "e30=", "!!", "W10=", "bnVsbA=="])
def test_a_login_that_cannot_be_read_is_refused(header: str) -> None:
    problem = refusal(Gate(platform_login=True), {"X-MS-CLIENT-PRINCIPAL": header})

    assert (problem.status, problem.code) == (401, "invalid_login")


def test_where_the_platforms_login_is_on_a_caller_without_one_is_unknown() -> None:
    gate = Gate(platform_login=True)

    assert refusal(gate, {}).code == "unauthenticated"
    assert refusal(gate, bearer(crm_token())).code == "invalid_token"
    assert refusal(gate, login(("name", "nobody"))).code == "invalid_login"
