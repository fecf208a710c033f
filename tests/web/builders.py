"""Callers and their tokens, and a desk that answers requests."""

import gzip
import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import azure.functions as func
import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from shared.domain.errors import Conflict
from shared.domain.records import Write
from shared.web.answers import JSON, REQUEST_ID, Failure
from shared.web.auth import Gate
from shared.web.doors import Door, Office, Route, serve
from shared.web.openapi import BESIDE
from tests.builders import TARGET, Desk, at

CRM_KEY = "a shared secret of more than 32 bytes"
ISSUER = "https://login.example.com/tenant/v2.0"
AUDIENCE = "api://pantry-monitor"

REQUIRED_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """A key pair that stays the same for all tests; `name` is its kid."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def ec_key(name: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def public_jwk(kid: str) -> dict[str, Any]:
    """The published half of a key."""
    if kid.startswith("ec"):
        described = jwt.algorithms.ECAlgorithm.to_jwk(ec_key(kid).public_key(), as_dict=True)
    else:
        described = jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key(kid).public_key(), as_dict=True)
    return {**described, "kid": kid, "use": "sig"}


def entra_token(kid: str = "one", *, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A token of the issuer; a claim that is None is left out."""
    now = int(time.time())
    usual = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": now,
        "nbf": now,
        "exp": now + 600,
        "sub": "subject-1",
        "oid": "object-1",
        "preferred_username": "admin@example.com",
        "roles": ["admin"],
    }
    given = {name: value for name, value in {**usual, **claims}.items() if value is not None}
    key: Any = ec_key(kid) if kid.startswith("ec") else rsa_key(kid)
    algorithm = "ES256" if kid.startswith("ec") else "RS256"
    return jwt.encode(given, key, algorithm, headers={"kid": kid, **(header or {})})


def crm_token(*, key: str = CRM_KEY, algorithm: str = "HS256", **claims: Any) -> str:
    """A token that the CRM's server signed; a claim that is None is left out."""
    now = int(time.time())
    usual = {
        "iss": "pantry-crm",
        "aud": "pantry-monitor",
        "iat": now,
        "exp": now + 300,
        "sub": "user-1",
        "name": "Desk admin",
        "roles": "admin",
    }
    given = {name: value for name, value in {**usual, **claims}.items() if value is not None}
    return jwt.encode(given, key, algorithm)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class Issuer:
    """A JWKS page on this machine: the kids that it publishes, and how often it was asked."""

    def __init__(self) -> None:
        self.kids = ["one"]
        self.asked = 0
        self.answer: bytes | None = None
        self.status = 200
        self.url = ""

    def page(self) -> bytes:
        self.asked += 1
        published = {"keys": [public_jwk(kid) for kid in self.kids]}
        return json.dumps(published).encode() if self.answer is None else self.answer


@contextmanager
def running_issuer() -> Iterator[Issuer]:
    """An issuer that listens on 127.0.0.1 until the block ends."""
    issuer = Issuer()

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = issuer.page()
            self.send_response(issuer.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    issuer.url = f"http://127.0.0.1:{server.server_port}/keys"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()


def a_request(
    method: str = "GET",
    params: dict[str, str] | None = None,
    *,
    body: Any = b"",
    headers: dict[str, str] | None = None,
    alert_id: str | None = None,
) -> func.HttpRequest:
    """A request as the platform hands it over; a body that is not bytes becomes JSON."""
    return func.HttpRequest(
        method,
        "https://monitor.example.com/api/monitoring/x",
        headers=headers,
        params=params,
        route_params={"id": alert_id} if alert_id is not None else {},
        body=body if isinstance(body, bytes) else json.dumps(body).encode(),
    )


def lose_answers(ledger: Any, lost: str) -> None:
    """Writes of that partition are done and then conflict with themselves.

    As they do when the store's client tries again what had been heard.
    """
    real = ledger.commit

    def lose(partition: str, writes: Sequence[Write]) -> list[str | None]:
        etags: list[str | None] = real(partition, writes)
        if partition == lost:
            raise Conflict("it is there already, or gone")
        return etags

    ledger.commit = lose


class Counter:
    """Asks a desk's routes, by default as an admin of the CRM."""

    def __init__(self, desk: Desk, *, targets: tuple[str, ...] = (TARGET,)) -> None:
        self.desk = desk
        self.targets = targets
        self.gate = Gate(crm_key=CRM_KEY)
        self.now = at(0)

    def office(self) -> Office:
        return Office(
            gate=self.gate, targets=self.targets, house=lambda: self.desk.house, now=self.now
        )

    def ask(self, route: Route, minute: float, request: func.HttpRequest) -> func.HttpResponse:
        """Send a request as it is."""
        self.now = at(minute)
        answer = serve(request, route, self.office)
        check_described(route, answer)
        return answer

    def get(self, route: Route, minute: float, alert_id: str | None = None, **params: str) -> Any:
        """The data and meta of a GET that must succeed."""
        request = a_request(params=params, headers=bearer(crm_token()), alert_id=alert_id)
        return told(self.ask(route, minute, request))

    def post(self, route: Route, minute: float, body: Any, **headers: str) -> func.HttpResponse:
        """The answer to a body."""
        headers = {**bearer(crm_token()), **headers}
        return self.ask(route, minute, a_request("POST", body=body, headers=headers))

    def send(
        self,
        route: Route,
        minute: float,
        name: str = "",
        *,
        method: str = "POST",
        body: Any = b"",
        headers: dict[str, str] | None = None,
    ) -> func.HttpResponse:
        """The answer to a body (or none) about what `name` names."""
        given = {**bearer(crm_token()), **(headers or {})}
        request = a_request(method, body=body, headers=given, alert_id=name)
        return self.ask(route, minute, request)

    def refused(self, route: Route, minute: float, **params: str) -> tuple[int, str, str]:
        """Status, code and message of a GET that must fail."""
        request = a_request(params=params, headers=bearer(crm_token()))
        return error_of(self.ask(route, minute, request))


def check_described(route: Door, answer: func.HttpResponse) -> None:
    """The answer is one that the route's description allows, field by field.

    A field that the types do not know, or lack, would not come back the same.
    """
    assert answer.status_code in route.statuses
    known = {*REQUIRED_HEADERS, REQUEST_ID, *route.sends, *BESIDE.get(answer.status_code, ())}
    known |= set() if route.changes else {"ETag", "Vary", "Content-Encoding"}
    known |= set() if answer.mimetype == JSON else {"Content-Type"}
    assert set(answer.headers.keys()) <= known
    if answer.status_code == 200 and answer.mimetype == JSON and route.data is not None:
        body = json.loads(decompressed(answer))
        meta = {name: value for name, value in body["meta"].items() if name != "requestId"}
        assert as_described(body["data"], route.data) == body["data"]
        assert as_described(meta, route.meta) == meta
    if answer.status_code >= 400:
        body = json.loads(answer.get_body())
        assert as_described(body, Failure) == body


def as_described(given: Any, kind: Any) -> Any:
    """What comes back when it is read as that type and written again."""
    return json.loads(msgspec.json.encode(msgspec.convert(given, kind)))


def decompressed(answer: func.HttpResponse) -> bytes:
    body = answer.get_body()
    return gzip.decompress(body) if answer.headers.get("Content-Encoding") == "gzip" else body


def told(answer: func.HttpResponse) -> dict[str, Any]:
    """A successful answer's envelope."""
    body: dict[str, Any] = json.loads(answer.get_body())
    assert answer.status_code == 200, body
    assert body["success"] is True
    return body


def error_of(answer: func.HttpResponse) -> tuple[int, str, str]:
    """Status, code and message of a failed answer."""
    body = json.loads(answer.get_body())
    assert body["success"] is False
    return answer.status_code, body["error"]["code"], body["error"]["message"]


def check_answer(answer: func.HttpResponse) -> dict[str, Any]:
    """What every answer is: JSON in the envelope, under all the headers, with its request's id."""
    body: dict[str, Any] = json.loads(answer.get_body())
    assert answer.mimetype == "application/json"
    assert {name: answer.headers[name] for name in REQUIRED_HEADERS} == REQUIRED_HEADERS
    keys = {"data", "meta"} if body["success"] else {"error"}
    assert body.keys() == keys | {"success"}
    inner = body["meta"] if body["success"] else body["error"]
    assert inner["requestId"] == answer.headers["X-Request-Id"]
    assert body["success"] == (answer.status_code == 200)
    return body


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
