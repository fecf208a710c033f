"""The CRM's health page answers as the world says, or not at all."""

import time
from dataclasses import replace

import pytest
import requests

from local.cloud.clouds import Cloud
from tests.local.cloud.handmade import PlainWorld
from tests.stopwatch import seconds_at_most


def _health(cloud: Cloud) -> requests.Response:
    return requests.get(f"{cloud.urls['crm']}/api/health", timeout=60)


def test_health_tells_the_memory(cloud: Cloud) -> None:
    answer = _health(cloud)
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "uptime": 9 * 3600,
        "memory": {"heapUsed": 100, "rss": 200},
    }


def test_an_unhealthy_answer_still_tells_the_memory(cloud: Cloud, world: PlainWorld) -> None:
    world.healthy = replace(world.healthy, status=503)
    answer = _health(cloud)
    assert (answer.status_code, answer.json()["status"]) == (503, "unhealthy")
    assert answer.json()["memory"] == {"heapUsed": 100, "rss": 200}


def test_latency_is_real_unless_it_is_switched_off(cloud: Cloud, world: PlainWorld) -> None:
    world.healthy = replace(world.healthy, latency_ms=150)
    began = time.monotonic()
    _health(cloud)
    assert time.monotonic() - began >= 0.15
    world.healthy = replace(world.healthy, latency_ms=4000)
    cloud.desk.simulate_latency = False
    with seconds_at_most(3):
        _health(cloud)


@pytest.mark.parametrize("down", ["refuses", "probe"])
def test_a_world_without_the_crm_does_not_answer(
    cloud: Cloud, world: PlainWorld, down: str
) -> None:
    if down == "refuses":
        world.healthy = replace(world.healthy, refuses=True)
    else:
        world.down.add("probe")
    with pytest.raises(requests.ConnectionError):
        _health(cloud)
