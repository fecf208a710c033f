"""What people did, over canned answers: how far it is told, what counts when, and who tried."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.adapters.logs.security import SecurityLogs
from shared.adapters.logs.workspaces import Workspaces
from shared.catalog.log_queries import SECURITY
from shared.domain.errors import SourceError
from shared.domain.office_hours import OfficeHours
from shared.domain.samples import Answer, Reading
from shared.domain.tallies import TallyRow

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NOW = T0 + 10 * MINUTE + timedelta(seconds=20)
NAMES = ("security", "logins")


@dataclass
class Table:
    rows: Sequence[dict[str, Any]]
    columns: Sequence[str] = tuple(SECURITY.columns)


@dataclass
class Result:
    tables: Sequence[Table]
    status: str = "Success"


@dataclass
class Client:
    """A LogsClient that says the same whatever it is asked, and remembers for what time."""

    rows: Sequence[dict[str, Any]]
    columns: Sequence[str] = tuple(SECURITY.columns)
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)

    def query_workspace(
        self,
        workspace_id: str,
        query: str,
        *,
        timespan: tuple[datetime, datetime],
        **_: Any,
    ) -> Any:
        assert (workspace_id, query) == ("a-guid", SECURITY.text)
        self.asked.append(timespan)
        return Result([Table(self.rows, self.columns)])

    def close(self) -> None: ...


def a_row(after: int, logins: str = "[]", **counts: int) -> dict[str, Any]:
    """The minute so long after T0."""
    zeros = dict.fromkeys(SECURITY.counts, 0)
    return {"Minute": T0 + after * MINUTE, **zeros, **counts, "Logins": logins}


def read(
    *rows: dict[str, Any], since: datetime | None = T0, now: datetime = NOW, **more: Any
) -> dict[str, Reading]:
    found = answers(Client(rows, **more), since=since, now=now)
    return {one.source: one for one in found if isinstance(one, Reading)}


def answers(client: Client, since: datetime | None = T0, now: datetime = NOW) -> Sequence[Answer]:
    source = SecurityLogs(Workspaces({"crm": "a-guid"}, client), office=OfficeHours())
    return source.read("crm", since=dict.fromkeys(NAMES, since), now=now)


def values(reading: Reading, metric: str) -> dict[int, float]:
    return {(s.minute - T0) // MINUTE: s.value for s in reading.samples if s.metric == metric}


HEARD = [a_row(n) for n in range(9)]


def test_counts_reach_as_far_as_telemetry_and_levels_a_minute_further() -> None:
    found = read(*HEARD)

    assert found["security"].covered_until == T0 + 8 * MINUTE
    assert found["logins"].covered_until == T0 + 9 * MINUTE


def test_an_hour_of_silence_counts_as_real() -> None:
    found = read(a_row(-60))

    assert found["security"].covered_until == T0 + 9 * MINUTE
    assert found["logins"].covered_until == T0 + 10 * MINUTE
    assert values(found["security"], "failedLogins")[8] == 0


def test_counts_lie_in_their_minutes_and_out_of_hours_ones_not_within_them() -> None:
    late = T0 + 11 * HOUR
    bad = a_row(3, FailedLogins=4, Lockouts=1, AdminActions=2, DataAccess=9)
    at_night = {**bad, "Minute": late + 3 * MINUTE}

    by_day = read(bad, *HEARD[4:])["security"]
    by_night = read(at_night, since=late, now=late + 10 * MINUTE)["security"]

    assert (values(by_day, "failedLogins")[3], values(by_day, "lockouts")[3]) == (4, 1)
    assert values(by_day, "adminActionsOutOfHours")[3] == 0
    assert values(by_night, "adminActionsOutOfHours")[663] == 2
    assert values(by_night, "dataAccessOutOfHours")[663] == 9


def test_levels_look_back_and_are_mended_when_more_is_heard() -> None:
    rows = [a_row(-2, '[["a","x",4,0],["","",0,0]]'), a_row(1, '[["a","y",3,1]]'), *HEARD[2:]]

    found = read(*rows)["logins"]

    assert values(found, "failedLoginsByAddress") == {
        **dict.fromkeys([-5, -4, -3], 0),
        **dict.fromkeys([-2, -1, 0], 4),
        **dict.fromkeys([1, 2], 7),
        **dict.fromkeys([3, 4, 5], 3),
        **dict.fromkeys([6, 7, 8], 0),
    }
    assert values(found, "accountsTried")[8] == 1


def test_who_comes_from_another_port_each_time_is_the_same() -> None:
    ports = ",".join(f'["203.0.113.7:{5000 + n}","u{n}",1,0]' for n in range(11))

    found = read(a_row(1, f"[{ports}]"), *HEARD[2:])["logins"]

    assert values(found, "failedLoginsByAddress")[1] == 11


def test_who_comes_from_another_address_of_his_network_each_time_is_the_same() -> None:
    """The tables name each address as it is."""
    some = ",".join(f'["2001:db8:1:2::{5000 + n}","u{n}",1,0]' for n in range(11))

    found = read(a_row(1, f"[{some}]"), *HEARD[2:])["logins"]

    assert values(found, "failedLoginsByAddress")[1] == 11
    [addresses] = [one for one in found.tallies if one.table == "loginAddresses"]
    assert len(addresses.rows) == 11


def test_an_account_is_the_same_however_it_is_spelt() -> None:
    spelt = ("ann@example.com", "Ann@example.com", "ANN@Example.com", " ann@example.com ")
    some = ",".join(f'["203.0.113.{n}","{name}",3,0]' for n, name in enumerate(spelt))

    found = read(a_row(1, f"[{some}]"), *HEARD[2:])["logins"]

    assert values(found, "failedLoginsByAccount")[1] == 12


def test_who_failed_is_counted_by_name_in_whole_slots() -> None:
    rows = [a_row(-2, '[["a","x",4,0]]'), a_row(1, '[["a","x",3,1],["b","y",0,2]]'), *HEARD[2:]]

    found = read(*rows)["logins"].tallies

    assert {((one.slot - T0) // MINUTE, one.table): one.rows for one in found} == {
        (-15, "logins"): (TallyRow(("a", "x"), (4, 0)),),
        (-15, "loginAddresses"): (TallyRow(("a",), (4, 0, 1)),),
        (-15, "loginAccounts"): (TallyRow(("x",), (4, 0, 1)),),
        (0, "logins"): (TallyRow(("a", "x"), (3, 1)),),
        (0, "loginAddresses"): (TallyRow(("a",), (3, 1, 1)),),
        (0, "loginAccounts"): (TallyRow(("x",), (3, 1, 1)),),
    }


def test_it_looks_back_for_hours_and_asks_once() -> None:
    client = Client(HEARD)
    answers(client)

    assert client.asked == [(T0 - 7 * HOUR - 5 * MINUTE, T0 + 10 * MINUTE)]


@pytest.mark.parametrize(
    ("rows", "columns", "said"),
    [
        ([a_row(0, "nonsense")], tuple(SECURITY.columns), "column Logins holds no logins"),
        ([a_row(0, '[["a"]]')], tuple(SECURITY.columns), "column Logins holds no logins"),
        ([{**a_row(0), "Lockouts": "many"}], tuple(SECURITY.columns), "which is no number"),
        ([], ("Minute",), "has no column FailedLogins"),
    ],
)
def test_an_answer_that_is_not_as_agreed_is_refused(
    rows: list[dict[str, Any]], columns: tuple[str, ...], said: str
) -> None:
    with pytest.raises(SourceError, match=said):
        answers(Client(rows, columns))


def test_a_target_without_a_workspace_is_refused() -> None:
    source = SecurityLogs(Workspaces({}, Client([])))

    with pytest.raises(SourceError, match="no workspace is set for crm"):
        source.read("crm", since={"security": None, "logins": None}, now=NOW)
