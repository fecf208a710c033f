"""What the monitor used, a row for each whole day: counted once it is settled, healed, and kept."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest

from shared.adapters.rows import InsertRow
from shared.domain.costs import Count, CountedDay, Usage
from shared.domain.retention import KEPT
from shared.domain.times import DAY, HOUR, Span, day_key, floor_day
from shared.ports import House
from shared.services.count_usage import (
    HEALED_DAYS,
    PARTITION,
    count_usage,
    counted_days,
    drop_old_usage,
)
from shared.services.night import night
from shared.services.targets import activate
from tests.builders import T0, TARGET, a_desk
from tests.walks.interrupted import Interruption, Tables

NIGHT = timedelta(hours=2, minutes=10)
DENIED = Count(usage=Usage(), problems=("Transactions: Azure answered 403",))


class Bill:
    """A Meter that counts a thousand executions an hour, unless a day has another answer."""

    def __init__(self) -> None:
        self.asked: list[datetime] = []
        self.instead: dict[datetime, Count] = {}

    def count(self, span: Span) -> Count:
        self.asked.append(span.start)
        hours = (span.end - span.start) / HOUR
        return self.instead.get(span.start, Count(usage=Usage(executions=1000 * hours)))


class Breaking:
    def count(self, span: Span) -> Count:
        raise ZeroDivisionError(span)


def a_house(meter: Bill | Breaking | None, since: datetime = T0) -> House:
    house = replace(a_desk().house, meter=meter)
    activate(TARGET, config=house.config, now=since)
    return house


def told(house: House) -> dict[datetime, CountedDay]:
    return dict(counted_days(Span(T0 - DAY, T0 + 4000 * DAY), house=house))


def test_a_night_counts_the_last_whole_day_and_the_next_night_counts_it_again() -> None:
    """What Azure tells of a day comes late: until then the row is the same, only better."""
    bill = Bill()
    house = a_house(bill)

    for number in (1, 2, 3):
        count_usage(house=house, now=T0 + number * DAY + NIGHT)

    days = [T0, T0 + DAY, T0 + 2 * DAY]
    assert bill.asked == [days[0], days[1], days[0], days[2], days[1]]
    assert [*told(house)] == days
    assert {one.count.usage.executions for one in told(house).values()} == {24_000}


def test_counted_again_a_day_is_the_same_row() -> None:
    house = a_house(Bill())
    now = T0 + DAY + NIGHT

    count_usage(house=house, now=now)
    before = told(house)
    count_usage(house=house, now=now)

    assert told(house) == before
    assert len(before) == 1


def test_missed_nights_heal_a_handful_of_days_back_but_never_to_before_the_monitor_ran() -> None:
    bill = Bill()
    house = a_house(bill, since=T0 + 2 * DAY + 5 * HOUR)

    count_usage(house=house, now=T0 + 5 * DAY + NIGHT)
    assert bill.asked == [T0 + 4 * DAY, T0 + 3 * DAY], "its first day was no whole one"

    bill.asked.clear()
    late = T0 + 30 * DAY
    count_usage(house=house, now=late + NIGHT)
    assert bill.asked == [late - (back + 1) * DAY for back in range(HEALED_DAYS)]


def test_a_missing_role_costs_one_day_of_questions_a_night_and_heals_when_it_is_given() -> None:
    bill = Bill()
    house = a_house(bill)
    bill.instead = {T0 + number * DAY: DENIED for number in range(3)}

    for number in (1, 2, 3):
        count_usage(house=house, now=T0 + number * DAY + NIGHT)
    assert bill.asked == [T0, T0 + DAY, T0 + 2 * DAY]
    assert told(house)[T0 + 2 * DAY].count == DENIED

    bill.instead.clear()
    count_usage(house=house, now=T0 + 4 * DAY + NIGHT)
    assert not any(one.count.problems for one in told(house).values())
    assert len(told(house)) == 4


def test_a_day_that_was_counted_is_not_lost_to_a_worse_answer() -> None:
    bill = Bill()
    house = a_house(bill)
    count_usage(house=house, now=T0 + DAY + NIGHT)
    bill.instead[T0] = DENIED

    count_usage(house=house, now=T0 + 2 * DAY + NIGHT)

    assert told(house)[T0].count.usage.executions == 24_000


def test_two_counts_that_failed_in_different_places_make_a_better_one() -> None:
    bill = Bill()
    house = a_house(bill)
    bill.instead[T0] = Count(usage=Usage(executions=9, sms=1), problems=("logs: TimeoutError",))
    count_usage(house=house, now=T0 + DAY + NIGHT)
    late = Count(usage=Usage(executions=10, log_bytes=5), problems=("Transactions: 429",))
    bill.instead[T0] = late

    count_usage(house=house, now=T0 + 2 * DAY + NIGHT)

    kept = told(house)[T0].count
    assert kept.usage == Usage(executions=10, log_bytes=5, sms=1)
    assert kept.problems == late.problems


def test_a_damaged_row_is_counted_anew() -> None:
    desk = a_desk()
    house = replace(desk.house, meter=Bill())
    activate(TARGET, config=house.config, now=T0)
    row = InsertRow(day_key(T0), {"countedAt": "some day"})
    desk.storage.config.transact(PARTITION, [row])

    count_usage(house=house, now=T0 + DAY + NIGHT)

    assert told(house)[T0].count.usage.executions == 24_000


def test_when_time_is_up_no_further_day_is_begun() -> None:
    bill = Bill()
    left = iter([True, False])

    count_usage(house=a_house(bill), now=T0 + 5 * DAY + NIGHT, keep_going=lambda: next(left))

    assert bill.asked == [T0 + 4 * DAY]


def test_a_night_that_many_targets_fill_counts_a_day_all_the_same() -> None:
    bill = Bill()
    seconds = iter([0, 91, 91])
    house = a_house(bill)
    pressed = replace(house, wall=lambda: T0 + timedelta(seconds=next(seconds, 96)))

    night([TARGET], house=pressed, now=T0 + 2 * DAY + NIGHT)

    assert bill.asked == [T0 + DAY]


def test_without_a_meter_nothing_is_counted() -> None:
    house = a_house(None)

    night([TARGET], house=house, now=T0 + 2 * DAY + NIGHT)

    assert told(house) == {}


def test_a_meter_that_breaks_is_told_in_the_log_and_harms_no_night(
    caplog: pytest.LogCaptureFixture,
) -> None:
    house = a_house(Breaking())

    night([TARGET], house=house, now=T0 + 2 * DAY + NIGHT)

    assert "what the monitor used was not counted" in caplog.text
    assert "broke off" not in caplog.text


def test_rows_go_with_the_summaries_of_their_days() -> None:
    house = a_house(Bill())
    count_usage(house=house, now=T0 + 3 * DAY + NIGHT)

    late = T0 + KEPT.days + 2 * DAY + NIGHT
    assert drop_old_usage(house=house, now=late) == 2
    assert [*told(house)] == [T0 + 2 * DAY]
    assert floor_day(late) - KEPT.days == T0 + 2 * DAY


def test_two_nights_at_once_leave_the_same_rows() -> None:
    now = T0 + 4 * DAY + NIGHT
    for at in range(1, 30):
        tables = Tables()
        house = replace(a_desk(storage=tables.storage).house, meter=Bill())
        activate(TARGET, config=house.config, now=T0)
        moment = Interruption(at, partial(count_usage, house=house, now=now))
        tables.on_step(moment.step)
        moment.run(partial(count_usage, house=house, now=now))
        tables.on_step(lambda: None)

        assert [*told(house)] == [T0 + number * DAY for number in range(4)], at
        assert {one.count.usage.executions for one in told(house).values()} == {24_000}
        if moment.calls < at:
            return
    pytest.fail("a night of four days takes no more calls than this")
