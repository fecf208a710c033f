"""What the benches stand on: a cloud apart on a clock moved by hand, counted requests, storms."""

from datetime import UTC, datetime
from itertools import pairwise
from random import Random

import pytest
import requests

from local.bench_latency import KINDS, STORMS
from local.bench_sql import ROUND_TRIPS, day, inspections
from local.bench_tick import Requests
from local.cloud_apart import cloud_apart
from shared.domain.times import MINUTE

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_a_cloud_apart_lives_at_the_time_it_is_told() -> None:
    with cloud_apart(script="outage", at=T0, storage="a connection string") as cloud:
        url = cloud.settings["HEALTH_URL"]
        assert cloud.be(T0) == 0
        assert requests.get(url, timeout=60).status_code == 200
        assert cloud.be(T0 + 3 * MINUTE) == 1
        assert requests.get(url, timeout=60).json()["uptime"] == (9 * 60 + 3) * 60
        assert cloud.settings["AzureWebJobsStorage"] == "a connection string"


def test_every_request_is_counted_once_by_its_port() -> None:
    counted = Requests()
    with cloud_apart(script="calm", at=T0, storage="") as cloud, counted.counted():
        url = cloud.settings["HEALTH_URL"]
        for _ in range(3):
            requests.get(url, timeout=60)
        port = int(url.split(":")[2].partition("/")[0])

        assert (counted.to(port), counted.all) == (3, 3)


def test_a_storm_begins_and_ends_in_its_slot() -> None:
    for kind in KINDS:
        storms = kind.storms(Random(1))

        assert len(storms) == STORMS
        assert all(one.begins <= one.breach < one.begins + MINUTE for one in storms)
        assert all(one.ends < two.begins for one, two in pairwise(storms))


def test_the_database_is_asked_once_a_minute_and_for_its_counts_every_five() -> None:
    ticks = list(day(7))

    assert [tick.kind for tick in ticks] == [
        *("minute and counts and probe", "minute", "minute", "minute", "minute"),
        *("minute and counts", "minute"),
    ]
    assert [tick.cost.connections for tick in ticks] == [1] * 7
    assert [tick.cost.requests for tick in ticks] == [3, 1, 1, 1, 1, 2, 1]
    assert [tick.cost.statements for tick in ticks] == [17, 5, 5, 5, 5, 11, 5]


@pytest.mark.slow
def test_an_inspection_is_a_round_trip_for_each_statement_over_one_connection() -> None:
    cost = next(inspections())

    assert (cost.connections, cost.requests, cost.statements) == (1, ROUND_TRIPS, ROUND_TRIPS)
    assert cost.rows > 100
    assert cost.bytes_out < 60_000
