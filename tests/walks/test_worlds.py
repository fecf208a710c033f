"""A world with a shared past is the very world that its script and seed say."""

from datetime import UTC, datetime

import pytest

from local.world.engine import Script, ScriptedWorld
from local.world.scenes import DtuStorm
from shared.domain.times import HOUR, MINUTE
from tests.walks.worlds import ContinuedWorld

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("after", [-30, 0, 3], ids=["before", "at once", "later"])
def test_it_is_the_same_minute_by_minute(after: int, seed: int) -> None:
    script = Script("stormy", START, (DtuStorm(START + after * MINUTE, 10),))
    continued, alone = ContinuedWorld(script, seed=seed), ScriptedWorld(script, seed=seed)
    another = ContinuedWorld(Script("calm", START), seed=seed)

    for minute in (START - 26 * HOUR, *(START + n * MINUTE for n in range(-32, 16, 2))):
        another.business_rows(minute)
        assert continued.minute(minute) == alone.minute(minute)
        assert continued.business_rows(minute) == alone.business_rows(minute)


def test_the_past_is_played_once_for_all() -> None:
    one = ContinuedWorld(Script("calm", START))
    other = ContinuedWorld(Script("stormy", START, (DtuStorm(START, 10),)))

    before, then = START - MINUTE, START + 2 * MINUTE
    assert one.minute(before) is other.minute(before)
    assert one.business_rows(before) is other.business_rows(before)
    assert one.minute(then) != other.minute(then)
