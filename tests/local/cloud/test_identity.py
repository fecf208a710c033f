"""Tokens, keys and the managed identity, read by the real libraries."""

from datetime import timedelta

import jwt
import pytest
import requests
from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

from local.clocks import wall_now
from local.cloud.clouds import Cloud
from local.cloud.resources import TENANT
from local.cloud.tokens import Keys, TokenRefused

AUDIENCE = "api://pantry-monitor"
ARM = "https://management.azure.com"


@pytest.fixture
def app_service(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    for name, value in cloud.identity_environment.items():
        monkeypatch.setenv(name, value)
    return cloud


@pytest.mark.parametrize("kind", [ManagedIdentityCredential, DefaultAzureCredential])
def test_the_real_credentials_get_a_token(
    app_service: Cloud, kind: type[ManagedIdentityCredential | DefaultAzureCredential]
) -> None:
    with kind() as credential:
        token = credential.get_token(f"{ARM}/.default")
    claims = app_service.desk.keys.check(f"Bearer {token.token}", ARM)
    assert claims["iss"] == app_service.issuer
    ends = wall_now() + timedelta(hours=24)
    assert abs(token.expires_on - ends.timestamp()) < 60


@pytest.mark.parametrize(
    ("header", "query", "status"),
    [
        ("wrong", {"api-version": "2019-08-01", "resource": ARM}, 401),
        ("", {"api-version": "2017-09-01", "resource": ARM}, 400),
        ("", {"api-version": "2019-08-01"}, 400),
    ],
)
def test_the_managed_identity_refuses(
    cloud: Cloud, header: str, query: dict[str, str], status: int
) -> None:
    environment = cloud.identity_environment
    answer = requests.get(
        environment["IDENTITY_ENDPOINT"],
        params=query,
        headers={"X-IDENTITY-HEADER": header or environment["IDENTITY_HEADER"]},
        timeout=60,
    )
    assert answer.status_code == status


def test_a_user_token_is_checked_with_the_published_keys(cloud: Cloud) -> None:
    token = cloud.desk.keys.user_token(roles=["admin"], audience=AUDIENCE, name="Desk")
    key = jwt.PyJWKClient(cloud.jwks_url).get_signing_key_from_jwt(token)
    claims = jwt.decode(
        token, key.key, algorithms=["RS256"], audience=AUDIENCE, issuer=cloud.issuer
    )
    assert (claims["roles"], claims["name"], claims["tid"]) == (["admin"], "Desk", TENANT)


def test_the_issuer_describes_itself(cloud: Cloud) -> None:
    url = f"{cloud.issuer}/.well-known/openid-configuration"
    told = requests.get(url, timeout=60).json()
    assert (told["issuer"], told["jwks_uri"]) == (cloud.issuer, cloud.jwks_url)
    assert requests.get(url.replace(TENANT, "another"), timeout=60).status_code == 400


def test_rotation_keeps_the_old_key_or_removes_it() -> None:
    keys = Keys()
    old = keys.token(AUDIENCE)
    keys.rotate()
    assert len(keys.jwks()["keys"]) == 2
    assert keys.check(f"Bearer {old}", AUDIENCE)
    newest = keys.token(AUDIENCE)
    assert jwt.get_unverified_header(newest)["kid"] == keys.jwks()["keys"][0]["kid"]
    keys.rotate(keep_old=False)
    assert len(keys.jwks()["keys"]) == 1
    with pytest.raises(TokenRefused, match="unknown"):
        keys.check(f"Bearer {newest}", AUDIENCE)


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "AuthenticationFailed"),
        ("Basic abc", "AuthenticationFailed"),
        ("Bearer abc", "InvalidAuthenticationToken"),
    ],
)
def test_what_is_no_token_is_refused(authorization: str | None, code: str) -> None:
    with pytest.raises(TokenRefused) as refused:
        Keys().check(authorization, AUDIENCE)
    assert refused.value.code == code


def test_expired_strange_and_misdirected_tokens_are_refused() -> None:
    keys = Keys()
    expired = keys.token(AUDIENCE, lifetime=timedelta(minutes=-1))
    other = keys.token("api://another")
    foreign = keys.token(AUDIENCE, iss="https://login.example.com")
    codes = []
    for token in (expired, other, foreign):
        with pytest.raises(TokenRefused) as refused:
            keys.check(f"Bearer {token}", AUDIENCE)
        codes.append(refused.value.code)
    assert codes == [
        "ExpiredAuthenticationToken",
        "InvalidAuthenticationTokenAudience",
        "InvalidAuthenticationToken",
    ]
