from datetime import datetime, timedelta

import pytest

from local.world.scripts import SCENES, STORIES, script_named
from local.world.truth import truth
from shared.domain.errors import InvalidInput
from shared.domain.times import MINUTE
from tests.local.world.playing import NIGHT, T0, a_world


def test_calm_and_default_and_every_scene_are_scripts() -> None:
    assert set(STORIES) == {"calm", "default", *SCENES}
    assert script_named("calm", T0).scenes == ()


def test_an_unknown_script_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(InvalidInput, match=r"default.*dtu_storm"):
        script_named("armageddon", T0)


@pytest.mark.parametrize("name", sorted(STORIES))
def test_a_script_begins_with_a_minute_and_calm(name: str) -> None:
    script = script_named(name, T0 + timedelta(seconds=33))
    assert script.begins == T0
    assert all(scene.begins >= T0 + 5 * MINUTE for scene in script.scenes)


@pytest.mark.parametrize("start", [T0, NIGHT], ids=["day", "night"])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_default_story_breaks_two_rules_one_after_the_other(start: datetime, seed: int) -> None:
    world = a_world("default", start, seed)
    minutes = [start + i * MINUTE for i in range(-60, 60)]
    stormy = [m for m in minutes if (truth(world, "dtuUtilization", m) or 0) > 95]
    slow = [m for m in minutes if (truth(world, "responseTime.avg", m) or 0) > 3000]
    assert stormy == [start + i * MINUTE for i in range(6, 16)]
    assert slow == [start + i * MINUTE for i in range(25, 33)]
