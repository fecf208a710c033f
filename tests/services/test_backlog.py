"""A long outage heals in several transactions, oldest first; what is covered is always stored."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from shared.adapters.rows import Op
from shared.domain.samples import Reading, Sample
from shared.domain.times import MINUTE, floor_minute
from shared.services.collect import MOST_HOURS, collect
from tests.builders import OK, TARGET, TICK, Desk, ScriptedSource, at
from tests.services.conftest import MakeDesk

BESIDE = 2
"""Rows of a transaction beside its hours: `latest` and the detectors."""


def stored(desk: Desk) -> int:
    """How many minutes of DTU are stored."""
    chunks = desk.house.samples.hours(TARGET, at(0), at(9000))
    return sum(len([v for v in one.cells["dtuUtilization"] if v is not None]) for one in chunks)


def test_a_long_backlog_is_stored_oldest_first_and_covers_only_what_is_stored(
    make_desk: MakeDesk,
) -> None:
    hours = 40
    desk = make_desk(sources=[ScriptedSource([float(n) for n in range(hours * 60)])])
    seen = covered_at_each_write(desk)
    now = at(hours * 60) + TICK

    collect(TARGET, house=desk.house, sources=desk.house.sources_of(TARGET), now=now)

    assert [count - BESIDE for count, _, _ in seen] == [MOST_HOURS] * 3 + [4]
    assert [until for _, until, _ in seen] == [at(60 * n) for n in (12, 24, 36, 40)]
    assert all(until <= newest + timedelta(hours=1) for _, until, newest in seen)
    assert stored(desk) == 60 * hours


def covered_at_each_write(desk: Desk) -> list[tuple[int, datetime, datetime]]:
    """Per transaction: rows, covered until, and the newest hour that is stored then."""
    seen: list[tuple[int, datetime, datetime]] = []
    table = desk.storage.samples
    real = table.transact

    def watched(partition: str, ops: Sequence[Op]) -> list[str | None]:
        etags = real(partition, ops)
        newest = desk.house.samples.hours(TARGET, at(0), at(9000))[-1].hour
        seen.append((len(ops), desk.house.samples.latest(TARGET).covered["dmv"], newest))
        return etags

    table.transact = watched  # type: ignore[method-assign]
    return seen


def test_a_backlog_that_breaks_off_goes_on_where_it_stopped(make_desk: MakeDesk) -> None:
    source = ScriptedSource([OK] * 3000)
    desk = make_desk(sources=[source])
    table = desk.storage.samples
    real, left = table.transact, iter([True, False])

    def breaks_off(partition: str, ops: Sequence[Op]) -> list[str | None]:
        if next(left):
            return real(partition, ops)
        raise RuntimeError("the process ends here")

    table.transact = breaks_off  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        collect(TARGET, house=desk.house, sources=[source.name], now=at(2000))
    table.transact = real  # type: ignore[method-assign]
    collect(TARGET, house=desk.house, sources=[source.name], now=at(2001))

    assert source.reads[-1][0] == at(720)
    assert stored(desk) == 2001


def test_counts_join_although_another_source_catches_up_with_a_day(make_desk: MakeDesk) -> None:
    class Counts:
        name = "interactions"

        def read(self, target: str, *, since: datetime | None, now: datetime) -> Reading:  # noqa: ARG002 - one target
            start = since or floor_minute(now) - 5 * MINUTE
            sample = Sample("interactionsLogged", start, 7.0)
            return Reading(
                source=self.name,
                asked_at=now,
                covered_until=floor_minute(now),
                samples=(sample,),
                since=start,
            )

    desk = make_desk(sources=[ScriptedSource([OK] * 3000), Counts()], rules=[])

    desk.tick(1500)
    desk.tick(1505)

    chunks = desk.house.samples.hours(TARGET, at(0), at(3000))
    counted = {c.hour: c.summary["interactionsLogged"] for c in chunks if c.hour >= at(1440)}
    assert desk.house.samples.latest(TARGET).covered["interactions"] == at(1505)
    assert sum(one[3] for one in counted.values()) == 14
