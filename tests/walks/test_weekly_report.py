"""The weekly report, killed before any call of the store, or crossed by another process there."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from zoneinfo import ZoneInfo

import pytest

from shared.domain.records import REPORTED
from shared.domain.reports.reporting import Reporting
from shared.services.send_report import send_reports
from shared.services.targets import activate
from tests.builders import MAIL, T0, TARGET, Desk, a_desk, assert_at_rest
from tests.walks.interrupted import Interruption, Tables

pytestmark = pytest.mark.slow

DUE = datetime(2026, 1, 12, 6, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FEWEST_CALLS = 20


class Killed(BaseException):
    """The process is gone; nothing of its own may catch that."""


def a_reporter(tables: Tables) -> Desk:
    desk = a_desk(storage=tables.storage)
    desk.house = replace(
        desk.house, reporting=Reporting(to=MAIL), reader_zone=ZoneInfo("Europe/Berlin")
    )
    activate(TARGET, config=desk.house.config, now=DUE - timedelta(days=7))
    return desk


def send(desk: Desk, after: timedelta = 2 * MINUTE) -> None:
    desk.clock.now = DUE + after
    send_reports([TARGET], house=desk.house, now=desk.clock.now)


def killing(at: int) -> Callable[[], None]:
    """Kills once, before call number `at`."""
    calls = count(1)

    def step() -> None:
        if next(calls) == at:
            raise Killed

    return step


def heal(desk: Desk) -> None:
    """What the timers do in the half hour after it."""
    for minute in (4, 9):
        desk.watch((DUE - T0) / MINUTE + minute)
    send(desk, 32 * MINUTE)


def test_killed_before_any_call_it_is_told_once_all_the_same() -> None:
    for at in count(1):
        tables = Tables()
        desk = a_reporter(tables)
        tables.on_step(killing(at))
        try:
            send(desk)
        except Killed:
            died = True
        else:
            died = False
        tables.on_step(lambda: None)

        heal(desk)

        told = desk.messages()
        assert len({one.id for one in told}) == 1, at
        assert len(told) <= 2, "doubled only where the kill fell between a send and its record"
        assert desk.keys(REPORTED) == [REPORTED]
        assert_at_rest(desk)
        if not died:
            break
    assert at > FEWEST_CALLS, at


def test_crossed_by_another_process_before_any_call_it_is_told_once() -> None:
    for at in count(1):
        tables = Tables()
        desk = a_reporter(tables)
        crossing = Interruption(at, partial(send, desk))
        tables.on_step(crossing.step)

        crossing.run(partial(send, desk))
        tables.on_step(lambda: None)
        heal(desk)

        assert len(desk.messages()) == 1, at
        assert_at_rest(desk)
        if crossing.calls < at:
            break
    assert at > FEWEST_CALLS, at
