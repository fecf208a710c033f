"""A message's words: why it is told again, the reader's own time, and the action's words."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.domain.alerts import AlertKind
from shared.domain.episodes import Event, EventKind
from shared.domain.links import Link, LinkAction
from shared.domain.notifications import Notification, compose, remark
from shared.domain.quantities import clock
from shared.domain.reasons import Reason
from shared.domain.rules import Action, ActionType, Severity
from shared.domain.times import MINUTE
from tests.builders import MAIL, an_alert, an_event, at

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")


def told(kind: EventKind, reason: Reason, **changes: Any) -> Event:
    """An event of an episode that began at 00:05 and fired at 00:07."""
    return an_event(kind=kind, reason=reason, **changes)


def message(*events: Event, to: Action = MAIL, **options: Any) -> Notification:
    return compose("m1", to, events, **options)


def test_a_reminder_says_that_it_is_one_since_when_and_how_it_stands() -> None:
    alert = an_alert(count=245, last_value=97.0)
    now = at(5 + 4 * 60)
    reminder = told(
        EventKind.REMINDER, Reason.REMINDER_DUE, alert=alert, minute=now - MINUTE, decided_at=now
    )

    said = message(reminder)

    assert said.subject == "[CRITICAL] Reminder: DTU 97 % for 4 h 5 min — pantry-crm"
    first, second = said.text.splitlines()
    assert first == "Reminder: still firing, 4 h since it began; DTU was last 97 %."
    assert second.startswith("DTU high: DTU was 99 % (> 95 %) since 2026-01-01 00:05 UTC")


def test_a_reminder_about_a_silent_source_says_how_old_its_figure_is() -> None:
    reminder = told(EventKind.REMINDER, Reason.REMINDER_DUE, minute=at(9), decided_at=at(245))

    said = message(reminder, zone=BERLIN)

    assert "Reminder: DTU was 99 %, no data since 2026-01-01 00:10 UTC" in said.subject
    assert (
        "and nothing has been heard of it since 2026-01-01 00:10 UTC (01:10 Europe/B" in said.text
    )


def test_a_reminder_of_absence_has_no_figure_that_could_be_old() -> None:
    absent = an_alert(condition="absent", value=None, last_value=None, threshold=None, count=20)
    reminder = told(
        EventKind.REMINDER, Reason.REMINDER_DUE, alert=absent, minute=at(24), decided_at=at(265)
    )

    said = message(reminder)

    assert said.subject == "[CRITICAL] Reminder: DTU no data for 20 min — pantry-crm"
    assert "since it began.\nDTU high: DTU is absent since" in said.text


def test_a_story_that_begins_again_after_a_manual_resolve_says_so_in_its_subject() -> None:
    said = message(told(EventKind.FIRING, Reason.STILL_BAD))

    assert said.subject == "[CRITICAL] Still bad: DTU 99 % for 2 min — pantry-crm"


def test_stories_that_began_together_stand_in_the_order_of_their_names() -> None:
    named = {"20260101T0005Z-00000001": "Workers", "20260101T0005Z-00000002": "Sessions"}
    events = [
        an_event(episode=one, alert=an_alert(one, rule_name=name)) for one, name in named.items()
    ]

    said = message(*events)

    assert [story.last.alert.rule_name for story in said.stories] == ["Sessions", "Workers"]


def test_the_subject_of_several_names_the_worst_and_counts_the_rest() -> None:
    slow = "20260101T0001Z-00000001"
    over = an_event(2, EventKind.RESOLVED, episode="20260101T0002Z-00000002")
    mild = an_event(episode=slow, alert=an_alert(slow, severity=Severity.HIGH))

    assert message(mild, an_event()).subject == (
        "[CRITICAL] DTU 99 % for 2 min, and 1 more — pantry-crm"
    )
    assert message(over, mild, an_event()).subject == (
        "[CRITICAL] DTU 99 % for 2 min, and 2 more (2 of 3 open) — pantry-crm"
    )


def test_an_escalation_says_for_how_long_nobody_cared() -> None:
    escalation = told(EventKind.ESCALATION, Reason.UNACKNOWLEDGED, minute=at(36), decided_at=at(37))
    said = message(escalation)

    assert said.subject.startswith("[CRITICAL] Escalated: DTU 99 % for")
    assert said.text.startswith("Escalated: nobody acknowledged for 30 min")


@pytest.mark.parametrize(
    ("kind", "reason", "words"),
    [
        (EventKind.SNOOZE_ENDED, Reason.SNOOZE_ENDED, "The snooze is over, and it still fires"),
        (EventKind.MAINTENANCE_ENDED, Reason.MAINTENANCE_ENDED, "The maintenance is over"),
        (EventKind.INHIBITION_ENDED, Reason.INHIBITION_ENDED, "What it was silent for is over"),
        (EventKind.FIRING, Reason.STILL_BAD, "It was resolved by hand, and it is still bad."),
    ],
)
def test_every_telling_after_silence_says_why_it_comes_now(
    kind: EventKind, reason: Reason, words: str
) -> None:
    assert message(told(kind, reason)).text.startswith(words)


@pytest.mark.parametrize("kind", [EventKind.FIRING, EventKind.RESOLVED])
def test_a_first_firing_and_an_end_begin_with_what_happened(kind: EventKind) -> None:
    assert message(an_event(kind=kind)).text.startswith("DTU high: DTU was 99 %")


def test_a_reminder_of_silence_names_no_value() -> None:
    silent = an_alert(kind=AlertKind.NO_DATA, value=None, last_value=None, count=0)
    said = message(told(EventKind.REMINDER, Reason.REMINDER_DUE, alert=silent))

    assert "Reminder: DTU: no data since 2026-01-01 00:05 UTC" in said.subject
    assert "was last" not in said.text


def test_times_are_told_in_the_readers_zone_beside_utc() -> None:
    said = message(an_event(2, EventKind.RESOLVED), zone=BERLIN)

    assert "since 2026-01-01 00:05 UTC (01:05 Europe/Berlin), 2 min bad" in said.text
    assert "Resolved at 2026-01-01 00:09 UTC (01:09 Europe/Berlin)" in said.text


@pytest.mark.parametrize(
    ("minutes", "zone", "said"),
    [
        (5, None, "2026-01-01 00:05 UTC"),
        (5, BERLIN, "2026-01-01 00:05 UTC (01:05 Europe/Berlin)"),
        (5, NEW_YORK, "2026-01-01 00:05 UTC (2025-12-31 19:05 America/New_York)"),
        (24 * 60 * 181, BERLIN, "2026-07-01 00:00 UTC (02:00 Europe/Berlin)"),
    ],
)
def test_another_date_and_summer_time_are_the_readers_own(
    minutes: int, zone: ZoneInfo | None, said: str
) -> None:
    assert clock(at(minutes), zone) == said


@pytest.mark.parametrize(
    ("hour", "said"),
    [
        (23, "2026-10-24 23:30 UTC (2026-10-25 01:30 Europe/Berlin)"),
        (24, "2026-10-25 00:30 UTC (02:30 CEST Europe/Berlin)"),
        (25, "2026-10-25 01:30 UTC (02:30 CET Europe/Berlin)"),
        (26, "2026-10-25 02:30 UTC (03:30 Europe/Berlin)"),
    ],
)
def test_the_hour_that_a_clock_shows_twice_is_told_apart(hour: int, said: str) -> None:
    moment = datetime(2026, 10, 24, 0, 30, tzinfo=UTC) + timedelta(hours=hour)

    assert clock(moment, BERLIN) == said


def test_an_actions_message_is_filled_in_and_closes_the_text() -> None:
    words = "{rule}: {metric} {value}{unit} > {threshold} at {target} since {since} ({severity})"
    to = Action(ActionType.EMAIL, "admin@example.com", words)

    said = message(an_event(routes=[to]), to=to)

    filled = "DTU high: DTU 99% > 95 at pantry-crm since 2026-01-01 00:05 UTC (critical)"
    assert remark(said) == filled
    assert said.text.endswith(f"\n\n{filled}")


def test_in_a_message_of_several_stories_the_words_are_those_of_their_own_rule() -> None:
    to = Action(ActionType.EMAIL, "admin@example.com", "{rule} since {since}: {reason}")
    other = "20260101T0009Z-9f9f9f9f"
    own = an_event(
        2,
        EventKind.RESOLVED,
        episode=other,
        routes=[to],
        alert=an_alert(other, rule_name="Slow", resolved_at=at(9), active_at=at(1)),
    )

    said = message(an_event(), own, to=to)

    assert remark(said) == "Slow since 2026-01-01 00:01 UTC: DTU is 99 %"


def test_words_that_cannot_be_filled_in_are_told_as_they_are() -> None:
    to = Action(ActionType.EMAIL, "admin@example.com", "{value.__class__} {0} {")

    assert remark(message(an_event(), to=to)) == "{value.__class__} {0} {"


def test_links_are_in_no_text_because_texts_go_into_logs() -> None:
    link = Link(LinkAction.RESOLVE, "Resolve", "https://monitor.example.com/secret")
    over = an_event(2, EventKind.RESOLVED, episode="20260101T0009Z-9f9f9f9f")

    said = message(an_event(), over, links=lambda _: (link,))

    assert [story.links for story in said.stories] == [(link,), ()]
    assert "secret" not in said.text + said.subject
