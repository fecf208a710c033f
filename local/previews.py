"""Writes what people would read to files, to be looked at: `python -m local.previews [folder]`.

Mails as pages with their picture beside them, what Slack, Teams and webhooks get as JSON, the text
of an SMS, the pages that links open, and the weekly report as page and mail; nothing is sent. The
folder is `build/previews` unless another one is named.
"""

import signal

if __name__ == "__main__":
    # The imports below take a second and more: Ctrl-C ends them without their traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import azure.functions as func
import msgspec
from msgspec.structs import replace

from local.desks import VirtualClock, furnish, memory_storage
from local.report_scene import a_week
from local.terminals import a_folder, ending_in_peace
from shared.adapters.alert_schema import common_alert
from shared.adapters.cards import teams_message
from shared.adapters.channels.email import PICTURE_ID
from shared.adapters.pictures import draw
from shared.adapters.rendering import mail_html, mail_text, slack_message
from shared.adapters.report_mail import report_html
from shared.adapters.report_pictures import sketches
from shared.adapters.texting import sms_text
from shared.catalog.metrics import CATALOG
from shared.domain.alerts import Alert, AlertKind, AlertState
from shared.domain.culprits import Culprit
from shared.domain.deliveries import channel_of, first_delivery
from shared.domain.episodes import Event, EventKind
from shared.domain.links import Link, LinkMaker, permits
from shared.domain.machine import RuleState, State
from shared.domain.notifications import Notification, compose
from shared.domain.reasons import Reason
from shared.domain.records import Insert, alert_key, event_key, state_key
from shared.domain.reports.report import PerformanceReport
from shared.domain.reports.weekly import letter_of
from shared.domain.rules import Action, ActionType, Rule, Severity
from shared.domain.short_links import Pointer
from shared.domain.trails import Trail
from shared.services.illustrate import menu_for
from shared.web.action import answer_action, answer_menu
from shared.web.auth import Gate
from shared.web.doors import Office
from shared.web.report_page import page_of

FOLDER = Path("build") / "previews"
T0 = datetime(2026, 11, 23, 21, 15, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TARGET = "pantry-crm"
TO = Action(
    ActionType.EMAIL, "admin@example.com", "{rule} ({severity}): see the runbook, then {target}."
)
MAKER = LinkMaker(["a key that signs links of previews alone"], "https://monitor.example.com")
RULE = Rule(
    id="dtu-critical",
    name="DTU Usage Critical",
    metric="dtuUtilization",
    condition="greater_than",
    threshold=95,
    duration=2,
    severity=Severity.CRITICAL,
    actions=(TO,),
    runbook="https://wiki.example.com/pantry/dtu-critical",
)
RULE_UNIT = "%"
QUERY = Culprit(
    statement="SELECT i.Id, i.Notes FROM dbo.Interaction i CROSS JOIN dbo.Household h WHERE h.Name "
    "LIKE '?' ORDER BY i.CreatedAt",
    session=61,
    program="node-mssql",
    host="crm-web-1",
    running_ms=74_000,
    cpu_ms=61_000,
    logical_reads=1_204_551,
    sessions=2,
)


def an_alert(number: int = 1, **changes: Any) -> Alert:
    """The storm's alert; another number is another episode."""
    alert = Alert(
        id=f"20261123T2115Z-{number:08x}",
        rule_id=RULE.id,
        rule_name=RULE.name,
        target=TARGET,
        metric=RULE.metric,
        condition=RULE.condition,
        kind=AlertKind.THRESHOLD,
        state=AlertState.FIRING,
        severity=RULE.severity,
        value=_figure(T0 + MINUTE),
        last_value=_figure(T0 + MINUTE),
        threshold=RULE.threshold,
        unit=RULE_UNIT,
        active_at=T0,
        fired_at=T0 + 2 * MINUTE,
        last_triggered=T0 + MINUTE,
        count=2,
        culprits=(QUERY,),
    )
    return replace(alert, **changes)


def an_event(kind: EventKind, alert: Alert, after: int, **changes: Any) -> Event:
    """An event of the alert, so many minutes after it began; of DTU with the minute's figure."""
    over, minute = kind is EventKind.RESOLVED, T0 + (after - 1) * MINUTE
    if over:
        alert = replace(alert, state=AlertState.RESOLVED, resolved_at=minute + MINUTE)
    if alert.unit == RULE_UNIT:
        alert = replace(alert, last_value=_figure(minute, alert))
    given: dict[str, Any] = {
        "id": f"{alert.id}-1",
        "target": TARGET,
        "episode": alert.id,
        "seq": 1,
        "kind": kind,
        "reason": Reason.RECOVERED if over else Reason.BREACH,
        "minute": minute,
        "decided_at": T0 + after * MINUTE,
        "alert": alert,
        "metric_label": "DTU",
        "duration": RULE.duration,
        "routes": (TO,),
        "runbook": RULE.runbook,
    }
    return Event(**{**given, **changes})


def told() -> Mapping[str, Notification]:
    """The messages, by the name of their file."""
    firing = an_event(EventKind.FIRING, an_alert(), 2)
    slow = an_alert(
        2, rule_name="Response Time Slow", severity=Severity.HIGH, unit="ms", value=3120.4
    )
    silent = an_alert(
        3,
        rule_name="No Figures Of The Database",
        kind=AlertKind.NO_DATA,
        severity=Severity.MEDIUM,
        value=None,
        culprits=(),
    )
    several = (
        firing,
        an_event(
            EventKind.FIRING,
            replace(slow, threshold=2000.0, last_value=3120.4, culprits=()),
            6,
            metric_label="Response time",
            runbook=None,
        ),
        an_event(EventKind.FIRING, silent, 9, reason=Reason.NO_DATA),
        an_event(EventKind.RESOLVED, an_alert(4, rule_name="DTU High For Long", culprits=()), 9),
    )
    return {
        "firing": a_message(firing),
        "reminder": a_message(
            an_event(
                EventKind.REMINDER, an_alert(count=240), 245, reason=Reason.REMINDER_DUE, seq=2
            )
        ),
        "resolved": a_message(an_event(EventKind.RESOLVED, an_alert(count=10), 11, seq=2)),
        "escalation": a_message(
            an_event(
                EventKind.ESCALATION, an_alert(count=30), 32, reason=Reason.UNACKNOWLEDGED, seq=2
            )
        ),
        "silence_over": a_message(
            an_event(
                EventKind.SNOOZE_ENDED, an_alert(count=60), 62, reason=Reason.SNOOZE_ENDED, seq=2
            )
        ),
        "no_data": a_message(an_event(EventKind.FIRING, silent, 9, reason=Reason.NO_DATA)),
        "several": a_message(*several),
    }


def a_message(*events: Event) -> Notification:
    """One message with links, a reader's zone and the hour before its newest minute."""
    found = compose(
        "m1", TO, events, zone=ZoneInfo("Europe/Berlin"), links=_links, menu=menu_for(MAKER, TO)
    )
    return replace(found, trail=a_trail(found.stories[0].last))


def _links(event: Event) -> tuple[Link, ...]:
    return tuple(map(MAKER.link, permits(event, channel_of(TO), T0)))


def a_trail(event: Event) -> Trail:
    """A calm hour with a gap, and a storm from the alert's beginning to its end."""
    alert, end = event.alert, event.minute + MINUTE
    first = end - 60 * MINUTE
    values = [_figure(first + n * MINUTE, alert) for n in range(60)]
    return Trail(
        label=event.metric_label,
        unit=RULE_UNIT,
        first=first,
        values=(*values[:14], None, None, None, *values[17:]),
        threshold=alert.threshold,
        bad_from=max(alert.active_at, first),
        bad_until=min(alert.resolved_at or end, end),
    )


def _figure(minute: datetime, alert: Alert | None = None) -> float | None:
    """What was measured in a minute: nothing while an alert tells that there is no data.

    A storm's last minute is the one before that in which it was found to be over.
    """
    if alert and alert.kind is AlertKind.NO_DATA and minute >= alert.active_at:
        return None
    over = alert.resolved_at - MINUTE if alert and alert.resolved_at else minute + MINUTE
    wave = math.sin(minute.timestamp() / 300) + math.sin(minute.timestamp() / 97)
    return 97.6 + wave if T0 <= minute < over else 38 + 5 * wave


def pages() -> Mapping[str, func.HttpResponse]:
    """What a link opens: the question, what became of it, the same again, and a broken link."""
    event = an_event(EventKind.FIRING, an_alert(), 2)
    clock = VirtualClock(T0 + 5 * MINUTE)
    office = _office(event, clock)
    token = _links(event)[0].url.partition("token=")[2]
    code = MAKER.short(Pointer(event.episode, event.seq, channel_of(TO))).partition("c=")[2]
    return {
        "link_menu": _open(code, office),
        "link_question": _ask("GET", token, office),
        "link_done": _ask("POST", token, office),
        "link_used": _ask("POST", token, office),
        "link_broken": _ask("GET", token[:-3], office),
    }


def _office(event: Event, clock: VirtualClock) -> Office:
    house = furnish(
        memory_storage(), catalog=CATALOG, rules=[RULE], sources=[], channels={}, clock=clock
    )
    state = RuleState(
        last_folded=T0 + MINUTE,
        rule_hash=RULE.fingerprint,
        state=State.FIRING,
        active_at=T0,
        told=True,
        episode=event.episode,
    )
    row = first_delivery(event, TO, T0)
    house.alerts.commit(
        TARGET,
        [
            Insert(state_key(RULE.id), state),
            Insert(alert_key(event.episode), event.alert),
            Insert(event_key(event.episode, 1), event),
            Insert(row.key, row),
        ],
    )
    return Office(gate=Gate(), targets=(TARGET,), house=lambda: house, now=clock.now, links=MAKER)


def _ask(method: str, token: str, office: Office) -> func.HttpResponse:
    request = func.HttpRequest(
        method, "https://monitor.example.com/", params={"token": token}, body=b""
    )
    return answer_action(request, lambda: office)


def _open(code: str, office: Office) -> func.HttpResponse:
    request = func.HttpRequest("GET", "https://monitor.example.com/", params={"c": code}, body=b"")
    return answer_menu(request, lambda: office)


def as_json(notification: Notification) -> Mapping[str, Any]:
    """What is posted to those who take JSON, by the channel's type."""
    return {
        "slack": slack_message(notification),
        "teams": teams_message(notification),
        "webhook": common_alert(notification),
    }


def write(folder: Path, say: Callable[[str], object] = print) -> None:
    """Write every message and every page below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, notification in told().items():
        if notification.trail is None:
            raise ValueError("a preview has its picture")
        (folder / f"{name}.png").write_bytes(draw(notification.trail))
        html = mail_html(notification, picture=PICTURE_ID)
        shown = html.replace(f"cid:{PICTURE_ID}", f"{name}.png")
        (folder / f"{name}.html").write_text(shown, encoding="utf-8")
        (folder / f"{name}.txt").write_text(mail_text(notification), encoding="utf-8")
        (folder / f"{name}.sms.txt").write_text(sms_text(notification), encoding="utf-8")
        for channel, body in as_json(notification).items():
            text = msgspec.json.format(msgspec.json.encode(body)).decode()
            (folder / f"{name}.{channel}.json").write_text(text, encoding="utf-8")
    for name, answer in pages().items():
        (folder / f"{name}.html").write_bytes(answer.get_body())
    write_report(folder, a_week())
    say(f"written to {folder}")


def write_report(folder: Path, made: PerformanceReport) -> None:
    """The page, and the mail with its pictures and its text."""
    (folder / "report_page.html").write_bytes(page_of(made))
    pictures = [one.drawn() for one in sketches(made)]
    html = report_html(made, pictures)
    for one in pictures:
        (folder / f"{one.name}.png").write_bytes(one.png)
        html = html.replace(f"cid:{one.name}", f"{one.name}.png")
    (folder / "report_mail.html").write_text(html, encoding="utf-8")
    (folder / "report_mail.txt").write_text(letter_of(made).text, encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Write them to the folder that is named, or to build/previews."""
    parser = argparse.ArgumentParser(prog="python -m local.previews", description=main.__doc__)
    parser.add_argument("folder", nargs="?", type=a_folder, default=FOLDER)
    folder = parser.parse_args(arguments).folder
    try:
        write(folder)
    except OSError as error:
        sys.exit(f"nothing can be written to {folder} ({error.strerror}): name another folder")


if __name__ == "__main__":
    sys.exit(ending_in_peace(main))
