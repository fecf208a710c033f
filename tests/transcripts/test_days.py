"""Days that monitors are known to get wrong, each lived through and compared with its kept story.

The stories lie beside this file as *.txt; they were read line by line against docs/semantics.md.
To change one on purpose: REWRITE_TRANSCRIPTS=1 python -m pytest tests/transcripts, then read it.
"""

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from shared.catalog.rules import default_rules
from shared.domain.routing import Routing
from shared.domain.rules import Action, ActionType, Rule, Severity
from tests.builders import MAIL, a_rule
from tests.transcripts.stage import MANAGED, Stage, utc
from tests.transcripts.writing import assert_kept

BERLIN = ZoneInfo("Europe/Berlin")
PHONE = Action(ActionType.SMS, "+15555550100")
CALM, BAD = 40, 99


def shipped(rule: str, **changes: Any) -> Rule:
    """A shipped rule, changed where a story needs it; its runbook is told elsewhere."""
    (found,) = [one for one in default_rules() if one.id == rule]
    routed = Routing({"ALERT_EMAIL": "admin@example.com"}).routed(found)
    return replace(routed, runbook=None, **changes)


@pytest.mark.slow
def test_a_day_of_flapping_is_one_story() -> None:
    stage = Stage(utc("2026-03-02 00:00"), [shipped("dtu-critical", keep_firing=15)])
    stage.level(CALM)
    stage.until("00:30")
    stage.flap((BAD, 3), (CALM, 7))
    stage.until("13:00")
    stage.person("acknowledge", note="the nightly import; it is being split")
    stage.until("23:00")
    stage.level(CALM)
    stage.until("00:00")

    assert_kept("flapping", stage.story())
    stage.assert_sound()
    assert stage.kinds("slack") == ["firing", *["reminder"] * 3, "resolved"]
    assert len(stage.alerts()) == 1


def test_flapping_without_keep_firing_stays_within_the_mail_budget() -> None:
    stage = Stage(utc("2026-03-02 09:00"), [shipped("dtu-critical")])
    stage.flap((CALM, 4), (BAD, 2))
    stage.until("10:24")
    stage.level(CALM)
    stage.until("11:10")

    assert_kept("flapping_bare", stage.story())
    stage.assert_sound()
    assert len(stage.alerts()) == 14
    assert sorted(stage.kinds("email")) == ["firing"] * 14 + ["resolved"] * 14


@pytest.mark.slow
def test_a_source_that_is_silent_for_six_hours_ends_nothing_and_hides_nothing() -> None:
    rules = [shipped("dtu-critical"), shipped("no-data")]
    stage = Stage(utc("2026-03-02 09:00"), rules, sources=["dmv", "database"])
    stage.level(CALM)
    stage.until("09:20")
    stage.level(BAD)
    stage.until("09:30")
    stage.silence("dmv", "database")
    stage.until("11:00")
    stage.level(CALM)
    stage.until("13:00")
    stage.level(BAD)
    stage.until("13:10")
    stage.level(CALM)
    stage.until("15:30")
    silent = stage.kinds("email")
    stage.silence("dmv", "database", silent=False)
    stage.until("16:00")

    assert_kept("source_outage", stage.story())
    stage.assert_sound()
    assert "resolved" not in silent
    assert len(stage.alerts()) == 3


def test_an_app_that_is_down_for_forty_minutes_tells_late_what_it_missed() -> None:
    stage = Stage(utc("2026-03-02 10:00"), [shipped("dtu-critical")])
    stage.level(CALM)
    stage.until("10:05")
    stage.level(BAD)
    stage.until("10:10")
    stage.app(is_up=False)
    stage.until("10:20")
    stage.level(CALM)
    stage.until("10:25")
    stage.level(BAD)
    stage.until("10:30")
    stage.level(CALM)
    stage.until("10:45")
    stage.level(BAD)
    stage.until("10:50")
    stage.app(is_up=True)
    stage.until("11:00")
    stage.level(CALM)
    stage.until("11:05")

    assert_kept("app_outage", stage.story())
    stage.assert_sound()
    assert len(stage.alerts()) == 3
    assert {alert.id for alert in stage.alerts()} == {
        event.episode for event in stage.heard("slack")
    }


QUIET_NIGHT = {"start": "02:15", "end": "02:45", "zone": "Europe/Berlin"}
"""Between clock times that one night skips, and another has twice."""


def test_the_night_that_skips_an_hour() -> None:
    stage = Stage(utc("2026-03-29 00:40"), [shipped("dtu-critical")], zone=BERLIN)
    stage.window("02:15 to 02:45 Europe/Berlin, daily", recurring=QUIET_NIGHT)
    stage.level(CALM)
    stage.until("00:50")
    stage.level(BAD)
    stage.until("02:00")
    stage.level(CALM)
    stage.until("02:05")

    assert_kept("spring_night", stage.story())
    stage.assert_sound()
    assert stage.kinds("slack") == ["firing", "maintenance_ended", "resolved"]
    assert stage.heard("slack")[1].decided_at == utc("2026-03-29 01:45").replace(second=20)


def test_the_night_that_has_an_hour_twice() -> None:
    stage = Stage(utc("2026-10-25 00:05"), [shipped("dtu-critical")], zone=BERLIN)
    stage.window("02:15 to 02:45 Europe/Berlin, daily", recurring=QUIET_NIGHT)
    stage.level(CALM)
    stage.until("00:08")
    stage.level(BAD)
    stage.until("01:55")
    stage.level(CALM)
    stage.until("02:00")

    assert_kept("autumn_night", stage.story())
    stage.assert_sound()
    assert stage.kinds("slack") == ["firing", "maintenance_ended", "resolved"]
    assert stage.heard("slack")[1].decided_at == utc("2026-10-25 01:45").replace(second=20)


def test_a_snooze_across_the_end_of_an_episode() -> None:
    stage = Stage(utc("2026-03-02 10:00"), [shipped("dtu-critical")])
    stage.level(CALM)
    stage.until("10:05")
    stage.level(BAD)
    stage.until("10:10")
    stage.person("snooze", minutes=60, note="the monthly report")
    stage.until("10:20")
    stage.level(CALM)
    stage.until("10:30")
    stage.level(BAD)
    stage.until("10:40")
    stage.level(CALM)
    stage.until("11:00")
    stage.level(BAD)
    stage.until("11:20")
    stage.level(CALM)
    stage.until("11:25")

    assert_kept("snooze", stage.story())
    stage.assert_sound()
    assert stage.kinds("slack") == ["firing", "resolved", "snooze_ended", "resolved"]
    assert len(stage.alerts()) == 3


def test_maintenance_over_a_firing() -> None:
    stage = Stage(utc("2026-03-02 10:00"), [shipped("dtu-critical")])
    stage.level(CALM)
    stage.until("10:05")
    stage.level(BAD)
    stage.until("10:10")
    stage.window("for 30 min: an index is built", minutes=30, note="an index is built")
    stage.until("10:45")
    stage.level(CALM)
    stage.until("10:50")
    stage.window("for 30 min: another index", minutes=30, note="another index")
    stage.until("10:55")
    stage.level(BAD)
    stage.until("11:05")
    stage.level(CALM)
    stage.until("11:25")

    assert_kept("maintenance", stage.story())
    stage.assert_sound()
    assert stage.kinds("slack") == ["firing", "maintenance_ended", "resolved"]


def test_resolved_by_hand_while_it_is_still_bad() -> None:
    stage = Stage(utc("2026-03-02 10:00"), [shipped("dtu-critical", repeat_every=30)])
    stage.level(CALM)
    stage.until("10:05")
    stage.level(BAD)
    stage.until("10:15")
    stage.person("resolve", note="the report was stopped")
    stage.until("10:50")
    stage.person("resolve", note="now it was")
    stage.until("10:55")
    stage.level(CALM)
    stage.until("11:05")
    stage.level(BAD)
    stage.until("11:10")
    stage.level(CALM)
    stage.until("11:15")

    assert_kept("manual_resolve", stage.story())
    stage.assert_sound()
    assert stage.kinds("slack") == ["firing", "resolved"] * 3
    assert [event.still_bad for event in stage.heard("slack")] == [
        False,
        True,
        False,
        True,
        False,
        False,
    ]


def test_whom_nobody_answers_calls_others_in() -> None:
    rule = shipped("dtu-critical", repeat_every=20, escalate_after=15, escalate_to=(PHONE,))
    stage = Stage(utc("2026-03-02 10:00"), [rule])
    stage.level(CALM)
    stage.until("10:05")
    stage.level(BAD)
    stage.until("10:50")
    stage.person("acknowledge", note="on my way")
    stage.until("11:20")
    stage.level(CALM)
    stage.until("11:25")

    assert_kept("escalation", stage.story())
    stage.assert_sound()
    assert stage.kinds("sms") == ["escalation", "reminder", "reminder", "resolved"]
    assert stage.kinds("email") == ["firing", "reminder", "reminder", "resolved"]


@pytest.mark.slow
def test_a_storm_of_thirty_alerts_over_the_mail_budget() -> None:
    rules = [
        a_rule(
            f"dtu-{number:02}",
            name=f"DTU High For {number} min",
            duration=number,
            severity=Severity.CRITICAL if number in (15, 25) else Severity.HIGH,
            actions=(MAIL,),
        )
        for number in range(1, 31)
    ]
    cast = (
        "dtu-01 … dtu-30: DTU > 95 % for 1 … 30 min, so one more fires each minute; told by email\n"
    )
    cast += "all are high, but dtu-15 and dtu-25, which are critical; 5 mails a minute, 10 an hour"
    stage = Stage(utc("2026-03-02 10:00"), rules, cast=cast)
    stage.level(CALM)
    stage.until("10:05")
    stage.level(BAD)
    stage.until("10:40")
    stage.level(CALM)
    stage.until("12:30")

    assert_kept("storm", stage.story())
    stage.assert_sound()
    told = stage.heard("email")
    assert len({event.episode for event in told}) == 30
    assert len(stage.messages("email")) <= 3 * MANAGED.per_hour
