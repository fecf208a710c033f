"""NCRONTAB, whose schedules nothing but the host reads."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

import function_app
from local.host.schedule import ScheduleError, parse
from local.host.triggers import TimerTrigger, of_type, read_functions

TIMERS = of_type(read_functions(function_app.app), TimerTrigger)
MONDAY = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize("timer", TIMERS, ids=lambda pair: pair[0].name)
def test_every_timer_of_the_app_has_a_schedule_that_comes_round(
    timer: tuple[object, TimerTrigger],
) -> None:
    _, trigger = timer

    assert parse(trigger.schedule).next_after(MONDAY) < MONDAY + timedelta(days=8)


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("20 * * * * *", datetime(2026, 11, 23, 12, 0, 20, tzinfo=UTC)),
        ("0 */5 * * * *", datetime(2026, 11, 23, 12, 5, tzinfo=UTC)),
        ("*/5 * * * *", datetime(2026, 11, 23, 12, 5, tzinfo=UTC)),
        ("0 30 2 * * *", datetime(2026, 11, 24, 2, 30, tzinfo=UTC)),
        ("0 0 7 * * 1-5", datetime(2026, 11, 24, 7, 0, tzinfo=UTC)),
        ("0 0 7 * * Sun", datetime(2026, 11, 29, 7, 0, tzinfo=UTC)),
        ("0 0 7 * * 0", datetime(2026, 11, 29, 7, 0, tzinfo=UTC)),
        ("0 0 0 1 Jan *", datetime(2027, 1, 1, tzinfo=UTC)),
        ("0 0 0 13 * 5", datetime(2027, 8, 13, tzinfo=UTC)),
    ],
)
def test_the_next_occurrence(text: str, due: datetime) -> None:
    assert parse(text).next_after(MONDAY) == due


def test_an_occurrence_is_not_its_own_next() -> None:
    schedule = parse("20 * * * * *")
    at = MONDAY + timedelta(seconds=20)

    assert schedule.next_after(at) == at + timedelta(minutes=1)
    assert schedule.next_after(at - timedelta(milliseconds=1)) == at


def test_the_latest_occurrence_includes_the_moment_itself() -> None:
    schedule = parse("20 * * * * *")
    at = MONDAY + timedelta(seconds=20)

    assert schedule.latest_at(at) == schedule.latest_at(at + timedelta(seconds=59.9)) == at
    assert schedule.latest_at(at - timedelta(milliseconds=1)) == at - timedelta(minutes=1)


def test_schedules_are_utc_whatever_zone_the_moment_is_in() -> None:
    moment = MONDAY.astimezone(timezone(timedelta(hours=5, minutes=30)))

    assert parse("0 0 13 * * *").next_after(moment) == MONDAY + timedelta(hours=1)


def test_a_setting_may_hold_the_schedule_or_a_part_of_it() -> None:
    settings = {"PACE": "0 0 * * * *", "MINUTE": "7"}

    assert parse("%PACE%", settings).expression == "0 0 * * * *"
    assert parse("0 %MINUTE% * * * *", settings).expression == "0 7 * * * *"


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(ScheduleError, match="names the setting PACE, which is not set"):
        parse("%PACE%")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("* * * *", "has 4 fields"),
        ("0 0 0 1 1 0 2027", "has 7 fields"),
        ("01:00:00", "has 1 fields"),
        ("60 * * * * *", "no NCRONTAB"),
        ("0 0 0 31 2 *", "no NCRONTAB"),
        ("0 0 0 * * 7", "Sunday is 0"),
        ("0 0 0 L * *", "no NCRONTAB"),
        ("0 0 0 * * 5#1", "no NCRONTAB"),
        ("0 0 0 ? * *", "no NCRONTAB"),
        ("R 0 0 * * *", "no NCRONTAB"),
        ("every minute at noon or so", "no NCRONTAB"),
    ],
)
def test_a_bad_schedule_is_refused_in_a_sentence(text: str, why: str) -> None:
    with pytest.raises(ScheduleError, match=why):
        parse(text)
