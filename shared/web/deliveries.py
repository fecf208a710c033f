"""GET deliveries, POST deliveries/{id}/resend, GET audit: who was told, and who did what."""

import re
from typing import Any

import msgspec

from shared.domain.deliveries import Delivery, Status
from shared.domain.errors import NotFound
from shared.services.resend import Message, newest_audit, newest_deliveries, resend
from shared.web.alerts import target_of
from shared.web.asking import choice, no_body, no_parameters, parameters, whole_number
from shared.web.auth import Role
from shared.web.doors import Asked, Reply, Route

PARAMETERS = ("state", "channel", "target", "limit")
AUDIT_PARAMETERS = ("target", "limit")
STATES = ("all", *Status)
MOST = 200
DEFAULT_LIMIT = 50

_INNER = ("event", "owner", "due", "channel")
_ID = re.compile(r"([a-z0-9-]+)\.(\d{8}T\d{4}Z-[0-9a-z]{8})\.([0-9a-f]{8})\.(\d{4})")


def delivery_json(target: str, row: Delivery) -> dict[str, Any]:
    """The row without what only the store needs; `deliveryId` is what resend takes."""
    fields: dict[str, Any] = msgspec.to_builtins(row)
    shown = {name: value for name, value in fields.items() if name not in _INNER}
    name = f"{target}.{row.episode}.{row.channel}.{row.seq:04d}"
    return {"deliveryId": name, "target": target, "channel": row.channel, **shown}


def _list(asked: Asked) -> Reply:
    given = parameters(asked.request, PARAMETERS)
    state = choice("state", given.get("state", STATES[0]), STATES)
    limit = whole_number("limit", given.get("limit", str(DEFAULT_LIMIT)), 1, MOST)
    targets, channel = asked.office.targets, given.get("channel", "")
    chosen = [target_of(given, targets)] if given.get("target") else targets

    def wanted(row: Delivery) -> bool:
        names = ("", row.channel, row.channel_type, f"{row.channel_type}:{row.channel_name}")
        return state in ("all", row.status) and channel in names

    alerts = asked.office.house().alerts
    found = [
        (row, target)
        for target in chosen
        for row in newest_deliveries(target, wanted=wanted, most=limit + 1, alerts=alerts)
    ]
    found.sort(key=lambda one: (one[0].created_at, one[0].key), reverse=True)
    meta = {"state": state, "limit": limit, "more": len(found) > limit}
    return Reply([delivery_json(target, row) for row, target in found[:limit]], meta)


def _resend(asked: Asked) -> Reply:
    no_parameters(asked.request)
    no_body(asked.request, must_say_json=asked.principal.by_cookie)
    target, message = _named(asked)
    house, now = asked.office.house(), asked.office.now
    row = resend(target, message, by=asked.principal.name, house=house, now=now)
    return Reply(delivery_json(target, row))


def _named(asked: Asked) -> tuple[str, Message]:
    given = str(asked.request.route_params.get("id", ""))
    found = _ID.fullmatch(given)
    if found is None or found[1] not in asked.office.targets:
        raise NotFound(
            f"there is no delivery {given[:100]!r}; its id is GET deliveries' deliveryId"
        )
    return found[1], Message(found[2], found[3], int(found[4]))


def _audit(asked: Asked) -> Reply:
    given = parameters(asked.request, AUDIT_PARAMETERS)
    limit = whole_number("limit", given.get("limit", str(DEFAULT_LIMIT)), 1, MOST)
    target = target_of(given, asked.office.targets)
    found = newest_audit(target, most=limit + 1, alerts=asked.office.house().alerts)
    return Reply(found[:limit], {"target": target, "limit": limit, "more": len(found) > limit})


DELIVERIES = Route("deliveries", Role.READER, _list)
RESEND = Route("deliveries/{id}/resend", Role.ADMIN, _resend)
AUDIT = Route("audit", Role.READER, _audit)
