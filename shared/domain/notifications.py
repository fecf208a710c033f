"""What a person reads: one message for all events of one claim, built from the events alone."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.alerts import Alert, AlertKind, AlertState, Breach
from shared.domain.conditions import CONDITIONS
from shared.domain.culprits import described
from shared.domain.episodes import Event, EventKind
from shared.domain.links import Link
from shared.domain.quantities import DIGITS, clock, in_minutes, number, quantity, spelled
from shared.domain.reasons import Reason
from shared.domain.rehearsals import is_test
from shared.domain.rules import Action, Severity
from shared.domain.templates import fill
from shared.domain.times import MINUTE
from shared.domain.trails import Trail

if TYPE_CHECKING:
    from shared.domain.reports.report import PerformanceReport

FORECAST = "forecast"
CONFIDENCE = "99 % sure that it goes that way"


class Story(Struct, frozen=True):
    """What one episode says in a message: its events in order; the last one is how it stands.

    `zone`: the reader's, told beside UTC. `links`: what the reader may do without a login, and
    `menu`: one short link to a page with all of them; they are no part of any text, because texts
    also go into logs.
    """

    events: tuple[Event, ...]
    zone: tzinfo | None = None
    links: tuple[Link, ...] = ()
    menu: str = ""

    @property
    def last(self) -> Event:
        """The newest event."""
        return self.events[-1]

    @property
    def is_over(self) -> bool:
        """Whether the message tells the end."""
        return self.last.kind is EventKind.RESOLVED


class Notification(Struct, frozen=True, kw_only=True):
    """A message as every channel gets it; `id` is the same when the same rows are tried again.

    `trail`: the last hour of the first story's metric. `report`: a letter's, where it can be
    shown. `earlier`: the provider's id of the message that told this episode alone before.
    """

    id: str
    to: str
    target: str
    severity: Severity
    subject: str
    text: str
    stories: tuple[Story, ...]
    trail: Trail | None = None
    report: "PerformanceReport | None" = None
    earlier: str | None = None


def compose(
    message: str,
    address: Action,
    events: Iterable[Event],
    *,
    zone: tzinfo | None = None,
    links: Callable[[Event], tuple[Link, ...]] = lambda _: (),
    menu: Callable[[Event], str] = lambda _: "",
    earlier: Callable[[str], str | None] = lambda _: None,
) -> Notification:
    """One message for the events that one claim took; worst first, then oldest.

    `zone`: the reader's time zone. `links`: what may be done about a story whose last event it is,
    `menu`: where all of that is offered. `earlier`: the id of the message that told an episode
    alone before; several are told anew: none may vanish under the others.
    """
    found = _stories(events, zone)
    stories = tuple(sorted((_linked(story, links, menu) for story in found), key=_urgency))
    first = stories[0].last
    return Notification(
        id=message,
        to=address.target,
        target=first.target,
        severity=max((story.last.alert.severity for story in stories), key=lambda one: one.rank),
        subject=_subject(stories),
        text="\n\n".join([*map(paragraph, stories), _own_words(address, stories)]).strip(),
        stories=stories,
        earlier=earlier(first.episode) if len(stories) == 1 else None,
    )


def remark(notification: Notification) -> str:
    """The channel's own message, which closes the text; empty when it has none."""
    told = "\n\n".join(map(paragraph, notification.stories))
    return notification.text.removeprefix(told.strip()).strip()


def _own_words(address: Action, stories: Sequence[Story]) -> str:
    """The action's message, filled in for the story whose rule it belongs to."""
    own = (story for story in stories if address in story.last.routes)
    return fill(address.message or "", _values(next(own, stories[0])))


def _values(story: Story) -> Mapping[str, str]:
    """What the placeholders of a template stand for."""
    event, alert = story.last, story.last.alert
    return {
        "value": number(alert.last_value),
        "threshold": number(alert.threshold),
        "unit": "" if alert.unit == "count" else alert.unit,
        "metric": event.metric_label,
        "rule": alert.rule_name,
        "target": alert.target,
        "since": clock(alert.active_at, story.zone),
        "severity": alert.severity,
        "reason": _because(event) if story.is_over else event.reason.replace("_", " "),
    }


def _stories(events: Iterable[Event], zone: tzinfo | None) -> list[Story]:
    by_episode: dict[str, list[Event]] = {}
    for event in sorted(events, key=lambda event: (event.episode, event.seq)):
        by_episode.setdefault(event.episode, []).append(event)
    return [Story(tuple(told), zone) for told in by_episode.values()]


def _linked(
    story: Story, links: Callable[[Event], tuple[Link, ...]], menu: Callable[[Event], str]
) -> Story:
    if story.is_over:
        return story
    return replace(story, links=links(story.last), menu=menu(story.last))


def _urgency(story: Story) -> tuple[bool, int, datetime, str, str]:
    alert = story.last.alert
    return story.is_over, -alert.severity.rank, alert.active_at, alert.rule_name, alert.id


def _subject(stories: Sequence[Story]) -> str:
    """The worst story in a line, and how many others there are."""
    first, count = stories[0], len(stories)
    mark = "[TEST] " if is_test(first.last.episode) else ""
    still = sum(not story.is_over for story in stories)
    left = f" ({still} of {count} open)" if 0 < still < count else ""
    more = f", and {count - 1} more{left}" if count > 1 else ""
    return f"{mark}[{word(first)}] {headline(first)}{more} — {first.last.target}"


def word(story: Story) -> str:
    """How it stands, in a word: its severity, or that it is over."""
    told = "RESOLVED" if story.is_over else story.last.alert.severity.upper()
    return "REPORT" if story.last.letter is not None else told


def headline(story: Story) -> str:
    """What it is about, in a line."""
    event, alert = story.last, story.last.alert
    if event.letter:
        return event.letter.subject
    if event.missed_count:
        return f"{alert.rule_name}: {event.missed_count} while the monitor caught up"
    if story.is_over:
        return f"{alert.rule_name} after {lasted(alert)}"
    return f"{again(story)}{event.metric_label}{_stands(event)}"


def _stands(event: Event) -> str:
    """How its metric stands, to follow its name."""
    alert, unheard = event.alert, event.unheard_since
    if alert.kind is AlertKind.NO_DATA:
        return f": no data since {clock(alert.active_at)}"
    value = quantity(alert.last_value, alert.unit)
    if unheard is not None and alert.last_value is not None:
        return f" was {value}, no data since {clock(unheard)}"
    if alert.forecast_hours is not None:
        return f" {_outlook(alert, alert.forecast_hours)}"
    return f" {value} for {spelled(alert.count * MINUTE)}"


_AGAIN = {
    EventKind.REMINDER: "Reminder: ",
    EventKind.ESCALATION: "Escalated: ",
    EventKind.SNOOZE_ENDED: "Snooze over: ",
    EventKind.MAINTENANCE_ENDED: "Maintenance over: ",
    EventKind.INHIBITION_ENDED: "On its own now: ",
}


def again(story: Story) -> str:
    """What makes this telling another one than the first; nothing for an end."""
    event = story.last
    return "Still bad: " if event.reason is Reason.STILL_BAD else _AGAIN.get(event.kind, "")


def _outlook(alert: Alert, hours: float) -> str:
    threshold = quantity(alert.threshold, alert.unit)
    return f"reaches {threshold} in about {_about(hours)}" if hours else f"has reached {threshold}"


def _about(hours: float) -> str:
    if hours < 2:
        return in_minutes(max(round(60 * hours), 1))
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} days"


def paragraph(story: Story) -> str:
    """All there is to say about it, a sentence or two to a line."""
    letter = story.last.letter
    lines = [_news(story), _opening(story), *_ending(story), *_notes(story)]
    return "\n".join(line for line in lines if line) if letter is None else letter.text


def _news(story: Story) -> str:
    """Why it is told again; nothing for a first firing and for an end."""
    event, alert = story.last, story.last.alert
    lasting, now = spelled(event.decided_at - alert.active_at), _now(story)
    unheard = spelled(event.decided_at - alert.fired_at)
    said = {
        EventKind.REMINDER: f"Reminder: still firing, {lasting} since it began{now}.",
        EventKind.ESCALATION: f"Escalated: nobody acknowledged for {unheard}{now}.",
        EventKind.SNOOZE_ENDED: f"The snooze is over, and it still fires{now}.",
        EventKind.MAINTENANCE_ENDED: f"The maintenance is over, and it still fires{now}.",
        EventKind.INHIBITION_ENDED: f"What it was silent for is over, and it still fires{now}.",
    }
    if event.reason is Reason.STILL_BAD:
        return "It was resolved by hand, and it is still bad."
    return said.get(event.kind, "")


def _now(story: Story) -> str:
    event, alert = story.last, story.last.alert
    if alert.last_value is None or alert.kind is AlertKind.NO_DATA:
        return ""
    last = f"; {event.metric_label} was last {quantity(alert.last_value, alert.unit)}"
    if event.unheard_since is None:
        return last
    since = clock(event.unheard_since, story.zone)
    return f"{last}, and nothing has been heard of it since {since}"


def _opening(story: Story) -> str:
    alert, since = story.last.alert, clock(story.last.alert.active_at, story.zone)
    what = f"{alert.rule_name}: {story.last.metric_label}"
    if alert.kind is AlertKind.NO_DATA:
        return f"{what} {'had' if story.is_over else 'has'} no data since {since}."
    if not alert.breaches and alert.value is None:
        return f"{what} {'was' if story.is_over else 'is'} absent since {since}."
    return f"{_what_was(story)} since {since}, {spelled(alert.count * MINUTE)} bad."


def _what_was(story: Story) -> str:
    alert = story.last.alert
    what = f"{alert.rule_name}: {story.last.metric_label}"
    if alert.condition == FORECAST:
        return f"{what} was {quantity(alert.value, alert.unit)}{_foreseen(alert)},"
    if alert.breaches:
        return f"{alert.rule_name}: {' and '.join(map(_breach, alert.breaches))}"
    return f"{what} was {_beside(alert.condition, alert.value, alert.threshold, alert.unit)}"


def _foreseen(alert: Alert) -> str:
    hours = alert.forecast_hours
    return "" if hours is None else f" and {_outlook(alert, hours)} ({CONFIDENCE})"


def _breach(breach: Breach) -> str:
    said = _beside(breach.condition, breach.value, breach.threshold, breach.unit)
    return f"{breach.label} was {said}"


def _beside(condition: str, value: float | None, threshold: float | None, unit: str) -> str:
    if value is None:
        return "absent"
    shown, limit = _told_apart(value, threshold, unit)
    return f"{shown} ({CONDITIONS[condition].sign} {limit})"


def _told_apart(value: float, threshold: float | None, unit: str) -> tuple[str, str]:
    """Both as people read them, with as many digits as it takes to see that they differ."""
    digits = DIGITS
    shown = quantity(value, unit), quantity(threshold, unit)
    while value != threshold and shown[0] == shown[1]:
        digits += 1
        shown = quantity(value, unit, digits), quantity(threshold, unit, digits)
    return shown


def _ending(story: Story) -> list[str]:
    event, alert = story.last, story.last.alert
    if not story.is_over:
        return []
    if event.missed_count:
        return [_missed(event)]
    ended = clock(alert.resolved_at, story.zone) if alert.resolved_at else "now"
    said = f"Resolved at {ended} after {lasted(alert)}: {_because(event)}."
    return [said, "The condition still holds." if event.still_bad else ""]


def _because(event: Event) -> str:
    if event.reason is Reason.RESOLVED_BY_HAND:
        return f"resolved by {event.by}"
    said = {
        Reason.NO_TRAFFIC: "no traffic any more",
        Reason.DATA_BACK: "data is back",
        Reason.NO_DATA_TREATED_AS_OK: "no data, which the rule treats as ok",
        Reason.RULE_CHANGED: "the rule was changed",
        Reason.RULE_REMOVED: "the rule was removed",
    }
    last = quantity(event.alert.last_value, event.alert.unit)
    return said.get(event.reason, f"{event.metric_label} is {last}")


def _missed(event: Event) -> str:
    spans = [
        f"{clock(one.active_at)}-{clock(one.resolved_at) if one.resolved_at else '?'}"
        for one in event.missed
    ]
    return (
        f"{event.missed_count} opened and closed while the monitor caught up: {', '.join(spans)}."
    )


def _notes(story: Story) -> list[str]:
    event = story.last
    behind = event.decided_at - (event.minute + MINUTE)
    deploy = after_deploy(event.alert)
    return [
        f"It began {deploy}." if deploy else "",
        f"Decided late, {spelled(behind)} after the fact." if event.late else "",
        *([] if story.is_over else _running(event.alert)),
        f"What to do: {event.runbook}" if event.runbook and not story.is_over else "",
    ]


def after_deploy(alert: Alert) -> str:
    """`14 min after deploy 1.8.2`; empty when nothing went live shortly before."""
    if alert.deploy is None:
        return ""
    minutes, version = alert.deploy.minutes_before, alert.deploy.version
    return f"{in_minutes(minutes)} after deploy {version}" if minutes else f"with deploy {version}"


def _running(alert: Alert) -> list[str]:
    return [
        f"{'Running' if culprit.session else 'Seen'} when it began: {described(culprit)}"
        for culprit in alert.culprits
    ]


def lasted(alert: Alert) -> str:
    """How long an episode has lasted in all."""
    end = alert.resolved_at if alert.state is AlertState.RESOLVED else None
    return spelled((end or alert.last_triggered + MINUTE) - alert.active_at)
