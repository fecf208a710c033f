"""When a maintenance window holds: once, again and again, and on the nights when clocks change."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InvalidInput
from shared.domain.maintenance import Recurring, Weekday, Window, clock_time, window_until
from shared.domain.maintenance_wishes import new_window, parse_wish
from shared.domain.rules import Severity
from shared.domain.times import MINUTE, Span
from tests.domain.builders import TARGET, a_rule, at
from tests.domain.drawing import cases

BERLIN = ZoneInfo("Europe/Berlin")
NOW = at(0)


def a_window(**changes: Any) -> Window:
    return Window(**{"id": "w-1", "by": "ana", "at": NOW, **changes})


def recurring(**changes: Any) -> Window:
    given: dict[str, Any] = {"start": "02:30", "minutes": 60, "zone": "Europe/Berlin", **changes}
    return a_window(recurring=Recurring(**given))


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def shown(span: Span) -> str:
    """A span by the clocks on the wall in Berlin."""
    return f"{span.start.astimezone(BERLIN):%d %H:%M%z} to {span.end.astimezone(BERLIN):%H:%M%z}"


def spans_of(window: Window, first: str, last: str) -> list[str]:
    return [shown(span) for span in window.spans(moment(first), moment(last))]


# What one night looks like by the clocks in Berlin: spring skips 02:00-03:00 on 29 March 2026,
# autumn shows 02:00-03:00 twice on 25 October 2026.

NIGHTS = [
    # start, lasts, the night before spring, the night itself, and autumn's
    ("01:30", {"minutes": 60}, "01:30+0100 to 02:30+0100", "01:30+0100 to 03:30+0200",
     "01:30+0200 to 02:30+0200"),
    ("02:30", {"minutes": 60}, "02:30+0100 to 03:30+0100", "03:30+0200 to 04:30+0200",
     "02:30+0200 to 02:30+0100"),
    ("03:00", {"minutes": 60}, "03:00+0100 to 04:00+0100", "03:00+0200 to 04:00+0200",
     "03:00+0100 to 04:00+0100"),
    ("01:30", {"end": "02:30"}, "01:30+0100 to 02:30+0100", "01:30+0100 to 03:30+0200",
     "01:30+0200 to 02:30+0100"),
    ("02:30", {"end": "03:30"}, "02:30+0100 to 03:30+0100", "03:30+0200 to 03:30+0200",
     "02:30+0200 to 03:30+0100"),
]  # fmt: skip


@pytest.mark.parametrize(("start", "lasts", "usual", "spring", "autumn"), NIGHTS)
def test_a_window_on_the_nights_when_clocks_change(
    start: str, lasts: dict[str, Any], usual: str, spring: str, autumn: str
) -> None:
    rule = Recurring(start=start, zone="Europe/Berlin", **lasts)
    nights = {date(2026, 3, 28): usual, date(2026, 3, 29): spring, date(2026, 10, 25): autumn}

    assert {day: shown(rule.occurrence(day))[3:] for day in nights} == nights


@pytest.mark.parametrize(
    ("night", "hours"), [("2026-03-28", 8), ("2026-10-24", 10), ("2026-06-01", 9)]
)
def test_quiet_hours_end_by_the_clock_whatever_the_night_is_long(night: str, hours: int) -> None:
    span = Recurring(start="22:00", end="07:00", zone="Europe/Berlin").occurrence(
        date.fromisoformat(night)
    )

    assert span.end - span.start == timedelta(hours=hours)
    assert span.end.astimezone(BERLIN).hour == 7


def test_the_end_is_no_part_of_it() -> None:
    window = a_window(once=Span(at(10), at(20)))

    held = [n for n in range(30) if window_until([window], at(n))]
    assert held == list(range(10, 20))
    assert window_until([window], at(19.99)) == at(20)


def test_of_several_that_hold_the_last_one_tells_the_end() -> None:
    windows = [a_window(once=Span(at(0), at(20))), a_window(once=Span(at(5), at(30)))]

    assert [window_until(windows, at(n)) for n in (4, 6, 25, 31)] == [at(20), at(30), at(30), None]


def test_weekdays_and_days_of_the_month_are_added_up() -> None:
    window = recurring(weekdays=(Weekday.SAT,), days=(1, 31), start="12:00")

    days = [shown[:2] for shown in spans_of(window, "2026-04-24T00:00Z", "2026-06-02T00:00Z")]
    assert days == ["25", "01", "02", "09", "16", "23", "30", "31", "01"]


def test_first_and_last_bound_the_days_on_which_it_begins() -> None:
    window = recurring(start="23:30", first=date(2026, 6, 2), last=date(2026, 6, 3))

    found = spans_of(window, "2026-05-25T00:00Z", "2026-06-10T00:00Z")
    assert found == ["02 23:30+0200 to 00:30+0200", "03 23:30+0200 to 00:30+0200"]
    assert not window.is_over(moment("2026-06-04T00:10+02:00"))
    assert window.is_over(moment("2026-06-20T00:00Z"))


def test_a_window_of_seven_days_still_holds_on_the_last() -> None:
    window = recurring(start="00:00", minutes=7 * 1440, days=(1,), zone="Pacific/Kiritimati")
    begins = datetime(2026, 5, 1, tzinfo=ZoneInfo("Pacific/Kiritimati")).astimezone(UTC)

    assert window_until([window], begins - MINUTE) is None
    assert window_until([window], begins) == begins + timedelta(days=7)
    assert window_until([window], begins + timedelta(days=6.99)) == begins + timedelta(days=7)


def test_what_was_ended_by_hand_holds_no_more_and_held_before() -> None:
    window = a_window(once=Span(at(0), at(60)), ended_at=at(30))

    assert window_until([window], at(29)) == at(30)
    assert window_until([window], at(30)) is None
    assert window.is_over(at(30))


@pytest.mark.parametrize(
    ("limits", "concerned"),
    [
        ({}, True),
        ({"targets": (TARGET,)}, True),
        ({"targets": ("other",)}, False),
        ({"rules": ("dtu-critical",)}, True),
        ({"rules": ("other",)}, False),
        ({"severities": (Severity.LOW, Severity.MEDIUM)}, False),
        ({"severities": (Severity.CRITICAL,), "rules": ("other",)}, False),
    ],
)
def test_a_window_concerns_what_it_names(limits: dict[str, Any], *, concerned: bool) -> None:
    assert a_window(**limits).concerns(TARGET, a_rule()) is concerned


ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]


def minutes_of(window: Window, first: datetime, count: int) -> Iterator[bool]:
    """Minute by minute, found by walking the zone's clock; nothing is computed from offsets."""
    rule = window.recurring
    assert rule is not None
    zone, left, seen = ZoneInfo(rule.zone), 0, set[date]()
    for n in range(-8 * 1440, count):
        local = (first + n * MINUTE).astimezone(zone)
        begins = f"{local:%H:%M}" == rule.start and local.date() not in seen
        if begins and rule.begins_on(local.date()):
            seen.add(local.date())
            left = max(left, rule.minutes or 0)
        if n >= 0:
            yield left > 0
        left -= 1


@given(
    st.sampled_from(ZONES),
    st.integers(0, 23),
    st.sampled_from([0, 15, 30]),
    st.integers(1, 2000),
    st.sets(st.sampled_from(list(Weekday)), max_size=3),
    st.dates(date(2026, 1, 1), date(2026, 12, 31)),
)
@cases(8)
def test_any_window_holds_in_the_minutes_that_a_walk_along_the_zones_clock_finds(
    zone: str, hour: int, minute: int, length: int, weekdays: set[Weekday], day: date
) -> None:
    window = recurring(
        zone=zone, start=f"{hour:02d}:{minute:02d}", minutes=length, weekdays=tuple(weekdays)
    )
    first = datetime.combine(day, datetime.min.time(), UTC)
    days = [first.date() + timedelta(days=n) for n in range(-9, 3)]
    if any(is_skipped(zone, one, window.recurring) for one in days):
        return  # The walk never sees a time that the clock skips: the table above tells it.

    spans = list(window.spans(first, first + 1440 * MINUTE))
    found = [any(span.covers(first + n * MINUTE) for span in spans) for n in range(0, 1440, 7)]
    assert found == list(minutes_of(window, first, 1440))[::7]


def is_skipped(zone: str, day: date, rule: Recurring | None) -> bool:
    assert rule is not None
    local = datetime.combine(day, clock_time(rule.start), ZoneInfo(zone))
    seen = local.astimezone(UTC).astimezone(ZoneInfo(zone))
    return seen.replace(tzinfo=None) != local.replace(tzinfo=None)


# What people ask for.


def made(**body: Any) -> Window:
    return new_window(
        parse_wish(body), window_id="w-1", by="ana", now=NOW, targets=[TARGET], rules=["dtu-high"]
    )


def test_quiet_for_an_hour_is_a_window_over_everything_with_an_end() -> None:
    window = made(minutes=60)

    assert window.once == Span(NOW, at(60))
    assert window.concerns(TARGET, a_rule())


def test_a_window_from_then_until_then_is_kept_in_utc() -> None:
    window = made(**{"from": "2026-01-01T23:00:00+01:00", "until": "2026-01-02T01:00:00.5+01:00"})

    assert window.once == Span(at(22 * 60), at(24 * 60))
    assert window.once.start.tzinfo is UTC


def test_without_a_beginning_or_with_one_that_is_past_it_begins_now() -> None:
    assert made(until="2026-01-01T01:00:00Z").once == Span(NOW, at(60))
    past = {"from": "2025-12-31T00:00:00Z", "until": "2026-01-01T01:00:00Z"}
    assert made(**past).once == Span(NOW, at(60))


def weekly(**changes: Any) -> dict[str, Any]:
    return {"recurring": {"start": "02:00", "minutes": 60, "zone": "Europe/Berlin", **changes}}


@pytest.mark.parametrize(
    "body",
    [
        {"minutes": 1},
        {"minutes": 10080},
        {"until": "2026-01-08T00:00:00Z"},
        {"from": "2027-01-02T00:00:00Z", "until": "2027-01-03T00:00:00Z"},
        {"minutes": 5, "targets": [TARGET]},
        {"minutes": 5, "note": "x" * 1000},
        weekly(first="2026-03-01", last="2026-03-01"),
        weekly(first="2027-01-02"),
    ],
)
def test_what_just_keeps_to_the_limits_is_accepted(body: dict[str, Any]) -> None:
    assert made(**body).id == "w-1"


def test_quiet_hours_for_the_lesser_severities() -> None:
    hours = {"start": "22:00", "end": "07:00", "zone": "Europe/Berlin"}
    window = made(recurring=hours, severities=["low", "medium"])

    assert window.concerns(TARGET, a_rule(severity=Severity.MEDIUM))
    assert not window.concerns(TARGET, a_rule(severity=Severity.HIGH))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "a window needs an end"),
        ({"minutes": 60, "until": "2026-01-01T01:00:00Z"}, "a window needs an end"),
        ({"from": "2026-01-01T01:00:00Z"}, "give until beside from"),
        ({"minutes": 0}, "from 1 to 10080 (7 days), not 0"),
        ({"minutes": 10081}, "not 10081"),
        ({"minutes": "60"}, "minutes must be a whole number"),
        ({"until": "2026-01-01T01:00:00"}, "a time with its zone"),
        ({"until": "2025-12-31T23:00:00Z"}, "until must lie after from, and ahead"),
        ({"until": "2026-01-01T00:00:00Z"}, "until must lie after from, and ahead"),
        ({"until": "2026-01-08T00:00:01Z"}, "at most 7 days"),
        ({"from": "2028-01-01T00:00:00Z", "until": "2028-01-01T01:00:00Z"}, "within a year"),
        ({"minutes": 5, "targets": []}, "targets names 1 to 50"),
        ({"minutes": 5, "targets": ["other"]}, "there is no target 'other'; known are pantry-crm"),
        ({"minutes": 5, "rules": ["other"]}, "there is no rule 'other'; known are dtu-high"),
        ({"minutes": 5, "severities": ["grave"]}, "severities must be a list out of low, medium"),
        ({"minutes": 5, "note": "x" * 1001}, "at most 1,000 characters"),
        (weekly(zone="Europe/Nowhere"), "recurring: zone must be an IANA zone"),
        (weekly(zone="Europe"), "recurring: zone must be an IANA zone"),
        (weekly(zone="../etc/passwd"), "recurring: zone must be an IANA zone"),
        (weekly(start="2:00"), "recurring: start must be the time of day"),
        (weekly(start="24:00"), "recurring: start must be the time of day"),
        (weekly(end="03:00"), "recurring: give either minutes, its length, or end"),
        (weekly(minutes=None, end="02:00"), "recurring: end must differ from start"),
        (weekly(weekdays=["monday"]), "recurring: weekdays must be a list out of mon, tue"),
        (weekly(days=[32]), "recurring: days must be a list of days of the month"),
        (weekly(first="2026-02-30"), "recurring: first must be the first day"),
        (weekly(first="2026-02-03", last="2026-02-02"), "recurring: first must not lie after last"),
        (weekly(first="9999-12-31"), "recurring: first must lie within a year"),
        ({"until": "9999-12-31T23:59:59-12:00"}, "until must be a time with its zone"),
        ({"from": "0001-01-01T00:00:00+12:00"}, "from must be a time with its zone"),
        (weekly(minutes=1440), "recurring: its occurrences leave no time between them"),
        (weekly(minutes=10080, weekdays=["mon"]), "recurring: its occurrences leave no time"),
        (weekly(until="2026-02-02"), "recurring takes start, minutes or end, zone"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(body: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        made(**body)

    assert said in str(refused.value)


@pytest.mark.parametrize(
    "good",
    [
        {"minutes": 1439},
        {"minutes": 1440, "last": "2026-01-06"},
        {"minutes": 10079, "weekdays": ["sun"]},
    ],
)
def test_what_leaves_a_minute_between_or_ends_within_a_week_is_taken(good: dict[str, Any]) -> None:
    assert made(**weekly(**good)).recurring is not None
