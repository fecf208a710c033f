"""Why nobody is told about a minute, and why nobody is told just now."""

from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from shared.domain.decisions import Snooze
from shared.domain.maintenance import Window
from shared.domain.quiet import Quiet
from shared.domain.reasons import Reason
from shared.domain.times import Span
from tests.domain.builders import Desk, a_rule, at

SNOOZE = Snooze(until=at(4), by="ana", at=at(1))
WINDOW = Window(id="w", by="ana", at=at(0), once=Span(at(1), at(4)))
SILENCED = [(-0.5, False), (0, True), (2, True), (2.9, True), (3, False)]


def quiet_at(
    now: datetime,
    *,
    snooze: Snooze | None = None,
    windows: tuple[Window, ...] = (),
    inhibitor: Desk | None = None,
    behind: bool = False,
) -> Quiet:
    inhibitors = () if inhibitor is None else (inhibitor.state,)
    case = replace(Desk(a_rule()).case(), snooze=snooze, windows=windows, inhibitors=inhibitors)
    return Quiet(case, now=now, behind=behind)


@pytest.mark.parametrize(("minute", "silenced"), SILENCED)
def test_a_minute_that_ends_within_a_snooze_stays_silent_after_it(
    minute: float, *, silenced: bool
) -> None:
    found = quiet_at(at(10), snooze=SNOOZE).about(at(minute))

    assert found is (Reason.SNOOZED if silenced else None)


@pytest.mark.parametrize(("minute", "silenced"), SILENCED)
def test_a_minute_that_ends_within_a_window_stays_silent_after_it(
    minute: float, *, silenced: bool
) -> None:
    found = quiet_at(at(10), windows=(WINDOW,)).about(at(minute))

    assert found is (Reason.MAINTENANCE if silenced else None)


def test_while_people_want_silence_nothing_is_told_of_minutes_before_it() -> None:
    assert quiet_at(at(3), snooze=SNOOZE).about(at(-60)) is Reason.SNOOZED
    assert quiet_at(at(3), windows=(WINDOW,)).about(at(-60)) is Reason.MAINTENANCE


def test_of_several_reasons_the_first_counts() -> None:
    other = Desk(a_rule(duration=1, id="other"))
    other.fold([99.0])
    all_of_them: dict[str, Any] = {"windows": (WINDOW,), "inhibitor": other, "behind": True}

    now = at(2)
    assert quiet_at(now, snooze=SNOOZE, **all_of_them).just_now(at(1)) is Reason.SNOOZED
    assert quiet_at(now, **all_of_them).just_now(at(1)) is Reason.MAINTENANCE
    assert quiet_at(now, inhibitor=other, behind=True).just_now(at(1)) is Reason.INHIBITED
    assert quiet_at(now, behind=True).just_now(at(1)) is Reason.CATCHING_UP
    assert quiet_at(now).just_now(at(1)) is None


def test_a_rule_is_inhibited_in_the_minutes_in_which_the_other_fired() -> None:
    other = Desk(a_rule(duration=1, id="other"))
    other.fold_each([10.0, 99.0, 10.0])
    quiet = quiet_at(at(9), inhibitor=other)

    assert [quiet.about(at(minute)) for minute in (0, 1, 2)] == [None, Reason.INHIBITED, None]
