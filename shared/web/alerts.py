"""GET alerts, GET alerts/{id}, POST alerts: list them, read one's story, act on one."""

import re
from collections.abc import Sequence
from functools import partial
from typing import Annotated

from msgspec import Meta, Struct

from shared.domain.alerts import Alert, AlertState
from shared.domain.episodes import TimelineLine
from shared.domain.errors import NotFound
from shared.domain.handling import LONGEST_SNOOZE
from shared.domain.rules import Severity
from shared.domain.wishes import LONGEST_NOTE, Note
from shared.services.manage import ACTIONS, Action, AlertAction, act
from shared.services.query import alert_story, open_alerts, past_alerts
from shared.web.auth import Role, clean_text
from shared.web.doors import Asked, Body, Reply, Route
from shared.web.problems import Problem, nearest
from shared.web.views import Json, View, list_of

STATES = ("open", "resolved", "all")
MOST_ALERTS = 100
DEFAULT_LIMIT = 50

EPISODE = re.compile(r"\d{8}T\d{4}Z-[0-9a-f]{8}")
_INNER = ("seq", "lines")
ALERT_VIEW = View("Alert", Alert, without=_INNER, beside={"alert_id": str})
STORY_VIEW = View(
    "AlertStory",
    Alert,
    without=_INNER,
    beside={"alert_id": str, "timeline": tuple[TimelineLine, ...]},
)


def alert_json(alert: Alert) -> Json:
    """The alert as docs/semantics.md spells it, with the `alertId` that actions take."""
    return ALERT_VIEW.shown(alert, alertId=f"{alert.target}.{alert.id}")


class AlertsQuery(Struct, frozen=True):
    """Which alerts; without `target` those of all targets."""

    state: Annotated[str, Meta(extra_json_schema={"enum": STATES})] = STATES[0]
    target: str = ""
    severity: Severity | None = None
    limit: Annotated[int, Meta(ge=1, le=MOST_ALERTS)] = DEFAULT_LIMIT


class ListMeta(Struct, frozen=True):
    """`more`: there are more than `limit`."""

    state: str
    limit: int
    more: bool


def target_of(given: str | None, targets: Sequence[str]) -> str:
    """The target that is named; the first one when none is."""
    target = given or targets[0]
    if target not in targets:
        raise Problem(
            400,
            "unknown_target",
            f"there is no target {target[:60]!r}; {nearest(target, targets)}",
            details={"known": list(targets)},
        )
    return target


def chosen_targets(given: str, targets: Sequence[str]) -> Sequence[str]:
    """The target that is named; all of them when none is."""
    return [target_of(given, targets)] if given else targets


def _wants(query: AlertsQuery, alert: Alert) -> bool:
    over = alert.state is AlertState.RESOLVED
    in_state = query.state == "all" or over == (query.state == "resolved")
    return in_state and query.severity in (None, alert.severity)


def _list(asked: Asked) -> Reply:
    query: AlertsQuery = asked.query
    chosen = chosen_targets(query.target, asked.office.targets)
    found = [alert for target in chosen for alert in _newest(target, query, asked)]
    found.sort(key=lambda alert: alert.id, reverse=True)
    meta = ListMeta(state=query.state, limit=query.limit, more=len(found) > query.limit)
    return Reply([alert_json(alert) for alert in found[: query.limit]], meta)


def _newest(target: str, query: AlertsQuery, asked: Asked) -> list[Alert]:
    """One more than asked for, which tells that there are more."""
    house, now = asked.office.house(), asked.office.now
    if query.state == "open":
        return [one for one in open_alerts(target, house=house, now=now) if _wants(query, one)]
    wanted, most = partial(_wants, query), query.limit + 1
    return past_alerts(target, wanted=wanted, most=most, house=house, now=now)


def _story(asked: Asked) -> Reply:
    target, episode = _named(asked.name, asked.office.targets)
    story = alert_story(target, episode, house=asked.office.house(), now=asked.office.now)
    return Reply({**alert_json(story.alert), "timeline": story.timeline})


def _named(alert_id: str, targets: Sequence[str]) -> tuple[str, str]:
    """Target and episode of an `alertId`; a bare episode is the first target's."""
    target, dot, episode = alert_id.rpartition(".")
    target = target if dot else targets[0]
    if target not in targets or not EPISODE.fullmatch(episode):
        raise NotFound(
            f"there is no alert {alert_id[:100]!r}; an alertId is target.episode, such as "
            f"{targets[0]}.20260101T0005Z-1a2b3c4d"
        )
    return target, episode


class AlertWish(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The body of POST alerts; `duration`: a snooze's minutes."""

    alert_id: str
    action: Action
    duration: Annotated[int, Meta(ge=1, le=LONGEST_SNOOZE)] | None = None
    note: Note | None = None


FIELDS = {
    "alertId": "alertId must be target.episode, as GET alerts answers it",
    "action": f"action must be one of {', '.join(ACTIONS)}",
    "duration": f"duration must be whole minutes from 1 to {LONGEST_SNOOZE} (7 days)",
    "note": f"note must be text of at most {LONGEST_NOTE:,} characters",
}


def _act(asked: Asked) -> Reply:
    wish: AlertWish = asked.body
    _check_duration(wish)
    target, episode = _named(wish.alert_id, asked.office.targets)
    action = AlertAction(
        action=wish.action,
        alert=episode,
        by=asked.principal.name,
        minutes=wish.duration,
        note=_clean(wish.note),
    )
    alert = act(target, action, house=asked.office.house(), now=asked.office.now)
    return Reply(alert_json(alert))


def _check_duration(wish: AlertWish) -> None:
    if wish.action == "snooze" and wish.duration is None:
        raise Problem(400, "invalid_duration", f"a snooze needs an end: {FIELDS['duration']}")
    if wish.action != "snooze" and wish.duration is not None:
        raise Problem(400, "invalid_duration", f"duration goes with snooze, not {wish.action}")


def _clean(note: str | None) -> str | None:
    """What is left of a note without control characters; an empty one is none."""
    return clean_text(note or "", keep="\n\t") or None


ALERTS = Route(
    name="alerts",
    role=Role.READER,
    answer=_list,
    says="the alerts, newest first",
    query=AlertsQuery,
    data=list_of(ALERT_VIEW.kind),
    meta=ListMeta,
)
ALERT = Route(
    name="alerts/{id}",
    role=Role.READER,
    answer=_story,
    says="one alert with its `timeline`",
    data=STORY_VIEW.kind,
)
ACT = Route(
    name="alerts",
    method="POST",
    role=Role.ADMIN,
    answer=_act,
    says="acknowledge, resolve, snooze or unsnooze",
    body=Body(AlertWish, FIELDS),
    data=ALERT_VIEW.kind,
    also=(404,),
)
