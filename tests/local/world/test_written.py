"""The rows of the CRM's tables agree with what its minutes count."""

from datetime import datetime

import pytest

from local.world.events import BusinessRows
from local.world.written import CLOSED, FAILED
from shared.domain.times import MINUTE, each_minute
from tests.local.world.playing import T0, a_world


def _moments(rows: BusinessRows) -> list[list[datetime]]:
    return [
        [each.at for each in rows.interactions],
        [each.at for each in rows.reports],
        [each.at for each in rows.syncs],
        [each.created_at for each in rows.opportunities],
    ]


@pytest.mark.parametrize("seed", [1, 2])
def test_rows_are_as_many_as_the_minute_counts(seed: int) -> None:
    world = a_world("default", seed=seed)
    for start in each_minute(T0 - 60 * MINUTE, T0 + 40 * MINUTE):
        rows, counted = world.business_rows(start), world.minute(start).business
        assert len(rows.interactions) == counted.interactions
        assert len(rows.reports) == counted.reports
        assert sum(row.kind == FAILED for row in rows.syncs) == counted.sync_failed
        assert tuple(each.session_id for each in rows.activity) == counted.active_sessions


def test_rows_lie_inside_their_minute_in_order_of_time_and_never_on_its_border() -> None:
    world = a_world()
    for start in each_minute(T0, T0 + 30 * MINUTE):
        rows = world.business_rows(start)
        for moments in (*_moments(rows), sorted(each.at for each in rows.activity)):
            assert moments == sorted(moments)
            assert all(start < at < start + MINUTE for at in moments)


def test_no_two_rows_share_an_id() -> None:
    world = a_world()
    found = [world.business_rows(start) for start in each_minute(T0, T0 + 60 * MINUTE)]
    ids = [row.id for rows in found for row in (*rows.interactions, *rows.reports, *rows.syncs)]
    assert len(ids) == len(set(ids)) > 300


def test_an_opportunity_closes_after_it_was_created_if_it_is_decided() -> None:
    world = a_world()
    minutes = each_minute(T0, T0 + 120 * MINUTE)
    opened = [one for start in minutes for one in world.business_rows(start).opportunities]
    assert {one.closed_at is not None for one in opened} == {True, False}
    for one in opened:
        assert (one.stage in CLOSED) == (one.closed_at is not None)
        assert one.closed_at is None or one.closed_at > one.created_at


def test_rows_are_the_same_whenever_they_are_asked_for() -> None:
    assert a_world().business_rows(T0) == a_world().business_rows(T0 + MINUTE / 2)
    assert a_world(seed=1).business_rows(T0) != a_world(seed=2).business_rows(T0)
