"""A morning's business through the whole world is what its raw rows and events say."""

from datetime import UTC, datetime, timedelta

import pytest

from local.azurite import Azurite
from local.cloud.sql.kept import HISTORY
from local.rig import TARGET, TICK, Rig, running_rig
from local.world.engine import Script, ScriptedWorld
from local.world.scenes import ErrorBurst
from shared.domain.chunks import NO_CELLS
from shared.domain.times import Span
from shared.services.tabulate import business, slots_of
from tests.walks import raw_business as raw

pytestmark = pytest.mark.slow
SEEDS = (1, 2)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
MONTH = datetime(2026, 4, 1, tzinfo=UTC)
"""A Wednesday: the day and the month begin together, after the desk's first rows."""
FIRST = MONTH + 10 * HOUR + 15 * MINUTE
QUARTERS = tuple(FIRST + n * raw.QUARTER for n in range(3))
"""When the business is counted: the minutes between bring nothing new of it."""
UNTIL = QUARTERS[-1]


def newest(rig: Rig, metric: str) -> dict[datetime, float]:
    """What is stored of a metric since an hour before the first quarter."""
    column = rig.house.catalog.metric(metric).column
    return {
        chunk.hour + n * MINUTE: value
        for chunk in rig.house.samples.hours(TARGET, FIRST - 2 * HOUR, UNTIL)
        for n, value in enumerate(chunk.cells.get(column, NO_CELLS))
        if value is not None
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_a_mornings_business_is_its_raw_events_own(azurite: Azurite, seed: int) -> None:
    scenes = (ErrorBurst(FIRST - 20 * MINUTE, 5),)
    world = ScriptedWorld(Script("market", MONTH, scenes), seed=seed)
    storage = azurite.fresh_account().connection_string
    with running_rig(world, storage=storage, now=FIRST - raw.QUARTER) as rig:
        rig.tick(FIRST - raw.QUARTER)  # what a process needs at first, a busy machine may not give
        for minute in QUARTERS:
            done = rig.tick(minute)
            assert (done.error, done.failures) == (None, [])
        figures = {
            metric: newest(rig, metric)
            for metric in (
                *("dealsWon", "dealsLost", "revenueWon", "revenueToday", "revenueMonthToDate"),
                *("pipelineConversion", "pipelineValue", "pipelineDeals", "reportDuration"),
                *("pageViews",),
            )
        }
        told = business(TARGET, Span(FIRST - raw.QUARTER, UNTIL), house=rig.house)
        heard = rig.house.samples.latest(TARGET).covered["usage"]
        used = business(TARGET, slots_of(HOUR, heard), house=rig.house)

    known = raw.deals(world, FIRST - raw.QUARTER - HISTORY, UNTIL + MINUTE)
    counted = [FIRST + n * raw.QUARTER for n in range(-1, 2)]
    for start in counted:
        end = start + raw.QUARTER
        of_quarter = raw.ended(known, start, end)
        won = raw.won(known, start, end)
        assert figures["dealsWon"][start] == len(won)
        assert figures["dealsLost"][start] == sum(one.stage == "lost" for one in of_quarter)
        assert figures["revenueWon"][start] == sum(one.value for one in won)
        so_far = raw.won(known, MONTH, end)
        assert figures["revenueMonthToDate"][start] == sum(one.value for one in so_far)
        assert figures["revenueToday"][start] == figures["revenueMonthToDate"][start]
        closed = len(raw.ended(known, MONTH, end))
        assert figures["pipelineConversion"][start] == pytest.approx(100 * len(so_far) / closed)
        waiting = raw.waiting(known, end + TICK)
        assert figures["pipelineDeals"][start] == sum(count for count, _ in waiting.values())
        assert figures["pipelineValue"][start] == sum(value for _, value in waiting.values())
    assert sum(figures["dealsWon"].values()) > 0
    assert {one.stage: (one.deals, one.value) for one in told.pipeline} == raw.waiting(
        known, UNTIL + TICK
    )

    began = counted[0]
    assert {one.type: one.count for one in told.interactions} == raw.interactions(
        world, began, UNTIL
    )
    took = raw.report_times(world, began, UNTIL)
    assert {one.type: (one.count, one.longest_ms) for one in told.reports} == {
        kind: (len(some), max(some)) for kind, some in took.items()
    }
    assert {one.type: one.mean_ms for one in told.reports} == pytest.approx(
        {kind: sum(some) / len(some) for kind, some in took.items()}
    )

    start = heard - HOUR  # telemetry is there some minutes later
    assert heard == UNTIL - raw.QUARTER
    assert {one.name: (one.requests, one.errors) for one in used.operations} == raw.operations(
        world, start, heard
    )
    assert any(one.errors for one in used.operations)
    most = used.operations[0]
    assert most.users == raw.users(world, most.name, start, heard)
    assert {one.name: one.views for one in used.pages} == raw.views(world, start, heard)
    views = sum(value for at, value in figures["pageViews"].items() if at >= start)
    assert views == sum(raw.views(world, start, heard).values())
