"""Recorded production series through the whole path, held against a second reading of the file."""

import csv
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from statistics import mean
from typing import Any

import msgspec
import pytest

from local import make_series, replay
from local.azurite import Account
from local.desks import Storage, memory_storage, table_storage
from local.recordings import recorded_catalog
from local.replay import Line, main, rules_for, script_of
from shared.domain.rules import parse_rules

ROOT = Path(__file__).parents[2]
TRACES = Path(os.environ.get("PANTRY_TRACES", ROOT.parent / "shared" / "traces"))
GRAIN = 5
MINUTE = timedelta(minutes=1)
MAIL, SLACK = {"type": "email", "target": "a@example.com"}, {"type": "slack", "target": "#alerts"}

Transition = tuple[str, str, str]
RuleJson = dict[str, Any]


def a_rule(name: str, metric: str, condition: str, threshold: float, **changes: Any) -> RuleJson:
    given = {
        "id": name,
        "name": name,
        "metric": metric,
        "condition": condition,
        "threshold": threshold,
        "duration": 0,
        "severity": "high",
        "actions": [MAIL, SLACK],
        "repeatEvery": 0,  # no reminders: the file's story is told as it begins and ends
    }
    return {**given, **changes}


def latency(name: str, condition: str, threshold: float, **changes: Any) -> RuleJson:
    return a_rule(name, "responseTime.avg", condition, threshold, **changes)


def cpu(name: str, condition: str, threshold: float, **changes: Any) -> RuleJson:
    return a_rule(name, "cpuUtilization", condition, threshold, **changes)


# The latency file is in seconds of an unknown unit; scaled by 100 it lies around our 3,000 ms.
RECORDINGS = {
    "realKnownCause/ec2_request_latency_system_failure.csv": (
        100.0,
        [
            latency("at-once", "greater_than", 5500),
            latency("two-samples", "greater_than", 4850, duration=8, keepFiring=20),
            latency("hysteresis", "greater_or_equal", 5100, duration=5, clearThreshold=4700),
            latency("too-fast", "less_than", 3100, duration=3, keepFiring=20, actions=[SLACK]),
        ],
    ),
    "realAWSCloudwatch/rds_cpu_utilization_cc0c53.csv": (
        1.0,
        [
            cpu("at-once", "greater_than", 12),
            cpu("long", "greater_than", 15, duration=12, keepFiring=30),
            cpu("hysteresis", "greater_than", 16, duration=5, clearThreshold=13.5),
            cpu("idle", "less_or_equal", 5.7, duration=6, actions=[MAIL]),
        ],
    ),
}
METRICS = ["responseTime.avg", "cpuUtilization"]


each_recording = pytest.mark.parametrize(
    ("name", "metric", "scale", "rules"),
    [
        pytest.param(name, metric, *given, id=metric)
        for (name, given), metric in zip(RECORDINGS.items(), METRICS, strict=True)
    ],
)


COMPARE: dict[str, Callable[[float, float], bool]] = {
    "greater_than": lambda value, limit: value > limit,
    "greater_or_equal": lambda value, limit: value >= limit,
    "less_than": lambda value, limit: value < limit,
    "less_or_equal": lambda value, limit: value <= limit,
}


def expected(path: Path, scale: float, rule: RuleJson) -> Iterator[Transition]:
    """The rule's transitions from the file alone: (minute, from, to)."""
    samples: dict[datetime, list[float]] = defaultdict(list)
    for row in csv.DictReader(path.read_text().splitlines()):
        samples[datetime.fromisoformat(row["timestamp"])].append(float(row["value"]) * scale)
    state, bad, ok, value = "inactive", 0, 0, 0.0
    minute, until = min(samples), min(samples)
    while minute < max(samples) + GRAIN * MINUTE:
        if minute in samples:
            value, until = mean(samples[minute]), minute + GRAIN * MINUTE
        before = state
        if minute < until:
            clear = rule.get("clearThreshold") if state == "firing" else None
            is_bad = COMPARE[rule["condition"]](value, clear or rule["threshold"])
            bad, ok = (bad + 1, 0) if is_bad else (bad if state == "firing" else 0, ok + 1)
            if is_bad and state != "firing":
                state = "firing" if bad >= rule["duration"] else "pending"
            elif not is_bad and (state == "pending" or ok >= max(rule.get("keepFiring", 0), 1)):
                state, bad = "inactive", 0
        if state != before:
            yield f"{minute:%Y-%m-%dT%H:%M:%SZ}", before, state
        minute += MINUTE


def recorded(name: str) -> Path:
    path = TRACES / name
    if not path.exists():
        pytest.skip("the recorded series are not here")
    return path


def a_day(path: Path, folder: Path, rows: range) -> Path:
    """Some rows of a recording as a file of its own."""
    header, *lines = path.read_text().splitlines()
    day = folder / "day.csv"
    day.write_text("\n".join([header, *(lines[i] for i in rows), ""]))
    return day


def run(
    path: Path, metric: str, scale: float, rules: list[RuleJson], storage: Storage
) -> list[Line]:
    parsed = parse_rules(rules, recorded_catalog(metric, GRAIN * MINUTE))
    script = script_of(path, metric, grain=GRAIN * MINUTE, scale=scale, rules=parsed)
    return list(replay.replay(script, storage, lambda _: None))


def assert_transitions(lines: list[Line], path: Path, scale: float, rules: list[RuleJson]) -> None:
    for rule in rules:
        found = [
            (line.minute, line.before, line.after)
            for line in lines
            if (line.kind, line.rule) == ("transition", rule["id"])
        ]
        assert found == list(expected(path, scale, rule)), rule["id"]


def assert_each_story_told_once(lines: list[Line], rules: list[RuleJson]) -> None:
    """Per episode and channel: the minute that fired and the one that resolved, in that order."""
    channels = {r["id"]: [f"{a['type']}:{a['target']}" for a in r["actions"]] for r in rules}
    wanted: dict[tuple[str | None, str], list[str]] = defaultdict(list)
    told: dict[tuple[str | None, str], list[str]] = defaultdict(list)
    for line in lines:
        if line.kind == "transition" and "firing" in (line.before, line.after):
            for channel in channels[line.rule]:
                wanted[line.episode, channel].append(line.minute)
        if line.kind == "delivery":
            assert (line.outcome, line.reason) == ("sent", "delivered")
            told[line.episode, str(line.channel)].append(line.minute)
    assert told == wanted
    assert len(wanted) >= 2


@pytest.mark.slow
@each_recording
def test_a_whole_recording_equals_a_second_reading_of_its_file(
    name: str, metric: str, scale: float, rules: list[RuleJson]
) -> None:
    path = recorded(name)

    lines = run(path, metric, scale, rules, memory_storage())

    assert_transitions(lines, path, scale, rules)
    assert_each_story_told_once(lines, rules)
    for rule in rules:
        stories = {line.episode for line in lines if line.rule == rule["id"] and line.episode}
        assert len(stories) >= 2, rule["id"]


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(range(3150, 3222), id="six hours"),
        pytest.param(range(3150, 3438), id="a day", marks=pytest.mark.slow),
    ],
)
@each_recording
def test_real_storage_equals_memory_and_the_file(
    rows: range,
    name: str,
    metric: str,
    scale: float,
    rules: list[RuleJson],
    tmp_path: Path,
    storage: Account,
) -> None:
    path = a_day(recorded(name), tmp_path, rows)

    real = run(path, metric, scale, rules, table_storage(storage.connection_string))
    twin = run(path, metric, scale, rules, memory_storage())

    assert encoded(real) == encoded(twin)
    assert_transitions(real, path, scale, rules)
    assert_each_story_told_once(real, rules)


@pytest.mark.bench
@each_recording
def test_a_whole_recording_on_real_storage_equals_memory_and_the_file(
    name: str, metric: str, scale: float, rules: list[RuleJson], storage: Account
) -> None:
    path = recorded(name)

    real = run(path, metric, scale, rules, table_storage(storage.connection_string))

    assert encoded(real) == encoded(run(path, metric, scale, rules, memory_storage()))
    assert_transitions(real, path, scale, rules)


def encoded(lines: list[Line]) -> list[bytes]:
    return [msgspec.json.encode(line) for line in lines]


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local.replay", "--memory", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_demo_tells_one_dtu_story_and_one_latency_story_once_each() -> None:
    shown = command()

    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.count("-> firing") == 2
    assert shown.stdout.count("-> inactive (recovered)") == 2
    counted = [line for line in shown.stdout.splitlines() if line.startswith("--")]
    # DTU is told by mail and Slack, latency by Slack alone: firing and resolved each.
    assert counted == ["-- 1 episode, 4 messages", "-- 1 episode, 2 messages"]


def test_the_same_input_gives_the_same_lines_byte_for_byte() -> None:
    first, second = command("--json"), command("--json")

    assert first.stdout == second.stdout
    lines = [msgspec.json.decode(line) for line in first.stdout.splitlines()]
    assert {tuple(line) for line in lines} == {
        ("at", "minute", "kind", "rule", "episode", "from", "to", "reason", "channel", "outcome")
    }
    assert sum(line["kind"] == "delivery" for line in lines) == 6
    assert [line["to"] for line in lines if line["kind"] == "delivery"] == ["sent"] * 6


@pytest.mark.parametrize("name", make_series.SERIES)
def test_the_bundled_series_are_what_their_generator_writes(name: str) -> None:
    stored = (make_series.FOLDER / name).read_text(encoding="utf-8")

    assert stored == make_series.csv_text(make_series.SERIES[name]())


def a_file(folder: Path, text: str) -> str:
    path = folder / "series.csv"
    path.write_text(text)
    return str(path)


GOOD = "timestamp,value\n2026-01-01 00:00:00,1\n2026-01-01 00:05:00,2\n"
BACKWARDS = "timestamp,value\n2026-01-01 00:05:00,1\n2026-01-01 00:00:00,2\n"


@pytest.mark.parametrize(
    ("text", "arguments", "sentence"),
    [
        (BACKWARDS, ["--metric", "dtuUtilization"], "line 3: time runs backwards"),
        ("when,what\n", ["--metric", "dtuUtilization"], "must begin with the header"),
        ("timestamp,value\n", ["--metric", "dtuUtilization"], "has no rows below its header"),
        ("timestamp,value\nx,1\n", ["--metric", "dtuUtilization"], "line 2: expected a timestamp"),
        (GOOD + "2026-01-01 01:00:00,nan\n", ["--metric", "dtuUtilization"], "not a finite number"),
        (GOOD, ["--metric", "dtuUtilisation"], "did you mean dtuUtilization"),
        (GOOD, ["--metric", "bytesIn"], "no shipped rule watches bytesIn"),
        (GOOD, ["--metric", "dtuUtilization", "--grain", "0"], "--grain is the minutes"),
        (GOOD, ["--metric", "dtuUtilization", "--rules", "no.json"], "no.json can't be read"),
        (GOOD, [], "--csv and --metric belong together"),
    ],
)
def test_wrong_input_is_refused_with_2_and_one_sentence(
    text: str,
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = main(["--memory", "--csv", a_file(tmp_path, text), *arguments])

    said = capsys.readouterr()
    assert code == 2
    assert sentence in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("option", ["--grain=soon", "--scale=much", "--scale=nan", "--scale=inf"])
def test_an_option_that_is_no_number_is_refused_with_2(option: str, tmp_path: Path) -> None:
    file = a_file(tmp_path, GOOD)
    shown = command("--csv", file, "--metric", "dtuUtilization", option)

    assert (shown.returncode, shown.stdout) == (2, "")
    assert "Traceback" not in shown.stderr


def test_a_metric_without_shipped_rules_is_replayed_with_ones_own(tmp_path: Path) -> None:
    assert "dtu-critical" in [rule.id for rule in rules_for("dtuUtilization", None)]
    rules = tmp_path / "rules.json"
    rules.write_bytes(msgspec.json.encode([a_rule("busy", "bytesIn", "greater_than", 1)]))

    shown = command("--csv", a_file(tmp_path, GOOD), "--metric", "bytesIn", "--rules", str(rules))

    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.count("-> firing") == 1


UNUSUAL: RuleJson = {
    "id": "cpu-unusual",
    "name": "CPU unusual",
    "metric": "cpuUtilization",
    "condition": "anomaly",
    "threshold": 0.6,
    "duration": 1,
    "keepFiring": 60,
    "severity": "high",
    "actions": [{"type": "console", "target": "log"}],
}
LABELLED = (("2014-02-18T16:02", "2014-02-19T08:42"), ("2014-02-24T10:17", "2014-02-25T02:57"))
"""What people called unusual in this recording."""


@pytest.mark.slow
def test_an_anomaly_rule_fires_once_in_each_labelled_window_of_a_recording() -> None:
    path = recorded("realAWSCloudwatch/ec2_cpu_utilization_5f5533.csv")

    lines = run(path, "cpuUtilization", 1.0, [UNUSUAL], memory_storage())

    fired = [line.minute for line in lines if line.kind == "transition" and line.after == "firing"]
    assert len(fired) == len(LABELLED)
    for minute, (first, last) in zip(fired, LABELLED, strict=True):
        assert first <= minute <= last
