"""Figures as people read them: short, unless that would hide what is told."""

from typing import Any

import pytest

from shared.domain.alerts import Breach
from shared.domain.notifications import Story, headline, paragraph
from shared.domain.quantities import quantity, titled
from tests.builders import an_alert, an_event


def told(value: float, threshold: float, condition: str = "greater_than") -> str:
    alert = an_alert(value=value, threshold=threshold, condition=condition)
    return paragraph(Story((an_event(alert=alert),)))


@pytest.mark.parametrize(
    ("value", "said"),
    [(97.0, "97 %"), (98.64, "98.6 %"), (1412.3, "1,412 %"), (0.4, "0.4 %"), (None, "no data")],
)
def test_three_digits_are_enough_for_a_figure_alone(value: float | None, said: str) -> None:
    assert quantity(value, "%") == said


@pytest.mark.parametrize(
    ("unit", "said"),
    [("count", "7"), ("¤", "7"), ("errors/min", "7/min"), ("requests/min", "7 requests/min")],
)
def test_a_unit_is_said_where_it_is_a_word_that_the_label_lacks(unit: str, said: str) -> None:
    """Nobody knows the currency; and `Errors 7 errors/min` says errors twice."""
    assert quantity(7.0, unit) == said


@pytest.mark.parametrize(
    ("label", "unit", "said"),
    [
        ("DTU", "%", "DTU (%)"),
        ("Interactions", "count", "Interactions"),
        ("Revenue won", "¤", "Revenue won"),
        ("Active users", "users", "Active users"),
    ],
)
def test_a_title_says_no_unit_twice(label: str, unit: str, said: str) -> None:
    assert titled(label, unit) == said


@pytest.mark.parametrize(
    ("value", "threshold", "said"),
    [
        (98.64, 95.0, "was 98.6 % (> 95 %)"),
        (95.04, 95.0, "was 95.04 % (> 95 %)"),
        (95.0004, 95.0, "was 95.0004 % (> 95 %)"),
        (3000.4, 3000.0, "was 3,000.4 % (> 3,000 %)"),
        (0.12342, 0.12338, "was 0.12342 % (> 0.12338 %)"),
        (1500.44, 1500.42, "was 1,500.44 % (> 1,500.42 %)"),
    ],
)
def test_a_value_and_its_threshold_never_look_alike(
    value: float, threshold: float, said: str
) -> None:
    assert said in told(value, threshold)


def test_neighbours_among_the_floats_are_told_apart_too() -> None:
    assert "was 0.30000000000000004 % (> 0.29999999999999999 %)" in told(0.1 + 0.2, 0.3)


def test_a_value_below_is_told_apart_as_well() -> None:
    assert "was 94.96 % (< 95 %)" in told(94.96, 95.0, "less_than")


def test_a_value_at_its_threshold_is_shown_as_short_as_ever() -> None:
    assert "was 95 % (≥ 95 %)" in told(95.0, 95.0, "greater_or_equal")


def story(**changes: Any) -> Story:
    return Story((an_event(alert=an_alert(**changes), metric_label="Memory"),))


FORECAST: dict[str, Any] = {
    "condition": "forecast",
    "value": 1120.0,
    "last_value": 1130.0,
    "threshold": 1600.0,
}


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (0.0, "has reached 1,600 MB"),
        (0.004, "reaches 1,600 MB in about 1 min"),
        (1.5, "reaches 1,600 MB in about 90 min"),
        (3.2, "reaches 1,600 MB in about 3 h"),
        (130.0, "reaches 1,600 MB in about 5 days"),
    ],
)
def test_a_forecast_says_what_is_reached_and_when(hours: float, said: str) -> None:
    told = story(**FORECAST, unit="MB", forecast_hours=hours)

    assert headline(told) == f"Memory {said}"
    assert f"Memory was 1,120 MB and {said} (99 % sure that it goes that way), since" in paragraph(
        told
    )


def test_a_forecast_that_is_over_says_where_the_metric_stands() -> None:
    assert "Memory was 1,120 MB, since" in paragraph(story(**FORECAST, unit="MB"))
    assert headline(story(**FORECAST, unit="MB")) == "Memory 1,130 MB for 2 min"


def test_a_composite_tells_every_member_that_was_bad() -> None:
    breaches = (
        Breach(
            metric="cpuUtilization",
            label="CPU",
            condition="greater_or_equal",
            value=99.0,
            threshold=95.0,
            unit="%",
        ),
        Breach(
            metric="throughput",
            label="Throughput",
            condition="absent",
            value=None,
            threshold=None,
            unit="requests/min",
        ),
    )
    told = paragraph(story(breaches=breaches))

    assert "DTU high: CPU was 99 % (≥ 95 %) and Throughput was absent since 2026-01-01" in told
