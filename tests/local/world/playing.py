"""Worlds for tests: a Monday morning, one story, and its metrics as the world itself knows them."""

from collections.abc import Iterator
from datetime import UTC, datetime

from local.world.engine import ScriptedWorld
from local.world.scenes import Scene
from local.world.scripts import script_named
from local.world.truth import truth
from shared.domain.times import MINUTE, each_minute

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NIGHT = T0.replace(hour=2)


def a_world(name: str = "calm", start: datetime = T0, seed: int = 1) -> ScriptedWorld:
    return ScriptedWorld(script_named(name, start), seed=seed)


def the_scene(world: ScriptedWorld) -> Scene:
    (scene,) = world.script.scenes
    return scene


def scene_minutes(world: ScriptedWorld) -> Iterator[datetime]:
    scene = the_scene(world)
    return each_minute(scene.begins, scene.ends)


def measured(world: ScriptedWorld, metric: str) -> list[float | None]:
    """The metric in every minute of the world's only scene."""
    return [truth(world, metric, minute) for minute in scene_minutes(world)]


def numbers(world: ScriptedWorld, metric: str) -> list[float]:
    """As `measured`, where no minute may be without a value."""
    values = [value for value in measured(world, metric) if value is not None]
    assert len(values) == the_scene(world).minutes
    return values


def around(world: ScriptedWorld, metric: str) -> tuple[float | None, float | None]:
    """The metric right before and right after the scene."""
    scene = the_scene(world)
    return truth(world, metric, scene.begins - MINUTE), truth(world, metric, scene.ends)
