"""GET report: a week or another range in figures, charts and sentences; as JSON or as a page."""

from typing import Annotated

from msgspec import Meta, Struct

from shared.domain.reports import PerformanceReport
from shared.services.report import DEFAULT, REPORTED, make_report
from shared.web.alerts import target_of
from shared.web.auth import Role
from shared.web.doors import Asked, Document, Reply, Route

FORMATS = ("json",)


class ReportQuery(Struct, frozen=True):
    """Which report; `target` defaults to the first one. It ends with the last full hour."""

    range: Annotated[str, Meta(extra_json_schema={"enum": REPORTED})] = DEFAULT
    target: str = ""


def _answer(asked: Asked) -> Reply | Document:
    query: ReportQuery = asked.query
    target = target_of(query.target, asked.office.targets)
    return Reply(make_report(target, query.range, house=asked.office.house(), now=asked.office.now))


REPORT = Route(
    name="report",
    says="a range in figures, trends, forecasts, alerts and advice, beside the one before",
    role=Role.READER,
    query=ReportQuery,
    data=PerformanceReport,
    answer=_answer,
)
