"""What an alert is about, and the figures that it shows."""

import pytest

from shared.catalog.metrics import CATALOG
from shared.domain.alerts import AlertKind, Breach, episode_id, open_no_data_alert
from shared.domain.members import Member
from shared.domain.records import short_hash
from shared.domain.rules import Rule
from shared.domain.samples import Outlook
from tests.domain.builders import TARGET, Desk, a_rule, at

OK = 10.0


def test_an_episode_is_named_by_its_beginning_and_what_it_is_about() -> None:
    told_apart = short_hash("pantry-crm", "dtu-critical", "2026-01-01T00:01:00Z", "threshold")

    story = episode_id(TARGET, "dtu-critical", at(1), AlertKind.THRESHOLD)
    assert story == f"20260101T0001Z-{told_apart}"


def a_composite(*members: Member) -> Rule:
    return a_rule(metric="", condition="", threshold=None, duration=1, any_of=members)


HOT = Member(metric="dtuUtilization", condition="greater_than", threshold=95)
FULL = Member(metric="memoryProcess", condition="greater_than", threshold=1400)
RISING = Member(metric="memoryProcess", condition="rate_of_change", threshold=5)


def test_a_composite_is_about_its_first_bad_member_and_names_all_of_them() -> None:
    desk = Desk(a_composite(HOT, FULL, RISING))
    desk.fold_row([OK, 1500.0, 9.0])

    (alert,) = desk.alerts
    memory = CATALOG.metric("memoryProcess")
    assert (alert.metric, alert.condition, alert.threshold) == (
        "memoryProcess", "greater_than", 1400,
    )  # fmt: skip
    assert (alert.value, alert.last_value, alert.unit) == (1500.0, 1500.0, memory.unit)
    full = Breach(
        metric="memoryProcess",
        label=memory.label,
        condition="greater_than",
        value=1500.0,
        threshold=1400,
        unit=memory.unit,
    )
    rising = Breach(
        metric="memoryProcess",
        label=memory.label,
        condition="rate_of_change",
        value=9.0,
        threshold=5,
        unit=f"{memory.unit}/min",
    )
    assert alert.breaches == (full, rising)
    assert desk.told[0].metric_label == memory.label


def test_the_last_value_of_a_composite_is_that_of_the_member_it_is_about() -> None:
    desk = Desk(a_composite(HOT, FULL, RISING))
    desk.fold_row([OK, OK, 9.0])
    desk.fold_row([98.0, 1500.0, 7.0])

    assert (desk.alerts[0].value, desk.alerts[0].last_value) == (9.0, 7.0)


def test_a_story_about_a_member_that_is_gone_goes_on_with_the_first() -> None:
    desk = Desk(a_composite(HOT, FULL))
    desk.fold_row([OK, 1500.0])
    desk.rule = a_composite(HOT, RISING)
    desk.fold_row([98.0, 7.0])

    assert desk.alerts[0].last_value == 98.0


def test_a_composite_wants_the_metric_of_each_member() -> None:
    desk = Desk(a_composite(HOT, FULL), CATALOG.metric("dtuUtilization"))

    with pytest.raises(ValueError, match="zip"):
        desk.fold_row([98.0, 1500.0])


def test_a_forecast_says_where_it_stands_and_in_how_many_hours() -> None:
    desk, seen = Desk(a_rule(condition="forecast", within_hours=24, duration=1)), []
    for outlook in (Outlook(60.0, 5.0), Outlook(61.0, 4.0), Outlook(62.0, None)):
        desk.fold_outlook(outlook)
        (alert,) = desk.alerts
        seen.append((alert.value, alert.last_value, alert.forecast_hours))

    assert seen == [(60.0, 60.0, 5.0), (60.0, 61.0, 4.0), (60.0, 62.0, None)]


def test_a_silence_of_a_composite_is_about_the_member_whose_metric_is_silent() -> None:
    rule = a_composite(HOT, FULL)
    alerts = [
        open_no_data_alert(TARGET, rule, CATALOG.metric(metric), at(1), at(6))
        for metric in ("dtuUtilization", "memoryProcess", "workersPercent")
    ]

    assert [(one.metric, one.threshold) for one in alerts] == [
        ("dtuUtilization", 95),
        ("memoryProcess", 1400),
        ("dtuUtilization", 95),
    ]
