"""Platform metrics at the wire: what every failure costs, and what it says."""

import json
import logging
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest
from azure.core.exceptions import ClientAuthenticationError

from shared.adapters.azure_monitor import open_azure_monitor
from shared.adapters.windows import Patience
from shared.catalog.platform_metrics import (
    APP,
    DATABASE,
    PLAN,
    PLATFORM_METRICS,
)
from shared.domain.errors import SourceDenied, SourceError
from tests.adapters.arm import (
    BY_THE_MINUTE,
    IDS,
    NOW,
    PATIENT,
    SECRET,
    SINCE,
    TARGET,
    Answer,
    Arm,
    Asked,
    Credential,
    opened,
    plan_parameters,
    read,
    running_arm,
)
from tests.adapters.platform import Platform
from tests.stopwatch import seconds_at_most


@pytest.fixture
def arm() -> Iterator[Arm]:
    with running_arm() as arm:
        yield arm


@pytest.fixture
def source(arm: Arm) -> Iterator[Platform]:
    with opened(arm) as one:
        yield one


@pytest.mark.parametrize(
    "answer", [Answer(403, b"{}"), Answer(body=b"garbage"), Answer(after=30)], ids=repr
)
def test_the_disk_fails_alone(arm: Arm, answer: Answer, caplog: pytest.LogCaptureFixture) -> None:
    arm.wrong["PT6H"] = answer
    with opened(arm, patience=replace(PATIENT, read=0.5 if answer.after else 30)) as source:
        samples = read(source, None)

    assert "appDiskUsage" not in samples
    assert {"cpuUtilization", "dtuPeak"} <= samples.keys()
    assert "goes on without: app" in caplog.text


def refuse_mixed(arm: Arm) -> None:
    """As Azure's tables say: what has an average has no total, and the other way round."""
    for row in PLATFORM_METRICS:
        if row.resource == PLAN:
            other = "Total" if row.aggregation == "Average" else "Average"
            arm.refused[row.name, other] = "InvalidSamplingType"


def test_metrics_that_refuse_each_others_aggregation_are_asked_apart(
    source: Platform, arm: Arm, caplog: pytest.LogCaptureFixture
) -> None:
    refuse_mixed(arm)

    first, second = read(source), read(source)

    wanted = {row.metric for row in BY_THE_MINUTE}
    assert first.keys() == second.keys() == wanted
    plan = [one.given["aggregation"] for one in arm.asked if one.kind == PLAN]
    assert plan[0] == "Average,Total"
    assert sorted(plan[1:3]) == sorted(plan[3:]) == ["Average", "Total"]  # remembered
    assert caplog.messages == []


def test_what_another_reading_learns_meanwhile_leaves_nothing_out(
    source: Platform, arm: Arm, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    refuse_mixed(arm)
    answer, others = arm.answer, [lambda: read(source)]

    def answer_late(asked: Asked) -> Answer:
        found = answer(asked)
        if asked.kind == PLAN and others:
            others.pop()()
        return found

    monkeypatch.setattr(arm, "answer", answer_late)

    assert read(source).keys() == {row.metric for row in BY_THE_MINUTE}
    assert caplog.messages == []


@pytest.mark.parametrize("code", ["InvalidSamplingType", "InternalServerError"])
def test_a_metric_that_stays_refused_is_left_out_and_said_once(
    source: Platform, arm: Arm, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    arm.refused["MemoryPercentage", "Average"] = code

    samples = [read(source) for _ in range(3)]

    wanted = {row.metric for row in BY_THE_MINUTE} - {"memoryUsage"}
    assert all(each.keys() == wanted for each in samples)
    [said] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert f"MemoryPercentage (Average): {code}" in said.message


def test_a_metric_that_recovers_is_read_again(source: Platform, arm: Arm) -> None:
    arm.refused["MemoryPercentage", "Average"] = "InternalServerError"
    read(source)
    arm.refused.clear()

    assert "memoryUsage" in read(source)


def test_a_metric_that_is_not_in_the_answer_is_refused(
    source: Platform, arm: Arm, caplog: pytest.LogCaptureFixture
) -> None:
    body = json.loads(arm.answer(Asked(IDS[PLAN], plan_parameters(), None)).body)
    del body["value"][0]
    arm.wrong[PLAN] = Answer(body=json.dumps(body).encode())

    samples = read(source)

    assert "cpuUtilization" not in samples
    assert "CpuPercentage (Average): NotAnswered" in caplog.text


def test_a_resource_whose_every_metric_is_refused_fails(source: Platform, arm: Arm) -> None:
    for row in PLATFORM_METRICS:
        if row.resource == PLAN:
            arm.refused[row.name, row.aggregation] = "InvalidSamplingType"

    with pytest.raises(SourceError, match=r"^every metric was refused: .*CpuPercentage"):
        read(source)


@pytest.mark.parametrize("unit", ["Bytes", "Seconds", "Unspecified"])
def test_a_metric_in_another_unit_is_left_out_and_said(
    source: Platform, arm: Arm, unit: str, caplog: pytest.LogCaptureFixture
) -> None:
    arm.units["CpuPercentage"] = unit

    samples = read(source)

    assert "cpuUtilization" not in samples
    assert {"memoryUsage", "dtuUtilization"} <= samples.keys()
    assert f"CpuPercentage (Average): came in {unit}, not Percent" in caplog.text


def test_another_grain_is_an_error(source: Platform, arm: Arm) -> None:
    arm.interval = "PT5M"

    with pytest.raises(SourceError, match="asked for PT1M, got PT5M"):
        read(source)


def a_point(inside: bytes) -> bytes:
    """An answer whose only point says that."""
    head = b'{"value": [{"name": {"value": "CpuPercentage"}, "unit": "Percent", "timeseries": ['
    return head + b'{"data": [{' + inside + b"}]}]}]}"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"value": {}}',
        b'{"value": [{}]}',
        b'{"cost": 0}',
        a_point(b'"timeStamp": "yesterday", "average": 1'),
        a_point(b'"timeStamp": "2026-03-02T09:26:00", "average": 1'),
        a_point(b'"timeStamp": "2026-03-02T09:26:00Z", "average": "1"'),
        a_point(b'"timeStamp": "2026-03-02T09:26:00Z", "average": 1e999'),
        a_point(b'"average": 1'),
        b"[" * 100_000,
    ],
    ids=lambda body: repr(body[-50:])[:60],
)
def test_another_shape_is_an_error(source: Platform, arm: Arm, body: bytes) -> None:
    arm.wrong[PLAN] = Answer(body=body)

    with pytest.raises(SourceError, match="plan"):
        read(source)


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (401, "the token was not accepted"),
        (403, "Monitoring Reader on /subscriptions/.*/sql/databases/pantry"),
        (404, "check the resource id /subscriptions/.*/sql/databases/pantry"),
        (429, "patience"),
        (400, "BadRequest: the timespan"),
        (500, "Azure Monitor answered 500"),
        (503, "Azure Monitor answered 503"),
        (302, "Azure Monitor answered 302"),
        (204, "Azure Monitor answered 204"),
    ],
)
def test_a_refusal_names_the_resource_and_what_to_do(
    source: Platform, arm: Arm, status: int, hint: str
) -> None:
    body = b'{"error": {"code": "BadRequest", "message": "the timespan is odd\\nat line 3"}}'
    arm.wrong[DATABASE] = Answer(
        status, b"" if status == 204 else body, {"Location": f"{arm.url}/stolen"}
    )

    with pytest.raises(SourceError, match=rf"^database: .*{hint}") as raised:
        read(source)

    assert SECRET not in str(raised.value)
    assert "at line 3" not in str(raised.value)
    assert [one for one in arm.asked if one.kind == ""] == []
    assert len([one for one in arm.asked if one.kind == DATABASE]) == 1


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"error": 7}', b'{"code": 7}', b'{"code": "\xff"}']
)
def test_a_refusal_without_a_sensible_body_is_still_told(
    source: Platform, arm: Arm, body: bytes
) -> None:
    arm.wrong[PLAN] = Answer(400, body)

    with pytest.raises(SourceError, match=r"^plan: Azure Monitor answered 400$"):
        read(source)


def test_a_resource_that_fails_harms_no_other(source: Platform, arm: Arm) -> None:
    arm.wrong = {PLAN: Answer(403, b"{}"), APP: Answer(404, b"{}")}
    plan, app, database = source.sources

    with pytest.raises(SourceError, match=r"plan: .*403"):
        plan.read(TARGET, since=SINCE, now=NOW)
    with pytest.raises(SourceError, match=r"app: .*404"):
        app.read(TARGET, since=SINCE, now=NOW)
    assert database.read(TARGET, since=SINCE, now=NOW).samples


@pytest.mark.parametrize("status", [429, 503, 400])
def test_whoever_asks_for_patience_does_not_put_the_tick_to_sleep(
    source: Platform, arm: Arm, status: int
) -> None:
    arm.wrong[PLAN] = Answer(status, b"{}", {"Retry-After": "60"})

    with seconds_at_most(5), pytest.raises(SourceError, match=str(status)):
        read(source)

    assert len([one for one in arm.asked if one.kind == PLAN]) == 1


def test_an_answer_that_does_not_come_costs_one_time_out(arm: Arm) -> None:
    arm.wrong[PLAN] = Answer(after=30)
    with (
        opened(arm, patience=Patience(connect=1, read=0.3, deadline=5)) as source,
        seconds_at_most(5),
        pytest.raises(SourceError, match=r"^plan: ((?!plan: ).)*Timeout((?!plan: ).)*$"),
    ):
        read(source)

    assert len([one for one in arm.asked if one.kind == PLAN]) == 1


def test_an_answer_that_drips_is_cut_at_the_deadline(arm: Arm) -> None:
    before = set(threading.enumerate())
    arm.wrong[PLAN] = Answer(body=b" " * 1000, drips=True)
    with opened(arm, patience=Patience(connect=1, read=1, deadline=0.5)) as source:
        with seconds_at_most(5), pytest.raises(SourceError, match=r"plan: no answer within 0\.5 s"):
            read(source)
        arm.over.set()
        wait_for_the_left_behind(before)


def test_no_connection_is_thrown_away_however_many_targets_ask_at_once(
    arm: Arm, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    targets = dict.fromkeys([f"crm-{number}" for number in range(12)], IDS[PLAN])
    all_at_once, answer = threading.Barrier(len(targets)), arm.answer

    def together(asked: Asked) -> Answer:
        all_at_once.wait(60)
        return answer(asked)

    monkeypatch.setattr(arm, "answer", together)
    [source] = open_azure_monitor(
        {PLAN: targets}, endpoint=arm.url, credential=Credential(), patience=PATIENT
    )
    with closing(source), ThreadPoolExecutor(len(targets)) as pool:
        read_all = pool.map(lambda target: source.read(target, since=SINCE, now=NOW), targets)
        assert all(reading.samples for reading in read_all)

    assert "pool" not in caplog.text


def test_a_token_that_does_not_come_is_cut_at_the_deadline(arm: Arm) -> None:
    before = set(threading.enumerate())
    credential = Credential(may=threading.Event())
    patience = Patience(connect=1, read=1, deadline=0.3)
    with (
        opened(arm, credential=credential, patience=patience) as source,
        seconds_at_most(5),
        pytest.raises(SourceError, match=r"no answer within 0\.3 s"),
    ):
        read(source)
    assert credential.may
    credential.may.set()
    wait_for_the_left_behind(before)


def wait_for_the_left_behind(before: set[threading.Thread]) -> None:
    """Calls that were cut are to end inside their test."""
    for thread in set(threading.enumerate()) - before:
        if thread.daemon:
            thread.join(10)
            assert not thread.is_alive()


def test_no_token_no_reading(arm: Arm) -> None:
    error = ClientAuthenticationError("no identity here\nAttempted credentials: many")
    with (
        opened(arm, credential=Credential(error=error)) as source,
        pytest.raises(SourceError, match=r"no token: no identity here$"),
    ):
        read(source)

    assert arm.asked == []


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with (
        opened(Arm(url=f"http://127.0.0.1:{port}")) as source,
        seconds_at_most(5),
        pytest.raises(SourceError, match=r"plan: .*Connection refused"),
    ):
        read(source)


def test_a_role_that_is_missing_is_told_without_the_resource(source: Platform, arm: Arm) -> None:
    arm.wrong[PLAN] = Answer(403, b"{}")

    with pytest.raises(SourceDenied) as raised:
        read(source)

    assert raised.value.lacking == "it needs the role Monitoring Reader on its plan"
