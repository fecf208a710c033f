"""Deploy markers of a target: rows among its alerts, each written with its line in the audit."""

import secrets
from collections.abc import Iterator
from datetime import datetime

from shared.domain.deployments import SUSPECT_FOR, Deployment, RecentDeploy, deploy_before
from shared.domain.errors import Conflict
from shared.domain.handling import AuditEntry
from shared.domain.records import Insert, audit_key, deploy_key
from shared.domain.times import MINUTE
from shared.ports import Ledger


def mark_deployment(marker: Deployment, *, alerts: Ledger, now: datetime) -> Deployment:
    """Store the marker and answer it; one that is there already is answered as it is."""
    entry = AuditEntry(
        at=now,
        by=marker.by,
        action="deployment",
        subject=marker.id,
        note=marker.note,
        detail=" ".join(filter(None, (marker.version, marker.commit))),
    )
    row = Insert(deploy_key(marker.id), marker)
    try:
        alerts.commit(marker.target, [row, Insert(audit_key(now, secrets.token_hex(4)), entry)])
    except Conflict:
        kept = alerts.get(marker.target, row.key, Deployment)
        if kept is None:
            raise
        return kept.value
    return marker


def deployments(
    target: str, start: datetime, end: datetime, *, alerts: Ledger
) -> Iterator[Deployment]:
    """The markers from `start` to `end`, both included, newest first, read by the month."""
    for month in _months(start, end):
        for kept in reversed(alerts.scan(target, deploy_key(month), Deployment)):
            if start <= kept.value.at <= end:
                yield kept.value


def _months(start: datetime, end: datetime) -> Iterator[str]:
    """The months from `start` to `end`, as keys begin with them, newest first."""
    year, month = end.year, end.month
    while (year, month) >= (start.year, start.month):
        yield f"{year:04d}{month:02d}"
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)


def recent_deploy(target: str, active_at: datetime, *, alerts: Ledger) -> RecentDeploy | None:
    """What went live shortly before a story began."""
    near = deployments(target, active_at - SUSPECT_FOR, active_at + MINUTE, alerts=alerts)
    return deploy_before(near, active_at)
