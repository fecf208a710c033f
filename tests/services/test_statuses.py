"""How fresh a figure is, which band it lies in, and how the whole system stands."""

from datetime import timedelta
from typing import Any

import pytest

from shared.catalog.metrics import CATALOG
from shared.domain.alerts import AlertKind
from shared.domain.chunks import Asked, Latest
from shared.domain.figures import (
    Band,
    Figure,
    SourceWord,
    band_of,
    figure_of,
    patience,
    source_word,
)
from shared.domain.rules import Severity
from shared.domain.statuses import Status, system_status
from tests.builders import an_alert, at

SOURCES = {source.name: source for source in CATALOG.sources}
HEARD = {name: at(60) for name in SOURCES}


def figure(name: str, latest: Latest, minute: float = 60) -> Figure:
    return figure_of(CATALOG.metric(name), latest=latest, catalog=CATALOG, now=at(minute))


def a_figure(name: str, value: float | None = 1, **changes: Any) -> Figure:
    given = {"minute": at(59), "stale": False, "provisional": False, **changes}
    return Figure(metric=CATALOG.metric(name), value=value, **given)


def words(*fresh: str) -> list[SourceWord]:
    covered = {name: at(60) if name in fresh else at(0) for name in SOURCES}
    latest = Latest(covered=covered, asked={name: Asked(at(60)) for name in SOURCES})
    return [source_word(source, latest=latest, now=at(60)) for source in SOURCES.values()]


def status(*figures: Figure, alerts: Any = (), fresh: Any = tuple(SOURCES)) -> Status:
    core = ("dtuUtilization", "memoryUsage", "responseTime.avg", "availability")
    calm = {name: a_figure(name, 100 if name == "availability" else 1) for name in core}
    known = {**calm, **{one.metric.name: one for one in figures}}
    return system_status(alerts, known, words(*fresh)).status


@pytest.mark.parametrize(
    ("name", "value", "band"),
    [
        ("dtuUtilization", 79.9, Band.CALM),
        ("dtuUtilization", 80, Band.WARNING),
        ("dtuUtilization", 95, Band.CRITICAL),
        ("memoryUsage", 1400, Band.WARNING),
        ("memoryUsage", 1600, Band.CRITICAL),
        ("responseTime.avg", 5000, Band.CRITICAL),
        ("availability", 99.5, Band.CALM),
        ("availability", 99, Band.WARNING),
        ("availability", 0, Band.CRITICAL),
        ("activeUsers", 1e9, Band.CALM),
    ],
)
def test_a_band_begins_at_its_figure(name: str, value: float, band: Band) -> None:
    assert band_of(CATALOG.metric(name), value) is band
    assert a_figure(name, value).band is band
    assert a_figure(name, value, stale=True).band is Band.CALM


@pytest.mark.parametrize(
    ("name", "minutes"), [("probe", 3), ("dmv", 4), ("plan", 6), ("logs", 8), ("users", 11)]
)
def test_a_source_may_settle_and_miss_a_round(name: str, minutes: int) -> None:
    assert patience(SOURCES[name]) == timedelta(minutes=minutes)
    for late, stale in ((0, False), (1, True)):
        latest = Latest(covered={name: at(60 - minutes, -late)})
        assert source_word(SOURCES[name], latest=latest, now=at(60)).stale is stale


def test_a_source_that_never_spoke_is_stale() -> None:
    word = source_word(SOURCES["dmv"], latest=Latest(), now=at(60))

    assert (word.stale, word.covered_until, word.asked_at) == (True, None, None)


@pytest.mark.parametrize(
    ("name", "minute", "stale"),
    [
        ("memoryUsage", 53, False),
        ("memoryUsage", 52, True),
        ("activeUsers", 44, False),
        ("activeUsers", 43, True),
        # Of six hours that end at 6:00 the figure comes at 6:03, and the next one at 12:03.
        ("appDiskUsage", 60 - 725, False),
        ("appDiskUsage", 60 - 726, True),
    ],
)
def test_a_figure_is_fresh_until_its_hold_and_its_sources_patience_are_over(
    name: str,
    minute: int,
    stale: bool,  # noqa: FBT001 - a column of the table
) -> None:
    column = CATALOG.metric(name).column
    latest = Latest(values={column: 1}, minutes={column: at(minute)}, covered=HEARD)

    found = figure(name, latest)

    assert (found.value, found.minute, found.stale) == (1, at(minute), stale)


@pytest.mark.parametrize(("covered", "provisional"), [(59, True), (60, False)])
def test_a_minute_that_its_source_has_not_closed_is_provisional(
    covered: int,
    provisional: bool,  # noqa: FBT001 - a column of the table
) -> None:
    column = "responseTime_avg"
    latest = Latest(values={column: 1}, minutes={column: at(59)}, covered={"logs": at(covered)})

    assert figure("responseTime.avg", latest).provisional is provisional


def test_without_requests_there_is_no_response_time_and_nothing_is_stale() -> None:
    latest = Latest(
        values={"responseTime_avg": 300, "throughput": 0},
        minutes={"responseTime_avg": at(10), "throughput": at(54)},
        idle={"throughput": at(54)},
        covered={"logs": at(55)},
    )

    found = figure("responseTime.avg", latest)

    assert (found.value, found.minute, found.stale) == (None, at(54), False)


def test_what_was_never_measured_is_stale() -> None:
    assert figure("memoryUsage", Latest()).stale
    assert figure("memoryUsage", Latest()).value is None


@pytest.mark.parametrize(
    ("severity", "expected"),
    [
        (Severity.CRITICAL, Status.CRITICAL),
        (Severity.HIGH, Status.DEGRADED),
        (Severity.MEDIUM, Status.DEGRADED),
        (Severity.LOW, Status.HEALTHY),
    ],
)
def test_an_open_alert_counts_by_its_severity(severity: Severity, expected: Status) -> None:
    assert status(alerts=[an_alert(severity=severity)]) is expected


def test_a_failing_probe_is_critical() -> None:
    assert status(a_figure("availability", 0)) is Status.CRITICAL
    assert status(a_figure("availability", 0, stale=True)) is Status.HEALTHY


@pytest.mark.parametrize("value", [80, 99])
def test_a_card_in_its_band_is_degraded(value: float) -> None:
    assert status(a_figure("dtuUtilization", value)) is Status.DEGRADED
    assert status(a_figure("dtuUtilization", value, stale=True)) is Status.HEALTHY


def test_without_a_fresh_core_source_nothing_is_known() -> None:
    assert status(fresh=["users"]) is Status.UNKNOWN
    assert status(fresh=["logs"]) is Status.HEALTHY
    assert status(alerts=[an_alert()], fresh=[]) is Status.CRITICAL
    assert status(alerts=[an_alert(severity=Severity.HIGH)], fresh=[]) is Status.DEGRADED


def test_every_reason_is_said_the_worst_first() -> None:
    silent = an_alert(severity=Severity.HIGH, kind=AlertKind.NO_DATA, rule_name="Memory")
    figures = {
        "dtuUtilization": a_figure("dtuUtilization", 85),
        "availability": a_figure("availability", 0),
    }

    found = system_status([silent, an_alert()], figures, words())

    assert found.status is Status.CRITICAL
    assert found.reasons == (
        "DTU high is firing (critical)",
        "the health probe fails",
        "Memory has no data (high)",
        "DTU 85 % (warning from 80 %)",
        "none of the core sources (probe, dmv, database) has spoken lately",
    )


def test_a_healthy_system_has_no_reasons() -> None:
    calm = {"dtuUtilization": a_figure("dtuUtilization", 10)}
    found = system_status([], calm, words("dmv"))

    assert (found.status, found.reasons) == (Status.HEALTHY, ())
