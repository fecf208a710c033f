"""The heartbeat arrives as a dead man's switch wants it, in time, and betrays no URL."""

import logging
from collections.abc import Iterator

import pytest

from shared.adapters.pulse import HttpPulse
from shared.domain.errors import ChannelError
from tests.adapters.providers import Provider, running_provider

WORD = "5f0e1a2b"


@pytest.fixture
def switch() -> Iterator[Provider]:
    with running_provider() as provider:
        yield provider


def test_well_is_a_get_of_the_url(switch: Provider) -> None:
    HttpPulse(f"{switch.url}/{WORD}").beat([])

    assert [(one.method, one.path, one.body) for one in switch.asked] == [("GET", f"/{WORD}", b"")]


def test_not_well_is_posted_to_fail_with_the_reasons(switch: Provider) -> None:
    HttpPulse(f"{switch.url}/{WORD}/?create=1").beat(["one is late", "two are stuck"])

    (asked,) = switch.asked
    assert (asked.method, asked.path) == ("POST", f"/{WORD}/fail?create=1")
    assert asked.body == b"one is late\ntwo are stuck"


@pytest.mark.parametrize("status", [302, 404, 500])
def test_another_answer_is_an_error_without_the_url(switch: Provider, status: int) -> None:
    switch.answers(status, headers={"Location": "http://127.0.0.1:9/elsewhere"})

    with pytest.raises(ChannelError, match=f"answered {status}") as raised:
        HttpPulse(f"{switch.url}/{WORD}").beat([])

    assert WORD not in str(raised.value)
    assert len(switch.asked) == 1


def test_a_switch_that_hangs_is_left(switch: Provider) -> None:
    switch.delay = 60

    with pytest.raises(ChannelError, match="did not arrive: TimeoutError"):
        HttpPulse(f"{switch.url}/{WORD}", deadline=0.1).beat([])


def test_nobody_there_is_an_error_without_the_url(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with running_provider() as provider:
        url = provider.url

    with pytest.raises(ChannelError, match="did not arrive") as raised:
        HttpPulse(f"{url}/{WORD}").beat(["late"])

    assert WORD not in str(raised.value) + caplog.text


def test_plain_http_is_for_this_machine_alone() -> None:
    with pytest.raises(ValueError, match="HEARTBEAT_URL must be a URL beginning with https://"):
        HttpPulse(f"http://hc.example.com/{WORD}")
