"""Hours of the week by the reader's own clock, also on the days on which it changes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from shared.catalog.metrics import CATALOG
from shared.domain.chunks import Cells, HourChunk
from shared.domain.maintenance import Weekday, Window
from shared.domain.maintenance_wishes import new_window, parse_wish
from shared.domain.times import DAY, HOUR, Span, each_hour
from shared.domain.trends.habits import HeatMap, heat_map, quiet_hours

REQUESTS = CATALOG.metric("throughput")
USERS = CATALOG.metric("activeUsers")
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def a_map(draw: Callable[[datetime], float], span: Span, zone: ZoneInfo | None = None) -> HeatMap:
    """Requests drawn minute by minute."""
    chunks = {
        hour: HourChunk(
            hour=hour,
            cells={"throughput": tuple(draw(hour + timedelta(minutes=n)) for n in range(60))},
        )
        for hour in each_hour(span.start, span.end)
    }
    return heat_map(REQUESTS, chunks, span, zone)


def office(at: datetime) -> float:
    """Work from 9 to 17 by Berlin's clock, nobody on Sundays from 3 to 5."""
    there = at.astimezone(BERLIN)
    if there.weekday() == 6 and 3 <= there.hour < 5:
        return 0.0
    return 50.0 if 9 <= there.hour < 17 and there.weekday() < 5 else 2.0


def test_minutes_lie_where_the_readers_clock_shows_them() -> None:
    found = a_map(office, Span(MONDAY, MONDAY + 7 * DAY), BERLIN)

    assert (found.zone, found.coverage) == ("Europe/Berlin", 1.0)
    assert found.values[0][9:17] == (50.0,) * 8
    assert found.values[0][8] == found.values[0][17] == 2.0
    assert found.peak == (Weekday.MON, 9, 50.0)


@pytest.mark.parametrize(
    "changes", [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)]
)
def test_the_days_on_which_the_clock_changes_move_nothing(changes: datetime) -> None:
    span = Span(changes - 14 * DAY, changes + 14 * DAY)

    found = a_map(office, span, BERLIN)

    assert {value for day in found.values[:5] for value in day[9:17]} == {50.0}
    assert {value for day in found.values[:5] for value in (*day[:9], *day[17:])} == {2.0}


def test_zones_off_the_hour_are_split_by_the_quarter() -> None:
    zone = ZoneInfo("Asia/Kathmandu")  # UTC+05:45
    busy = lambda at: 60.0 if at.astimezone(zone).hour == 10 else 0.0  # noqa: E731 - one line

    found = a_map(busy, Span(MONDAY, MONDAY + 7 * DAY), zone)

    assert [day[10] for day in found.values] == [60.0] * 7
    assert sum(value or 0.0 for value in found.hours) == 7 * 60.0


def test_the_quietest_hours_are_a_window_that_can_be_asked_for() -> None:
    found = a_map(office, Span(MONDAY, MONDAY + 28 * DAY), BERLIN)

    proposed = quiet_hours({"throughput": found})

    assert proposed is not None
    assert proposed.sentence == (
        "The quietest 2 hours of the week are Sunday 03:00 to 05:00 Europe/Berlin: "
        "0 requests/min on average over 28 days."
    )
    wish = parse_wish(
        {
            "recurring": {
                "start": "03:00",
                "minutes": 120,
                "zone": "Europe/Berlin",
                "weekdays": ["sun"],
            },
            "note": proposed.note,
        }
    )
    assert wish.recurring == proposed.recurring
    window: Window = new_window(
        wish, window_id="w", by="me", now=MONDAY, targets=["pantry-crm"], rules=[]
    )
    first = next(window.spans(MONDAY, MONDAY + 7 * DAY))
    assert first == Span(MONDAY + 6 * DAY + 2 * HOUR, MONDAY + 6 * DAY + 4 * HOUR)


def test_of_equally_quiet_hours_those_amid_quiet_ones() -> None:
    night = lambda at: 0.0 if at.hour < 6 else 9.0  # noqa: E731 - one line

    proposed = quiet_hours({"throughput": a_map(night, Span(MONDAY, MONDAY + 7 * DAY))})

    assert proposed is not None
    assert (proposed.recurring.start, proposed.recurring.zone) == ("02:00", "UTC")


def test_half_a_week_proposes_nothing() -> None:
    found = a_map(office, Span(MONDAY, MONDAY + 3 * DAY), BERLIN)

    assert quiet_hours({"throughput": found}) is None


def test_hours_beside_the_span_are_not_on_its_map() -> None:
    cells: Cells = (60.0,) * 60
    hours = [MONDAY + n * HOUR for n in (-1, 0, 2)]
    chunks = {at: HourChunk(hour=at, cells={"activeUsers": cells}) for at in hours}

    found = heat_map(USERS, chunks, Span(MONDAY, MONDAY + 2 * HOUR), None)

    assert [value for day in found.values for value in day if value is not None] == [60.0]


def test_a_sample_that_holds_counts_for_as_long_in_the_coverage() -> None:
    cells: Cells = tuple(float(n) if n % 5 == 0 else None for n in range(60))
    chunks = {MONDAY: HourChunk(hour=MONDAY, cells={"activeUsers": cells})}

    found = heat_map(USERS, chunks, Span(MONDAY, MONDAY + 2 * HOUR), None)

    assert found.coverage == 0.5
    assert found.values[0][0] == sum(range(0, 60, 5)) / 12
