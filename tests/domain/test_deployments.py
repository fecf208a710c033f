"""Which stories began soon after a deploy, and which markers make sense."""

from datetime import timedelta

import pytest

from shared.domain.deployments import (
    Deployment,
    DeploymentWish,
    RecentDeploy,
    deploy_before,
    new_deployment,
)
from shared.domain.errors import InvalidInput
from tests.builders import TARGET, at


def a_deployment(minute: float, version: str = "1.8.2") -> Deployment:
    return Deployment(id=f"d{minute}", target=TARGET, at=at(minute), version=version, by="ci")


@pytest.mark.parametrize(
    ("deployed", "before"),
    [(86, 14), (40, 60), (39.99, None), (100, 0), (100.9, 0), (101, None), (99.5, 1)],
)
def test_a_story_is_told_with_what_went_live_within_the_hour_before(
    deployed: float, before: int | None
) -> None:
    found = deploy_before([a_deployment(deployed)], at(100))

    wanted = RecentDeploy("1.8.2", at(deployed), before) if before is not None else None
    assert found == wanted


def test_the_newest_deploy_is_suspected() -> None:
    found = deploy_before([a_deployment(70, "a"), a_deployment(90, "b"), a_deployment(80)], at(100))

    assert found == RecentDeploy("b", at(90), 10)


def test_a_marker_with_its_time_can_be_made_again() -> None:
    wish = DeploymentWish(version="1.8.2", at=at(5), commit="0a1b2c3")
    first, again = (
        new_deployment(wish, target=TARGET, by="ci", now=at(minute)) for minute in (6, 9)
    )

    assert first == again
    assert first.id.startswith("20260101T000500Z-")


def test_two_versions_of_one_second_are_two_markers() -> None:
    ids = {
        new_deployment(DeploymentWish(version=one), target=TARGET, by="ci", now=at(6)).id
        for one in ("1.8.2", "1.8.3")
    }

    assert len(ids) == 2


@pytest.mark.parametrize("away", [timedelta(minutes=6), timedelta(days=-401)])
def test_a_time_ahead_or_long_ago_is_refused(away: timedelta) -> None:
    wish = DeploymentWish(version="1.8.2", at=at(5) + away)

    with pytest.raises(InvalidInput, match="not ahead"):
        new_deployment(wish, target=TARGET, by="ci", now=at(5))
