"""The contract of Channel, over every channel there is; a new one adds itself to CHANNELS."""

import io
import logging
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from shared import bootstrap
from shared.adapters import channels
from shared.adapters.channels.console import ConsoleChannel
from shared.adapters.channels.memory import MemoryChannel
from shared.domain import deliveries
from shared.domain.errors import ChannelError
from shared.domain.notifications import Notification, compose
from shared.domain.rules import Action, ActionType
from shared.ports import Channel
from tests.adapters.builders import an_event

SECRET = "hooks.example/T0K3N-s3cr3t"  # noqa: S105 - opens nothing
NOTIFICATION = compose("m1", Action(ActionType.SLACK, "#alerts"), [an_event()])


@dataclass(frozen=True)
class ChannelUnderTest:
    """How to make a channel that works and writes what it sent to a list, and one that fails.

    The failing one is furnished with SECRET wherever it could have one.
    """

    module: str
    working: Callable[[list[str]], Channel]
    failing: Callable[[], Channel]


class Recorded(MemoryChannel):
    """Also writes down what it kept."""

    def __init__(self, told: list[str]) -> None:
        super().__init__()
        self._told = told

    def send(self, notification: Notification) -> str | None:
        answer = super().send(notification)
        self._told.append(f"{notification.to} {notification.subject} {notification.text}")
        return answer


def broken_stream(_: str) -> None:
    raise BrokenPipeError(32, "Broken pipe", SECRET)


def failing_memory() -> Channel:
    channel = MemoryChannel()
    channel.failures.append(ChannelError("told to fail", permanent=True))
    return channel


CHANNELS = [
    ChannelUnderTest(
        module="console",
        working=lambda told: ConsoleChannel(write=told.append),
        failing=lambda: ConsoleChannel(write=broken_stream),
    ),
    ChannelUnderTest(module="memory", working=Recorded, failing=failing_memory),
]


@pytest.fixture(params=CHANNELS, ids=lambda one: one.module)
def under_test(request: pytest.FixtureRequest) -> ChannelUnderTest:
    found: ChannelUnderTest = request.param
    return found


def test_every_channel_is_under_test() -> None:
    modules = {module.name for module in pkgutil.iter_modules(channels.__path__)}

    assert {one.module for one in CHANNELS} == modules


def test_every_channel_in_use_serves_the_type_it_is_registered_for() -> None:
    assert all(channel.type == kind for kind, channel in bootstrap.channels().items())


def test_it_tells_the_whole_notification_once(under_test: ChannelUnderTest) -> None:
    told: list[str] = []

    under_test.working(told).send(NOTIFICATION)

    [message] = told
    assert NOTIFICATION.to in message
    assert NOTIFICATION.subject in message
    lines = [line.strip() for line in message.splitlines()]
    assert all(line in message for line in NOTIFICATION.text.splitlines())
    assert len(lines) >= len(NOTIFICATION.text.splitlines())


def test_it_answers_the_providers_id_or_none(under_test: ChannelUnderTest) -> None:
    channel = under_test.working([])

    answers = [channel.send(NOTIFICATION), channel.send(NOTIFICATION)]

    assert answers == [None, None] or len({str(answer) for answer in answers}) == 2
    assert all(answer is None or answer for answer in answers)


def test_it_has_a_type_and_a_time_out_that_fits_in_a_lease(under_test: ChannelUnderTest) -> None:
    channel = under_test.working([])

    assert channel.type
    assert timedelta(0) < channel.timeout < deliveries.LEASE / 2


def test_a_failure_is_a_channel_error(under_test: ChannelUnderTest) -> None:
    with pytest.raises(ChannelError):
        under_test.failing().send(NOTIFICATION)


def test_a_failure_leaks_no_secret(
    under_test: ChannelUnderTest,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)

    with pytest.raises(ChannelError) as failure:
        under_test.failing().send(NOTIFICATION)

    output = capfd.readouterr()
    said = [str(failure.value), repr(failure.value), caplog.text, output.out, output.err]
    assert not any(SECRET in text for text in said)


def test_a_success_leaks_no_secret(
    under_test: ChannelUnderTest, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[str] = []

    under_test.working(told).send(NOTIFICATION)

    assert SECRET not in caplog.text + "".join(told)


def test_the_console_prints_one_message_with_its_text_indented(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ConsoleChannel("slack").send(NOTIFICATION)

    first, *text = capsys.readouterr().out.splitlines()
    assert first == f"slack to #alerts: {NOTIFICATION.subject}"
    assert text == [f"    {line}" for line in NOTIFICATION.text.splitlines()]


@pytest.mark.parametrize("encoding", ["ascii", "closed"])
def test_a_stream_that_cannot_print_it_is_a_channel_error(encoding: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), "ascii")
    if encoding == "closed":
        stream.close()

    with pytest.raises(ChannelError, match="the stream refused it"):
        ConsoleChannel(write=lambda text: print(text, file=stream)).send(NOTIFICATION)


def test_the_memory_channel_fails_as_often_as_told_and_keeps_nothing_of_it() -> None:
    channel = MemoryChannel()
    failures = [
        ChannelError("later", retry_after=timedelta(seconds=30)),
        ChannelError("never", permanent=True),
    ]
    channel.failures.extend(failures)

    for failure in failures:
        with pytest.raises(ChannelError) as raised:
            channel.send(NOTIFICATION)
        assert raised.value is failure

    assert channel.sent == []
    assert channel.send(NOTIFICATION) == "1"
    assert channel.sent == [NOTIFICATION]
