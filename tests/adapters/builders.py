"""Records as they are on an ordinary bad day; a test names only what matters to it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from shared.domain.alerts import Alert, AlertKind, AlertState
from shared.domain.culprits import Culprit
from shared.domain.episodes import Event, EventKind
from shared.domain.reasons import Reason
from shared.domain.rules import Severity

T0 = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
EPISODE = "20260101T0000Z-1a2b3c4d"


def a_culprit(**changes: Any) -> Culprit:
    culprit = Culprit(
        statement="SELECT * FROM Interaction WHERE note LIKE ?",
        session=61,
        program="node-mssql",
        host="crm",
        running_ms=42_000,
        cpu_ms=31_500,
        logical_reads=120_000,
    )
    return replace(culprit, **changes)


def an_alert(**changes: Any) -> Alert:
    alert = Alert(
        id=EPISODE,
        rule_id="dtu-critical",
        rule_name="DTU critical",
        target="pantry-crm",
        metric="dtuUtilization",
        condition="greater_than",
        kind=AlertKind.THRESHOLD,
        state=AlertState.FIRING,
        severity=Severity.CRITICAL,
        value=97.5,
        last_value=98.25,
        threshold=95.0,
        unit="%",
        active_at=T0,
        fired_at=T0 + 2 * MINUTE,
        last_triggered=T0 + MINUTE,
        count=2,
    )
    return replace(alert, **changes)


def an_event(**changes: Any) -> Event:
    event = Event(
        id=f"{EPISODE}-1",
        target="pantry-crm",
        episode=EPISODE,
        seq=1,
        kind=EventKind.FIRING,
        reason=Reason.BREACH,
        minute=T0 + MINUTE,
        decided_at=T0 + 2 * MINUTE,
        alert=an_alert(),
        metric_label="DTU",
        duration=2,
    )
    return replace(event, **changes)
