"""The pen of a story: what it has written stays written, whatever follows in the same decision."""

from typing import Any

import pytest
from msgspec.structs import replace

from shared.domain.alerts import AlertState
from shared.domain.culprits import Culprit
from shared.domain.decisions import Decision
from shared.domain.deployments import RecentDeploy
from shared.domain.episodes import Episode, EventKind
from shared.domain.reasons import Reason
from shared.domain.rules import Severity
from tests.builders import an_alert
from tests.domain.builders import Desk, a_rule, at

NOW: dict[str, Any] = {"minute": at(6), "now": at(7)}


def a_pen() -> Episode:
    return Episode(an_alert(), None, a_rule(), "DTU")


def test_a_story_that_goes_on_keeps_what_was_told_of_it() -> None:
    pen = a_pen()
    pen.tell(EventKind.FIRING, Reason.BREACH, **NOW)
    pen.tell(EventKind.REMINDER, Reason.REMINDER_DUE, **NOW)
    pen.tell(EventKind.ESCALATION, Reason.UNACKNOWLEDGED, **NOW)
    later = an_alert(last_value=50.0)

    pen.go_on(later)

    told = {"told_at": at(7), "reminded_at": at(7), "escalated_at": at(7)}
    assert pen.alert == replace(later, seq=3, **told)


def test_what_is_known_of_a_beginning_is_in_the_alert_and_in_what_is_told() -> None:
    pen, seen = a_pen(), (Culprit(statement="SELECT a", session=51),)
    deploy = RecentDeploy("v2", at(4), minutes_before=1)
    pen.tell(EventKind.FIRING, Reason.BREACH, **NOW)

    pen.explain(seen)
    pen.name_deploy(deploy)

    assert (pen.alert.culprits, pen.alert.deploy) == (seen, deploy)
    assert [event.alert for event in pen.events] == [pen.alert]


@pytest.mark.parametrize(
    ("state", "was", "of_rule", "becomes"),
    [
        (AlertState.FIRING, Severity.HIGH, Severity.CRITICAL, Severity.CRITICAL),
        (AlertState.FIRING, Severity.CRITICAL, Severity.HIGH, Severity.CRITICAL),
        (AlertState.RESOLVED, Severity.HIGH, Severity.CRITICAL, Severity.HIGH),
    ],
)
def test_an_open_story_rises_with_its_rule_and_never_sinks(
    state: AlertState, was: Severity, of_rule: Severity, becomes: Severity
) -> None:
    decision = Decision(Desk(a_rule(severity=of_rule)).case(), at(7))

    assert decision.episode(an_alert(state=state, severity=was)).alert.severity is becomes
