"""How hard somebody tries to log in: bursts by address and account, and slow sprays."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from shared.domain.logins import Pressure, Tries, pressures

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NOBODY = Pressure(0, 0, 0)


def tried(*given: tuple[int, str, str, int, int]) -> dict[datetime, list[Tries]]:
    """Minutes after T0 with address, account, failed and entered."""
    found: dict[datetime, list[Tries]] = {}
    for after, *one in given:
        found.setdefault(T0 + after * MINUTE, []).append(Tries(*one))  # type: ignore[arg-type]
    return found


def at(minutes: dict[datetime, list[Tries]], after: Iterable[int]) -> list[Pressure]:
    wanted = list(after)
    told = dict(pressures(minutes, T0 + wanted[0] * MINUTE, T0 + (wanted[-1] + 1) * MINUTE))
    return [told[T0 + one * MINUTE] for one in wanted]


def test_a_quiet_minute_has_no_pressure() -> None:
    assert at({}, range(3)) == [NOBODY] * 3


def test_those_minutes_and_no_others_have_one() -> None:
    minutes = tried((-4, "a", "x", 3, 0), (3, "a", "x", 5, 0))

    found = [minute for minute, _ in pressures(minutes, T0, T0 + 3 * MINUTE)]

    assert found == [T0, T0 + MINUTE, T0 + 2 * MINUTE]


def test_a_burst_is_the_sum_of_five_minutes_and_then_forgotten() -> None:
    minutes = tried((0, "a", "x", 3, 0), (4, "a", "y", 2, 0), (4, "b", "y", 4, 0))

    assert [one.by_address for one in at(minutes, range(10))] == [3, 3, 3, 3, 5, 4, 4, 4, 4, 0]
    assert [one.by_account for one in at(minutes, range(10))] == [3, 3, 3, 3, 6, 6, 6, 6, 6, 0]


def test_what_lies_before_the_first_minute_counts_in_its_windows() -> None:
    minutes = tried((-4, "a", "x", 3, 0), (-5, "a", "x", 5, 0), (-359, "a", "y", 1, 0))

    assert at(minutes, [0]) == [Pressure(by_address=3, by_account=3, accounts=2)]


def test_a_spray_counts_the_accounts_of_one_address_for_six_hours() -> None:
    minutes = tried(*((20 * n, "a", f"u{n}", 1, 0) for n in range(12)), (0, "b", "u1", 1, 0))

    assert at(minutes, [219, 220, 359, 360, 379, 380])[0].accounts == 11
    assert [one.accounts for one in at(minutes, [220, 359, 360, 379, 380])] == [12, 12, 11, 11, 10]


def test_who_mistyped_and_then_got_in_is_no_spray() -> None:
    minutes = tried(
        (0, "office", "ann", 2, 0), (1, "office", "ann", 0, 1), (2, "office", "b", 1, 0)
    )

    assert [one.accounts for one in at(minutes, range(3))] == [1, 0, 1]


def test_who_is_loud_is_told_of_as_a_burst_and_not_as_a_spray() -> None:
    minutes = tried(
        *((0, "loud", f"u{n}", 1, 0) for n in range(11)),
        *((0, "calm", f"u{n}", 1, 0) for n in range(4)),
    )

    assert at(minutes, [0, 359]) == [Pressure(11, 2, 4), Pressure(0, 0, 4)]
    assert at(tried(*((0, "a", f"u{n}", 1, 0) for n in range(10))), [0])[0].accounts == 10


def test_an_address_or_an_account_that_nobody_named_is_nobodys() -> None:
    assert at(tried((0, "", "ann", 7, 0), (0, "a", "", 5, 0)), [0]) == [Pressure(5, 7, 1)]
