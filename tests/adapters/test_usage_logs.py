"""What the CRM is used for, over canned answers: whole quarters, and those before again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.adapters.logs.usage import UsageLogs
from shared.adapters.logs.workspaces import Workspaces
from shared.catalog.log_queries import CONDUCT, OPERATIONS, PAGES, USAGE
from shared.domain.errors import SourceError
from shared.domain.samples import Reading
from shared.domain.tallies import SLOT, TallyRow

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOW = T0 + timedelta(minutes=35, seconds=20)
HOUR = timedelta(hours=1)
TEXTS = {query.text: query for query in USAGE}


@dataclass
class Table:
    rows: Sequence[Mapping[str, Any]]
    columns: Sequence[str]


@dataclass
class Result:
    tables: Sequence[Table]
    status: str = "Success"


@dataclass
class Client:
    """A LogsClient that answers each query from its rows, and remembers for what time."""

    rows: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    asked: set[tuple[datetime, datetime]] = field(default_factory=set)
    without: str = ""

    def query_workspace(
        self,
        workspace_id: str,
        query: str,
        *,
        timespan: tuple[datetime, datetime],
        **_: Any,
    ) -> Any:
        assert workspace_id == "a-guid"
        self.asked.add(timespan)
        known = TEXTS[query]
        columns = [column for column in known.columns if column != self.without]
        return Result([Table(self.rows.get(known.name, ()), columns)])

    def close(self) -> None: ...


def read(client: Client, since: datetime | None = T0, now: datetime = NOW) -> Reading:
    return UsageLogs(Workspaces({"crm": "a-guid"}, client)).read("crm", since=since, now=now)


def a_page(slot: datetime, page: str, views: int) -> dict[str, Any]:
    took = {"TookMs": views * 100.0, "Users": 2}
    return {"Slot": slot, "Page": page, "Views": views, "AllViews": None, **took}


def all_pages(slot: datetime, views: int) -> dict[str, Any]:
    unsaid = {"Views": None, "TookMs": None, "Users": None}
    return {"Slot": slot, "Page": "", "AllViews": views, **unsaid}


def test_whole_settled_quarters_are_covered_and_the_hour_before_is_asked_again() -> None:
    client = Client()

    found = read(client)

    assert found.covered_until == T0 + 2 * SLOT
    assert client.asked == {(T0 - HOUR, T0 + 2 * SLOT)}
    assert read(client, since=T0 + 2 * SLOT).covered_until == T0 + 2 * SLOT


def test_a_first_reading_covers_an_hour_and_a_long_gap_goes_in_pieces() -> None:
    client = Client()

    assert read(client, since=None).covered_until == T0 + 2 * SLOT
    assert client.asked == {(T0 + 2 * SLOT - 2 * HOUR, T0 + 2 * SLOT)}
    assert read(client, since=T0 - 30 * HOUR).covered_until == T0 - 24 * HOUR


def test_views_are_counted_and_names_are_kept_by_the_quarter() -> None:
    rows = [
        a_page(T0, "/a", 3),
        a_page(T0, "/b", 5),
        a_page(T0 + SLOT, "/a", 1),
        a_page(T0 + 2 * SLOT, "/a", 9),  # the end of the question is the next one's beginning
        all_pages(T0, 900),  # of more pages than an answer has rows
        all_pages(T0 + SLOT, 1),
        all_pages(T0 + 2 * SLOT, 9),
    ]
    told = {"Slot": T0, "Event": "authz_fail", "Account": None, "Address": "a", "Times": 2}

    found = read(Client({PAGES.name: rows, CONDUCT.name: [told]}))

    views = {sample.minute: sample.value for sample in found.samples}
    assert views == {T0 - n * SLOT: 0 for n in range(1, 5)} | {T0: 900, T0 + SLOT: 1}
    assert [(one.table, one.slot, one.rows) for one in found.tallies] == [
        ("pages", T0, (TallyRow(("/b",), (5, 500, 2)), TallyRow(("/a",), (3, 300, 2)))),
        ("pages", T0 + SLOT, (TallyRow(("/a",), (1, 100, 2)),)),
        ("conduct", T0, (TallyRow(("authz_fail", "", "a"), (2,)),)),
    ]


def test_an_answer_without_a_column_is_refused() -> None:
    with pytest.raises(SourceError, match="query operations has no column Requests"):
        read(Client(without="Requests"))
    with pytest.raises(SourceError, match="column Views holds 'many', which is no number"):
        read(Client({PAGES.name: [{**a_page(T0, "/a", 1), "Views": "many"}]}))


def test_each_query_is_a_table_of_its_own() -> None:
    assert [query.name for query in USAGE] == ["operations", "pages", "conduct"]
    assert OPERATIONS.columns["Slot"] == "datetime"
