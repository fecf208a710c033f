"""GET business and GET security: a range by name, from the tables that come with readings."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct, field

from shared.domain.business import Business
from shared.domain.conduct import Conduct
from shared.domain.ranges import RANGES
from shared.domain.times import DAY, Span
from shared.services.tabulate import business, conduct, slots_of
from shared.web.alerts import target_of
from shared.web.auth import Role
from shared.web.doors import Asked, Reply, Route

TABLED = tuple(name for name, length in RANGES.items() if length <= 30 * DAY)
DEFAULT = "24h"


class TablesQuery(Struct, frozen=True):
    """Which range; `target` defaults to the first one."""

    range: Annotated[str, Meta(extra_json_schema={"enum": TABLED})] = DEFAULT
    target: str = ""


class TablesMeta(Struct, frozen=True, kw_only=True, rename="camel"):
    """What the answer is of: [from, to), widened to whole quarters of an hour.

    Where minutes are kept for less than the range, it begins as late as they do.
    """

    target: str
    range: str
    start: datetime = field(name="from")
    end: datetime = field(name="to")


def _asked_for(asked: Asked) -> tuple[str, Span, TablesMeta]:
    query: TablesQuery = asked.query
    target = target_of(query.target, asked.office.targets)
    kept = asked.office.house().retention.hours
    span = slots_of(min(RANGES[query.range], kept), asked.office.now)
    meta = TablesMeta(target=target, range=query.range, start=span.start, end=span.end)
    return target, span, meta


def _business(asked: Asked) -> Reply:
    target, span, meta = _asked_for(asked)
    return Reply(business(target, span, house=asked.office.house()), meta)


def _conduct(asked: Asked) -> Reply:
    target, span, meta = _asked_for(asked)
    masked = not asked.principal.may(Role.ADMIN)
    return Reply(conduct(target, span, masked=masked, house=asked.office.house()), meta)


BUSINESS = Route(
    name="business",
    says="what the CRM was used for, and what it brought, by name",
    role=Role.READER,
    query=TablesQuery,
    data=Business,
    meta=TablesMeta,
    answer=_business,
)
SECURITY = Route(
    name="security",
    says="who failed to log in, and what else is worth a look; masked for all but admins",
    role=Role.READER,
    query=TablesQuery,
    data=Conduct,
    meta=TablesMeta,
    answer=_conduct,
)
