"""When the weekly report is due, by the readers' own clock, and what it says as text."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from shared.domain.claims import groups, one_claim
from shared.domain.letters import is_letter, letter_id
from shared.domain.links import permits
from shared.domain.notifications import compose
from shared.domain.rehearsals import is_test, rehearsal_id
from shared.domain.reports.reporting import LATE, Reported, Reporting, due_at, is_due
from shared.domain.reports.weekly import LONGEST, letter_of, weekly_event
from shared.domain.rules import Severity
from tests.a_report import a_deploy, a_report
from tests.builders import MAIL, TARGET, an_event

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 3, 16, 6, tzinfo=UTC)
"""Seven o'clock in Berlin."""


def moment(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}Z")


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-03-16T06:00:00", "2026-03-16T06:00:00"),
        ("2026-03-16T05:59:59", "2026-03-09T06:00:00"),
        ("2026-03-22T23:00:00", "2026-03-16T06:00:00"),
        ("2026-03-30T05:00:00", "2026-03-30T05:00:00"),
        ("2026-10-26T05:30:00", "2026-10-19T05:00:00"),
        ("2026-10-26T06:00:00", "2026-10-26T06:00:00"),
    ],
)
def test_it_is_due_at_seven_on_monday_by_berlins_clock(now: str, due: str) -> None:
    assert due_at(Reporting(), moment(now), BERLIN) == moment(due)


def test_an_hour_that_the_clock_skips_counts_and_one_shown_twice_is_the_first() -> None:
    at_two = Reporting(weekday=6, hour=2)

    assert due_at(at_two, moment("2026-03-29T20:00:00"), BERLIN) == moment("2026-03-29T01:00:00")
    assert due_at(at_two, moment("2026-10-25T20:00:00"), BERLIN) == moment("2026-10-25T00:00:00")


def test_each_week_is_reported_once_and_nothing_before_its_target_was_watched() -> None:
    long_ago, last = MONDAY - timedelta(days=30), Reported(due_at=MONDAY, episode="e")

    assert is_due(MONDAY, MONDAY, since=long_ago, last=None)
    assert is_due(MONDAY, MONDAY + LATE / 2, since=long_ago, last=None)
    assert not is_due(MONDAY, MONDAY + LATE, since=long_ago, last=None)
    assert not is_due(MONDAY, MONDAY, since=long_ago, last=last)
    assert is_due(MONDAY + timedelta(days=7), MONDAY + timedelta(days=7), since=long_ago, last=last)
    assert not is_due(MONDAY, MONDAY, since=MONDAY, last=None)
    assert not is_due(MONDAY, MONDAY, since=None, last=None)


def test_its_episode_is_neither_an_alert_nor_a_test() -> None:
    episode = letter_id(MONDAY, TARGET)

    assert is_letter(episode)
    assert not is_test(episode)
    assert not is_letter(rehearsal_id(MONDAY, "1a2b"))
    assert not is_letter("20260101T0005Z-1a2b3c4d")


def test_it_shares_no_message_with_an_alert() -> None:
    letter = letter_id(MONDAY, TARGET)
    due = [
        f"due:20260316T060000Z:{one}:1a2b3c4d:0001" for one in ("20260316T0559Z-1a2b3c4d", letter)
    ]

    found = groups(due)

    assert [one.episode for one in one_claim(found)] == ["20260316T0559Z-1a2b3c4d"]
    assert [one.episode for one in one_claim(found[::-1])] == [letter]


def test_its_message_is_its_text_and_offers_no_action() -> None:
    event = weekly_event(a_report(), MAIL, due_at=MONDAY, now=MONDAY)

    message = compose("m1", MAIL, [event])

    assert message.subject == (f"[REPORT] week to 2026-03-16: 99.7 % available, 1 alert — {TARGET}")
    assert message.severity is Severity.LOW
    assert message.text.startswith("2026-03-09 06:00 to 2026-03-16 06:00 UTC, beside ")
    assert "- DTU, highest minute: now 56 %, before 56 %, change same, known 100 %" in message.text
    assert permits(event, "1a2b3c4d", MONDAY) == ()
    assert permits(an_event(), "1a2b3c4d", MONDAY) != ()


def test_a_text_too_long_for_a_row_is_cut() -> None:
    letter = letter_of(a_report(deployments=[a_deploy("x" * 100)] * 200))

    assert len(letter.text) == LONGEST
    assert letter.text.endswith("…")


def test_an_empty_week_is_told_in_the_subject() -> None:
    letter = letter_of(a_report({}, alerts=(), deployments=()))

    assert letter.subject == "week to 2026-03-16: nothing was measured"
    assert "Nothing was measured" in letter.text
