"""Deploy markers are kept once, found by their time, and told with the stories that follow."""

import pytest

from shared.domain.deployments import Deployment, DeploymentWish, RecentDeploy, new_deployment
from shared.domain.handling import AuditEntry
from shared.domain.times import iso
from shared.services.deployments import deployments, mark_deployment
from tests.builders import BAD, OK, TARGET, Desk, ScriptedSource, a_rule, at
from tests.services.conftest import MakeDesk

DAY = 24 * 60


def mark(desk: Desk, minute: float, version: str = "1.8.2") -> Deployment:
    wish = DeploymentWish(version=version, at=at(minute))
    marker = new_deployment(wish, target=TARGET, by="ci", now=at(max(minute, 0)))
    return mark_deployment(marker, alerts=desk.house.alerts, now=at(max(minute, 0)))


def test_a_marker_and_its_line_in_the_audit_are_written_once(make_desk: MakeDesk) -> None:
    desk = make_desk([])

    assert mark(desk, 5) == mark(desk, 5)

    [marker] = desk.rows("deploy:", Deployment)
    [entry] = desk.rows("audit:", AuditEntry)
    assert (entry.action, entry.subject, entry.detail) == ("deployment", marker.id, "1.8.2")


def test_markers_are_found_over_the_ends_of_months_and_years(make_desk: MakeDesk) -> None:
    desk = make_desk([])
    for days in (-40, -20, -1, 0):
        mark(desk, days * DAY, f"v{days}")

    found = deployments(TARGET, at(-20 * DAY), at(0), alerts=desk.house.alerts)

    assert [one.version for one in found] == ["v0", "v-1", "v-20"]


def test_a_story_is_told_with_the_deploy_before_it_and_keeps_it(make_desk: MakeDesk) -> None:
    desk = make_desk([OK] * 20 + [BAD] * 3 + [OK] * 2)
    mark(desk, 6)

    desk.ticks(0, 26)

    assert desk.alert().deploy == RecentDeploy("1.8.2", at(6), 14)
    assert desk.told() == ["firing", "resolved"]
    for message in desk.messages():
        assert "It began 14 min after deploy 1.8.2." in message.text


def test_what_went_live_later_or_long_before_is_not_told(make_desk: MakeDesk) -> None:
    desk = make_desk([OK] * 70 + [BAD] * 3)
    mark(desk, 9)
    mark(desk, 71)

    desk.ticks(0, 74)

    assert desk.alert().deploy is None


def test_a_marker_that_comes_late_is_told_from_the_next_message_on(make_desk: MakeDesk) -> None:
    desk = make_desk([OK] * 20 + [BAD] * 9 + [OK] * 2)
    desk.ticks(0, 25)

    mark(desk, 18)
    desk.ticks(25, 32)

    firing, resolved = desk.messages()
    assert "deploy" not in firing.text
    assert "It began 2 min after deploy 1.8.2." in resolved.text
    assert desk.alert().deploy is not None


def test_silence_after_a_deploy_is_told_with_it(make_desk: MakeDesk) -> None:
    source = ScriptedSource([OK] * 10)
    desk = make_desk([], sources=[source], rules=[a_rule(no_data="alert")])
    mark(desk, 8)

    desk.ticks(0, 20)

    deploy = desk.alert().deploy
    assert deploy is not None
    assert deploy.minutes_before == 2


@pytest.mark.parametrize("minute", [0, 12.5])
def test_an_id_begins_with_the_markers_time(make_desk: MakeDesk, minute: float) -> None:
    marker = mark(make_desk([]), minute)

    assert marker.id.split("-")[0] == iso(at(minute)).replace("-", "").replace(":", "")
