"""GET report: a week or another range in figures, charts and sentences; as JSON or as a page."""

from typing import Annotated

from msgspec import Meta, Struct

from shared.domain.reports.report import PerformanceReport
from shared.services.report import DEFAULT, REPORTED, make_report
from shared.web.alerts import target_of
from shared.web.auth import Role
from shared.web.doors import Asked, Document, Reply, Route
from shared.web.report_page import HTML, POLICY, page_of

FORMATS = ("json", "html")


class ReportQuery(Struct, frozen=True):
    """Which report; `target` defaults to the first one. It ends with the last full hour."""

    range: Annotated[str, Meta(extra_json_schema={"enum": REPORTED})] = DEFAULT
    format: Annotated[str, Meta(extra_json_schema={"enum": FORMATS})] = FORMATS[0]
    target: str = ""


def _answer(asked: Asked) -> Reply | Document:
    query: ReportQuery = asked.query
    target = target_of(query.target, asked.office.targets)
    house, now = asked.office.house(), asked.office.now
    made = make_report(target, query.range, house=house, now=now)
    if query.format == "html":
        return Document(page_of(made), HTML, {"Content-Security-Policy": POLICY})
    return Reply(made)


REPORT = Route(
    name="report",
    says="a range in figures, trends, forecasts, alerts and advice, beside the one before",
    role=Role.READER,
    query=ReportQuery,
    data=PerformanceReport,
    page=HTML,
    answer=_answer,
)
