"""The function app's own HTTP functions, asked at a rig's time over a rig's storage."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import azure.functions as func
import jwt

from local.rig import Rig
from local.surroundings import AUDIENCE
from shared import bootstrap

Answer = tuple[int, Any]
"""An HTTP status and the envelope."""


class FrontDoor:
    """Asks as somebody: readers have the issuer's token, the admin has one of the CRM's server."""

    def __init__(self, rig: Rig) -> None:
        import function_app  # noqa: PLC0415 - its settings are the rig's only from here on

        self._app = function_app
        self._reader = rig.desk.keys.user_token(roles=["reader"], audience=AUDIENCE)
        self._admin = _crm_token(rig.environment["CRM_TOKEN_KEY"])

    def metrics(self, **params: str) -> Any:
        """The data of GET metrics."""
        return _data(self._ask(self._app.metrics, params=params))

    def alerts(self, **params: str) -> Any:
        """The data of GET alerts."""
        return _data(self._ask(self._app.list_alerts, params=params))

    def alert(self, alert_id: str) -> Any:
        """The data of GET alerts/{id}."""
        return _data(self._ask(self._app.alert, route={"id": alert_id}))

    def health(self) -> Any:
        """The data of GET health, as it is after the next wall minute."""
        bootstrap._stored.cache_clear()
        return _data(self._ask(self._app.health))

    def act(self, *, as_reader: bool = False, **wish: Any) -> Answer:
        """What POST alerts answers."""
        token = self._reader if as_reader else self._admin
        return self._ask(self._app.act_on_alert, token=token, body=json.dumps(wish).encode())

    def _ask(
        self,
        function: Any,
        *,
        params: dict[str, str] | None = None,
        route: dict[str, str] | None = None,
        token: str = "",
        body: bytes = b"",
    ) -> Answer:
        request = func.HttpRequest(
            "POST" if body else "GET",
            "https://monitor.example.com/api/monitoring/x",
            headers={"Authorization": f"Bearer {token or self._reader}"},
            params=params,
            route_params=route,
            body=body,
        )
        handler: Callable[[func.HttpRequest], func.HttpResponse] = (
            function._function.get_user_function()
        )
        answer = handler(request)
        return answer.status_code, json.loads(answer.get_body())


def _data(answer: Answer) -> Any:
    status, told = answer
    assert status == 200, told
    return told["data"]


def _crm_token(key: str) -> str:
    now = int(time.time())
    claims = {"iss": "pantry-crm", "aud": "pantry-monitor", "sub": "1", "name": "Duty desk"}
    return jwt.encode({**claims, "roles": "admin", "iat": now, "exp": now + 600}, key, "HS256")


@contextmanager
def front_door(rig: Rig) -> Iterator[FrontDoor]:
    """The app as one process: its settings, its clock and its house are the rig's."""
    with ExitStack() as stack:
        stack.enter_context(patch.dict(os.environ, rig.environment))
        stack.enter_context(patch.object(bootstrap, "utc_now", rig.clock.wall))
        stack.enter_context(patch.object(bootstrap, "house", lambda: rig.house))
        for remembered in (bootstrap.settings, bootstrap.gate):
            remembered.cache_clear()
            stack.callback(remembered.cache_clear)
        yield FrontDoor(rig)
