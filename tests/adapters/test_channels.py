"""The contract of Channel, over every channel there is."""

import io
import logging
import pkgutil
import traceback
from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared import settings
from shared.adapters import channels, egress
from shared.adapters.channels import email, slack
from shared.adapters.channels.console import ConsoleChannel
from shared.adapters.channels.memory import MemoryChannel
from shared.bootstrap import wall_now
from shared.domain import deliveries
from shared.domain.errors import ChannelError
from shared.furnishing import channels as furnished
from shared.furnishing.storage import open_identity
from shared.services import minute
from tests.adapters.channels_under_test import (
    CHANNELS,
    NOTIFICATION,
    SECRET,
    ChannelUnderTest,
    OverHttp,
)
from tests.adapters.providers import Provider, running_provider
from tests.local.cloud.handmade import wait_until
from tests.stopwatch import seconds_at_most


@pytest.fixture(params=CHANNELS, ids=lambda one: one.name)
def under_test(request: pytest.FixtureRequest) -> ChannelUnderTest:
    found: ChannelUnderTest = request.param
    return found


@pytest.fixture(
    params=[one.over_http for one in CHANNELS if one.over_http],
    ids=[one.name for one in CHANNELS if one.over_http],
)
def over_http(request: pytest.FixtureRequest) -> OverHttp:
    found: OverHttp = request.param
    return found


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider() as running:
        yield running


def refused(over_http: OverHttp, url: str) -> ChannelError:
    with pytest.raises(ChannelError) as failure:
        over_http.to(url).send(over_http.notification)
    return failure.value


def test_every_channel_is_under_test() -> None:
    modules = {module.name for module in pkgutil.iter_modules(channels.__path__)}

    assert {one.module for one in CHANNELS} == modules


def test_every_channel_in_use_serves_the_type_it_is_registered_for() -> None:
    given = settings.load(
        {
            "AzureWebJobsStorage__accountName": "pantry",
            "ACS_CONNECTION_STRING": "endpoint=https://mail.example.com/;accesskey=a2V5",
            "MAIL_FROM": "monitor@example.com",
            "SLACK_BOT_TOKEN": "xoxb-token",
            "WEBHOOKS": '{"ops": "https://hooks.example.com/"}',
            "TEAMS_WEBHOOKS": '{"ops": "https://x.api.powerplatform.com/"}',
            "SMS_FROM": "+18005550100",
        }
    )

    in_use = furnished.channels(given, open_identity, wall_now)

    assert all(channel.type == kind for kind, channel in in_use.items())
    assert set(in_use) == {"console", "email", "slack", "webhook", "teams", "sms"}


def test_it_tells_the_whole_notification_once(
    under_test: ChannelUnderTest, provider: Provider
) -> None:
    told: list[str] = []
    notification = under_test.notification

    under_test.working(told, provider).send(notification)

    [message] = told
    assert notification.to in message
    assert all(part in message for part in under_test.tells(notification))


def test_it_answers_the_providers_id_or_none(
    under_test: ChannelUnderTest, provider: Provider
) -> None:
    channel = under_test.working([], provider)

    answers = [channel.send(under_test.notification) for _ in range(2)]

    assert answers == [None, None] or len({str(answer) for answer in answers}) == 2
    assert all(answer is None or answer for answer in answers)


def test_it_has_a_type_and_a_time_out_that_fits_in_a_lease(
    under_test: ChannelUnderTest, provider: Provider
) -> None:
    channel = under_test.working([], provider)

    assert channel.type
    assert timedelta(0) < channel.timeout < deliveries.LEASE / 2


def test_a_pass_that_begins_its_last_send_late_still_ends_in_time(
    under_test: ChannelUnderTest, provider: Provider
) -> None:
    longest = minute.WORK_FOR + under_test.working([], provider).timeout

    assert longest < timedelta(seconds=40), "nothing is left for writing down what became of it"


def test_whom_it_can_tell_is_no_problem(under_test: ChannelUnderTest, provider: Provider) -> None:
    channel = under_test.working([], provider)

    assert channel.problem(under_test.notification.to) == ""


def test_a_failure_is_a_channel_error(under_test: ChannelUnderTest, provider: Provider) -> None:
    with pytest.raises(ChannelError):
        under_test.failing(provider).send(under_test.notification)


def test_a_failure_leaks_no_secret(
    under_test: ChannelUnderTest,
    provider: Provider,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)

    with pytest.raises(ChannelError) as failure:
        under_test.failing(provider).send(under_test.notification)

    output = capfd.readouterr()
    said = [str(failure.value), repr(failure.value), caplog.text, output.out, output.err]
    assert not any(SECRET in text for text in said)


def test_a_success_leaks_no_secret(
    under_test: ChannelUnderTest, provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[str] = []

    under_test.working(told, provider).send(under_test.notification)

    assert SECRET not in caplog.text + "".join(told)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 405, 410, 413, 422])
def test_what_only_a_person_can_mend_is_permanent(
    over_http: OverHttp, provider: Provider, status: int
) -> None:
    provider.answers(status, SECRET.encode(), {"Location": f"{provider.url}/elsewhere"})

    error = refused(over_http, provider.url)

    assert error.permanent
    assert str(status) in str(error)
    assert SECRET not in "".join(traceback.format_exception(error))
    assert len(provider.asked) == 1


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 599])
def test_what_may_heal_is_tried_again_later_and_not_by_the_channel(
    over_http: OverHttp, provider: Provider, status: int
) -> None:
    provider.answers(status, SECRET.encode())

    error = refused(over_http, provider.url)

    assert (error.permanent, error.retry_after) == (False, None)
    assert len(provider.asked) == 1


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "3600"}, timedelta(hours=1)),
        ({"Retry-After": "9" * 400}, timedelta(days=7)),
        ({"Retry-After": "0"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Fri, 02 Jan 2026 00:00:00 GMT"}, "by the clock"),
        ({"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, None),
    ],
    ids=["seconds", "for ever", "none", "negative", "nonsense", "a date", "a date gone by"],
)
def test_retry_after_is_handed_on_and_not_slept_through(
    over_http: OverHttp,
    provider: Provider,
    status: int,
    headers: dict[str, str],
    wait: timedelta | str | None,
) -> None:
    provider.answers(status, b"", headers)

    with seconds_at_most(20):
        error = refused(over_http, provider.url)

    assert not error.permanent
    if wait != "by the clock":
        assert error.retry_after == wait


def test_the_providers_own_words_decide(over_http: OverHttp, provider: Provider) -> None:
    for permanent, answers in ((True, over_http.permanent), (False, over_http.transient)):
        for status, body in answers:
            provider.answers(status, body)
            error = refused(over_http, provider.url)
            assert error.permanent is permanent, (status, body, error)


def test_a_time_out_is_tried_again_and_takes_no_longer_than_said(
    over_http: OverHttp, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (email, slack, egress):
        monkeypatch.setattr(module, "READ_TIMEOUT", 0.1)
    provider.delay = 60

    error = refused(over_http, provider.url)

    assert not error.permanent
    wait_until(lambda: provider.asked)
    assert len(provider.asked) == 1
    assert SECRET not in "".join(traceback.format_exception(error))


def test_an_answer_that_drips_ends_at_the_deadline(
    over_http: OverHttp, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (email, slack, egress):
        monkeypatch.setattr(module, "DEADLINE", 0.1)
    provider.delay = 60

    assert "TimeoutError" in str(refused(over_http, provider.url))


def test_a_provider_that_is_not_there_is_tried_again(over_http: OverHttp) -> None:
    with running_provider() as gone:
        url = gone.url

    error = refused(over_http, url)

    assert not error.permanent
    assert SECRET not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("url", ["http://mail.example.com", "ftp://127.0.0.1", "mail.example.com"])
def test_nothing_is_sent_unencrypted_over_a_network(over_http: OverHttp, url: str) -> None:
    with pytest.raises(ValueError, match="https://") as refusal:
        over_http.to(url)

    assert url not in str(refusal.value)


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
