"""Which column of which KQL query in `queries/` gives which metric; a query is one row here."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

QUERIES = Path(__file__).with_name("queries")


@dataclass(frozen=True, eq=False)
class KqlFile:
    """A query by the name of its file."""

    name: str

    @cached_property
    def text(self) -> str:
        """The KQL itself."""
        return (QUERIES / f"{self.name}.kql").read_text(encoding="utf-8")


@dataclass(frozen=True)
class LogQuery(KqlFile):
    """A query that answers one row a minute; minutes of which no telemetry arrived have none.

    A minute of the monitor's own requests alone has a row of zeros: it tells how far telemetry
    has come. `counts`: column to the metric that it counts. `histogram`: the column with the
    minute's [bucket, weight] pairs; `total`: the sum of all durations in milliseconds;
    `distributions`: the metrics that are computed from those two.
    """

    minute: str
    counts: Mapping[str, str]
    histogram: str
    total: str
    distributions: tuple[str, ...]

    @property
    def columns(self) -> dict[str, str]:
        """The columns that an answer must have, with their Kusto types."""
        counted = dict.fromkeys(self.counts, "long")
        return {self.minute: "datetime", **counted, self.total: "real", self.histogram: "dynamic"}


@dataclass(frozen=True)
class ConductQuery(KqlFile):
    """A query that answers one row a minute about what people did; see LogQuery.

    `out_of_hours`: the columns that count outside office hours alone. `logins`: the column with the
    minute's [address, account, failed, logged in] of whoever tried, at most 500.
    """

    minute: str
    counts: Mapping[str, str]
    out_of_hours: frozenset[str]
    logins: str

    @property
    def columns(self) -> dict[str, str]:
        """The columns that an answer must have, with their Kusto types."""
        counted = dict.fromkeys(self.counts, "long")
        return {self.minute: "datetime", **counted, self.logins: "dynamic"}


SECURITY = ConductQuery(
    name="security",
    minute="Minute",
    counts={
        "FailedLogins": "failedLogins",
        "Lockouts": "lockouts",
        "AuthorisationFailures": "authorisationFailures",
        "RateLimitHits": "rateLimitHits",
        "AdminActions": "adminActionsOutOfHours",
        "DataAccess": "dataAccessOutOfHours",
        "Scans": "scanRequests",
    },
    out_of_hours=frozenset({"AdminActions", "DataAccess"}),
    logins="Logins",
)


@dataclass(frozen=True, eq=False)
class TableQuery(KqlFile):
    """A query that answers rows by name for quarters of an hour, those with most first.

    Its rows become tallies under its own name: `labels` and `figures` in this order. `total`: the
    column in which a row without a name tells the sum of its slot, of rows that were left out, too.
    """

    labels: tuple[str, ...]
    figures: Mapping[str, str]
    slot: str = "Slot"
    total: str = ""

    @property
    def columns(self) -> dict[str, str]:
        """The columns that an answer must have, with their Kusto types."""
        named = dict.fromkeys(self.labels, "string")
        total = {self.total: "long"} if self.total else {}
        return {self.slot: "datetime", **named, **self.figures, **total}


OPERATIONS = TableQuery(
    name="operations",
    labels=("Operation",),
    figures={"Requests": "long", "Errors": "long", "TookMs": "real", "Users": "long"},
)
PAGES = TableQuery(
    name="pages",
    labels=("Page",),
    figures={"Views": "long", "TookMs": "real", "Users": "long"},
    total="AllViews",
)
CONDUCT = TableQuery(
    name="conduct", labels=("Event", "Account", "Address"), figures={"Times": "long"}
)
USAGE = (OPERATIONS, PAGES, CONDUCT)
"""What the source `usage` asks."""

LOG_QUERIES: tuple[LogQuery, ...] = (
    LogQuery(
        name="requests",
        minute="Minute",
        counts={
            "Requests": "throughput",
            "ServerErrors": "errorRate",
            "ClientErrors": "clientErrorRate",
        },
        histogram="Histogram",
        total="DurationMs",
        distributions=(
            "responseTime.avg",
            "responseTime.p50",
            "responseTime.p95",
            "responseTime.p99",
        ),
    ),
)
