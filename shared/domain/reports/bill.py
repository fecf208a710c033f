"""What the monitor cost: the whole days in UTC before a range's end that were counted, priced."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct, structs

from shared.domain.costs import DAYS, CountedDay, Equals, Prices, Usage, bill, left_out
from shared.domain.times import DAY, Span, each_day, floor_day

COUNTED_AFTER = timedelta(hours=3)
"""So long after its end a day was counted by its night, or by none."""
MOST_PROBLEMS = 3
"""In a sentence; the others are mostly the same one."""


class Metering(Struct, frozen=True, kw_only=True):
    """What is known of the monitor's own use, whatever it watches.

    `days`: those that were counted, by their midnight. `is_set_up`: whether nights count at all.
    """

    days: Mapping[datetime, CountedDay]
    is_set_up: bool
    prices: Prices
    equal_rules: Equals


UNMETERED = Metering(days={}, is_set_up=False, prices=Prices(), equal_rules=Equals(0, 0, 0.0))


class BillLine(Struct, frozen=True, kw_only=True, rename="camel"):
    """One thing: its mean over the `days` in which it was counted, and US dollars.

    `dollars`: of those days, the grants taken off by their share of a month; `dollars_a_month` and
    `without_grants`: of a month of such days.
    """

    name: str
    days: int
    a_day: float
    dollars: float
    dollars_a_month: float
    without_grants: float


class MonitorBill(
    Struct,
    frozen=True,
    kw_only=True,
    rename={
        "start": "from",
        "end": "to",
        "days_counted": "daysCounted",
        "days_in_part": "daysInPart",
        "dollars_a_month": "dollarsAMonth",
        "without_grants": "withoutGrants",
        "equal_rules": "equalRules",
        "not_counted": "notCounted",
    },
):
    """The bill of the days from `from` to `to`, of which some were counted, some only in part.

    Dollars null: nothing was counted. `equal_rules`: what equal rules of Azure Monitor would be.
    """

    start: datetime
    end: datetime
    days: int
    days_counted: int
    days_in_part: int
    dollars: float | None
    dollars_a_month: float | None
    without_grants: float | None
    lines: tuple[BillLine, ...]
    equal_rules: Equals
    not_counted: tuple[str, ...]
    sentence: str


def billed_span(span: Span) -> Span:
    """As many days as the range has about, to its last midnight that a night has followed."""
    end = floor_day(span.end - COUNTED_AFTER)
    return Span(end - max(round((span.end - span.start) / DAY), 1) * DAY, end)


def monitor_bill(span: Span, known: Metering) -> MonitorBill:
    """The bill of a range's days; one that was not counted is not zero, and is left out."""
    over = billed_span(span)
    days = list(each_day(over.start, over.end))
    found = [known.days[day] for day in days if day in known.days]
    lines = _lines([one.count.usage for one in found], known.prices)
    whole = sum(not one.count.problems for one in found)
    in_part = sum(bool(one.count.problems) and not one.count.is_empty for one in found)
    made = MonitorBill(
        start=over.start,
        end=over.end,
        days=len(days),
        days_counted=whole,
        days_in_part=in_part,
        dollars=sum(one.dollars for one in lines) if lines else None,
        dollars_a_month=sum(one.dollars_a_month for one in lines) if lines else None,
        without_grants=sum(one.without_grants for one in lines) if lines else None,
        lines=lines,
        equal_rules=known.equal_rules,
        not_counted=_not_counted(found, len(days), known),
        sentence="",
    )
    return structs.replace(made, sentence=_sentence(made, known.prices))


def _lines(usages: Sequence[Usage], prices: Prices) -> tuple[BillLine, ...]:
    """A month of mean days is priced at once, because what is free is free by the month."""
    counted = {
        name: [value for one in usages if (value := getattr(one, name)) is not None]
        for name in Usage.__struct_fields__
    }
    means = {name: sum(values) / len(values) for name, values in counted.items() if values}
    return tuple(
        BillLine(
            name=item.name,
            days=len(counted[item.name]),
            a_day=item.a_day,
            dollars=item.dollars / DAYS * len(counted[item.name]),
            dollars_a_month=item.dollars,
            without_grants=item.without_grants,
        )
        for item in bill(Usage(**means), prices)
        if item.a_day is not None
    )


def _not_counted(found: Sequence[CountedDay], days: int, known: Metering) -> tuple[str, ...]:
    """Why the bill is not whole, by the newest day that says so."""
    if not known.is_set_up and not found:
        return ("no setting names the monitor's own app, storage or workspace (MONITOR_APP_ID …)",)
    missing = days - len(found)
    gaps = [f"{_days(missing)}, by no night so far"] if missing else []
    unasked = found[-1].count.unasked if found else ()
    failed = next((one.count.problems for one in reversed(found) if one.count.problems), ())
    more = [f"and {len(failed) - MOST_PROBLEMS} more"] if len(failed) > MOST_PROBLEMS else []
    return (*gaps, *unasked, *failed[:MOST_PROBLEMS], *more)


def _sentence(made: MonitorBill, prices: Prices) -> str:
    missing, same = "; ".join(made.not_counted), _of_rules(made.equal_rules)
    if made.dollars is None or made.dollars_a_month is None or made.without_grants is None:
        return " ".join(filter(None, [f"The monitor's cost was not counted: {missing}.", same]))
    cost = (
        f"The monitor cost {money(made.dollars)} {_days_told(made)} ({coverage_told(made)}, UTC), "
        f"at list prices {money(made.dollars_a_month)} in a month of such days and "
        f"{money(made.without_grants)} without what is free of it."
    )
    apart = f"Not in it: {left_out(prices)}."
    return " ".join(
        filter(None, [cost, apart, same, f"Not counted: {missing}." if missing else ""])
    )


def _days_told(made: MonitorBill) -> str:
    """Its days lie apart from the report's hours, so they are named."""
    last = f"{made.end - DAY:%Y-%m-%d}"
    return f"on {last}" if made.days == 1 else f"from {made.start:%Y-%m-%d} to {last}"


def coverage_told(made: MonitorBill) -> str:
    """How much of its days was counted: `6 of 7 days counted`."""
    part = f", {made.days_in_part} in part" if made.days_in_part else ""
    return f"{made.days_counted} of {_days(made.days)} counted{part}"


def _of_rules(same: Equals) -> str:
    if not same.metric_alerts + same.log_alerts:
        return ""
    kinds = (_some(same.metric_alerts, "metric alert"), _some(same.log_alerts, "log alert"))
    told = " and ".join(filter(None, kinds))
    return f"Equal rules of Azure Monitor, {told}, would be {money(same.dollars)} a month."


def money(dollars: float) -> str:
    """US dollars in a sentence: `$0.56`; what is less than half a cent is not nothing."""
    return "less than $0.01" if 0 < dollars < 0.005 else f"${dollars:,.2f}"


def _days(count: int) -> str:
    return _some(count, "day")


def _some(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}" if count else ""
