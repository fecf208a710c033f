"""GET alerts, GET alerts/{id}, POST alerts: list them, read one's story, act on one."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from shared.domain.alerts import Alert, AlertState
from shared.domain.errors import NotFound
from shared.domain.handling import LONGEST_SNOOZE
from shared.domain.rules import Severity
from shared.domain.wishes import LONGEST_NOTE
from shared.services.manage import ACTIONS, AlertAction, act
from shared.services.query import alert_story, open_alerts, past_alerts
from shared.web.asking import choice, json_object, no_parameters, parameters, whole_number
from shared.web.auth import Role, clean_text
from shared.web.doors import Asked, Reply, Route
from shared.web.problems import Problem, nearest

PARAMETERS = ("state", "target", "severity", "limit")
STATES = ("open", "resolved", "all")
MOST_ALERTS = 100
DEFAULT_LIMIT = 50

EPISODE = re.compile(r"\d{8}T\d{4}Z-[0-9a-f]{8}")
_INNER = ("seq", "lines")

AlertJson = dict[str, Any]


def alert_json(alert: Alert) -> AlertJson:
    """The alert as docs/semantics.md spells it, with the `alertId` that actions take."""
    fields: dict[str, Any] = msgspec.to_builtins(alert)
    shown = {name: value for name, value in fields.items() if name not in _INNER}
    return {"alertId": f"{alert.target}.{alert.id}", **shown}


def target_of(given: Mapping[str, str], targets: Sequence[str]) -> str:
    """The target that the query names; the first one when it names none."""
    target = given.get("target") or targets[0]
    if target not in targets:
        raise Problem(
            400,
            "unknown_target",
            f"there is no target {target[:60]!r}; {nearest(target, targets)}",
            details={"known": list(targets)},
        )
    return target


class _Filter(Struct, frozen=True):
    state: str
    severity: str | None
    limit: int

    def wants(self, alert: Alert) -> bool:
        over = alert.state is AlertState.RESOLVED
        in_state = self.state == "all" or over == (self.state == "resolved")
        return in_state and self.severity in (None, alert.severity)


def _list(asked: Asked) -> Reply:
    given = parameters(asked.request, PARAMETERS)
    targets = asked.office.targets
    wanted = _filter(given)
    chosen = [target_of(given, targets)] if given.get("target") else targets
    found = [alert for target in chosen for alert in _newest(target, wanted, asked)]
    found.sort(key=lambda alert: alert.id, reverse=True)
    meta = {"state": wanted.state, "limit": wanted.limit, "more": len(found) > wanted.limit}
    return Reply([alert_json(alert) for alert in found[: wanted.limit]], meta)


def _filter(given: Mapping[str, str]) -> _Filter:
    severity = given.get("severity")
    return _Filter(
        state=choice("state", given.get("state", STATES[0]), STATES),
        severity=choice("severity", severity, list(Severity)) if severity else None,
        limit=whole_number("limit", given.get("limit", str(DEFAULT_LIMIT)), 1, MOST_ALERTS),
    )


def _newest(target: str, wanted: _Filter, asked: Asked) -> list[Alert]:
    """One more than asked for, which tells that there are more."""
    house, now = asked.office.house(), asked.office.now
    if wanted.state == "open":
        return [one for one in open_alerts(target, house=house, now=now) if wanted.wants(one)]
    most = wanted.limit + 1
    return past_alerts(target, wanted=wanted.wants, most=most, house=house, now=now)


def _story(asked: Asked) -> Reply:
    no_parameters(asked.request)
    target, episode = _named(asked.request.route_params.get("id", ""), asked.office.targets)
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


class AlertWish(Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of POST alerts; `duration`: a snooze's minutes."""

    alert_id: str
    action: str
    duration: int | None = None
    note: str | None = None


FIELDS = {
    "alertId": "alertId must be target.episode, as GET alerts answers it",
    "action": f"action must be one of {', '.join(ACTIONS)}",
    "duration": f"duration must be whole minutes from 1 to {LONGEST_SNOOZE} (7 days)",
    "note": f"note must be text of at most {LONGEST_NOTE:,} characters",
}


def _act(asked: Asked) -> Reply:
    no_parameters(asked.request)
    wish = _wish(asked)
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


ALERTS = Route("alerts", Role.READER, _list)
ALERT = Route("alerts/{id}", Role.READER, _story)
ACT = Route("alerts", Role.ADMIN, _act)


def _wish(asked: Asked) -> AlertWish:
    must_say_json = asked.principal.by_cookie
    given = json_object(asked.request, list(FIELDS), must_say_json=must_say_json)
    try:
        wish = msgspec.convert(given, AlertWish)
    except msgspec.ValidationError as error:
        raise _field_problem(str(error)) from None
    choice("action", wish.action, ACTIONS, code="unknown_action")
    _check_duration(wish)
    if len(wish.note or "") > LONGEST_NOTE:
        raise Problem(400, "invalid_note", FIELDS["note"])
    return wish


def _field_problem(error: str) -> Problem:
    """Our sentence about the field that the decoder's names."""
    name = next((name for name in FIELDS if f"$.{name}`" in error or f"`{name}`" in error), "")
    return Problem(400, "invalid_body", FIELDS.get(name, "the body must be an alert action"))


def _check_duration(wish: AlertWish) -> None:
    if wish.action == "snooze":
        if wish.duration is None:
            raise Problem(400, "invalid_duration", f"a snooze needs an end: {FIELDS['duration']}")
        if not 1 <= wish.duration <= LONGEST_SNOOZE:
            raise Problem(400, "invalid_duration", f"{FIELDS['duration']}, not {wish.duration}")
    elif wish.duration is not None:
        raise Problem(400, "invalid_duration", f"duration goes with snooze, not {wish.action}")


def _clean(note: str | None) -> str | None:
    """What is left of a note without control characters; an empty one is none."""
    return clean_text(note or "", keep="\n\t") or None
