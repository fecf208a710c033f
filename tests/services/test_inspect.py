"""A database is inspected when it has time: at most every six hours, at least once in two days."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from local.desks import memory_storage
from shared.adapters.chunk_store import ChunkStore
from shared.adapters.guard import GuardedRows
from shared.adapters.ledger import RowLedger
from shared.adapters.rows import InsertRow
from shared.catalog.metrics import CATALOG
from shared.domain.chunks import HourChunk
from shared.domain.errors import Conflict, SourceError
from shared.domain.inspections import Inspection, Wait
from shared.domain.quiet_hours import Inspecting
from shared.domain.records import INSPECTING, INSPECTIONS, inspection_key
from shared.domain.times import DAY, HOUR, MINUTE, each_hour
from shared.ports import House
from shared.services.inspect import (
    inspect,
    inspect_all,
    inspection_at,
    last_inspection,
)
from shared.services.reach import unread
from tests.builders import T0, TARGET, a_desk

QUARTER = 15 * MINUTE
PLACE = timedelta(minutes=5, seconds=35)
"""Where in a quarter hour the timer fires."""


@dataclass
class Counting:
    """An Inspector that notes when it was asked; each time the database has waited 100 ms more."""

    asked: list[datetime] = field(default_factory=list)
    fails: list[Exception] = field(default_factory=list)
    known: tuple[str, ...] = (TARGET,)
    targets: list[str] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None
    lacks: dict[str, str] = field(default_factory=lambda: {"tables": "it needs VIEW DEFINITION"})

    def knows(self, target: str) -> bool:
        return target in self.known

    def inspect(self, target: str, *, now: datetime) -> Inspection:
        self.asked.append(now)
        self.targets.append(target)
        self.meanwhile()
        if self.fails:
            raise self.fails.pop(0)
        waited = Wait(type="WRITELOG", tasks=1, wait_ms=100.0 * len(self.asked))
        return Inspection(at=now, waits=(waited,), lacking=self.lacks)


@dataclass
class Stage:
    """A house with an inspector, and a database whose load is written down minute by minute."""

    inspector: Counting = field(default_factory=Counting)

    def __post_init__(self) -> None:
        storage = memory_storage()
        self.house: House = replace(
            a_desk([]).house,
            samples=ChunkStore(storage.samples),
            alerts=RowLedger(GuardedRows(storage.alerts)),
            inspector=self.inspector,
        )

    def loaded(
        self,
        load: Callable[[datetime], float | None],
        since: datetime,
        until: datetime,
        target: str = TARGET,
    ) -> None:
        """Its DTU percent in every minute of these whole hours."""
        column = CATALOG.metric("dtuUtilization").column
        for hour in each_hour(since, until):
            cells = tuple(load(hour + n * MINUTE) for n in range(60))
            latest = self.house.samples.latest(target)
            self.house.samples.save(target, [HourChunk(hour=hour, cells={column: cells})], latest)

    def play(self, since: datetime, until: datetime) -> list[datetime]:
        """The timer in every quarter hour; when something was inspected."""
        moment = since + PLACE
        while moment < until:
            inspect(TARGET, house=self.house, now=moment)
            moment += QUARTER
        return self.inspector.asked

    def state(self) -> Inspecting:
        kept = self.house.alerts.get(TARGET, INSPECTING, Inspecting)
        assert kept is not None
        return kept.value


def a_calm_stage(*targets: str, fails: Sequence[Exception] = (), days: int = 1) -> Stage:
    known = targets or (TARGET,)
    stage = Stage(Counting(known=known, fails=list(fails)))
    for target in known:
        stage.loaded(lambda _: 12.0, T0 - HOUR, T0 + days * DAY, target)
    return stage


def test_a_database_that_has_time_is_inspected_every_six_hours() -> None:
    stage = a_calm_stage()

    assert stage.play(T0, T0 + DAY) == [T0 + PLACE + 6 * HOUR * n for n in range(4)]


def test_an_inspection_is_kept_with_its_load_and_compared_with_the_one_before() -> None:
    stage = a_calm_stage()
    stage.play(T0, T0 + 7 * HOUR)
    found = last_inspection(TARGET, house=stage.house)

    assert found is not None
    assert (found.at, found.compared_with) == (T0 + PLACE + 6 * HOUR, T0 + PLACE)
    assert found.dtu_percent == 12.0
    assert [wait.grown_ms for wait in found.waits or ()] == [100.0]


def test_what_is_lacking_is_said_in_the_log_and_by_health_until_it_is_there(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    stage = a_calm_stage()
    house = replace(stage.house, measured={TARGET: frozenset(), "another": frozenset()})
    assert unread(house) == []

    inspect(TARGET, house=house, now=T0 + PLACE)
    said = f"the inspection of {TARGET} lacks tables: it needs VIEW DEFINITION"
    assert said in caplog.text
    assert unread(house) == [said]

    stage.inspector.lacks = {}
    inspect(TARGET, house=house, now=T0 + PLACE + 6 * HOUR)
    assert unread(house) == []


def test_a_database_at_sixty_percent_is_inspected_once_in_two_days_when_it_is_quietest() -> None:
    """A quarter of an hour after three in the morning it had a little less to do."""

    def load(at: datetime) -> float:
        return 57.0 if (at.hour, at.minute // 15) == (3, 1) else 60.0 + at.minute % 3

    stage = Stage()
    stage.loaded(load, T0 - DAY, T0 + 2 * DAY)

    assert stage.play(T0, T0 + 2 * DAY) == [T0 + DAY + 3 * HOUR + QUARTER + PLACE]


def test_a_quiet_time_that_is_busy_the_next_day_is_followed_by_the_next_best_one() -> None:
    def load(at: datetime) -> float:
        if (at.hour, at.minute // 15) == (3, 1):
            return 50.0 if at < T0 + DAY else 90.0
        return 55.0 if (at.hour, at.minute // 15) == (5, 0) else 60.0

    stage = Stage()
    stage.loaded(load, T0 - DAY, T0 + 2 * DAY)

    assert stage.play(T0, T0 + 2 * DAY) == [T0 + DAY + 5 * HOUR + PLACE]


@pytest.mark.parametrize("load", [80.0, 100.0])
def test_a_busy_database_is_never_inspected_however_long(load: float) -> None:
    stage = Stage()
    stage.loaded(lambda _: load, T0 - HOUR, T0 + 2 * DAY)

    assert stage.play(T0, T0 + 2 * DAY) == []
    assert stage.state().waits == "it waits until DTU is below 80 %"


def test_a_storm_that_has_just_begun_counts_although_the_quarter_hour_was_calm() -> None:
    stage = Stage()
    storm = T0 + 4 * MINUTE
    stage.loaded(lambda at: 99.0 if at >= storm else 5.0, T0 - DAY, T0 + HOUR)

    assert inspect(TARGET, house=stage.house, now=T0 + PLACE) is None
    assert stage.inspector.asked == []


def test_it_begins_as_soon_as_the_load_ends() -> None:
    stage = Stage()
    over = T0 + 7 * HOUR
    stage.loaded(lambda at: 55.0 if at < over else 20.0, T0 - DAY, T0 + DAY)

    assert stage.play(T0, T0 + 8 * HOUR) == [over + QUARTER + PLACE]


def test_a_load_that_nobody_knows_is_waited_for_a_day() -> None:
    stage = Stage()

    assert stage.play(T0, T0 + DAY + HOUR) == [T0 + DAY + PLACE]


def test_a_doubled_timer_reads_once() -> None:
    stage = a_calm_stage()
    found = [inspect(TARGET, house=stage.house, now=T0 + PLACE) for _ in range(3)]

    assert [one is not None for one in found] == [True, False, False]
    assert len(stage.inspector.asked) == 1


def test_two_timers_at_the_same_time_read_once() -> None:
    """The second one runs through while the first one reads."""
    stage = a_calm_stage()
    late: list[Inspection | None] = []
    stage.inspector.meanwhile = lambda: late.append(
        inspect(TARGET, house=stage.house, now=T0 + PLACE)
    )

    assert inspect(TARGET, house=stage.house, now=T0 + PLACE) is not None
    assert late == [None]


@pytest.mark.parametrize("failure", [SourceError("it is not there"), RuntimeError("killed")])
def test_what_failed_is_tried_again_an_hour_later(failure: Exception) -> None:
    """Also when it took the process with it."""
    stage = a_calm_stage(fails=[failure])
    try:
        inspect(TARGET, house=stage.house, now=T0 + PLACE)
    except RuntimeError:
        assert isinstance(failure, RuntimeError)

    assert stage.play(T0, T0 + 2 * HOUR)[1:] == [T0 + HOUR + PLACE]


def test_a_target_without_a_database_is_left_alone() -> None:
    stage = a_calm_stage("another")

    assert stage.play(T0, T0 + DAY) == []
    assert stage.house.alerts.keys(TARGET, "") == []


def test_the_kept_ones_do_not_grow_for_ever() -> None:
    stage = a_calm_stage(days=6)
    stage.play(T0, T0 + 6 * DAY)
    keys = stage.house.alerts.keys(TARGET, INSPECTIONS)

    assert len(stage.inspector.asked) == 24
    assert len(keys) == 9 + 4
    assert [key for key in keys if key >= inspection_key(T0 + 5 * DAY)] == keys[-4:]


def test_a_damaged_one_is_left_out() -> None:
    stage = a_calm_stage()
    stage.play(T0, T0 + HOUR)
    storage = memory_storage()
    storage.alerts.transact(
        TARGET, [InsertRow("inspection:20260101T000535Z", {"at": "2026-01-01T00:05:35Z"})]
    )
    house = replace(stage.house, alerts=RowLedger(storage.alerts))

    assert last_inspection(TARGET, house=house) is None
    assert inspection_at(TARGET, "inspection:none", house=house) is None


def names(found: Iterable[tuple[str, Inspection]]) -> list[str]:
    return [target for target, _ in found]


@pytest.mark.parametrize("failure", [SourceError("it is not there"), ValueError("no figure")])
def test_of_many_targets_another_one_begins_each_time_and_none_harms_the_others(
    failure: Exception,
) -> None:
    stage = a_calm_stage(TARGET, "second", fails=[failure])
    found = inspect_all([TARGET, "second", "no-database"], house=stage.house, now=T0 + PLACE)
    first, second = stage.inspector.targets

    assert names(found) == [second]
    assert {first, second} == {TARGET, "second"}


def test_no_further_target_is_begun_when_time_has_run_out() -> None:
    stage = a_calm_stage()
    ticking = iter(T0 + timedelta(seconds=46 * n) for n in range(9))
    house = replace(stage.house, wall=lambda: next(ticking))

    assert inspect_all([TARGET], house=house, now=T0 + PLACE) == []
    assert stage.inspector.asked == []


def test_a_row_that_somebody_else_wrote_first_is_no_crash(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stage = a_calm_stage()

    def taken_over() -> None:
        raise Conflict("somebody else was first")

    stage.inspector.meanwhile = taken_over

    assert inspect_all([TARGET], house=stage.house, now=T0 + PLACE) == []
    assert "somebody else was first" in caplog.text
