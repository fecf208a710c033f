"""What stands out, in at most three sentences."""

from datetime import timedelta
from typing import Any

import pytest

from shared.catalog.metrics import CATALOG
from shared.domain.chunks import Asked, Latest
from shared.domain.figures import Figure, SourceWord, source_word
from shared.domain.insights import Past, Trail, insights
from shared.domain.times import HOUR, MINUTE
from tests.builders import at

NOW = at(600)


def a_trail(
    name: str,
    minutes: Past,
    *,
    past: Past | None = None,
    step: timedelta = MINUTE,
    stale: bool = False,
    value: float | None = None,
) -> Trail:
    known = [one for one in minutes if one is not None]
    newest = Figure(
        metric=CATALOG.metric(name),
        value=value if value is not None else known[-1] if known else None,
        minute=at(599),
        stale=stale,
        provisional=False,
    )
    return Trail(figure=newest, minutes=minutes, past=minutes if past is None else past, step=step)


def words(**covered: float | None) -> list[SourceWord]:
    """Sources that were all asked just now and spoke until so many minutes ago."""
    known = {name: NOW - ago * MINUTE for name, ago in covered.items() if ago is not None}
    latest = Latest(covered=known, asked={name: Asked(NOW) for name in covered})
    return [
        source_word(source, latest=latest, now=NOW)
        for source in CATALOG.sources
        if source.name in covered
    ]


def said(*trails: Trail, **covered: Any) -> tuple[str, ...]:
    return insights(trails, words(**covered), now=NOW)


def test_a_calm_hour_needs_no_words() -> None:
    assert said(a_trail("dtuUtilization", [20.0] * 60), dmv=1) == ()


def test_a_band_is_told_with_how_long() -> None:
    trail = a_trail("dtuUtilization", [20.0] * 50 + [85.0] + [97.0] * 6 + [None] * 3)

    assert said(trail) == ("DTU 97 % for 6 min; critical from 95 %.",)


def test_a_warning_lasts_through_worse_minutes() -> None:
    trail = a_trail("dtuUtilization", [20.0] * 50 + [85.0, 97.0, 90.0, 81.0])

    assert said(trail) == ("DTU 81 % for 4 min; warning from 80 %.",)


def test_a_band_that_has_lasted_the_whole_hour_is_told_as_at_least() -> None:
    trail = a_trail("memoryUsage", [1650.0] * 60)

    assert said(trail)[0].startswith("Memory 1,650 MB for at least 60 min; critical")


def test_a_figure_of_the_running_minute_counts_as_one() -> None:
    assert "for 1 min" in said(a_trail("dtuUtilization", [10.0] * 60, value=99))[0]


def test_low_is_bad_for_availability() -> None:
    trail = a_trail("availability", [100.0] * 57 + [0.0] * 3)

    assert said(trail) == ("Availability 0 % for 3 min; critical from 95 % down.",)


def test_old_figures_say_nothing() -> None:
    trail = a_trail("dtuUtilization", [20.0] * 40 + [99.0] * 20, stale=True)

    assert said(trail) == ()


def test_silent_sources_are_named_with_how_long() -> None:
    assert said(dmv=12, logs=12, probe=1) == ("Nothing new from dmv and logs for 12 min.",)
    assert said(dmv=12, logs=40) == ("Nothing new from dmv and logs for 12 min to 40 min.",)
    assert said(plan=60 * 5) == ("Nothing new from plan for 5 h.",)
    assert said(plan=60 * 24 * 3) == ("Nothing new from plan for 3 days.",)


def test_a_source_that_never_answered_is_named() -> None:
    assert said(dmv=None, plan=None, logs=None, probe=0) == (
        "dmv, plan and logs never answered so far.",
    )


def test_a_rise_is_told_against_what_was_before() -> None:
    trail = a_trail("responseTime.p95", [400.0] * 45 + [900.0] * 15)

    assert said(trail) == (
        "Response time (p95) 900 ms on average over the last 15 min, 2.2 times the 400 ms before.",
    )


def test_a_rise_from_next_to_nothing_has_no_factor() -> None:
    trail = a_trail("errorRate", [0.0] * 45 + [2.0] * 14 + [0.0])

    assert said(trail) == (
        "Errors 1.87/min on average over the last 15 min, after next to nothing before.",
    )


@pytest.mark.parametrize(
    "minutes",
    [
        [400.0] * 45 + [500.0] * 15,
        [40.0] * 45 + [200.0] * 15,
        [900.0] * 45 + [400.0] * 15,
        [None] * 56 + [900.0] * 4,
        [None] * 45 + [900.0] * 15,
        [],
    ],
)
def test_a_small_rise_a_fall_or_a_few_figures_are_not_worth_a_word(minutes: Past) -> None:
    assert said(a_trail("responseTime.p95", minutes)) == ()


def test_a_rise_within_a_long_range_is_seen_too() -> None:
    trail = a_trail("memoryUsage", [1200.0] * 60, past=[900.0] * 166 + [1200.0] * 2, step=HOUR)

    assert said(trail)[0].startswith("Memory 1,200 MB on average over the last 15 min, 1.3 times")


def test_one_sentence_is_enough_for_all_response_times() -> None:
    slow = a_trail("responseTime.avg", [100.0] * 45 + [2500.0] * 15)
    tail = a_trail("responseTime.p95", [400.0] * 45 + [4000.0] * 15)

    (only,) = said(slow, tail)

    assert only.startswith("Response time 2,500 ms")


def test_storage_is_told_when_it_is_getting_full() -> None:
    assert said(a_trail("storagePercent", [71.0] * 60)) == ("Database storage 71 % full.",)
    assert said(a_trail("storagePercent", [41.0] * 60)) == ()


def test_growing_storage_tells_when_it_will_warn() -> None:
    past = [40 + day * 0.5 for day in range(168)]
    trail = a_trail("storagePercent", [70.0] * 60, past=[p / 24 + 60 for p in past], step=HOUR)

    assert said(trail) == (
        "Database storage 70 % full, growing by 0.5 points a day: 85 % in about 30 days.",
    )


def test_the_three_most_pressing_are_said() -> None:
    found = said(
        a_trail("storagePercent", [71.0] * 60),
        a_trail("cpuUtilization", [85.0] * 60),
        a_trail("dtuUtilization", [99.0] * 60),
        dmv=9,
    )

    assert [one.split()[0] for one in found] == ["DTU", "Nothing", "CPU"]
