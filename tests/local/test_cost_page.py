"""What docs/operate.md says that a month costs follows from the code, and from what was counted."""

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

import function_app
from local.bench_cost import MINUTES, QUEUES, REPORTS, TIMERS, Ledger, usage_of
from local.host.triggers import QueueTrigger, TimerTrigger, of_type, read_functions
from shared.catalog.metrics import CATALOG
from shared.catalog.platform_metrics import NAMESPACES
from shared.catalog.rules import default_rules
from shared.domain.costs import Prices, bill, equal_rules, total

FUNCTIONS = read_functions(function_app.app)
PAGE = (Path(__file__).parents[2] / "docs" / "operate.md").read_text(encoding="utf-8")
_ROW = re.compile(r"^\| (.+) \| ([\d,.]+) \| ([\d.]+) \| ([\d.]+) \|$", re.MULTILINE)
ROWS = {name: [float(one.replace(",", "")) for one in told] for name, *told in _ROW.findall(PAGE)}


def told(beginning: str) -> float:
    """How much a day the row is said to have."""
    (row,) = (row for name, row in ROWS.items() if name.startswith(beginning))
    return row[0]


def test_the_bench_knows_every_timer_and_queue() -> None:
    assert len(of_type(FUNCTIONS, TimerTrigger)) == TIMERS
    assert len(of_type(FUNCTIONS, QueueTrigger)) == QUEUES


def test_what_the_host_adds_is_told_as_it_is_reckoned() -> None:
    reckoned = usage_of(Ledger())

    assert told("queue operations") == reckoned.queue_operations
    assert told("blob writes") == reckoned.blob_writes
    assert told("blob operations") == reckoned.blob_operations
    assert told("executions") == reckoned.executions
    assert told("GB-seconds") == int(reckoned.gb_seconds or 0)


def test_dollars_follow_from_what_a_day_has() -> None:
    day = replace(
        usage_of(Ledger()),
        table_operations=told("table operations"),
        log_bytes=told("log, in MB") * 1e6,
    )
    items = bill(day, Prices())[: len(ROWS)]

    for item, (_, dollars, without_grants) in zip(items, ROWS.values(), strict=True):
        assert (item.dollars, item.without_grants) == pytest.approx(
            (dollars, without_grants), abs=0.0051
        )
    month = re.search(r"\| all \| \| \*\*([\d.]+)\*\* \| ([\d.]+) \|", PAGE)
    assert month is not None
    # The log is told to a tenth of a megabyte, which is a third of a cent.
    assert total(items) == pytest.approx([float(one) for one in month.groups()], abs=0.009)


def test_the_table_operations_of_a_minute_are_those_of_the_day() -> None:
    (minutely,) = re.findall(r"table operations \((\d+) a minute\)", PAGE)

    assert int(minutely) == told("table operations") // (24 * 60)


def test_minutes_and_looks_are_told_as_the_bench_takes_them() -> None:
    assert MINUTES == 120
    assert "of two hours of minutes," in PAGE
    assert f"the {REPORTS} looks whether a weekly report is due" in PAGE


def test_equal_rules_are_those_that_ship() -> None:
    same = equal_rules(default_rules(), ["crm"], NAMESPACES.keys(), CATALOG, Prices())

    assert (
        f"{same.metric_alerts} metric alerts and {same.log_alerts} log alerts, "
        f"would be $ {same.dollars:.2f} a month"
    ) in PAGE
