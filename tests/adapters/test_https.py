"""Calls side by side, and what is left behind of those that never end."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from shared.adapters.https import Outcomes
from tests.local.cloud.handmade import wait_until
from tests.stopwatch import seconds_at_most

MOST = 3
SOON = 0.1


@dataclass
class Dripping:
    """A server whose headers come byte by byte until it is told to end."""

    url: str = ""
    end: threading.Event = field(default_factory=threading.Event)
    asked: list[str] = field(default_factory=list)


def handler(dripping: Dripping) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            dripping.asked.append(self.path)
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
            while not dripping.end.wait(0.02):
                self.wfile.write(b".")
            self.wfile.write(b"\r\nContent-Length: 2\r\n\r\nok")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
            """Say nothing."""

    return Handler


@pytest.fixture
def dripping() -> Iterator[Dripping]:
    it = Dripping()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler(it)) as server:
        it.url = f"http://127.0.0.1:{server.server_address[1]}/"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield it
        it.end.set()
        server.shutdown()
        thread.join()


def asking(dripping: Dripping, callers: set[threading.Thread]) -> Callable[[], str]:
    def ask() -> str:
        callers.add(threading.current_thread())
        return requests.get(dripping.url, timeout=60).text

    return ask


def test_a_server_that_drips_keeps_no_more_calls_busy_than_may_be_left_behind(
    dripping: Dripping,
) -> None:
    callers: set[threading.Thread] = set()
    outcomes = Outcomes(most=MOST)

    found = [outcomes.of([asking(dripping, callers)], within=SOON) for _ in range(MOST + 4)]

    assert all(isinstance(one, TimeoutError) for (one,) in found)
    assert ["not asked" in str(one) for (one,) in found] == [False] * MOST + [True] * 4
    until = time.monotonic() + 60
    while len(dripping.asked) < MOST and time.monotonic() < until:
        time.sleep(0.01)
    assert len([thread for thread in callers if thread.is_alive()]) == MOST
    assert len(callers) == len(dripping.asked) == MOST


def test_what_is_not_asked_says_so_at_once(dripping: Dripping) -> None:
    outcomes = Outcomes(most=1)
    call = asking(dripping, set())
    outcomes.of([call], within=SOON)

    with seconds_at_most(5):
        refused = outcomes.of([call, call], within=60)

    said = "not asked: earlier calls still wait for an answer (1)"
    assert [str(one) for one in refused] == [said, said]


def test_it_asks_again_when_those_left_behind_have_ended(dripping: Dripping) -> None:
    callers: set[threading.Thread] = set()
    outcomes = Outcomes(most=1)
    outcomes.of([asking(dripping, callers)], within=SOON)

    dripping.end.set()
    wait_until(lambda: not any(thread.is_alive() for thread in callers))

    assert outcomes.of([asking(dripping, callers)], within=60) == ["ok"]


def test_one_caller_does_not_pay_for_another(dripping: Dripping) -> None:
    outcomes = Outcomes(most=1)
    outcomes.of([asking(dripping, set())], within=SOON)

    assert Outcomes(most=1).of([lambda: "mine"], within=60) == ["mine"]


def test_calls_that_answer_are_not_counted() -> None:
    outcomes = Outcomes(most=1)

    found = [outcomes.of([lambda: 1, lambda: 2], within=60) for _ in range(5)]

    assert found == [[1, 2]] * 5


def test_one_target_does_not_pay_for_another(dripping: Dripping) -> None:
    outcomes = Outcomes(most=1)
    outcomes.of([asking(dripping, set())], within=SOON, target="one")

    assert outcomes.of([lambda: "mine"], within=60, target="other") == ["mine"]
    (refused,) = outcomes.of([lambda: "mine"], within=60, target="one")
    assert isinstance(refused, TimeoutError)
