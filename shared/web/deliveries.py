"""GET deliveries, POST deliveries/{id}/resend, GET audit: who was told, and who did what."""

import re
from typing import Annotated

from msgspec import Meta, Struct

from shared.domain.deliveries import Delivery, Status
from shared.domain.errors import NotFound
from shared.domain.handling import AuditEntry
from shared.services.resend import Message, newest_audit, newest_deliveries, resend
from shared.web.alerts import ListMeta, chosen_targets, target_of
from shared.web.auth import Role
from shared.web.doors import Asked, Reply, Route
from shared.web.views import Json, View, list_of

STATES = ("all", *Status)
MOST = 200
DEFAULT_LIMIT = 50

DELIVERY_VIEW = View(
    "Delivery",
    Delivery,
    without=("event", "owner", "due"),
    beside={"delivery_id": str, "target": str},
)
_ID = re.compile(r"([a-z0-9-]+)\.(\d{8}T\d{4}Z-[0-9a-z]{8})\.([0-9a-f]{8})\.(\d{4})")


class DeliveriesQuery(Struct, frozen=True):
    """Which deliveries; `channel` is a type, a key or type:name."""

    state: Annotated[str, Meta(extra_json_schema={"enum": STATES})] = STATES[0]
    channel: str = ""
    target: str = ""
    limit: Annotated[int, Meta(ge=1, le=MOST)] = DEFAULT_LIMIT


class AuditQuery(Struct, frozen=True):
    """Whose audit; the first target's by default."""

    target: str = ""
    limit: Annotated[int, Meta(ge=1, le=MOST)] = DEFAULT_LIMIT


class AuditMeta(Struct, frozen=True):
    """`more`: there are more than `limit`."""

    target: str
    limit: int
    more: bool


def delivery_json(target: str, row: Delivery) -> Json:
    """The row without what only the store needs; `deliveryId` is what resend takes."""
    name = f"{target}.{row.episode}.{row.channel}.{row.seq:04d}"
    return DELIVERY_VIEW.shown(row, deliveryId=name, target=target)


def _list(asked: Asked) -> Reply:
    query: DeliveriesQuery = asked.query
    channel, limit = query.channel, query.limit
    chosen = chosen_targets(query.target, asked.office.targets)

    def wanted(row: Delivery) -> bool:
        names = ("", row.channel, row.channel_type, f"{row.channel_type}:{row.channel_name}")
        return query.state in ("all", row.status) and channel in names

    alerts = asked.office.house().alerts
    found = [
        (row, target)
        for target in chosen
        for row in newest_deliveries(target, wanted=wanted, most=limit + 1, alerts=alerts)
    ]
    found.sort(key=lambda one: (one[0].created_at, one[0].key), reverse=True)
    meta = ListMeta(state=query.state, limit=limit, more=len(found) > limit)
    return Reply([delivery_json(target, row) for row, target in found[:limit]], meta)


def _resend(asked: Asked) -> Reply:
    target, message = _named(asked)
    house, now = asked.office.house(), asked.office.now
    row = resend(target, message, by=asked.principal.name, house=house, now=now)
    return Reply(delivery_json(target, row))


def _named(asked: Asked) -> tuple[str, Message]:
    given = asked.name
    found = _ID.fullmatch(given)
    if found is None or found[1] not in asked.office.targets:
        raise NotFound(
            f"there is no delivery {given[:100]!r}; its id is GET deliveries' deliveryId"
        )
    return found[1], Message(found[2], found[3], int(found[4]))


def _audit(asked: Asked) -> Reply:
    query: AuditQuery = asked.query
    limit, target = query.limit, target_of(query.target, asked.office.targets)
    found = newest_audit(target, most=limit + 1, alerts=asked.office.house().alerts)
    return Reply(found[:limit], AuditMeta(target, limit, more=len(found) > limit))


DELIVERIES = Route(
    name="deliveries",
    role=Role.READER,
    answer=_list,
    says="what became of messages, newest first",
    query=DeliveriesQuery,
    data=list_of(DELIVERY_VIEW.kind),
    meta=ListMeta,
)
RESEND = Route(
    name="deliveries/{id}/resend",
    method="POST",
    role=Role.ADMIN,
    answer=_resend,
    says="send a message again",
    data=DELIVERY_VIEW.kind,
)
AUDIT = Route(
    name="audit",
    role=Role.READER,
    answer=_audit,
    says="what people did, newest first",
    query=AuditQuery,
    data=list[AuditEntry],
    meta=AuditMeta,
)
