"""What each no-data policy does, from the source's silence to the message."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from shared.domain.machine import NoDataState, State
from shared.domain.rules import NoDataPolicy
from shared.domain.samples import Answer, Failure, FailureKind, Reading
from shared.domain.times import floor_minute
from shared.services.reach import lacking
from tests.builders import BAD, OK, SLACK, TARGET, Desk, ScriptedSource, a_rule, at
from tests.services.conftest import MakeDesk

ALERT, KEEP, POLICY_OK = NoDataPolicy.ALERT, NoDataPolicy.KEEP, NoDataPolicy.OK


def silent_from(desk: Desk, minute: int, end: int, *, source: int = 0) -> None:
    """Tick in [minute, end) while the source fails."""
    silence(desk, source)
    desk.ticks(minute, end)


def silence(desk: Desk, source: int = 0, *, silent: bool = True) -> None:
    desk.house.sources[source].silent = silent  # type: ignore[attr-defined]


def test_a_silent_source_alerts_when_its_patience_is_over_and_says_when_data_is_back(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk([OK] * 60, rules=[a_rule(no_data=ALERT)])
    desk.ticks(0, 10)
    silent_from(desk, 10, 17)
    assert desk.told() == []
    desk.tick(17)
    assert desk.told() == ["firing"]
    assert "no data since" in desk.messages()[0].subject

    silence(desk, silent=False)
    desk.ticks(18, 22)

    assert desk.told() == ["firing", "resolved"]
    assert (desk.alert().kind, desk.alert().reason) == ("no_data", "data_back")
    assert desk.alert().active_at == at(9)
    assert "data is back" in desk.messages()[1].text


def test_a_source_that_answers_without_samples_is_silent_too(make_desk: MakeDesk) -> None:
    desk = make_desk([*[OK] * 10, *[None] * 20, *[OK] * 20], rules=[a_rule(no_data=ALERT)])
    desk.ticks(0, 40)

    assert desk.told() == ["firing", "resolved"]


@pytest.mark.parametrize("after", [3, 12])
def test_patience_is_the_rules_own(make_desk: MakeDesk, after: int) -> None:
    desk = make_desk([OK] * 60, rules=[a_rule(no_data=ALERT, no_data_after=after)])
    desk.ticks(0, 10)
    silent_from(desk, 10, 30)

    # The last sample's minute ended at 9; the slower of the two sources settles in 3 minutes.
    assert desk.alert().fired_at == at(9 + after + 3)
    silence(desk, silent=False)
    desk.ticks(30, 32)


def test_keep_shows_it_and_tells_nobody(make_desk: MakeDesk) -> None:
    desk = make_desk([*[BAD] * 60], rules=[a_rule(no_data=KEEP)])
    desk.ticks(0, 10)
    silent_from(desk, 10, 30)

    assert desk.state().no_data.state is NoDataState.NO_DATA
    assert (desk.told(), desk.state().state) == (["firing"], State.FIRING)
    silence(desk, silent=False)
    desk.ticks(30, 32)
    assert desk.state().no_data.state is NoDataState.FRESH


def test_ok_closes_the_episode_and_says_why(make_desk: MakeDesk) -> None:
    desk = make_desk([BAD] * 60, rules=[a_rule(no_data=POLICY_OK)])
    desk.ticks(0, 10)
    silent_from(desk, 10, 20)

    assert desk.told() == ["firing", "resolved"]
    assert desk.alert().reason == "no_data_treated_as_ok"
    assert desk.state().state is State.INACTIVE


def test_ok_stores_the_gap_and_never_folds_it(make_desk: MakeDesk) -> None:
    desk = make_desk([*[OK] * 10, *[BAD] * 5, *[OK] * 60], rules=[a_rule(no_data=POLICY_OK)])
    desk.ticks(0, 10)
    silent_from(desk, 10, 20)
    silence(desk, silent=False)
    desk.ticks(20, 30)

    cells = desk.house.samples.hours("pantry-crm", at(0), at(0))[0].cells["dtuUtilization"]
    assert cells[10:15] == (BAD,) * 5
    assert desk.told() == []


def test_with_alert_the_gap_is_folded_when_the_source_is_back(make_desk: MakeDesk) -> None:
    desk = make_desk([*[OK] * 10, *[BAD] * 5, *[OK] * 60], rules=[a_rule(no_data=ALERT)])
    desk.ticks(0, 10)
    silent_from(desk, 10, 20)
    silence(desk, silent=False)
    desk.ticks(20, 30)

    assert [alert.kind for alert in desk.alerts()] == ["no_data", "threshold"]
    kinds = sorted(line for one in desk.told() for line in one.split("+"))
    assert kinds == ["firing", "firing", "resolved", "resolved"]


def test_over_an_open_story_silence_is_only_a_line_in_it(make_desk: MakeDesk) -> None:
    desk = make_desk([*[BAD] * 20, *[OK] * 60], rules=[a_rule(no_data=ALERT)])
    desk.ticks(0, 10)
    silent_from(desk, 10, 20)
    silence(desk, silent=False)
    desk.ticks(20, 30)

    assert desk.timeline() == ["firing breach", "no_data no_data", "resolved recovered"]
    assert desk.told() == ["firing", "resolved"]


def test_silence_under_a_snooze_is_told_when_the_snooze_ends(make_desk: MakeDesk) -> None:
    desk = make_desk([*[BAD] * 5, *[OK] * 60], rules=[a_rule(no_data=ALERT)])
    desk.ticks(0, 8)
    desk.act("snooze", desk.alert().id, 8, minutes=30)
    silent_from(desk, 8, 37)
    assert desk.told() == ["firing", "resolved"]

    desk.ticks(37, 40)
    assert desk.told() == ["firing", "resolved", "snooze_ended"]
    silence(desk, silent=False)
    desk.ticks(40, 43)
    assert desk.told()[-1] == "resolved"


def test_resolved_by_hand_it_stays_held_until_data_is_back(make_desk: MakeDesk) -> None:
    desk = make_desk([OK] * 90, rules=[a_rule(no_data=ALERT)])
    desk.ticks(0, 10)
    silent_from(desk, 10, 20)
    desk.act("resolve", desk.alert().id, 20)
    desk.ticks(20, 40)
    assert desk.told() == ["firing", "resolved"]
    assert desk.state().no_data.state is NoDataState.HELD

    silence(desk, silent=False)
    desk.ticks(40, 50)
    silent_from(desk, 50, 60)
    assert desk.told() == ["firing", "resolved", "firing"]
    silence(desk, silent=False)
    desk.ticks(60, 62)


def test_a_source_that_nobody_asked_is_not_blamed(make_desk: MakeDesk) -> None:
    """The monitor itself was away for half an hour; the source answers at once."""
    desk = make_desk([*[OK] * 10, *[None] * 40], rules=[a_rule(no_data=ALERT)])
    desk.ticks(0, 10)
    desk.ticks(40, 43)
    assert desk.told() == []

    desk.ticks(43, 50)
    assert desk.told() == ["firing"]


def test_the_monitors_own_absence_is_no_sign_that_data_is_back(make_desk: MakeDesk) -> None:
    """Only a fresh sample ends the story; the silence went on while nobody asked."""
    desk = make_desk([OK] * 90, rules=[a_rule(no_data=ALERT)])
    desk.ticks(0, 10)
    silent_from(desk, 10, 20)
    desk.ticks(40, 60)
    assert desk.told() == ["firing"]

    silence(desk, silent=False)
    desk.ticks(60, 65)
    assert desk.told() == ["firing", "resolved"]


def test_a_rule_edited_during_the_silence_tells_of_it_again(make_desk: MakeDesk) -> None:
    desk = make_desk([OK] * 90, rules=[a_rule(no_data=ALERT)])
    desk.ticks(0, 10)
    silent_from(desk, 10, 20)
    desk.edit(a_rule(no_data=ALERT, threshold=97.0), created=at(0))
    desk.ticks(20, 40)

    assert desk.told() == ["firing", "resolved", "firing"]
    silence(desk, silent=False)
    desk.ticks(40, 45)
    assert desk.told()[-1] == "resolved"


def test_with_two_sources_one_that_speaks_is_enough(make_desk: MakeDesk) -> None:
    dmv = ScriptedSource([OK] * 90)
    platform = ScriptedSource([OK] * 90, name="database", settle=3)
    desk = make_desk(sources=[dmv, platform], rules=[a_rule(no_data=ALERT)])
    desk.ticks(0, 10)
    silent_from(desk, 10, 40)

    assert desk.told() == []
    assert desk.state().last_folded == at(35)


def test_while_the_dmv_is_silent_dtu_folds_with_the_platforms_values(make_desk: MakeDesk) -> None:
    dmv = ScriptedSource([OK] * 90)
    platform = ScriptedSource([OK] * 10 + [BAD] * 10 + [OK] * 90, name="database", settle=3)
    desk = make_desk(sources=[dmv, platform], rules=[a_rule(actions=(SLACK,))])
    desk.ticks(0, 9)
    silent_from(desk, 9, 40)
    assert desk.told("slack") == ["firing", "resolved"]

    silence(desk, silent=False)
    desk.ticks(40, 45)
    cells = desk.house.samples.hours("pantry-crm", at(0), at(0))[0].cells["dtuUtilization"]
    assert cells[10:20] == (OK,) * 10
    assert desk.told("slack") == ["firing", "resolved"]


class Group:
    """A SourceGroup of one source that answers the same until it is told otherwise."""

    names = ("blocking",)

    def __init__(self, error: str, kind: FailureKind) -> None:
        self.error, self.kind = error, kind

    def read(
        self,
        target: str,  # noqa: ARG002 - one answer for all
        *,
        since: Mapping[str, datetime | None],
        now: datetime,
    ) -> Sequence[Answer]:
        """See SourceGroup.read."""
        if not self.error:
            minute = floor_minute(now)
            return [Reading(source=name, asked_at=now, covered_until=minute) for name in since]
        return [Failure(name, now, self.error, self.kind) for name in since]


@pytest.fixture
def group() -> Group:
    return Group("it needs a grant", FailureKind.DENIED)


@pytest.fixture
def lonely(make_desk: MakeDesk, group: Group) -> Desk:
    """A rule on what the group alone measures, which is to tell of silence."""
    desk = make_desk([OK] * 90, rules=[a_rule(metric="blockedSessions", no_data=ALERT)])
    desk.house = replace(desk.house, groups=[group])
    return desk


@pytest.mark.parametrize("kind", [FailureKind.FAILED, FailureKind.DEFERRED])
def test_what_lacks_a_grant_lacks_it_while_nobody_gets_in_too(
    lonely: Desk, group: Group, kind: FailureKind
) -> None:
    """A login that is refused says nothing of grants: that is no silence of an hour."""
    lonely.ticks(0, 60)
    group.error, group.kind = "the login was refused", kind
    lonely.ticks(60, 75)

    assert lonely.house.samples.latest(TARGET).lacking == {"blocking": "it needs a grant"}
    assert lonely.told() == []

    group.error = ""
    lonely.tick(75)
    assert lonely.house.samples.latest(TARGET).lacking == {}
    lonely.ticks(76, 80)
    assert lonely.told() == []
    lonely.ticks(80, 83)
    assert lonely.told() == ["firing"]


def test_what_is_no_longer_measured_lacks_nothing(lonely: Desk) -> None:
    lonely.tick(0)
    samples = lonely.house.samples

    assert lacking({TARGET: {"blocking", "dmv"}}, samples) == [
        f"blocking of {TARGET} is not read: it needs a grant"
    ]
    assert lacking({TARGET: {"dmv"}}, samples) == []


def test_a_source_that_joins_later_was_not_silent_before(lonely: Desk, group: Group) -> None:
    lonely.house = replace(lonely.house, groups=[])
    lonely.ticks(0, 60)
    group.error, group.kind = "the login was refused", FailureKind.FAILED
    lonely.house = replace(lonely.house, groups=[group])

    lonely.ticks(60, 65)
    assert lonely.told() == []
    lonely.ticks(65, 67)
    assert lonely.told() == ["firing"]
