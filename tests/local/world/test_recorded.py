from datetime import timedelta
from pathlib import Path

import pytest

from local.world.engine import Script, ScriptedWorld
from local.world.recorded import QUANTITIES, Recorded, recorded
from local.world.scripts import SERIES
from local.world.truth import truth
from shared.domain.errors import InvalidInput
from shared.domain.times import MINUTE, each_minute
from tests.local.world.playing import NIGHT, T0, a_world, numbers


def a_file(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "series.csv"
    path.write_text("\n".join(["timestamp,value", *rows, ""]), encoding="utf-8")
    return path


def played(path: Path, metric: str, quantity: str, scale: float = 1.0) -> list[float | None]:
    scene = recorded(path, NIGHT, quantity=quantity, scale=scale)
    world = ScriptedWorld(Script("recording", NIGHT, (scene,)))
    return [truth(world, metric, minute) for minute in each_minute(scene.begins, scene.ends)]


@pytest.mark.parametrize(
    ("quantity", "metric", "scale"),
    [
        ("dtu", "dtuUtilization", 1),
        ("latency", "responseTime.avg", 100),
        ("latency", "responseTime.p99", 100),
        ("memory", "memoryUsage", 17.5),
        ("cpu", "cpuUtilization", 0.5),
    ],
)
def test_a_recording_is_met_exactly(
    tmp_path: Path, quantity: str, metric: str, scale: float
) -> None:
    path = a_file(tmp_path, "2014-01-01 00:00:00,40", "2014-01-01 00:01:00,97.5")
    values = played(path, metric, quantity, scale)
    assert values == pytest.approx([40 * scale, 97.5 * scale], abs=0.1)


def test_recorded_requests_are_met_on_average(tmp_path: Path) -> None:
    path = a_file(tmp_path, "2014-01-01 00:00:00,20", "2014-01-01 00:30:00,0")
    values = [value or 0 for value in played(path, "throughput", "requests", scale=60)]
    assert sum(values[:30]) / 30 == pytest.approx(1200, rel=0.05)
    assert values[30:] == [0] * 30


def test_a_value_holds_until_the_next_one_and_the_last_for_the_grain(tmp_path: Path) -> None:
    rows = ("2014-01-01 00:00:42,10", "2014-01-01 00:02:00,20", "2014-01-01 00:07:00,30")
    values = played(a_file(tmp_path, *rows), "dtuUtilization", "dtu")
    assert values == [10] * 2 + [20] * 5 + [30] * 2


def test_of_doubled_timestamps_the_last_one_counts(tmp_path: Path) -> None:
    rows = ("2014-01-01 00:00:01,10", "2014-01-01 00:00:31,20")
    assert played(a_file(tmp_path, *rows), "dtuUtilization", "dtu") == [20]


def test_the_bundled_storm_drives_the_database() -> None:
    values = numbers(a_world("recording"), "dtuUtilization")
    assert len(values) == 180
    assert sum(value > 95 for value in values) == 18
    assert values[0] == 35.47


def test_the_bundled_slow_release_holds_over_its_gap() -> None:
    scene = recorded(SERIES / "slow_release.csv", T0, quantity="latency")
    world = ScriptedWorld(Script("slow", T0, (scene,)))
    slow = [
        minute
        for minute in each_minute(scene.begins, scene.ends)
        if (truth(world, "responseTime.avg", minute) or 0) > 3000
    ]
    assert slow == [T0 + i * MINUTE for i in (55, 56, *range(100, 128))]


def test_a_recording_is_over_when_its_last_value_is(tmp_path: Path) -> None:
    scene = recorded(a_file(tmp_path, "2014-01-01 00:00:00,99"), T0, quantity="dtu")
    assert scene.ends == T0 + timedelta(minutes=1)


def test_an_unknown_quantity_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InvalidInput, match=", ".join(QUANTITIES)):
        Recorded(T0, 5, "luck")


def test_a_recording_without_values_changes_nothing() -> None:
    empty = ScriptedWorld(Script("empty", T0, (Recorded(T0, 5),)))
    assert empty.minute(T0) == a_world().minute(T0)
