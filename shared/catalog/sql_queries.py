"""The statements that the database is asked, which columns they answer, and what they take.

The columns are those of Microsoft's pages, named beside each statement in its file.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path

QUERIES = Path(__file__).with_name("queries")

BUSY = 80.0
"""From this DTU percent on, everything but the minute's batch waits."""
SLOT = 5
"""Minutes of a slot of the CRM's own counts, as their statements have it."""
LONG_SLOT = 15
"""The same of its business, which moves more slowly."""


class Grant(StrEnum):
    """What lets the monitor read a view (on Basic; infra/sql/grant-monitor.sql gives it)."""

    DATABASE_STATE = "VIEW DATABASE STATE"
    SERVER_STATE = "##MS_ServerStateReader##"
    DEFINITION = "VIEW DEFINITION"


@dataclass(frozen=True)
class SqlQuery:
    """One SELECT of queries/; it gives `source` its samples, or nothing that is stored.

    `slot`: of the CRM's own rows, the minutes that it counts together.
    """

    name: str
    columns: tuple[str, ...]
    source: str = ""
    needs: tuple[Grant, ...] = ()
    parameters: tuple[str, ...] = field(default=())
    slot: int = SLOT

    @property
    def wants(self) -> str:
        """What it needs, in words; empty when everybody may read it."""
        return " and ".join(self.needs)

    @cached_property
    def text(self) -> str:
        """The T-SQL itself."""
        return (QUERIES / f"{self.name}.sql").read_text(encoding="utf-8")


RESOURCE_STATS = SqlQuery(
    "resource_stats",
    (
        "end_time",
        "avg_cpu_percent",
        "avg_data_io_percent",
        "avg_log_write_percent",
        "max_worker_percent",
        "max_session_percent",
    ),
    source="dmv",
    needs=(Grant.DATABASE_STATE,),
    parameters=("since",),
)
SESSIONS = SqlQuery("sessions", ("connections",), source="sessions", needs=(Grant.DATABASE_STATE,))
STORAGE = SqlQuery("storage", ("used_bytes", "limit_bytes"), source="size")
BLOCKING = SqlQuery("blocking", ("blocked",), source="blocking", needs=(Grant.SERVER_STATE,))
OWN_SHARE = SqlQuery("own_share", ("cpu_ms", "logical_reads"), source="self")

MINUTE_BATCH = (RESOURCE_STATS, SESSIONS, STORAGE, BLOCKING, OWN_SHARE)
"""One round trip, each minute."""

ACTIVE_USERS = SqlQuery("active_users", ("active",), source="users", parameters=("since",))
INTERACTIONS = SqlQuery(
    "interactions", ("slot", "logged"), source="interactions", parameters=("since", "until")
)
REPORTS = SqlQuery(
    "reports", ("slot", "generated"), source="reports", parameters=("since", "until")
)
SYNC_PENDING = SqlQuery("sync_pending", ("pending",), source="syncs", parameters=("pending",))
SYNC_FAILURES = SqlQuery(
    "sync_failures",
    ("slot", "failed"),
    source="syncs",
    parameters=("since", "until", "failed"),
)

INTERACTION_TYPES = SqlQuery(
    "interaction_types",
    ("slot", "kind", "logged"),
    source="kinds",
    parameters=("since", "until"),
    slot=LONG_SLOT,
)
REPORT_DURATIONS = SqlQuery(
    "report_durations",
    ("slot", "kind", "generated", "took_ms", "longest_ms"),
    source="durations",
    parameters=("since", "until"),
    slot=LONG_SLOT,
)
DEALS_CLOSED = SqlQuery(
    "deals_closed",
    ("slot", "stage", "deals", "worth"),
    source="deals",
    parameters=("since", "until"),
    slot=LONG_SLOT,
)
DEALS_OF_MONTH = SqlQuery(
    "deals_of_month",
    ("stage", "deals", "worth", "today"),
    source="deals",
    parameters=("month", "today", "until"),
    slot=LONG_SLOT,
)
PIPELINE = SqlQuery("pipeline", ("stage", "deals", "worth"), source="deals", slot=LONG_SLOT)

BUSINESS = (INTERACTION_TYPES, REPORT_DURATIONS, DEALS_CLOSED, DEALS_OF_MONTH, PIPELINE)
"""The CRM's business, every fifteen minutes."""
COUNTS = (ACTIVE_USERS, INTERACTIONS, REPORTS, SYNC_PENDING, SYNC_FAILURES, *BUSINESS)
"""The CRM's own rows, every five or fifteen minutes."""
WON, LOST = "won", "lost"
"""How deals end, in small letters."""

RUNNING_REQUESTS = SqlQuery(
    "running_requests",
    (
        "session_id",
        "status",
        "command",
        "cpu_time",
        "total_elapsed_time",
        "logical_reads",
        "wait_type",
        "blocking_session_id",
        "program_name",
        "host_name",
        "statement",
    ),
    needs=(Grant.SERVER_STATE,),
)
GRANTS = SqlQuery("grants", ("view_database_state", "view_server_state", "view_definition"))

SQL_QUERIES = (*MINUTE_BATCH, *COUNTS, RUNNING_REQUESTS, GRANTS)
"""What is asked every minute or five, and when a storm begins."""

GRANTED = {
    Grant.DATABASE_STATE: "view_database_state",
    Grant.SERVER_STATE: "view_server_state",
    Grant.DEFINITION: "view_definition",
}
"""The column of GRANTS that says whether the login has it."""

NAME_SETS: dict[str, dict[str, str]] = {
    "crm": {
        "sessions": "Session",
        "sessions.seenAt": "lastActivityAt",
        "interactions": "Interaction",
        "interactions.createdAt": "createdAt",
        "reports": "Report",
        "reports.createdAt": "createdAt",
        "syncs": "OfflineSync",
        "syncs.status": "status",
        "syncs.updatedAt": "updatedAt",
        "interactions.type": "type",
        "reports.type": "type",
        "reports.durationMs": "durationMs",
        "deals": "Opportunity",
        "deals.stage": "stage",
        "deals.value": "value",
        "deals.closedAt": "closedAt",
    },
    "brief": {
        "sessions": "UserSession",
        "sessions.seenAt": "lastActivity",
        "interactions": "Interaction",
        "interactions.createdAt": "createdAt",
        "reports": "ReportExecution",
        "reports.createdAt": "createdAt",
        "syncs": "OfflineSyncItem",
        "syncs.status": "syncStatus",
        "syncs.updatedAt": "updatedAt",
        "interactions.type": "type",
        "reports.type": "type",
        "reports.durationMs": "durationMs",
        "deals": "Opportunity",
        "deals.stage": "stage",
        "deals.value": "value",
        "deals.closedAt": "closedAt",
    },
}
"""What the CRM calls the tables and columns that its own counts are made of."""
