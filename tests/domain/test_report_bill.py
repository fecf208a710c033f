"""A report's bill: days that were counted, each thing over its own; silence is no zero."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from shared.domain.costs import DAYS, Count, CountedDay, Equals, Prices, Usage
from shared.domain.reports.bill import (
    UNMETERED,
    Metering,
    MonitorBill,
    billed_span,
    money,
    monitor_bill,
)
from shared.domain.times import DAY, HOUR, Span
from tests.domain.lines import END

WEEK = Span(END - 7 * DAY, END)
MIDNIGHT = END.replace(hour=0)
CALM = Usage(queue_operations=10_000, executions=3000, log_bytes=1e8)
LOGLESS = Usage(queue_operations=4000, executions=3000)
DENIED = ("logs of 9a1f: Azure answered 403",)
SAME = Equals(2, 1, 1.7)


def a_day(usage: Usage = CALM, **changes: tuple[str, ...]) -> CountedDay:
    return CountedDay(counted_at=END, count=Count(usage=usage, **changes))


def a_bill(
    days: dict[int, CountedDay], span: Span = WEEK, prices: Prices | None = None
) -> MonitorBill:
    """The bill of days by how many lie between them and the end."""
    known = Metering(
        days={MIDNIGHT - (back + 1) * DAY: day for back, day in days.items()},
        is_set_up=True,
        prices=prices or Prices(),
        equal_rules=SAME,
    )
    return monitor_bill(span, known)


def test_a_range_bills_as_many_whole_days_as_it_has_up_to_the_last_midnight() -> None:
    assert billed_span(WEEK) == Span(MIDNIGHT - 7 * DAY, MIDNIGHT)
    assert billed_span(Span(END - DAY, END)) == Span(MIDNIGHT - DAY, MIDNIGHT)
    early = MIDNIGHT + 2 * HOUR
    assert billed_span(Span(early - DAY, early)) == Span(MIDNIGHT - 2 * DAY, MIDNIGHT - DAY), (
        "no night has counted the last day yet"
    )
    assert billed_span(Span(END - HOUR, END)) == Span(MIDNIGHT - DAY, MIDNIGHT)


def test_dollars_are_those_of_the_counted_days_and_the_month_is_of_such_days() -> None:
    found = a_bill(dict.fromkeys(range(6), a_day()))

    assert (found.days, found.days_counted, found.days_in_part) == (7, 6, 0)
    assert found.dollars == pytest.approx(6 * 0.004)
    assert found.dollars_a_month == pytest.approx(DAYS * 0.004)
    logged, ran = DAYS * 0.1 * 2.30, DAYS * 3000 / 1e6 * 0.40
    assert found.without_grants == pytest.approx(DAYS * 0.004 + logged + ran)
    assert [one.name for one in found.lines] == ["queue_operations", "executions", "log_bytes"]
    assert found.sentence == (
        "The monitor cost $0.02 from 2026-03-09 to 2026-03-15 (6 of 7 days counted, UTC), at list "
        "prices $0.12 in a month of such days and $7.15 without what is free of it. Not in it: "
        "mails and SMS, what is stored, the key vault, and Azure's own two alerts on the monitor "
        "where they are deployed ($2.00 a month). Equal rules of Azure Monitor, 2 metric "
        "alerts and 1 log alert, would be $1.70 a month. Not counted: 1 day, by no night so far."
    )


def test_a_report_of_a_day_names_the_day_that_it_bills_as_it_is_another_one() -> None:
    found = a_bill({0: a_day()}, Span(END - DAY, END))

    assert (found.start, found.end) == (MIDNIGHT - DAY, MIDNIGHT)
    assert (
        f"less than $0.01 on {MIDNIGHT - DAY:%Y-%m-%d} (1 of 1 day counted, UTC)" in found.sentence
    )


def test_what_is_free_is_free_by_the_month_and_no_day_alone_uses_it_up() -> None:
    busy = replace(CALM, executions=20_000)

    found = a_bill({0: a_day(busy), 1: a_day(busy)})

    paid = (20_000 * DAYS - 250_000) / 1e6 * 0.40
    assert found.dollars_a_month == pytest.approx(DAYS * 0.004 + paid)
    assert found.dollars == pytest.approx(2 * 0.004 + 2 * paid / DAYS)


def test_each_thing_is_told_over_the_days_in_which_it_was_counted() -> None:
    found = a_bill({0: a_day(LOGLESS, problems=DENIED), 1: a_day(), 2: a_day()})

    assert (found.days_counted, found.days_in_part) == (2, 1)
    assert {one.name: (one.days, one.a_day) for one in found.lines} == {
        "queue_operations": (3, 8000),
        "executions": (3, 3000),
        "log_bytes": (2, 1e8),
    }
    assert "2 of 7 days counted, 1 in part" in found.sentence
    assert found.not_counted == ("4 days, by no night so far", *DENIED)


def test_days_of_which_nothing_could_be_counted_are_no_days_for_nothing() -> None:
    denied = a_day(Usage(), problems=tuple(f"Transactions {n}: 403" for n in range(6)))

    found = a_bill(dict.fromkeys(range(7), denied))

    assert (found.days_counted, found.days_in_part) == (0, 0)
    assert found.dollars is found.dollars_a_month is found.without_grants is None
    assert found.sentence.startswith(
        "The monitor's cost was not counted: Transactions 0: 403; Transactions 1: 403; "
        "Transactions 2: 403; and 3 more. Equal rules of Azure Monitor, "
    )


def test_what_no_setting_names_is_told_though_all_that_was_asked_for_is_there() -> None:
    unasked = ("logs: MONITOR_WORKSPACE_ID names no workspace",)

    found = a_bill(dict.fromkeys(range(7), a_day(LOGLESS, unasked=unasked)))

    assert found.days_counted == 7
    assert found.not_counted == unasked


def test_where_no_setting_says_what_to_count_that_is_said_plainly() -> None:
    found = monitor_bill(WEEK, UNMETERED)

    assert (found.dollars, found.days, found.days_counted) == (None, 7, 0)
    assert found.sentence == (
        "The monitor's cost was not counted: no setting names the monitor's own app, storage or "
        "workspace (MONITOR_APP_ID …)."
    )


def test_prices_of_today_are_put_to_days_of_the_past() -> None:
    found = a_bill({0: a_day()}, prices=Prices(queue_operations=0.04))

    assert found.dollars == pytest.approx(0.04)


def test_a_report_of_a_month_has_thirty_days() -> None:
    assert a_bill({}, Span(END - timedelta(days=30), END)).days == 30


def test_money_is_never_nothing_when_it_is_a_little() -> None:
    assert [money(one) for one in (0, 0.0001, 0.005, 0.56, 1234.5)] == [
        *("$0.00", "less than $0.01", "$0.01", "$0.56", "$1,234.50"),
    ]
