"""What readings count by name is kept, found again, and named by alerts."""

from datetime import UTC, datetime, timedelta
from zlib import compress

import pytest
from msgspec.structs import replace

from shared.domain.records import put, tally_key
from shared.domain.samples import Failure, Reading
from shared.domain.tallies import SLOT, KeptTallies, Tally, TallyRow, tally
from shared.ports import House
from shared.services.tally import keep_tallies, suspected, tallies
from tests.builders import TARGET, a_desk

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def a_tally(slot: datetime = T0, failed: float = 12) -> Tally:
    return tally("logins", slot, [TallyRow(("203.0.113.7", "ann"), (failed, 0))])


def a_reading(*given: Tally) -> Reading:
    return Reading(source="logins", asked_at=T0, covered_until=T0, tallies=given)


@pytest.fixture
def house() -> House:
    return a_desk([]).house


def test_tallies_are_found_by_their_slots(house: House) -> None:
    given = [a_tally(T0 + n * SLOT) for n in range(9)]
    keep_tallies(TARGET, [a_reading(*given), Failure("logs", T0, "late")], alerts=house.alerts)

    found = tallies(TARGET, T0 + SLOT, T0 + 8 * SLOT, alerts=house.alerts)

    assert found == given[1:8]
    assert tallies(TARGET, T0 + 9 * SLOT, T0 + 20 * SLOT, alerts=house.alerts) == []


def test_the_same_again_changes_nothing_and_more_takes_its_place(house: House) -> None:
    keep_tallies(TARGET, [a_reading(a_tally())], alerts=house.alerts)
    before = house.alerts.get(TARGET, tally_key(T0), KeptTallies)
    keep_tallies(TARGET, [a_reading(a_tally())], alerts=house.alerts)
    assert house.alerts.get(TARGET, tally_key(T0), KeptTallies) == before

    keep_tallies(TARGET, [a_reading(a_tally(failed=40))], alerts=house.alerts)

    assert tallies(TARGET, T0, T0 + HOUR, alerts=house.alerts) == [a_tally(failed=40)]


def test_a_damaged_hour_is_left_out_and_begun_anew(house: House) -> None:
    keep_tallies(TARGET, [a_reading(a_tally(), a_tally(T0 + HOUR))], alerts=house.alerts)
    kept = house.alerts.get(TARGET, tally_key(T0), KeptTallies)
    assert kept is not None
    broken = replace(kept.value, packed=compress(b"{}"))
    house.alerts.commit(TARGET, [put(tally_key(T0), broken, kept)])

    assert tallies(TARGET, T0, T0 + 2 * HOUR, alerts=house.alerts) == [a_tally(T0 + HOUR)]
    keep_tallies(TARGET, [a_reading(a_tally(failed=3))], alerts=house.alerts)
    assert tallies(TARGET, T0, T0 + HOUR, alerts=house.alerts) == [a_tally(failed=3)]


def test_who_tried_is_found_for_an_alert(house: House) -> None:
    row = TallyRow(("203.0.113.7",), (12, 0, 1))
    tables = [a_tally(), tally("loginAddresses", T0, [row])]
    keep_tallies(TARGET, [a_reading(*tables)], alerts=house.alerts)

    (one,) = suspected(TARGET, 2 * SLOT, house=house, now=T0 + SLOT)

    assert one.statement == "12 failed logins from 203.0.113.0/24 at 1 account"
