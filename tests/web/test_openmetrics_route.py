"""GET openmetrics: what Prometheus's own parser reads out of it."""

from collections.abc import Mapping

import azure.functions as func
import pytest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from shared.catalog.metrics import METRICS
from shared.web.answers import REQUEST_ID
from shared.web.openmetrics import (
    MEDIA_TYPE,
    OPENMETRICS,
    UNITS,
    Sample,
    exposition,
    name_of,
)
from shared.web.openmetrics import Family as Given
from tests.builders import BAD, OK, TARGET, a_desk
from tests.web.builders import REQUIRED_HEADERS, Counter, a_request, bearer, crm_token, error_of


@pytest.fixture
def counter() -> Counter:
    desk = a_desk([OK] * 5 + [BAD] * 60)
    desk.ticks(0, 11)
    return Counter(desk, targets=(TARGET, "other"))


def ask(counter: Counter, minute: float = 10.5, **params: str) -> func.HttpResponse:
    request = a_request(params=params, headers=bearer(crm_token(roles="reader")))
    return counter.ask(OPENMETRICS, minute, request)


def parsed(text: str) -> Mapping[str, Family]:
    found = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    return {family.name: family for family in found}


def scraped(counter: Counter, minute: float = 10.5, **params: str) -> Mapping[str, Family]:
    answer = ask(counter, minute, **params)
    assert answer.status_code == 200, answer.get_body()
    return parsed(answer.get_body().decode())


def test_the_newest_figures_are_read_with_type_unit_help_and_target(counter: Counter) -> None:
    family = scraped(counter)["pantry_dtu_utilization_percent"]

    assert (family.type, family.unit) == ("gauge", "percent")
    assert family.documentation == METRICS[0].description
    assert [(one.labels, one.value) for one in family.samples] == [({"target": TARGET}, BAD)]
    assert [one.timestamp for one in family.samples] == [None]


def test_a_figure_that_is_old_ends_its_series(counter: Counter) -> None:
    assert "pantry_dtu_utilization_percent" not in scraped(counter, 60)


def test_sources_and_open_alerts_are_told_of_every_target(counter: Counter) -> None:
    found = scraped(counter)

    covered = found["pantry_source_covered_timestamp_seconds"].samples
    assert [(one.labels["source"], one.value) for one in covered] == [("dmv", 1767226200.0)]
    alerts = {
        (one.labels["target"], one.labels["severity"]): one.value
        for one in found["pantry_open_alerts"].samples
    }
    assert alerts[TARGET, "critical"] == 1
    assert sum(alerts.values()) == 1
    assert len(alerts) == 8


def test_one_target_can_be_asked_for_alone(counter: Counter) -> None:
    found = scraped(counter, target="other")

    labels = {one.labels["target"] for family in found.values() for one in family.samples}
    assert labels == {"other"}


def test_the_answer_says_what_it_is(counter: Counter) -> None:
    answer = ask(counter)

    assert answer.mimetype == MEDIA_TYPE
    assert answer.headers[REQUEST_ID]
    assert answer.headers["ETag"]
    assert {name: answer.headers[name] for name in REQUIRED_HEADERS} == REQUIRED_HEADERS


def test_a_mistake_is_answered_in_the_envelope(counter: Counter) -> None:
    assert error_of(ask(counter, target="crm"))[:2] == (400, "unknown_target")
    assert error_of(ask(counter, metric="dtu"))[:2] == (400, "unknown_parameter")


def test_every_metric_of_the_catalog_has_a_name_of_its_own_that_ends_with_its_unit() -> None:
    names = [name_of(metric) for metric in METRICS]

    assert len(set(names)) == len(names)
    for metric, name in zip(METRICS, names, strict=True):
        assert name.endswith(UNITS[metric.unit])


def test_all_of_the_catalog_is_read_as_it_was_written() -> None:
    written = [
        Given(name_of(one), UNITS[one.unit], one.description, [Sample({"target": "a"}, 0.25)])
        for one in METRICS
    ]

    found = parsed(exposition(written))

    assert [(one.name, one.unit, one.documentation) for one in found.values()] == [
        (one.name, one.unit, one.help) for one in written
    ]


HOSTILE = 'a "quoted" \\n\n# EOF'


def test_nothing_in_a_text_is_read_as_anything_else() -> None:
    [family] = parsed(exposition([Given("a", "", HOSTILE, [Sample({"b": HOSTILE}, 1)])])).values()

    assert family.documentation == HOSTILE
    assert [one.labels for one in family.samples] == [{"b": HOSTILE}]
