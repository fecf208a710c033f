"""A notification in Azure Monitor's common alert schema, which receivers of Azure's alerts read.

The essentials tell the message's first story, the worst that is open; the context tells each story
in the same words, because one message may tell several.
"""

from datetime import datetime
from typing import Any

from shared.domain.notifications import Notification, Story, headline, paragraph
from shared.domain.rules import Severity

SCHEMA = "azureMonitorCommonAlertSchema"
SERVICE = "Pantry Monitor"
SEVERITIES = {
    Severity.CRITICAL: "Sev0",
    Severity.HIGH: "Sev1",
    Severity.MEDIUM: "Sev2",
    Severity.LOW: "Sev3",
}


def common_alert(notification: Notification) -> dict[str, Any]:
    """The whole body; times are aware UTC and become RFC 3339 with a Z."""
    first = notification.stories[0]
    return {
        "schemaId": SCHEMA,
        "data": {
            "essentials": {**_essentials(first), "description": notification.subject},
            "alertContext": {
                **_context(first),
                "message": notification.id,
                "text": notification.text,
                "stories": [_story(story) for story in notification.stories],
            },
        },
    }


def _essentials(story: Story) -> dict[str, Any]:
    alert = story.last.alert
    return {
        "alertId": f"{alert.target}.{alert.id}",
        "alertRule": alert.rule_name,
        "severity": SEVERITIES[alert.severity],
        "signalType": "Metric",
        "monitorCondition": "Resolved" if story.is_over else "Fired",
        "monitoringService": SERVICE,
        "alertTargetIDs": [alert.target],
        "configurationItems": [alert.target],
        "originAlertId": alert.id,
        "firedDateTime": alert.fired_at,
        **_resolved_at(story),
        "description": headline(story),
        "essentialsVersion": "1.0",
        "alertContextVersion": "1.0",
    }


def _resolved_at(story: Story) -> dict[str, datetime]:
    at = story.last.alert.resolved_at
    return {"resolvedDateTime": at} if story.is_over and at else {}


def _context(story: Story) -> dict[str, Any]:
    """The figures; `value` is the one that fired (null for no data), `lastValue` the newest."""
    event, alert = story.last, story.last.alert
    return {
        "kind": alert.kind,
        "rule": alert.rule_id,
        "metric": alert.metric,
        "condition": alert.condition,
        "threshold": alert.threshold,
        "value": alert.value,
        "lastValue": alert.last_value,
        "unit": alert.unit,
        "since": alert.active_at,
        "badMinutes": alert.count,
        "event": event.kind,
        "reason": event.reason,
        "runbook": event.runbook,
        "culprits": alert.culprits,
        "deploy": alert.deploy,
    }


def _story(story: Story) -> dict[str, Any]:
    return {**_essentials(story), **_context(story), "text": paragraph(story)}
