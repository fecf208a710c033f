"""What a stored hour lost is read again, by whoever still remembers it."""

from datetime import datetime

import pytest
from msgspec.structs import replace

from local.desks import Storage, memory_storage
from shared.adapters.rows import DeleteRow, ReplaceRow
from shared.catalog.metrics import CATALOG
from shared.domain.alerts import Alert
from shared.domain.chunks import Latest
from shared.domain.histograms import histogram_of, weight_of
from shared.domain.samples import MinuteHistogram, Reading, Sample
from shared.domain.times import DAY, hour_key
from shared.services.collect import store
from shared.services.mend import mend
from shared.services.reach import lacking
from shared.services.summarize import change_damaged, roll_up_days
from tests.builders import BAD, OK, TARGET, Desk, ScriptedSource, a_desk, at

MEMORY = [900.0 + n % 7 for n in range(3000)]


@pytest.fixture
def storage() -> Storage:
    return memory_storage()


@pytest.fixture
def dmv() -> ScriptedSource:
    return ScriptedSource([OK + n % 5 for n in range(3000)], settle=1)


@pytest.fixture
def plan() -> ScriptedSource:
    return ScriptedSource(MEMORY, metric="memoryUsage", name="plan", settle=3)


@pytest.fixture
def desk(storage: Storage, dmv: ScriptedSource, plan: ScriptedSource) -> Desk:
    return a_desk(rules=[], sources=[dmv, plan], storage=storage)


def spoil(storage: Storage, hour: datetime, **nonsense: str) -> None:
    row = storage.samples.get(TARGET, hour_key(hour))
    assert row is not None
    changed = ReplaceRow(row.key, {**row.properties, **nonsense}, row.etag)
    storage.samples.transact(TARGET, [changed])


def cells(desk: Desk, metric: str, hour: datetime) -> dict[int, float]:
    [chunk] = desk.house.samples.hours(TARGET, hour, hour)
    assert chunk.damaged == ()
    stored = chunk.cells.get(CATALOG.metric(metric).column, ())
    return {minute: value for minute, value in enumerate(stored) if value is not None}


def waiting(desk: Desk) -> tuple[datetime, ...]:
    return desk.house.samples.latest(TARGET).damaged


def test_what_the_running_hour_lost_is_there_again_within_the_minute(
    desk: Desk, storage: Storage
) -> None:
    desk.ticks(0, 30)
    spoil(storage, at(0), dtuUtilization="[", memoryUsage="{}")

    desk.tick(30)
    assert waiting(desk) == (at(0),)
    assert len(cells(desk, "dtuUtilization", at(0))) < 5

    desk.watch(30)
    assert waiting(desk) == ()
    assert cells(desk, "dtuUtilization", at(0)) == {n: OK + n % 5 for n in range(29)}
    assert cells(desk, "memoryUsage", at(0)) == dict(enumerate(MEMORY[:27]))


def test_an_hour_of_the_past_is_read_again_and_its_day_rolled_up_anew(
    desk: Desk, storage: Storage, dmv: ScriptedSource
) -> None:
    desk.tick(2000)
    roll_up_days(TARGET, house=desk.house, now=at(2000))
    before = desk.house.samples.days(TARGET, at(0), at(0))[0].summary
    spoil(storage, at(600), memoryUsage="[", dtuUtilization="[", summary="[")
    roll_up_days(TARGET, house=desk.house, now=at(2000))
    assert waiting(desk) == (at(600),)
    asked = len(dmv.reads)

    desk.watch(2000)

    assert waiting(desk) == ()
    assert cells(desk, "memoryUsage", at(600)) == dict(enumerate(MEMORY[600:660]))
    assert cells(desk, "dtuUtilization", at(600)) == {}
    assert len(dmv.reads) == asked
    assert roll_up_days(TARGET, house=desk.house, now=at(2000)).days == [at(0)]
    assert desk.house.samples.days(TARGET, at(0), at(0))[0].summary == before


def test_an_hour_whose_row_is_gone_is_made_anew(desk: Desk, storage: Storage) -> None:
    desk.tick(2000)
    roll_up_days(TARGET, house=desk.house, now=at(2000))
    storage.samples.transact(TARGET, [DeleteRow(hour_key(at(600)))])
    roll_up_days(TARGET, house=desk.house, now=at(2000))

    assert mend(TARGET, house=desk.house, now=at(2000))

    assert cells(desk, "memoryUsage", at(600)) == dict(enumerate(MEMORY[600:660]))


def test_a_source_that_fails_is_asked_again(
    desk: Desk, storage: Storage, plan: ScriptedSource
) -> None:
    desk.tick(200)
    spoil(storage, at(60), memoryUsage="[")
    change_damaged(TARGET, lambda known: {*known, at(60)}, desk.house)

    plan.silent = True
    assert not mend(TARGET, house=desk.house, now=at(201))
    assert waiting(desk) == (at(60),)

    plan.silent = False
    assert mend(TARGET, house=desk.house, now=at(202))
    assert cells(desk, "memoryUsage", at(60)) == dict(enumerate(MEMORY[60:120]))


def test_reading_an_hour_again_covers_nothing_that_was_not_read(
    desk: Desk, plan: ScriptedSource
) -> None:
    desk.tick(30)
    plan.silent = True
    desk.tick(300)
    plan.silent = False
    change_damaged(TARGET, lambda known: {*known, at(120)}, desk.house)

    mend(TARGET, house=desk.house, now=at(301))

    assert desk.house.samples.latest(TARGET).covered["plan"] == at(27)
    assert cells(desk, "memoryUsage", at(120)) == dict(enumerate(MEMORY[120:180]))


def test_several_hours_are_read_again_one_a_pass(desk: Desk) -> None:
    desk.tick(1500)
    change_damaged(TARGET, lambda known: {*known, at(0), at(60), at(120)}, desk.house)

    left = []
    for minute in range(1500, 1509):
        desk.watch(minute)
        left.append(len(waiting(desk)))

    assert left[0] == 2
    assert left[-1] == 0


def test_nothing_is_asked_while_nothing_is_damaged(desk: Desk, plan: ScriptedSource) -> None:
    desk.tick(100)
    asked = len(plan.reads)

    desk.watch(100)
    assert not mend(TARGET, house=desk.house, now=at(101))

    assert len(plan.reads) == asked


def test_health_names_what_waits_to_be_read_again(desk: Desk) -> None:
    desk.tick(300)
    change_damaged(TARGET, lambda known: {*known, at(60), at(120)}, desk.house)

    (said,) = lacking({TARGET: {"plan"}}, desk.house.samples)
    assert said.startswith("2 stored hours of pantry-crm, the first at 2026-01-01T01:00:00Z, lost")


@pytest.mark.parametrize("late", [0.5, 92.5])
def test_who_does_not_remember_is_not_asked(desk: Desk, plan: ScriptedSource, late: float) -> None:
    desk.tick(200)
    change_damaged(TARGET, lambda known: {*known, at(60)}, desk.house)
    asked = len(plan.reads)

    mend(TARGET, house=desk.house, now=at(60) + late * DAY)

    assert len(plan.reads) - asked == (1 if late < 92 else 0)
    assert waiting(desk) == ()


def test_what_an_hours_summary_knew_stands_until_the_hour_is_read_again(storage: Storage) -> None:
    desk = a_desk(rules=[], sources=[], storage=storage)
    requests = [MinuteHistogram(at(n), histogram_of([100.0] * 9)) for n in range(50)]

    def keep(minutes: range) -> None:
        reading = Reading(
            source="logs",
            asked_at=at(99),
            covered_until=at(60),
            samples=tuple(Sample("throughput", at(n), 9.0) for n in minutes),
            histograms=tuple(requests[minutes.start : minutes.stop]),
        )
        house = desk.house
        store([reading], TARGET, catalog=CATALOG, samples=house.samples, now=at(99))

    def known() -> tuple[int, int]:
        [chunk] = desk.house.samples.hours(TARGET, at(0), at(0))
        return chunk.summary["throughput"][0], weight_of(chunk.summary_histogram)

    keep(range(40))
    spoil(storage, at(0), responseTime_hist="text", throughput="[")
    keep(range(40, 50))
    assert waiting(desk) == (at(0),)
    assert known() == (40, 360)

    keep(range(50))
    assert known() == (50, 450)


def test_a_damaged_latest_stops_no_rule_and_is_whole_again_after_a_pass() -> None:
    def run(spoiled_at: int | None) -> tuple[list[str], list[Alert], Latest]:
        storage = memory_storage()
        desk = a_desk(
            sources=[ScriptedSource([*[OK] * 5, *[BAD] * 5, *[OK] * 40])], storage=storage
        )
        for minute in range(20):
            if minute == spoiled_at:
                row = storage.samples.get(TARGET, "latest")
                assert row is not None
                nonsense = dict.fromkeys(("covered", "asked", "minutes", "updatedAt"), "[")
                changed = ReplaceRow(row.key, {**row.properties, **nonsense}, row.etag)
                storage.samples.transact(TARGET, [changed])
            desk.tick(minute)
        return desk.told(), desk.alerts(), replace(desk.house.samples.latest(TARGET), etag=None)

    whole = run(None)

    assert whole[0] == ["firing", "resolved"]
    for minute in (3, 7, 9, 12):
        assert run(minute) == whole
