"""Whom an alert about failed logins names, and how little it gives away."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from shared.domain.culprits import described
from shared.domain.masking import masked_account, masked_address, origin, plain_address
from shared.domain.office_hours import OfficeHours
from shared.domain.suspects import RECENT, by_account, by_address, suspects
from shared.domain.tallies import SLOT, Tally, TallyRow, tally

NOW = datetime(2026, 3, 2, 9, 40, 20, tzinfo=UTC)
SLOT_NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
HOURS = timedelta(hours=6)


def logins(*rows: tuple[str, str, int], slot: datetime = SLOT_NOW) -> list[Tally]:
    """The tables of those addresses, accounts and failures."""
    pairs = [TallyRow((address, account), (failed, 0.0)) for address, account, failed in rows]
    addresses = [
        TallyRow((name,), (sum(one[2] for one in rows if one[0] == name), 0, 1))
        for name in {one[0] for one in rows}
    ]
    accounts = [
        TallyRow((name,), (sum(one[2] for one in rows if one[1] == name), 0, 1))
        for name in {one[1] for one in rows}
    ]
    alone = [tally("loginAddresses", slot, addresses), tally("loginAccounts", slot, accounts)]
    return [tally("logins", slot, pairs), *alone]


def told(*tables: list[Tally], length: timedelta = RECENT) -> list[str]:
    tallies = [one for each in tables for one in each]
    found = suspects(tallies, now=NOW, length=length, more_than=10)
    return [described(one) for one in found]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        ("2001:db8:1:2::9", "2001:db8:1::/48"),
        ("203.0.113.7:50123", "203.0.113.0/24"),
        ("::ffff:203.0.113.7", "203.0.113.0/24"),
        ("[2001:db8:1:2::9]:443", "2001:db8:1::/48"),
        ("a proxy", "a…"),
        ("", ""),
    ],
)
def test_an_address_is_shown_as_its_network(address: str, shown: str) -> None:
    assert masked_address(address) == shown


@pytest.mark.parametrize(
    ("account", "shown"),
    [
        ("ann@example.com", "a…@example.com"),
        ("ann@mail.example.co.uk", "a…@mail.example.co.uk"),
        ("ann@bob@example.com", "a…@example.com"),
        ("u-012", "u…"),
        ("p@ssw0rd", "p…"),
        ("p@ss.w0rd", "p…"),
        ("@secret", "@…"),
        ("\r\nann@example.com", "a…@example.com"),
        ("\u202eann", "a…"),
        ("\x00", "…"),
        ("", ""),
    ],
)
def test_an_account_is_shown_by_its_first_letter(account: str, shown: str) -> None:
    assert masked_account(account) == shown


@pytest.mark.parametrize(
    ("address", "who"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2::9", "2001:db8:1:2::"),
        ("2001:db8:1:2:9999::1", "2001:db8:1:2::"),
        ("not: an address", "not: an address"),
        ("", ""),
    ],
)
def test_who_has_one_address_of_a_network_has_all(address: str, who: str) -> None:
    assert origin(address) == who


def test_an_account_that_is_spelt_differently_each_time_is_named_once() -> None:
    rows = [
        (f"203.0.113.{n}", name, 6) for n, name in enumerate(("ann@x.example", "Ann@X.example"))
    ]

    assert told(logins(*rows)) == ["12 failed logins at a…@x.example from 2 addresses"]


def test_who_comes_with_a_new_address_each_time_is_named_once() -> None:
    rows = [(f"2001:db8:1:2::{n:x}", f"u-{n}", 1) for n in range(1, 13)]

    assert told(logins(*rows)) == ["12 failed logins from 2001:db8:1::/48 at 12 accounts"]


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:50123", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8::9", "2001:db8::9"),
        ("2001:0DB8:0::9", "2001:db8::9"),
        ("[2001:db8::9]:443", "2001:db8::9"),
        ("999.0.0.1:5", "999.0.0.1:5"),
        ("a:b", "a:b"),
        ("", ""),
    ],
)
def test_an_address_is_the_same_whatever_its_port(given: str, plain: str) -> None:
    assert plain_address(given) == plain


def test_a_burst_names_the_loudest_addresses_by_their_networks() -> None:
    one = logins(("203.0.113.7", "ann", 12), ("203.0.113.7", "bob", 3), ("198.51.100.1", "cy", 9))

    assert told(one) == ["15 failed logins from 203.0.113.0/24 at 2 accounts"]


@pytest.mark.parametrize(("slots_ago", "failures", "count"), [(2, 11, 1), (3, 11, 0), (0, 10, 0)])
def test_a_burst_is_more_than_ten_since_the_slot_of_half_an_hour_ago(
    slots_ago: int, failures: int, count: int
) -> None:
    found = logins(("203.0.113.7", "ann", failures), slot=SLOT_NOW - slots_ago * SLOT)

    assert len(told(found)) == count


def test_an_account_is_named_for_more_than_ten_failures_too() -> None:
    def tried_by(addresses: int) -> list[str]:
        return told(logins(*((f"203.0.113.{n}", "ann", 1) for n in range(addresses))))

    assert tried_by(10) == []
    assert tried_by(11) == ["11 failed logins at a… from 11 addresses"]


def test_an_account_that_many_addresses_try_is_named() -> None:
    one = logins(*((f"203.0.113.{n}", "ann@example.com", 2) for n in range(8)))

    assert told(one) == ["16 failed logins at a…@example.com from 8 addresses"]


def test_a_spray_names_the_address_with_most_accounts_over_the_hours() -> None:
    slots = [
        logins(("192.0.2.44", f"u{n}", 1), ("198.51.100.1", "ann", 40), slot=SLOT_NOW - n * SLOT)
        for n in range(12)
    ]

    assert told(*slots, length=HOURS) == ["12 failed logins from 192.0.2.0/24 at 12 accounts"]


def test_other_tables_and_nameless_rows_say_nothing() -> None:
    pages = tally("pages", SLOT_NOW, [TallyRow(("a", "b"), (99,))])

    assert by_address([pages, *logins(("", "ann", 5))]) == []
    assert [one.name for one in by_account(logins(("", "ann", 5)))] == ["ann"]


def test_the_others_are_at_least_as_many_as_a_slot_said() -> None:
    """Of many pairs only those with most are kept."""
    row = TallyRow(("203.0.113.7",), (90, 0, 70))

    (one,) = by_address([tally("loginAddresses", SLOT_NOW, [row]), *logins(("a", "x", 0))[:1]])

    assert (one.failed, one.others) == (90, 70)


def test_office_hours_are_those_of_the_clock_on_the_wall() -> None:
    office = OfficeHours(zone=ZoneInfo("Europe/Berlin"))

    assert office.hold(datetime(2026, 3, 2, 6, tzinfo=UTC))
    assert not office.hold(datetime(2026, 3, 2, 5, 59, tzinfo=UTC))
    assert office.hold(datetime(2026, 7, 6, 5, tzinfo=UTC))
    assert not office.hold(datetime(2026, 3, 2, 18, tzinfo=UTC))
    assert not office.hold(datetime(2026, 3, 7, 10, tzinfo=UTC))
