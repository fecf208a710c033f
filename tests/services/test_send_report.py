"""The weekly report is told once: whoever ticks twice, dies between two writes, or comes late."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec import Struct

from shared.domain.deliveries import Status
from shared.domain.episodes import EventKind
from shared.domain.errors import ChannelError, StoreUnavailable
from shared.domain.records import REPORTED, Delete, Insert
from shared.domain.reports.reporting import Reporting
from shared.domain.rules import Action, ActionType
from shared.ports import Ledger
from shared.services import send_report
from shared.services.send_report import decide_report, send_reports
from shared.services.targets import activate
from tests.builders import LOG, MAIL, SLACK, TARGET, Desk, a_desk, assert_at_rest

DUE = datetime(2026, 1, 12, 6, tzinfo=UTC)
"""Monday, 07:00 in Berlin."""
MINUTE = timedelta(minutes=1)


def reporting_desk(to: Action | None = MAIL, **changes: Any) -> Desk:
    """Watched for a week before the report is due."""
    desk = a_desk(fallback=LOG, **changes)
    desk.house = replace(
        desk.house, reporting=Reporting(to=to), reader_zone=ZoneInfo("Europe/Berlin")
    )
    activate(TARGET, config=desk.house.config, now=DUE - timedelta(days=7))
    return desk


def send(desk: Desk, after: timedelta = 2 * MINUTE) -> list[str]:
    desk.clock.now = DUE + after
    return send_reports([TARGET], house=desk.house, now=desk.clock.now)


def test_it_is_sent_once_however_often_the_timer_ticks() -> None:
    desk = reporting_desk()

    assert send(desk, -MINUTE) == []
    assert send(desk) == [TARGET]
    assert send(desk) == []
    assert send(desk, timedelta(hours=5)) == []

    (message,) = desk.messages()
    assert message.subject.startswith("[REPORT] week to 2026-01-12: nothing was measured")
    assert message.report is not None
    assert message.report.end == DUE
    (row,) = desk.deliveries()
    assert (row.kind, row.status, row.rule) == (EventKind.REPORT, Status.SENT, "report")
    assert_at_rest(desk)
    assert desk.keys("alert:") == []


def test_whom_time_runs_out_for_has_the_next_half_hour() -> None:
    desk = reporting_desk()
    targets = [f"target-{number}" for number in range(6)]
    for target in targets:
        activate(target, config=desk.house.config, now=DUE - timedelta(days=7))
    looks = count()
    hurried = replace(desk.house, wall=lambda: DUE + next(looks) * timedelta(seconds=6))

    sent = []
    for number in range(12):
        looks = count()
        now = DUE + number * timedelta(minutes=30)
        sent.append(send_reports(targets, house=hurried, now=now))

    assert 0 < len(sent[0]) < len(targets)
    assert sorted(one for some in sent for one in some) == targets


def test_the_next_week_has_a_report_of_its_own() -> None:
    desk = reporting_desk()
    send(desk)

    assert send(desk, timedelta(days=7)) == [TARGET]
    assert [one.report.end for one in desk.messages() if one.report] == [
        DUE,
        DUE + timedelta(days=7),
    ]


@pytest.mark.parametrize("monday", ["2026-03-30T05:00Z", "2026-10-26T06:00Z"])
def test_no_hour_is_missed_or_told_twice_when_the_clock_changes(monday: str) -> None:
    desk, due = reporting_desk(), datetime.fromisoformat(monday)
    for week in (-1, 0, 1):
        desk.clock.now = due + week * timedelta(days=7, minutes=1) + timedelta(hours=2)
        send_reports([TARGET], house=desk.house, now=desk.clock.now)

    spans = [(one.report.start, one.report.end) for one in desk.messages() if one.report]
    assert [start for start, _ in spans[1:]] == [end for _, end in spans[:-1]]
    assert due in [end for _, end in spans]


class Damaged(Struct):
    """What nobody can read as a report that was decided."""

    due_at: str = "last Monday"


def test_a_damaged_memory_neither_doubles_a_report_nor_stops_the_next() -> None:
    desk = reporting_desk()
    send(desk)
    desk.house.alerts.commit(TARGET, [Delete(REPORTED)])
    desk.house.alerts.commit(TARGET, [Insert(REPORTED, Damaged())])

    assert send(desk, timedelta(hours=1)) == []
    assert len(desk.messages()) == 1
    assert_at_rest(desk)
    assert send(desk, timedelta(days=7)) == [TARGET]


class Rival:
    """A ledger in which somebody else decides between our reading and our writing."""

    def __init__(self, ledger: Ledger, first: Any) -> None:
        self._ledger, self._first = ledger, first

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def commit(self, partition: str, writes: Any) -> Any:
        """Let the other one go first, once."""
        first, self._first = self._first, None
        if first is not None:
            first()
        return self._ledger.commit(partition, writes)


def test_of_two_ticks_at_once_one_decides() -> None:
    desk = reporting_desk()
    now = DUE + MINUTE
    decided: list[str | None] = []

    def other() -> None:
        decided.append(decide_report(TARGET, house=desk.house, now=now))

    ours = replace(desk.house, alerts=Rival(desk.house.alerts, other))

    assert decide_report(TARGET, house=ours, now=now) is None
    assert decided == [desk.keys("outbox:")[0].split(":")[1]]
    assert len(desk.keys("outbox:")) == 1


def test_who_dies_after_deciding_is_finished_by_the_next_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = reporting_desk()
    monkeypatch.setattr(send_report, "dispatch", _die)
    with pytest.raises(KeyboardInterrupt):
        send(desk)
    monkeypatch.undo()
    assert desk.messages() == []

    desk.house.alerts.keys(TARGET, REPORTED)
    desk.watch((DUE - datetime(2026, 1, 1, tzinfo=UTC)) / MINUTE + 3)

    assert [one.subject.partition(":")[0] for one in desk.messages()] == [
        "[REPORT] week to 2026-01-12"
    ]
    assert send(desk, timedelta(hours=1)) == []
    assert_at_rest(desk)


def _die(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("failure", [StoreUnavailable("no answer"), ValueError("no figure")])
def test_what_fails_costs_this_target_its_report_only(
    failure: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desk = reporting_desk()
    activate("second", config=desk.house.config, now=DUE - timedelta(days=7))
    get = desk.house.alerts.get

    def fails(partition: str, key: str, kind: type) -> object:
        if (partition, key) == (TARGET, REPORTED):
            raise failure
        return get(partition, key, kind)

    monkeypatch.setattr(desk.house.alerts, "get", fails)
    desk.clock.now = DUE + 2 * MINUTE

    assert send_reports([TARGET, "second"], house=desk.house, now=desk.clock.now) == ["second"]
    assert f"the weekly report of {TARGET} broke off" in caplog.text


def test_after_an_outage_it_comes_late_but_not_days_late() -> None:
    late, too_late = reporting_desk(), reporting_desk()

    assert send(late, timedelta(hours=40)) == [TARGET]
    assert send(too_late, timedelta(days=4)) == []
    assert [one.report.end for one in late.messages() if one.report] == [DUE]


def test_what_its_channel_refuses_the_fallback_tells_as_text() -> None:
    desk = reporting_desk()
    desk.channels["email"].failures.append(ChannelError("no such mailbox", permanent=True))

    send(desk)
    desk.watch((DUE - datetime(2026, 1, 1, tzinfo=UTC)) / MINUTE + 4)

    (told,) = desk.messages("console")
    assert told.report is None
    assert "Nothing was measured" in told.text
    assert_at_rest(desk)


def test_a_slow_provider_is_tried_again_and_tells_it_once() -> None:
    desk = reporting_desk()
    desk.channels["email"].failures.append(ChannelError("busy"))
    send(desk)
    assert desk.messages() == []

    desk.watch((DUE - datetime(2026, 1, 1, tzinfo=UTC)) / MINUTE + 4)

    assert len(desk.messages()) == 1
    assert_at_rest(desk)


def test_slack_gets_its_text() -> None:
    desk = reporting_desk(SLACK)

    send(desk)

    (message,) = desk.messages("slack")
    assert (message.report, message.stories[0].links) == (None, ())
    assert message.text.splitlines()[0].startswith("2026-01-05 06:00 to 2026-01-12 06:00 UTC")


@pytest.mark.parametrize(
    "to", [None, Action(ActionType.EMAIL, "${ALERT_EMAIL}")], ids=["nobody", "no address"]
)
def test_without_anybody_to_tell_nothing_is_decided(to: Action | None) -> None:
    desk = reporting_desk(to)

    assert send(desk) == []
    assert desk.keys(REPORTED) == []


def test_a_target_that_was_not_watched_yet_is_not_reported() -> None:
    desk = a_desk()
    desk.house = replace(desk.house, reporting=Reporting(to=MAIL))

    assert send(desk) == []
