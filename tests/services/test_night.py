"""The night: what is rolled up and what goes, however often and wherever it is interrupted."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count, islice
from time import process_time

import pytest
from msgspec import structs

from local.bench_store import REQUESTS_A_MINUTE, START, a_week
from local.desks import memory_storage
from shared.adapters.chunk_store import ChunkStore
from shared.adapters.memory import MemoryRows
from shared.adapters.rows import Op, ReplaceRow, Row, Rows
from shared.catalog.metrics import CATALOG
from shared.domain.alerts import AlertState
from shared.domain.chunks import HourChunk, Latest
from shared.domain.days import DayChunk, Versions
from shared.domain.episodes import LineKind, TimelineLine
from shared.domain.errors import StoreUnavailable
from shared.domain.handling import AuditEntry
from shared.domain.histograms import weight_of
from shared.domain.machine import RuleState
from shared.domain.maintenance_wishes import WindowWish
from shared.domain.paces import Pace
from shared.domain.records import (
    Insert,
    alert_key,
    audit_key,
    delivery_key,
    due_key,
    event_key,
    state_key,
    timeline_key,
)
from shared.domain.retention import KEPT
from shared.domain.samples import Reading, Sample
from shared.domain.times import DAY, HOUR, MINUTE, day_key, hour_key, minute_key
from shared.ports import House
from shared.services.collect import store
from shared.services.maintain import add_window, windows
from shared.services.night import night
from shared.services.purge import purge
from shared.services.summarize import roll_up_days
from tests.builders import T0, TARGET, a_desk, an_alert, an_event
from tests.walks.interrupted import Interruption, Tables

MORNING = T0 + timedelta(days=5, hours=2)
"""Five whole days after the first sample."""
OLD = T0 + KEPT.hours + 6 * DAY
ANCIENT = T0 + KEPT.days + 6 * DAY
LONG_AFTER = T0 + KEPT.alerts + 2 * DAY


def keep(house: House, values: dict[datetime, float], metric: str = "dtuUtilization") -> None:
    reading = Reading(
        source=CATALOG.metric(metric).sources[0],
        asked_at=MORNING,
        covered_until=MORNING,
        samples=tuple(Sample(metric, minute, value) for minute, value in values.items()),
    )
    store([reading], TARGET, catalog=CATALOG, samples=house.samples, now=MORNING)


def five_days(house: House) -> None:
    """Two samples in the sixth hour of each day: 10 and 20, the next day 11 and 21."""
    for n in range(5):
        hour = T0 + n * DAY + 6 * HOUR
        keep(house, {hour: 10.0 + n, hour + MINUTE: 20.0 + n})
    keep(house, {MORNING: 99.0})


@pytest.fixture
def house() -> House:
    house = a_desk(storage=memory_storage()).house
    five_days(house)
    return house


def days(house: House) -> list[DayChunk]:
    return house.samples.days(TARGET, T0 - DAY, ANCIENT)


def roll(house: House, now: datetime = MORNING) -> list[int]:
    """The days that were written, counted from the first."""
    return [(day - T0).days for day in roll_up_days(TARGET, house=house, now=now).days]


def test_a_night_rolls_up_every_whole_day_that_was_missed(house: House) -> None:
    assert roll(house) == [0, 1, 2, 3, 4]

    found = days(house)
    assert [one.day for one in found] == [T0 + n * DAY for n in range(5)]
    assert found[2].summary == {"dtuUtilization": (2, 12, 22, 34, 22)}
    hours = enumerate(found[2].hours["dtuUtilization"].summaries)
    assert {n: one for n, one in hours if one is not None} == {6: (2, 12, 22, 34, 22)}


def test_a_second_night_has_nothing_to_do(house: House) -> None:
    roll(house)
    before = days(house)

    assert roll(house) == []
    assert days(house) == before


def test_a_late_correction_is_rolled_up_again(house: House) -> None:
    roll(house)
    keep(house, {T0 + DAY + 6 * HOUR: 50.0})

    assert roll(house) == [1]
    assert days(house)[1].summary["dtuUtilization"] == (2, 21, 50, 71, 21)


def test_without_time_the_oldest_day_goes_first_and_the_rest_waits(house: House) -> None:
    turns = iter([True, True, False])

    done = roll_up_days(TARGET, house=house, now=MORNING, keep_going=lambda: next(turns))

    assert ([day.day for day in done.days], done.left) == ([1, 2], 3)
    assert roll(house) == [2, 3, 4]


def test_a_lost_hour_keeps_what_its_day_knew_and_is_read_again(house: House) -> None:
    roll(house)
    hour = T0 + 6 * HOUR
    house.samples.drop_hours(TARGET, house.samples.versions(TARGET, hour, hour))
    keep(house, {hour + HOUR: 1.0})

    assert roll(house) == [0]
    assert days(house)[0].summary["dtuUtilization"] == (3, 1, 20, 31, 1)
    assert house.samples.latest(TARGET).damaged == (hour,)
    assert roll(house) == []


def test_a_day_whose_hours_are_all_gone_is_kept(house: House) -> None:
    roll(house)
    before = days(house)[1]
    versions = house.samples.versions(TARGET, T0 + DAY, T0 + 2 * DAY - HOUR)
    house.samples.drop_hours(TARGET, versions)

    assert roll(house) == [1]
    assert days(house)[1].summary == before.summary
    assert roll(house) == []


def test_a_damaged_day_is_rolled_up_again() -> None:
    storage = memory_storage()
    house = a_desk(storage=storage).house
    five_days(house)
    roll(house)
    before = days(house)
    spoil(storage.samples, day_key(T0 + DAY), summary="{")

    assert roll(house) == [1]
    assert [one.summary for one in days(house)] == [one.summary for one in before]


def spoil(rows: Rows, key: str, **properties: str) -> None:
    """Write nonsense into a row."""
    row = rows.get(TARGET, key)
    assert row is not None
    rows.transact(TARGET, [ReplaceRow(key, {**row.properties, **properties}, row.etag)])


def test_a_damaged_hour_is_rolled_up_without_what_it_lost_and_read_again() -> None:
    storage = memory_storage()
    house = a_desk(storage=storage).house
    five_days(house)
    spoil(storage.samples, hour_key(T0 + 6 * HOUR), summary="[1]")

    assert roll(house) == [0, 1, 2, 3, 4]
    assert days(house)[0].summary == {}
    assert house.samples.latest(TARGET).damaged == (T0 + 6 * HOUR,)


def hours_kept(house: House) -> int:
    return len(house.samples.versions(TARGET, T0, ANCIENT))


def test_hours_go_when_they_are_old_and_their_day_says_what_they_said(house: House) -> None:
    assert purge(TARGET, house=house, now=OLD)["hours"] == 0
    roll(house, OLD)
    keep(house, {T0 + 6 * HOUR: 50.0})

    assert purge(TARGET, house=house, now=OLD)["hours"] == 5
    assert purge(TARGET, house=house, now=OLD)["hours"] == 0
    assert hours_kept(house) == 1
    assert roll(house, OLD) == [0]
    assert purge(TARGET, house=house, now=OLD)["hours"] == 1
    assert days(house)[0].summary["dtuUtilization"] == (2, 20, 50, 70, 20)


def test_hours_that_are_young_enough_stay(house: House) -> None:
    now = T0 + 2 * HOUR + KEPT.hours + DAY
    roll(house, now)

    assert purge(TARGET, house=house, now=now)["hours"] == 1
    assert min(house.samples.versions(TARGET, T0, ANCIENT)) == T0 + DAY + 6 * HOUR


def test_days_go_when_they_are_old(house: House) -> None:
    roll(house)
    now = T0 + KEPT.days + 3 * DAY

    assert purge(TARGET, house=house, now=now)["days"] == 3
    assert [one.day for one in days(house)] == [T0 + 3 * DAY, T0 + 4 * DAY]


def a_story(house: House, begin: datetime, ended: datetime | None, name: str = "1a2b3c4d") -> str:
    """Everything that a story leaves behind."""
    episode = f"{minute_key(begin)}-{name}"
    state = AlertState.RESOLVED if ended else AlertState.FIRING
    alert = an_alert(episode, state=state, resolved_at=ended, active_at=begin)
    line = TimelineLine(kind=LineKind.FIRING, minute=begin, at=begin)
    house.alerts.commit(
        TARGET,
        [
            Insert(alert_key(episode), alert),
            Insert(timeline_key(episode, 1), line),
            Insert(event_key(episode, 1), an_event(episode=episode)),
            Insert(delivery_key(episode, "c1", 1), line),
        ],
    )
    return episode


def stories(house: House) -> set[str]:
    prefixes = ("alert:", "timeline:", "event:", "delivery:")
    return {key.split(":")[1] for prefix in prefixes for key in house.alerts.keys(TARGET, prefix)}


def test_hours_that_went_are_not_missed_when_hours_are_kept_longer(house: House) -> None:
    """Neither is the rest of their day when something of it comes back."""
    roll(house)
    purge(TARGET, house=house, now=OLD)
    before = days(house)
    longer = replace(house, retention=structs.replace(KEPT, hours=2 * KEPT.hours))

    assert roll_up_days(TARGET, house=longer, now=OLD).lost == []
    assert days(house)[:5] == before[:5]

    keep(house, {T0 + DAY + 7 * HOUR: 1.0})
    assert roll_up_days(TARGET, house=longer, now=OLD).lost == []
    assert days(house)[1].summary["dtuUtilization"] == (3, 1, 21, 33, 1)
    assert house.samples.latest(TARGET).damaged == ()


def test_a_story_goes_whole_when_it_ended_long_ago(house: House) -> None:
    a_story(house, T0, T0 + HOUR)
    young = a_story(house, T0, T0 + 3 * DAY, "00000002")
    still_open = a_story(house, T0, None, "00000003")

    assert purge(TARGET, house=house, now=LONG_AFTER)["episodes"] == 1
    assert stories(house) == {young, still_open}
    assert purge(TARGET, house=house, now=LONG_AFTER)["episodes"] == 0


def test_a_test_story_goes_by_its_age(house: House) -> None:
    episode = f"{minute_key(T0)}-test1a2b"
    house.alerts.commit(TARGET, [Insert(event_key(episode, 1), an_event(episode=episode))])

    assert purge(TARGET, house=house, now=LONG_AFTER)["episodes"] == 1
    assert stories(house) == set()


def test_a_story_that_a_rule_or_a_delivery_still_needs_stays(house: House) -> None:
    held = a_story(house, T0, T0 + HOUR)
    due = a_story(house, T0, T0 + HOUR, "00000002")
    state = RuleState(last_folded=T0, rule_hash="", digest=(held,))
    line = TimelineLine(kind=LineKind.FIRING, minute=T0, at=T0)
    house.alerts.commit(
        TARGET,
        [Insert(state_key("dtu-high"), state), Insert(due_key(T0, due, "c1", 1), line)],
    )

    assert purge(TARGET, house=house, now=LONG_AFTER)["episodes"] == 0
    assert stories(house) == {held, due}


def test_the_audit_goes_by_its_age(house: House) -> None:
    for n in range(3):
        at = T0 + n * DAY
        entry = AuditEntry(at=at, by="admin", action="acknowledged", subject="x")
        house.alerts.commit(TARGET, [Insert(audit_key(at, f"e{n}"), entry)])

    assert purge(TARGET, house=house, now=T0 + KEPT.audit + DAY + HOUR)["audit"] == 2
    (left,) = house.alerts.scan(TARGET, "audit:", AuditEntry)
    assert left.value.at == T0 + 2 * DAY


def test_paces_of_callers_who_write_no_more_go(house: House) -> None:
    paces = {"old": house.wall() - DAY - HOUR, "young": house.wall() - HOUR}
    for key, even_until in paces.items():
        house.config.commit("pace", [Insert(key, Pace(even_until))])

    night([TARGET], house=house, now=MORNING)

    assert house.config.keys("pace", "") == ["young"]


def test_windows_long_past_go(house: House) -> None:
    add_window(WindowWish(minutes=5), by="admin", targets=[TARGET], house=house, now=T0)

    night([TARGET], house=house, now=T0 + 29 * DAY)
    assert len(windows(config=house.config)) == 1
    night([TARGET], house=house, now=T0 + 31 * DAY)
    assert windows(config=house.config) == []


class Killing(MemoryRows):
    """A table whose process dies at the write number `dies_at`, before or after it is done."""

    def __init__(self) -> None:
        super().__init__()
        self.dies_at = -1
        self.after = False
        self.writes = 0

    def transact(self, partition: str, ops: Sequence[Op]) -> list[str | None]:
        """See Rows.transact."""
        self.writes += 1
        if self.writes == self.dies_at and not self.after:
            raise StoreUnavailable("killed")
        etags = super().transact(partition, ops)
        if self.writes == self.dies_at:
            raise StoreUnavailable("killed")
        return etags


def a_night(dies_at: int, *, after: bool) -> tuple[int, list[Row], list[Row]]:
    """A night with a purge that is killed at a write, and the next; the rows without ETags."""
    tables = Killing(), Killing()
    house = a_desk(storage=replace(memory_storage(), samples=tables[0], alerts=tables[1])).house
    five_days(house)
    a_story(house, T0, T0 + HOUR)
    writes = 0
    for table in tables:
        table.writes, table.dies_at, table.after = 0, dies_at, after
    for _ in range(2):
        night([TARGET], house=house, now=LONG_AFTER)
        writes = writes or sum(table.writes for table in tables)
        for table in tables:
            table.dies_at = -1
    night([TARGET], house=house, now=LONG_AFTER)
    return writes, rows_of(tables[0]), rows_of(tables[1])


def rows_of(table: MemoryRows) -> list[Row]:
    return [Row(row.key, row.properties, "") for row in table.query(TARGET, "", "~")]


@pytest.mark.parametrize("after", [False, True])
def test_a_night_that_is_killed_at_any_write_ends_like_any_other(*, after: bool) -> None:
    writes, *whole = a_night(-1, after=after)
    assert writes >= 10

    for dies_at in range(1, writes + 1):
        assert a_night(dies_at, after=after)[1:] == tuple(whole)


@pytest.mark.parametrize("trouble", [StoreUnavailable("sick"), struct.error("sick")])
def test_a_target_that_fails_does_not_keep_the_others_from_their_night(
    trouble: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    class Sick(ChunkStore):
        def versions(self, target: str, first: datetime, last: datetime) -> Versions:
            if target == "sick-app":
                raise trouble
            return super().versions(target, first, last)

    storage = memory_storage()
    house = replace(a_desk(storage=storage).house, samples=Sick(storage.samples))
    five_days(house)

    night(["sick-app", TARGET], house=house, now=MORNING)

    assert len(days(house)) == 5
    assert "the night of sick-app broke off" in caplog.text


def test_whoever_a_short_night_leaves_has_the_next_ones() -> None:
    targets = [f"target-{number}" for number in range(5)]
    house = a_desk().house
    first = Latest(covered={"dmv": T0})
    for target in targets:
        house.samples.save(
            target, [HourChunk(hour=T0, cells={"dtuUtilization": (1.0,) * 60})], first
        )
    looks = count()
    hurried = replace(house, wall=lambda: MORNING + next(looks) * timedelta(seconds=20))

    rolled = []
    for number in range(4):
        looks = count()
        night(targets, house=hurried, now=MORNING + number * DAY)
        rolled.append([one for one in targets if house.samples.days(one, T0, T0)])

    assert 0 < len(rolled[0]) < len(targets)
    assert rolled[-1] == targets


def interrupted(at: int, other: Callable[[House], object]) -> tuple[int, House]:
    """A night that somebody interrupts before its call number `at`."""
    tables = Tables()
    house = a_desk(storage=tables.storage).house
    five_days(house)
    moment = Interruption(at, lambda: other(house))
    tables.on_step(moment.step)
    moment.run(lambda: night([TARGET], house=house, now=MORNING))
    tables.on_step(lambda: None)
    return moment.calls, house


def a_late_correction(house: House) -> None:
    keep(house, {T0 + DAY + 6 * HOUR: 50.0})


def another_night(house: House) -> None:
    night([TARGET], house=house, now=MORNING)


@pytest.mark.parametrize("other", [a_late_correction, another_night])
def test_whoever_writes_at_whatever_moment_of_a_night_is_heard_by_the_next(
    other: Callable[[House], object],
) -> None:
    calls, house = interrupted(999, other)
    another_night(house)
    expected = [replace_day(one) for one in days(house)]
    assert calls > 10

    for at in range(1, calls + 1):
        _, house = interrupted(at, other)
        another_night(house)
        assert [replace_day(one) for one in days(house)] == expected
        assert roll(house) == []


def replace_day(day: DayChunk) -> DayChunk:
    """What the day says, whatever its rows' versions."""
    return DayChunk(day=day.day, hours=day.hours, summary=day.summary)


def test_a_day_of_all_metrics_is_rolled_up_in_under_five_seconds() -> None:
    house = a_desk(storage=memory_storage()).house
    hours = [replace_hour(one, T0) for one in islice(a_week(), 24)]
    for start in (0, 12):
        latest = house.samples.latest(TARGET)
        house.samples.save(TARGET, hours[start : start + 12], latest)

    began = process_time()
    assert roll(house, T0 + DAY) == [0]
    assert process_time() - began < 5

    [day] = days(house)
    assert day.summary.keys() == {metric.column for metric in CATALOG.metrics}
    assert weight_of(day.summary_histogram) == 24 * 60 * REQUESTS_A_MINUTE


def replace_hour(chunk: HourChunk, midnight: datetime) -> HourChunk:
    """The hour of another day."""
    return structs.replace(chunk, hour=midnight + (chunk.hour - START))
