"""GET, POST maintenance and DELETE maintenance/{id}: the windows in which nobody is told."""

from datetime import datetime

from msgspec.structs import replace

from shared.domain.maintenance import Window, window_until
from shared.domain.maintenance_wishes import FIELDS, WindowWish, parse_wish
from shared.services.maintain import add_window, end_window, windows
from shared.web.asking import json_object
from shared.web.auth import Role, clean_text
from shared.web.doors import Asked, Body, Reply, Route
from shared.web.views import Json, View, list_of

WINDOW_VIEW = View(
    "Window",
    Window,
    without=("once",),
    beside={
        "from_": datetime | None,
        "until": datetime | None,
        "holds": bool,
        "holds_until": datetime | None,
    },
)


def window_json(window: Window, now: datetime) -> Json:
    """The window as it was asked for, with who made it and whether it holds just now."""
    until, once = window_until([window], now), window.once
    beside = {
        "from": once.start if once is not None else None,
        "until": once.end if once is not None else None,
        "holds": until is not None,
        "holdsUntil": until,
    }
    return WINDOW_VIEW.shown(window, **beside)


def _list(asked: Asked) -> Reply:
    now = asked.office.now
    found = windows(config=asked.office.house().config)
    return Reply([window_json(one, now) for one in found if not one.is_over(now)])


def _add(asked: Asked) -> Reply:
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
    office = asked.office
    window = end_window(
        asked.name,
        by=asked.principal.name,
        targets=office.targets,
        house=office.house(),
        now=office.now,
    )
    return Reply(window_json(window, office.now))


WINDOWS = Route(
    name="maintenance",
    role=Role.READER,
    answer=_list,
    says="the maintenance windows that hold or will hold",
    data=list_of(WINDOW_VIEW.kind),
)
ADD = Route(
    name="maintenance",
    method="POST",
    role=Role.ADMIN,
    answer=_add,
    says="a new maintenance window, or quiet for an hour",
    body=Body(WindowWish),
    data=WINDOW_VIEW.kind,
)
END = Route(
    name="maintenance/{id}",
    method="DELETE",
    role=Role.ADMIN,
    answer=_end,
    says="end a maintenance window now and for good",
    data=WINDOW_VIEW.kind,
)
