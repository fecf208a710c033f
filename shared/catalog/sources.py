"""Every source once. Whatever can fail alone is one, with a watermark of its own (docs/adr/009)."""

from datetime import timedelta
from functools import partial

from shared.domain.metrics import Source, Writes

# Azure keeps 93 days; the last one is left for the grains that reach beyond the asked minutes.
_platform = partial(Source, settle=timedelta(minutes=3), remembers=timedelta(days=92))
_now = partial(Source, settle=timedelta(0))
_rows = partial(Source, settle=timedelta(0), cadence=timedelta(minutes=5), writes=Writes.WINDOW)
_business = partial(_rows, cadence=timedelta(minutes=15))

SOURCES = (
    Source(
        name="probe",
        settle=timedelta(0),
        writes=Writes.COMBINE,
        description="The CRM's /api/health, asked twice a minute.",
    ),
    Source(
        name="dmv",
        settle=timedelta(minutes=1),
        remembers=timedelta(hours=1),
        description="The load of the database in rows of 15 seconds.",
    ),
    _now(name="sessions", description="Who is connected to the database."),
    _now(name="size", description="The space that the data files of the database take."),
    _now(name="blocking", description="Who waits for whom in the database."),
    _now(name="self", description="What the monitor's own sessions cost the database."),
    _platform(name="plan", description="Azure Monitor platform metrics of the App Service plan."),
    _platform(name="app", description="Azure Monitor platform metrics of the web app."),
    _platform(name="database", description="Azure Monitor platform metrics of the database."),
    Source(
        name="logs",
        settle=timedelta(minutes=5),
        # Older telemetry may be deleted already, and what is gone must not be read as zeros.
        remembers=timedelta(days=30),
        description="Application Insights tables in the Log Analytics workspace.",
    ),
    Source(
        name="security",
        settle=timedelta(minutes=1),
        remembers=timedelta(days=30),
        presses=True,
        description="What the CRM tells of people's conduct, in OWASP's words, and its requests.",
    ),
    Source(
        name="logins",
        # As far as anything is heard of a minute, the rest counts in the windows of the next ones.
        settle=timedelta(0),
        remembers=timedelta(days=30),
        presses=True,
        description="Failed logins by address and by account, over the last minutes and hours.",
    ),
    Source(
        name="usage",
        settle=timedelta(minutes=5),
        cadence=timedelta(minutes=15),
        remembers=timedelta(days=30),
        description="What the CRM is used for, by pages, operations and people.",
    ),
    _rows(name="users", description="The CRM's own sessions."),
    _rows(name="interactions", description="The CRM's own interactions, as they are created."),
    _rows(name="reports", description="The CRM's own reports, as they are generated."),
    _business(name="kinds", description="The CRM's own interactions, by type."),
    _business(name="durations", description="How long the CRM's own reports took, by type."),
    _business(name="deals", description="The CRM's own deals: what is open, won and lost."),
    _rows(name="syncs", description="The CRM's own offline changes, as they are synchronised."),
)
