"""The weekly report as something to tell: its episode, its one event, and its words."""

from datetime import datetime

from shared.domain.alerts import Alert, AlertKind, AlertState
from shared.domain.episodes import Event, EventKind
from shared.domain.letters import MARK, Letter, letter_id
from shared.domain.quantities import quantity
from shared.domain.reasons import Reason
from shared.domain.reports.report import PerformanceReport
from shared.domain.reports.sections import plain_text
from shared.domain.rules import Action, Severity
from shared.domain.times import MINUTE

NAME = "Weekly report"
LONGEST = 12_000
"""Letters of its text: a row's property takes 32,000, and nobody reads so many."""


def weekly_event(
    report: PerformanceReport, to: Action, *, due_at: datetime, now: datetime
) -> Event:
    """The event that tells the report; its minute is the last one that the report is about."""
    episode = letter_id(due_at, report.target)
    minute = report.end - MINUTE
    return Event(
        id=f"{episode}-1",
        target=report.target,
        episode=episode,
        seq=1,
        kind=EventKind.REPORT,
        reason=Reason.REPORT_DUE,
        minute=minute,
        decided_at=now,
        alert=_no_alert(report, episode, minute, now),
        metric_label=NAME,
        duration=0,
        routes=(to,),
        letter=letter_of(report),
    )


def letter_of(report: PerformanceReport) -> Letter:
    """The report without its pictures, cut where it is too long for a row."""
    text = plain_text(report)
    told = text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rstrip()}…"
    return Letter(_subject(report), told, report.range, report.start)


def _subject(report: PerformanceReport) -> str:
    week = f"week to {report.end:%Y-%m-%d}"
    if report.is_empty:
        return f"{week}: nothing was measured"
    uptime, count = report.summary.uptime, report.episodes.count
    available = f"{quantity(uptime, '%', 4)} available" if uptime is not None else "not probed"
    return f"{week}: {available}, {count} alert{'' if count == 1 else 's'}"


def _no_alert(report: PerformanceReport, episode: str, minute: datetime, now: datetime) -> Alert:
    """What an event carries beside its words; nothing of it is stored or shown as an alert."""
    return Alert(
        id=episode,
        rule_id=MARK,
        rule_name=NAME,
        target=report.target,
        metric=MARK,
        condition="greater_than",
        kind=AlertKind.THRESHOLD,
        state=AlertState.RESOLVED,
        severity=Severity.LOW,
        value=None,
        last_value=None,
        threshold=None,
        unit="",
        active_at=report.start,
        fired_at=now,
        last_triggered=minute,
        count=0,
        resolved_at=now,
        reason=Reason.REPORT_DUE,
    )
