"""A month's bill from a day's counts: what is free is left aside, what was not counted is said."""

import pytest

from shared.catalog.metrics import CATALOG
from shared.catalog.platform_metrics import NAMESPACES
from shared.catalog.rules import default_rules
from shared.domain.costs import DAYS, Item, Prices, Usage, bill, equal_rules, priced, total
from shared.setting_forms import PRICED
from tests.builders import a_rule


def item(name: str, usage: Usage, prices: Prices | None = None) -> Item:
    return next(one for one in bill(usage, prices or Prices()) if one.name == name)


def test_operations_are_priced_by_ten_thousand() -> None:
    found = item("table_operations", Usage(table_operations=1_000_000 / DAYS))

    assert found.dollars == found.without_grants == pytest.approx(0.036)


def test_what_is_free_is_left_aside_and_told() -> None:
    found = item("executions", Usage(executions=1_250_000 / DAYS))
    assert (found.dollars, found.without_grants) == pytest.approx((0.40, 0.50))

    logs = item("log_bytes", Usage(log_bytes=6_000_000_000 / DAYS))
    assert (logs.dollars, logs.without_grants) == pytest.approx((2.30, 13.80))

    memory = item("gb_seconds", Usage(gb_seconds=44_000 / DAYS))
    assert (memory.dollars, memory.without_grants) == pytest.approx((0, 44_000 * 0.000026))


def test_what_was_not_counted_costs_nothing_here_and_shows_it() -> None:
    assert item("mails", Usage()) == Item("mails", None, 0.0, 0.0)
    assert total(bill(Usage(mails=100 / DAYS, sms=10 / DAYS), Prices())) == pytest.approx(
        (0.0895, 0.0895)
    )


def test_every_price_can_be_set() -> None:
    assert set(PRICED) == set(Prices.__struct_fields__)
    assert {one.name for one in bill(Usage(), Prices())} == set(Usage.__struct_fields__)
    changed = priced(Prices(), {"free_log_gigabytes": 0.0})
    assert item("log_bytes", Usage(log_bytes=1e9 / DAYS), changed).dollars == pytest.approx(2.30)


def test_equal_rules_are_metric_alerts_where_azure_measures_by_itself() -> None:
    rules = [
        a_rule("dtu", metric="dtuUtilization"),
        a_rule("slow", metric="responseTime.avg"),
        a_rule("off", metric="dtuUtilization", enabled=False),
        a_rule("elsewhere", metric="dtuUtilization", targets=("other",)),
    ]

    found = equal_rules(rules, ["pantry-crm"], NAMESPACES.keys(), CATALOG, Prices())

    assert (found.metric_alerts, found.log_alerts) == (1, 1)
    assert found.dollars == pytest.approx(1.60)
    both = equal_rules(rules, ["pantry-crm", "other"], NAMESPACES.keys(), CATALOG, Prices())
    assert (both.metric_alerts, both.log_alerts) == (3, 2)
    shipped = equal_rules(default_rules(), ["pantry-crm"], NAMESPACES.keys(), CATALOG, Prices())
    assert shipped.metric_alerts + shipped.log_alerts == sum(r.enabled for r in default_rules())
