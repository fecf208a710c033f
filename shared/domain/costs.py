"""What the monitor costs: what it used in a day, at list prices, as dollars a month.

Grants that Azure gives to an account (executions, memory time, the first gigabytes of logs) are
shared with whatever else the account runs, so both are told: what is paid with them, and what it
would be without.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from msgspec import Struct, structs

from shared.domain.metrics import Catalog
from shared.domain.rules import Rule

DAYS = 30.4
"""Of a month."""
_TEN_THOUSAND = 10_000


class Usage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a day used; None: it could not be counted.

    Operations are requests to the storage; of blobs what writes or lists is dearer and is counted
    apart. Memory time is in GB-seconds as it is billed (a second an execution at least); logs in
    bytes as they are billed; mails and SMS by recipient.
    """

    table_operations: float | None = None
    queue_operations: float | None = None
    blob_writes: float | None = None
    blob_operations: float | None = None
    executions: float | None = None
    gb_seconds: float | None = None
    log_bytes: float | None = None
    mails: float | None = None
    sms: float | None = None


def together(newer: Usage, older: Usage) -> Usage:
    """What either of two counts of the same time could tell; the newer one's word before all."""
    told = {name: getattr(newer, name) for name in newer.__struct_fields__}
    return structs.replace(older, **{name: one for name, one in told.items() if one is not None})


class Count(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a stretch of time used, as far as it could be counted.

    `problems`: why some of it could not be; `unasked`: what no setting names, each in a sentence.
    """

    usage: Usage
    problems: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all could be counted."""
        return self.usage == Usage()


LATE = timedelta(hours=12)
"""What Azure counts of a day may come so long after its end."""


class CountedDay(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a whole day in UTC used, as it was counted at `counted_at`."""

    counted_at: datetime
    count: Count

    def is_settled(self, end: datetime) -> bool:
        """Whether counting the day that ended at `end` once more would say nothing new."""
        return not self.count.problems and self.counted_at - end >= LATE


class Prices(Struct, frozen=True, kw_only=True):
    """US dollars at list price, and what is free of it each month.

    Locally redundant general purpose v2 storage, Flex Consumption on demand, a workspace that is
    paid as it goes; from the retail prices API (prices.azure.com), the storage's as infracost's
    own tests quote it. They differ by region and change: the setting PRICES says others.
    """

    table_operations: float = 0.00036  # 10,000 of them, as are the next three
    queue_operations: float = 0.004
    blob_writes: float = 0.055
    blob_operations: float = 0.0044
    executions: float = 0.40  # a million of them
    gb_seconds: float = 0.000026
    log_gigabytes: float = 2.30
    mails: float = 0.00025
    sms: float = 0.00645
    free_executions: float = 250_000
    free_gb_seconds: float = 100_000
    free_log_gigabytes: float = 5
    metric_alert: float = 0.10  # a rule and month, over one time series
    log_alert: float = 1.50  # a rule and month, evaluated every 5 minutes


class Item(Struct, frozen=True, rename="camel"):
    """A line of the bill: how much a day, and dollars a month with and without what is free."""

    name: str
    a_day: float | None
    dollars: float
    without_grants: float


def priced(prices: Prices, changes: Mapping[str, float]) -> Prices:
    """The prices with some of them changed, by their names in JSON (camelCase is not used)."""
    return structs.replace(prices, **changes)


def bill(usage: Usage, prices: Prices) -> list[Item]:
    """A month of such days, a line for each thing; what was not counted costs nothing here."""
    return [_item(name, getattr(usage, name), prices) for name in usage.__struct_fields__]


def _item(name: str, a_day: float | None, prices: Prices) -> Item:
    month = (a_day or 0.0) * DAYS
    free, per, price = _TARIFF[name]
    units = month / per
    granted = getattr(prices, free) if free else 0.0
    # Grants of logs are in gigabytes, the others in what is counted.
    left = max(units - granted, 0.0) if per == _GIGABYTE else max(month - granted, 0.0) / per
    dollars = getattr(prices, price)
    return Item(name, a_day, left * dollars, units * dollars)


_GIGABYTE = 1_000_000_000
_TARIFF: Mapping[str, tuple[str, float, str]] = {
    "table_operations": ("", _TEN_THOUSAND, "table_operations"),
    "queue_operations": ("", _TEN_THOUSAND, "queue_operations"),
    "blob_writes": ("", _TEN_THOUSAND, "blob_writes"),
    "blob_operations": ("", _TEN_THOUSAND, "blob_operations"),
    "executions": ("free_executions", 1_000_000, "executions"),
    "gb_seconds": ("free_gb_seconds", 1, "gb_seconds"),
    "log_bytes": ("free_log_gigabytes", _GIGABYTE, "log_gigabytes"),
    "mails": ("", 1, "mails"),
    "sms": ("", 1, "sms"),
}
"""Of each line: the field of what is free, what one price is for, and the field of that price."""


def total(items: Iterable[Item]) -> tuple[float, float]:
    """Dollars a month, and without what is free."""
    lines = list(items)
    return sum(one.dollars for one in lines), sum(one.without_grants for one in lines)


def left_out(prices: Prices) -> str:
    """What no line has: what alerts cost, what is stored, and Azure's own alerts on the monitor.

    Of these one is evaluated every 5 minutes, the other every 15, at a third of the price.
    """
    watched = prices.log_alert * (1 + 1 / 3)
    return (
        "mails and SMS, what is stored, the key vault, and Azure's own two alerts on the monitor "
        f"where they are deployed (${watched:,.2f} a month)"
    )


class Equals(Struct, frozen=True, rename="camel"):
    """What equal alert rules of Azure Monitor would be: how many of each kind, and their price."""

    metric_alerts: int
    log_alerts: int
    dollars: float


def equal_rules(
    rules: Iterable[Rule],
    targets: Collection[str],
    platform: Collection[str],
    catalog: Catalog,
    prices: Prices,
) -> Equals:
    """The rules as Azure Monitor would bill them, for all targets.

    A condition on what `platform` sources measure is a metric alert's, any other one a log
    alert's, which first needs its figures to be logged by somebody; that is not in the price.
    """
    kinds = [
        kind
        for rule in rules
        for target in targets
        for kind in _kinds(rule, target, platform, catalog)
    ]
    metric, log = kinds.count("metric"), kinds.count("log")
    return Equals(metric, log, metric * prices.metric_alert + log * prices.log_alert)


def _kinds(rule: Rule, target: str, platform: Collection[str], catalog: Catalog) -> Iterator[str]:
    """A composite is one log alert: metric alerts over several resources are several rules."""
    if not rule.applies_to(target):
        return
    sources = [catalog.metric(member.metric).sources for member in rule.members]
    is_metric = len(sources) == 1 and not set(platform).isdisjoint(sources[0])
    yield "metric" if is_metric else "log"
