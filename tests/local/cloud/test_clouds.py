"""Answerers come up on ports of their own and leave nothing behind."""

import gc
import json
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.cloud import crm, identity
from local.cloud.answerers import Answerer, Desk
from local.cloud.clouds import ALL, Cloud, running_cloud
from local.cloud.faults import ANSWERERS, Fault
from tests.local.cloud.handmade import T0, wait_until


def _echo(_: Desk) -> Answerer:
    async def echo(request: Request) -> Response:
        return JSONResponse({"got": (await request.body()).decode()}, 201)

    return Answerer("echo", Starlette(routes=[Route("/{path:path}", echo, methods=["POST"])]))


def _port(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


def test_every_answerer_has_a_port_of_its_own_on_loopback(cloud: Cloud) -> None:
    assert {"platform", "crm", "identity", "desk"} <= set(cloud.urls) <= set(ANSWERERS)
    assert len({_port(url) for url in cloud.urls.values()}) == len(ALL)
    assert {urlsplit(url).hostname for url in cloud.urls.values()} == {"127.0.0.1"}


def test_nothing_is_left_when_the_block_ends(desk: Desk) -> None:
    threads = set(threading.enumerate())
    with running_cloud(desk) as cloud, requests.Session() as session:
        ports = [_port(url) for url in cloud.urls.values()]
        session.get(cloud.jwks_url)
        session.get(f"{cloud.urls['crm']}/api/health")
    gc.collect()
    assert set(threading.enumerate()) == threads
    assert desk.urls == {}
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
        with socket.socket() as again:
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            again.bind(("127.0.0.1", port))


def test_it_stops_at_once_while_a_request_hangs_and_another_is_slow(desk: Desk) -> None:
    ended: list[type[Exception]] = []

    def ask(url: str) -> None:
        try:
            requests.get(url, timeout=30)
        except requests.RequestException as error:
            ended.append(type(error))

    with running_cloud(desk, [crm.answerer, identity.answerer]) as cloud:
        desk.faults.set("identity", Fault("hang"))
        desk.faults.set("crm", Fault("slow", seconds=60))
        urls = [cloud.jwks_url, f"{cloud.urls['crm']}/api/health"]
        asking = [threading.Thread(target=ask, args=[url]) for url in urls]
        for one in asking:
            one.start()
        wait_until(lambda: len(desk.inbox.records()) == 2)
    for one in asking:
        one.join(timeout=60)
    assert ended == [requests.ConnectionError] * 2


def test_a_desk_can_be_served_again(desk: Desk) -> None:
    for _ in range(2):
        with running_cloud(desk, [identity.answerer]) as cloud:
            assert requests.get(cloud.jwks_url, timeout=60).ok


def test_the_block_ends_when_its_body_raises(desk: Desk) -> None:
    with pytest.raises(KeyError), running_cloud(desk, [identity.answerer]):
        raise KeyError
    assert "cloud" not in {thread.name for thread in threading.enumerate()}


def test_an_answerer_that_cannot_start_ends_the_whole(desk: Desk) -> None:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        if desk.urls:
            raise OSError("no data")
        yield

    def broken(_: Desk) -> Answerer:
        return Answerer("broken", Starlette(lifespan=lifespan))

    with pytest.raises(RuntimeError, match="could not start"), running_cloud(desk, [_echo, broken]):
        pass
    gc.collect()
    assert desk.urls == {}
    assert "cloud" not in {thread.name for thread in threading.enumerate()}


def test_the_inbox_keeps_raw_requests_and_their_answers(desk: Desk) -> None:
    with running_cloud(desk, [_echo]) as cloud:
        url = f"{cloud.urls['echo']}/a%20b?c=d%2Fe"
        requests.post(url, data=b"\x00raw", headers={"X-One": "1"}, timeout=60)
    (record,) = desk.inbox.records("echo")
    assert (record.method, record.path, record.query) == ("POST", "/a b", "c=d%2Fe")
    assert (record.body, record.headers["x-one"]) == (b"\x00raw", "1")
    assert (record.status, json.loads(record.answer)) == (201, {"got": "\x00raw"})
    assert record.world_at == T0
    assert record.wall_at.tzinfo is not None
    desk.inbox.clear()
    assert desk.inbox.records() == []
