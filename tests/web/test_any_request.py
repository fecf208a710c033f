"""Whatever is asked, the answer is JSON in the envelope, and nothing ever breaks."""

import json
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain.maintenance_wishes import FIELDS as WINDOW_FIELDS
from shared.web.advice import ADVICE, CHANGE
from shared.web.alerts import ACT, ALERT, ALERTS, FIELDS
from shared.web.backtests import BACKTEST
from shared.web.channels import CHANNELS, TEST, TEST_PATH
from shared.web.deliveries import AUDIT, DELIVERIES, RESEND
from shared.web.deployments import DEPLOYMENTS, MARK
from shared.web.maintenance import ADD, END, WINDOWS
from shared.web.metrics import METRICS
from shared.web.problems import TABLE
from shared.web.rules import REMOVE, RESET, RULE, RULES, SAVE
from tests.builders import BAD, OK, TARGET, Desk, a_desk
from tests.web.builders import Counter, a_request, bearer, check_answer, crm_token

ROUTES = {
    "advice": ADVICE,
    "decide": CHANGE,
    "metrics": METRICS,
    "alerts": ALERTS,
    "alert": ALERT,
    "act": ACT,
    "rules": RULES,
    "rule": RULE,
    "save": SAVE,
    "remove": REMOVE,
    "reset": RESET,
    "backtest": BACKTEST,
    "deliveries": DELIVERIES,
    "resend": RESEND,
    "audit": AUDIT,
    "channels": CHANNELS,
    "test": TEST,
    "path": TEST_PATH,
    "deployments": DEPLOYMENTS,
    "mark": MARK,
    "windows": WINDOWS,
    "add": ADD,
    "end": END,
}
BROKEN = {mapped.code for mapped in TABLE.values() if mapped.status == 500}

CALLERS = count()
"""Another one for each request: one alone may not write that much."""

WORDS = ("1h", "7d", "open", "all", "low", "10", TARGET, "dtuUtilization", "snooze", "resolve")
NAMES = st.sampled_from(
    ["range", "from", "step", "state", "severity", "target", "limit"]
) | st.text(max_size=20)
VALUES = st.sampled_from(WORDS) | st.text(max_size=40)
QUERIES = st.dictionaries(NAMES, VALUES, max_size=3)
JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def counter() -> Counter:
    desk: Desk = a_desk([OK] * 5 + [BAD] * 60)
    desk.ticks(0, 11)
    return Counter(desk)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Often nearly right: an action on the one alert there is; else anything."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=80))
    if draw(st.booleans()):
        fields = st.sampled_from([*WINDOW_FIELDS]) | st.text(max_size=9)
        return json.dumps(draw(st.dictionaries(fields, JSON, max_size=3))).encode()
    alert = f"{TARGET}.20260101T0005Z-1a2b3c4d"
    wish = {"alertId": alert, "action": draw(st.sampled_from(WORDS))}
    wish |= draw(st.dictionaries(st.sampled_from([*FIELDS]) | st.text(max_size=9), JSON))
    return json.dumps(wish).encode()


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    route=st.sampled_from(sorted(ROUTES)),
    query=QUERIES,
    body=bodies(),
    name=VALUES,
    kind=st.none() | VALUES,
)
def test_nothing_that_is_asked_breaks_anything(
    counter: Counter, route: str, query: dict[str, str], body: bytes, name: str, kind: str | None
) -> None:
    caller = crm_token(sub=f"user-{next(CALLERS)}")
    headers = {**bearer(caller), **({"Content-Type": kind} if kind else {})}
    request = a_request("POST", query, body=body, headers=headers, alert_id=name)

    answer = counter.ask(ROUTES[route], 11, request)

    told = check_answer(answer)
    assert answer.status_code in (200, 400, 404, 413, 415), told
    assert told["success"] or told["error"]["code"] not in BROKEN


@settings(max_examples=100)
@given(
    headers=st.dictionaries(
        st.sampled_from(["Authorization", "X-Request-Id", "X-MS-CLIENT-PRINCIPAL"]),
        st.text(max_size=60) | st.text(max_size=60).map(lambda text: f"Bearer {text}"),
    )
)
def test_nobody_gets_in_by_luck(counter: Counter, headers: dict[str, str]) -> None:
    answer = counter.ask(METRICS, 11, a_request(headers=headers))

    assert answer.status_code == 401
    check_answer(answer)
