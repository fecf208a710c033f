"""GET, POST maintenance and DELETE maintenance/{id}: the windows in which nobody is told."""

from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from shared.domain.maintenance import Window, window_until
from shared.domain.maintenance_wishes import FIELDS, parse_wish
from shared.services.maintain import add_window, end_window, windows
from shared.web.asking import json_object, no_parameters
from shared.web.auth import Role, clean_text
from shared.web.doors import Asked, Reply, Route

WindowJson = dict[str, Any]


def window_json(window: Window, now: datetime) -> WindowJson:
    """The window as it was asked for, with who made it and whether it holds just now."""
    fields: dict[str, Any] = msgspec.to_builtins(window)
    once = fields.pop("once")
    until = window_until([window], now)
    return {
        **fields,
        "from": once and once["start"],
        "until": once and once["end"],
        "holds": until is not None,
        "holdsUntil": until,
    }


def _list(asked: Asked) -> Reply:
    no_parameters(asked.request)
    now = asked.office.now
    found = windows(config=asked.office.house().config)
    return Reply([window_json(one, now) for one in found if not one.is_over(now)])


def _add(asked: Asked) -> Reply:
    no_parameters(asked.request)
    must_say_json = asked.principal.by_cookie
    given = json_object(asked.request, list(FIELDS), must_say_json=must_say_json)
    wish = parse_wish(given)
    wish = replace(wish, note=clean_text(wish.note or "", keep="\n\t") or None)
    office = asked.office
    window = add_window(
        wish, by=asked.principal.name, targets=office.targets, house=office.house(), now=office.now
    )
    return Reply(window_json(window, office.now))


def _end(asked: Asked) -> Reply:
    no_parameters(asked.request)
    office = asked.office
    window = end_window(
        asked.request.route_params.get("id", ""),
        by=asked.principal.name,
        targets=office.targets,
        house=office.house(),
        now=office.now,
    )
    return Reply(window_json(window, office.now))


WINDOWS = Route("maintenance", Role.READER, _list)
ADD = Route("maintenance", Role.ADMIN, _add)
END = Route("maintenance/{id}", Role.ADMIN, _end)
