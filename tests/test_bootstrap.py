"""The app's identity, which no pass waits long for, and what else the settings furnish."""

from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from shared.domain.rules import Action, ActionType
from shared.domain.times import DAY, Span
from shared.furnishing import storage
from shared.furnishing.channels import fallback
from shared.furnishing.meters import meter
from shared.settings import load
from tests.adapters.providers import Provider, running_provider
from tests.builders import T0
from tests.stopwatch import seconds_at_most
from tests.test_settings import GOOD

SCOPE = "https://management.azure.com/.default"


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """The platform's own endpoint for tokens."""
    # No command line that a developer signed in with is to be asked next.
    monkeypatch.setenv("PATH", "")
    with running_provider() as provider:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{provider.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "header")
        yield provider


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    quick = {**storage.IDENTITY_PATIENCE, "read_timeout": 0.2}
    monkeypatch.setattr(storage, "IDENTITY_PATIENCE", quick)
    with storage.open_identity.__wrapped__() as credential:
        yield credential


def test_a_token_that_does_not_come_is_not_waited_for(platform: Provider, identity: Any) -> None:
    platform.delay = 60

    with seconds_at_most(20), pytest.raises(ClientAuthenticationError):
        identity.get_token(SCOPE)

    assert len(platform.asked) <= 2


def test_nobody_sleeps_through_a_retry_after(platform: Provider, identity: Any) -> None:
    platform.answers(429, headers={"Retry-After": "60"})

    with seconds_at_most(20), pytest.raises(ClientAuthenticationError):
        identity.get_token(SCOPE)


def test_the_fallback_may_name_the_alerts_address() -> None:
    given = load(
        {**GOOD, "FALLBACK_CHANNEL": "email:${ALERT_EMAIL}", "ALERT_EMAIL": "admin@example.com"}
    )

    assert fallback(given) == Action(ActionType.EMAIL, "admin@example.com")


APP = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/monitor"


def test_what_the_monitor_uses_is_counted_where_a_setting_says_where() -> None:
    asked: list[str] = []
    with running_provider() as provider:
        provider.answers(403)
        given = load({**GOOD, "MONITOR_APP_ID": APP, "AZURE_MONITOR_ENDPOINT": provider.url})
        counter = meter(given, lambda: _Credential(asked))
        assert counter is not None
        found = counter.count(Span(T0, T0 + DAY))

    assert [one.path.partition("/providers/Microsoft.Insights")[0] for one in provider.asked] == [
        APP,
        APP,
    ]
    assert set(asked) == {SCOPE}
    assert (len(found.problems), len(found.unasked)) == (2, 2)
    assert meter(load(GOOD), storage.open_identity) is None


class _Credential:
    def __init__(self, asked: list[str]) -> None:
        self._asked = asked

    def get_token(self, scope: str) -> AccessToken:
        self._asked.append(scope)
        return AccessToken("token", 0)
