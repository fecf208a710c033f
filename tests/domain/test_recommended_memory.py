"""What is said of growth, leaks and restarts."""

from datetime import timedelta

import pytest

from shared.domain.recommendations.memory import memory_leak, restart_saw_tooth, restarts_of
from shared.domain.recommendations.upkeep import table_growth
from shared.domain.recommendations.values import (
    Priority,
)
from shared.domain.times import HOUR
from tests.domain.advised import HOURS, SAW, SPEAKING, WAVE, only
from tests.domain.advising import (
    Level,
    a_deploy,
    a_situation,
    ago,
    stretch,
)


def test_growth_names_the_day_and_the_table() -> None:
    one = only(table_growth, SPEAKING[table_growth])

    assert one.title == "The database is full in about 35 days"
    assert "24.6 MB a day" in one.description
    assert "most of it in dbo.Log" in one.description


def test_a_larger_database_is_full_at_its_own_limit() -> None:
    growing = [3 + 0.01 * hour for hour in HOURS]
    week: dict[str, Level] = {
        "storageUsage": growing,
        "storagePercent": [used / 2.5 for used in growing],
    }
    far, near = (a_situation(week=each) for each in (week, {**week, "storagePercent": 80.0}))

    assert list(table_growth(far)) == []
    assert "towards its 5.8 GB;" in only(table_growth, near).description


def test_a_database_that_does_not_grow_is_never_full() -> None:
    assert list(table_growth(a_situation(week={"storageUsage": 1.9}))) == []


@pytest.mark.parametrize(
    "process",
    [
        [900 + wave for wave in WAVE],
        [900 + 2 * wave if hour >= 120 else 900.0 for hour, wave in zip(HOURS, WAVE, strict=True)],
        [400 + 3.0 * hour for hour in range(30)],
        [400 + 0.5 * hour for hour in HOURS],
        [1_500 - 3.0 * hour for hour in HOURS],
    ],
    ids=["a daily wave", "higher waves of late", "a day alone", "80 MB in a week", "it falls"],
)
def test_what_is_no_leak_is_not_called_one(process: list[float]) -> None:
    situation = a_situation(day={"memoryUsage": 1_000.0}, week={"memoryProcess": process})

    assert list(memory_leak(situation)) == []


def test_a_leak_counts_from_the_last_restart_and_names_its_deploy() -> None:
    before, since = [1_500.0] * 100, [400 + 8.0 * hour for hour in range(68)]
    deploys = [a_deploy("1.8.2", ago(hours=68, minutes=5))]
    situation = a_situation(
        day={"memoryUsage": 1_200.0},
        week={"memoryProcess": before + since},
        deployments=deploys,
    )
    one = only(memory_leak, situation)

    assert one.title == "Memory leak: 1,600 MB in about 50 h"
    assert "192 MB a day" in one.description
    assert "This began with deploy 1.8.2" in one.description
    assert one.priority is Priority.HIGH


def test_a_deploy_within_the_hour_of_the_restart_is_named_too() -> None:
    process = [1_500.0] * 100 + [400 + 8.0 * hour for hour in range(68)]
    deploys = [a_deploy("1.8.2", ago(hours=68, minutes=-3))]
    week: dict[str, Level] = {"memoryProcess": process}
    one = only(
        memory_leak,
        a_situation(day={"memoryUsage": 1_200.0}, week=week, deployments=deploys),
    )

    assert one.deploy is not None
    assert one.deploy.version == "1.8.2"


def test_a_leak_without_a_restart_in_sight_counts_from_the_first_figure() -> None:
    process: list[float | None] = [None] * 60 + [
        400 + 3.0 * hour + WAVE[hour] for hour in HOURS[60:]
    ]
    deploys = [a_deploy("1.8.2", ago(hours=168 - 60, minutes=5))]
    one = only(
        memory_leak,
        a_situation(
            day={"memoryUsage": 900.0}, week={"memoryProcess": process}, deployments=deploys
        ),
    )

    assert one.description.startswith("Since 2026-11-20 00:00 UTC memory has grown by 72 MB a day")
    assert one.deploy is None


@pytest.mark.parametrize(
    ("falls", "found"),
    [([900, 400], [1]), ([900, 650, 400], [2]), ([900, 880, 400, 390, 900, 300], [2, 5])],
)
def test_a_restart_within_an_hour_is_one(falls: list[float], found: list[int]) -> None:
    line = stretch(falls, timedelta(hours=len(falls)), HOUR)

    assert [(at - line.start) // HOUR for at in restarts_of(line)] == found


def test_a_saw_tooth_is_as_high_as_the_plan_not_as_the_process() -> None:
    process = [one - 430 for one in SAW]
    alone = a_situation(week={"memoryProcess": process})
    both = a_situation(week={"memoryProcess": process, "memoryUsage": SAW})

    assert (list(restart_saw_tooth(alone)), len(list(restart_saw_tooth(both)))) == ([], 1)


def test_a_leak_outside_the_heap_is_sought_elsewhere() -> None:
    growing = [400 + 3.0 * hour for hour in HOURS]
    week: dict[str, Level] = {"memoryProcess": growing, "memoryHeap": 200.0}
    one = only(memory_leak, a_situation(day={"memoryUsage": 900.0}, week=week))

    assert one.actions[0].startswith("The heap does not grow with it")


@pytest.mark.parametrize("late", [1, 10, 30, 59])
def test_restarts_by_deploys_make_no_saw_tooth(late: int) -> None:
    """A restart late in an hour shows in the next one's mean."""
    restarts = [hour for hour in HOURS if hour and hour % 18 == 0]
    deploys = [a_deploy(str(hour), ago(hours=168 - hour, minutes=-late)) for hour in restarts]
    levels = [
        (1_600 * late + 700 * (60 - late)) / 60 if hour in restarts else one
        for hour, one in zip(HOURS, SAW, strict=True)
    ]
    situation = a_situation(
        day={"memoryUsage": 1_300.0}, week={"memoryProcess": levels}, deployments=deploys
    )

    assert list(restart_saw_tooth(situation)) == []
    assert only(restart_saw_tooth, SPEAKING[restart_saw_tooth]).title.endswith("about every 18 h")
