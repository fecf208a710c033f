"""What happens in a world: raw events and counters, as Azure would see them before any query.

Everything is a plain value. Times are aware UTC; durations are in the unit their name says.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from local.world.inside import Inside


@dataclass(frozen=True, slots=True)
class Request:
    """One request telemetry item that survived sampling; it stands for `item_count` requests."""

    at: datetime
    operation_id: str
    name: str
    url: str
    status: int
    duration_ms: float
    item_count: int = 1
    user_id: str = ""
    session_id: str = ""
    client_ip: str = ""
    user_agent: str = ""
    synthetic_source: str = ""


@dataclass(frozen=True, slots=True)
class ExceptionEvent:
    """One exception telemetry item, of the request with the same operation."""

    at: datetime
    operation_id: str
    problem_id: str
    kind: str
    message: str
    item_count: int = 1


@dataclass(frozen=True, slots=True)
class CustomEvent:
    """One custom event of the CRM, such as a failed login or a report that was opened.

    `is_trace`: it is logged as a trace with the event's name in a property, not as an event.
    """

    at: datetime
    name: str
    operation_id: str = ""
    user_id: str = ""
    session_id: str = ""
    client_ip: str = ""
    item_count: int = 1
    is_trace: bool = False


@dataclass(frozen=True, slots=True)
class PageView:
    """One page shown in a browser."""

    at: datetime
    name: str
    url: str
    duration_ms: float
    user_id: str = ""
    session_id: str = ""
    item_count: int = 1


@dataclass(frozen=True, slots=True)
class PlanMinute:
    """The App Service plan's counters of one minute; percents are of 1 core and 1,750 MB."""

    cpu_percent: float
    memory_percent: float
    bytes_received: int
    bytes_sent: int
    http_queue_length: float
    sockets_outbound: float


@dataclass(frozen=True, slots=True)
class SiteMinute:
    """The app's own platform counters of one minute; unlike telemetry they are never sampled."""

    requests: int
    http_4xx: int
    http_5xx: int
    response_time_s: float | None
    memory_working_set_bytes: int
    cpu_time_s: float


@dataclass(frozen=True, slots=True)
class ResourceRow:
    """Fifteen seconds of the database, as sys.dm_db_resource_stats would have them."""

    end_time: datetime
    cpu_percent: float
    data_io_percent: float
    log_write_percent: float
    workers_percent: float
    sessions_percent: float


@dataclass(frozen=True, slots=True)
class BusinessMinute:
    """What the CRM's own tables gain in one minute, and what waits in them at its end."""

    active_sessions: tuple[str, ...]
    interactions: int
    reports: int
    sync_failed: int
    sync_pending: int


@dataclass(frozen=True, slots=True)
class BusinessRow:
    """A row of the CRM's; `kind` is an interaction's or a report's type, or a sync's status."""

    id: str
    at: datetime
    kind: str
    user_id: str

    @property
    def took_ms(self) -> int:
        """How long a report took: half a second to ten, and always the same of the same row."""
        return 500 + int(self.id[:4], 16) % 9500


@dataclass(frozen=True, slots=True)
class Activity:
    """The last moment of a minute at which a session did something."""

    session_id: str
    user_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Opportunity:
    """A sale in sight; `closed_at` may lie in the future, until when its stage is not decided."""

    id: str
    stage: str
    value: int
    created_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class BusinessRows:
    """What one minute left in the CRM's tables, in order of time; `activity` by session."""

    activity: tuple[Activity, ...] = ()
    interactions: tuple[BusinessRow, ...] = ()
    reports: tuple[BusinessRow, ...] = ()
    syncs: tuple[BusinessRow, ...] = ()
    opportunities: tuple[Opportunity, ...] = ()


@dataclass(frozen=True, slots=True)
class RunningRequest:
    """What a session of the CRM executes at a moment, as sys.dm_exec_requests would have it.

    Times are in ms, reads in pages of 8 KB. `before` is what the batch says before the statement;
    `blocked_by` is the session that it waits for, 0 for none.
    """

    session_id: int
    started_at: datetime
    command: str
    text: str
    cpu_ms: int
    elapsed_ms: int
    logical_reads: int
    program: str
    host: str
    status: str = "running"
    before: str = ""
    wait_type: str | None = None
    wait_ms: int = 0
    blocked_by: int = 0


@dataclass(frozen=True, slots=True)
class WorldMinute:
    """Everything that happens in [start, start + 1 min); lists are in order of time."""

    start: datetime
    requests: tuple[Request, ...]
    exceptions: tuple[ExceptionEvent, ...]
    events: tuple[CustomEvent, ...]
    page_views: tuple[PageView, ...]
    plan: PlanMinute
    site: SiteMinute
    resources: tuple[ResourceRow, ...]
    storage_bytes: int
    sessions: int
    business: BusinessMinute


@dataclass(frozen=True, slots=True)
class Health:
    """What the CRM's /api/health would answer at a moment; `refuses`: nobody listens."""

    status: int
    latency_ms: float
    heap_bytes: int
    resident_bytes: int
    certificate_ends: datetime
    refuses: bool = False


class World(Protocol):
    """A world answers for every minute of its life, in any order, always the same."""

    @property
    def storage_limit_bytes(self) -> int:
        """The database's maximum size: 2 GB on Basic."""
        ...

    def minute(self, start: datetime) -> WorldMinute:
        """The minute that begins at `start`."""
        ...

    def health(self, at: datetime) -> Health:
        """The CRM's health at that moment."""
        ...

    def business_rows(self, start: datetime) -> BusinessRows:
        """What the minute that begins at `start` left in the CRM's tables."""
        ...

    def requests_running(self, at: datetime) -> tuple[RunningRequest, ...]:
        """What the CRM's sessions, numbered from 51 on, execute at that moment."""
        ...

    def inside(self, at: datetime) -> Inside:
        """What the database's own views would show of itself at that moment."""
        ...

    def is_down(self, source: str, at: datetime) -> bool:
        """Whether the scenario takes a source away then: platform, logs, probe, dmv or counts."""
        ...

    def telemetry_late(self, at: datetime) -> timedelta:
        """How much later than usual the telemetry of that moment can be queried."""
        ...
