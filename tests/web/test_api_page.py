"""docs/api.md says all that the code can answer."""

import re
from pathlib import Path

import pytest

from shared.domain.deployments import FIELDS as DEPLOYMENT_FIELDS
from shared.domain.maintenance_wishes import FIELDS as WINDOW_FIELDS
from shared.domain.ranges import RANGES
from shared.web.alerts import FIELDS
from shared.web.alerts import PARAMETERS as ALERT_PARAMETERS
from shared.web.backtests import FIELDS as BACKTEST_FIELDS
from shared.web.channels import FIELDS as PATH_FIELDS
from shared.web.deliveries import AUDIT_PARAMETERS
from shared.web.deliveries import PARAMETERS as DELIVERY_PARAMETERS
from shared.web.deployments import PARAMETERS as DEPLOYMENT_PARAMETERS
from shared.web.metrics import PARAMETERS
from shared.web.openmetrics import PARAMETERS as OPENMETRICS_PARAMETERS
from shared.web.problems import TABLE
from shared.web.rules import PARAMETERS as RULE_PARAMETERS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
SOURCES = [*(ROOT / "shared" / "web").glob("*.py"), ROOT / "shared" / "bootstrap.py"]


def codes() -> set[str]:
    """Every code that is written out, those that `choice` and its like make, and the table's."""
    text = "\n".join(file.read_text(encoding="utf-8") for file in SOURCES)
    written = re.findall(r'(?:Problem|_unauthenticated)\(\s*(?:\d+,\s*)?"(\w+)"', text)
    chosen = ("range", "state", "severity", "limit", "from", "to", "format")
    made = {f"invalid_{name}" for name in chosen}
    return {*written, *made, *(mapped.code for mapped in TABLE.values())}


@pytest.mark.parametrize("code", sorted(codes()))
def test_every_code_is_explained(code: str) -> None:
    assert f"`{code}`" in PAGE


def test_every_route_is_listed() -> None:
    doors = (ROOT / "function_app.py").read_text(encoding="utf-8")
    routes = re.findall(r'route="monitoring/([^"]+)", methods=\["(\w+)"\]', doors)

    assert routes
    for route, method in routes:
        named = re.escape(route).replace(r"\{id\}", r"\{\w+\}")
        assert re.search(rf"\| {method} `{named}[`?]", PAGE), route


def test_every_parameter_field_and_range_is_named() -> None:
    fields = {*FIELDS, *BACKTEST_FIELDS, *PATH_FIELDS, *WINDOW_FIELDS, *DEPLOYMENT_FIELDS}
    names = {*PARAMETERS, *ALERT_PARAMETERS, *RULE_PARAMETERS, *DELIVERY_PARAMETERS, *fields}
    names |= {*AUDIT_PARAMETERS, *DEPLOYMENT_PARAMETERS, *OPENMETRICS_PARAMETERS}

    assert {name for name in names if name not in PAGE} == set()
    assert {label for label in RANGES if label not in PAGE} == set()
