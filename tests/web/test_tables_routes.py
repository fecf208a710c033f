"""GET business and GET security: a range by name, whole for admins and masked for readers."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from shared.domain.records import put, tally_key
from shared.domain.retention import Retention
from shared.domain.samples import Reading
from shared.domain.tallies import SLOT, KeptTallies, Tally, TallyRow, tally
from shared.services.tally import keep_tallies
from shared.web.tables import BUSINESS, SECURITY
from tests.builders import OK, TARGET, a_desk, at
from tests.web.builders import Counter, a_request, bearer, crm_token, told

HOUR = 60


def a_tally(table: str, minute: int, *rows: tuple[tuple[str, ...], tuple[float, ...]]) -> Tally:
    return tally(table, at(minute), [TallyRow(labels, figures) for labels, figures in rows])


@pytest.fixture
def counter() -> Counter:
    return Counter(a_desk([OK] * 600))


def keep(counter: Counter, *given: Tally) -> None:
    reading = Reading(source="usage", asked_at=at(0), covered_until=at(0), tallies=given)
    keep_tallies(TARGET, [reading], alerts=counter.desk.house.alerts)


def business(counter: Counter, minute: float = 3 * HOUR, **params: str) -> dict[str, Any]:
    data: dict[str, Any] = counter.get(BUSINESS, minute, **params)["data"]
    return data


def test_nothing_known_is_said_as_such(counter: Counter) -> None:
    told = counter.get(BUSINESS, 20, range="1h")

    assert told["data"] == {
        "pipelineAt": None,
        "pipeline": [],
        "closed": [],
        "conversion": None,
        "revenue": 0.0,
        "interactions": [],
        "reports": [],
        "operations": [],
        "pages": [],
        "quarters": [],
        "cut": 0,
    }
    assert told["meta"] == told["meta"] | {
        "target": TARGET,
        "range": "1h",
        "from": "2025-12-31T23:15:00Z",
        "to": "2026-01-01T00:20:00Z",
    }


def test_a_range_begins_no_earlier_than_what_is_kept(counter: Counter) -> None:
    kept = Retention(hours=timedelta(days=15))
    counter.desk.house = replace(counter.desk.house, retention=kept)
    meta = counter.get(BUSINESS, 20, range="30d")["meta"]

    assert (meta["range"], meta["from"]) == ("30d", "2025-12-17T00:15:00Z")


def test_deals_are_summed_over_the_range_and_the_pipeline_is_the_newest(counter: Counter) -> None:
    keep(
        counter,
        a_tally("deals", 0, (("Won",), (2, 300)), (("lost",), (1, 50))),
        a_tally("deals", 60, (("Won",), (1, 100)), (("withdrawn",), (1, 10))),
        a_tally("pipeline", 0, (("lead",), (9, 9))),
        a_tally("pipeline", 60, (("proposal",), (700, 2)), (("lead",), (400, 5))),
    )

    told = business(counter)

    assert told["pipelineAt"] == "2026-01-01T01:00:00Z"
    assert told["pipeline"] == [
        {"stage": "proposal", "deals": 2, "value": 700.0},
        {"stage": "lead", "deals": 5, "value": 400.0},
    ]
    assert told["closed"] == [
        {"stage": "Won", "deals": 3, "value": 400.0},
        {"stage": "lost", "deals": 1, "value": 50.0},
        {"stage": "withdrawn", "deals": 1, "value": 10.0},
    ]
    assert (told["conversion"], told["revenue"]) == (75.0, 400.0)


def test_won_in_two_spellings_is_won_twice(counter: Counter) -> None:
    keep(
        counter, a_tally("deals", 0, (("Won",), (2, 300)), (("WON",), (1, 50)), (("Lost",), (1, 9)))
    )

    told = business(counter)

    assert (told["conversion"], told["revenue"]) == (75.0, 350.0)


def test_use_is_told_by_name_and_by_the_quarter_of_an_hour(counter: Counter) -> None:
    keep(
        counter,
        a_tally("operations", 0, (("GET /a",), (10, 1, 1000, 3)), (("GET /b",), (2, 0, 20, 1))),
        a_tally("operations", 15, (("GET /b",), (20, 0, 200, 5))),
        a_tally("pages", 15, (("/a",), (4, 800, 2))),
        a_tally("interactions", 15, (("call",), (3,)), (("visit",), (1,))),
        a_tally("reports", 0, (("weekly",), (2, 900, 500))),
        a_tally("reports", 15, (("weekly",), (1, 300, 300))),
    )

    told = business(counter)

    assert told["operations"] == [
        {"name": "GET /b", "requests": 22, "errors": 0, "meanMs": 10.0, "users": 5},
        {"name": "GET /a", "requests": 10, "errors": 1, "meanMs": 100.0, "users": 3},
    ]
    assert told["pages"] == [{"name": "/a", "views": 4, "meanMs": 200.0, "users": 2}]
    assert told["interactions"] == [{"type": "call", "count": 3}, {"type": "visit", "count": 1}]
    assert told["reports"] == [{"type": "weekly", "count": 3, "meanMs": 400.0, "longestMs": 500.0}]
    assert told["quarters"] == [
        {"at": "2026-01-01T00:00:00Z", "requests": 12, "views": 0, "interactions": 0},
        {"at": "2026-01-01T00:15:00Z", "requests": 20, "views": 4, "interactions": 4},
    ]


def test_what_lies_before_the_range_is_left_out(counter: Counter) -> None:
    keep(counter, *(a_tally("interactions", 15 * n, (("call",), (1,))) for n in range(12)))

    assert business(counter, range="1h")["interactions"] == [{"type": "call", "count": 4}]
    assert business(counter, range="24h")["interactions"] == [{"type": "call", "count": 12}]


def attacked(counter: Counter) -> None:
    keep(
        counter,
        a_tally(
            "logins",
            0,
            (("203.0.113.7", "ann@example.com"), (12, 0)),
            (("203.0.113.7", "bob@example.com"), (3, 1)),
        ),
        a_tally("loginAddresses", 0, (("203.0.113.7",), (15, 1, 2))),
        a_tally(
            "loginAccounts",
            0,
            (("ann@example.com",), (12, 0, 1)),
            (("bob@example.com",), (3, 1, 1)),
        ),
        a_tally("logins", 30, (("198.51.100.2", "ann@example.com"), (1, 2))),
        a_tally("loginAddresses", 30, (("198.51.100.2",), (1, 2, 1))),
        a_tally("loginAccounts", 30, (("ann@example.com",), (1, 2, 1))),
        a_tally("conduct", 0, (("authz_admin", "root@example.com", "198.51.100.2"), (2,))),
        a_tally("conduct", 15, (("authz_admin", "root@example.com", "198.51.100.2"), (5,))),
    )


def test_an_admin_is_told_whole_addresses_and_accounts(counter: Counter) -> None:
    attacked(counter)

    told = counter.get(SECURITY, HOUR, range="6h")["data"]

    assert told["masked"] is False
    assert told["byAddress"][0] == {
        "name": "203.0.113.7",
        "failed": 15,
        "entered": 1,
        "others": 2,
        "firstAt": "2026-01-01T00:00:00Z",
        "lastAt": "2026-01-01T00:00:00Z",
    }
    assert told["byAccount"][0] == {
        "name": "ann@example.com",
        "failed": 13,
        "entered": 2,
        "others": 2,
        "firstAt": "2026-01-01T00:00:00Z",
        "lastAt": "2026-01-01T00:30:00Z",
    }
    assert told["deeds"] == [
        {
            "event": "authz_admin",
            "account": "root@example.com",
            "address": "198.51.100.2",
            "times": 7,
            "lastAt": "2026-01-01T00:15:00Z",
        }
    ]
    assert told["quarters"] == [
        {"at": "2026-01-01T00:00:00Z", "failed": 15},
        {"at": "2026-01-01T00:30:00Z", "failed": 1},
    ]


def test_a_reader_is_told_networks_and_beginnings(counter: Counter) -> None:
    attacked(counter)
    headers = bearer(crm_token(roles="reader"))

    seen = told(counter.ask(SECURITY, HOUR, a_request(headers=headers)))["data"]

    assert seen["masked"] is True
    assert [one["name"] for one in seen["byAddress"]] == ["203.0.113.0/24", "198.51.100.0/24"]
    assert [one["name"] for one in seen["byAccount"]] == ["a…@example.com", "b…@example.com"]
    assert seen["deeds"][0]["account"] == "r…@example.com"
    assert "203.0.113.7" not in str(seen)
    assert "ann@" not in str(seen)


def test_a_range_that_is_not_kept_is_refused(counter: Counter) -> None:
    for route in (BUSINESS, SECURITY):
        assert counter.refused(route, 10, range="1y")[:2] == (400, "invalid_range")


def test_rows_for_which_there_was_no_room_are_counted(counter: Counter) -> None:
    keep(counter, a_tally("pages", 0, (("/a",), (1, 1, 1))), a_tally("pages", 60))
    for hour, cut in ((0, 20), (60, 3)):
        kept = counter.desk.house.alerts.get(TARGET, tally_key(at(hour)), KeptTallies)
        assert kept is not None
        short = put(tally_key(at(hour)), structs.replace(kept.value, cut=cut), kept)
        counter.desk.house.alerts.commit(TARGET, [short])

    for route in (BUSINESS, SECURITY):
        assert counter.get(route, 2 * HOUR)["data"]["cut"] == 23
        assert counter.get(route, 2 * HOUR, range="1h")["data"]["cut"] == 3


def test_forty_names_are_told_of_any_number(counter: Counter) -> None:
    for n in range(3):
        rows = [((f"page {n}-{i:02}",), (100 - i, 1.0, 1.0)) for i in range(40)]
        keep(counter, a_tally("pages", 15 * n, *rows))

    assert len(business(counter)["pages"]) == 40
    assert SLOT.total_seconds() == 900
