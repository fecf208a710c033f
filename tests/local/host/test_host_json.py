"""host.json: this repository's own, the real host's defaults, and what it would refuse."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local.host.host_json import HostJsonError, QueueOptions, parse_span, read_host_json
from tests.local.host.making import a_host_json


def test_this_repositorys_own() -> None:
    options = read_host_json()

    assert options.route_prefix == "api"
    assert options.function_timeout == timedelta(minutes=2)
    assert options.queues == QueueOptions(
        batch_size=4,
        new_batch_threshold=2,
        max_dequeue_count=5,
        visibility_timeout=timedelta(seconds=30),
        max_polling_interval=timedelta(seconds=30),
    )


def test_the_defaults_are_the_real_hosts(tmp_path: Path) -> None:
    file = tmp_path / "host.json"
    file.write_text(json.dumps({"version": "2.0"}))

    options = read_host_json(file)

    assert options.queues == QueueOptions()
    assert options.function_timeout == timedelta(minutes=30)


def test_a_function_may_run_for_ever(tmp_path: Path) -> None:
    assert read_host_json(a_host_json(tmp_path, timeout="-1")).function_timeout is None


def test_a_span_may_have_days() -> None:
    assert parse_span("1.02:03:04") == timedelta(days=1, hours=2, minutes=3, seconds=4)


@pytest.mark.parametrize(
    ("queues", "why"),
    [
        ({"batchSize": 33}, "batchSize is 1 to 32"),
        ({"maxDequeueCount": 0}, "maxDequeueCount"),
        ({"maxPollingInterval": "00:00:00"}, "100 ms or more"),
        ({"visibilityTimeout": "30 s"}, "no time span"),
        ({"messageEncoding": "utf8"}, "base64 or none"),
    ],
)
def test_what_the_real_host_would_refuse_is_refused(
    tmp_path: Path, queues: dict[str, Any], why: str
) -> None:
    with pytest.raises(HostJsonError, match=why):
        read_host_json(a_host_json(tmp_path, **queues))
