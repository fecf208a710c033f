"""Indexes, loads and invokes an app through Microsoft's own worker core, azure-functions-runtime.

It needs Python 3.13, where the worker is that package, and takes one app per process. It prints
what it found as JSON and ends with 1 unless every function could be invoked.
"""

import argparse
import asyncio
import json
import logging
import os
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from local.azurite import running_azurite
from local.host.worker_messages import (
    Message,
    StatusResult,
    envelope,
    http_data,
    invocation,
    queue_data,
    timer_data,
)
from shared.services.minute import COLLECT_QUEUE, DELIVERIES_QUEUE, CollectMessage, DeliveryMessage

ROOT = Path(__file__).parents[2]
STORAGE = "AzureWebJobsStorage"
TARGET = "pantry-crm"
_PARAMETER = re.compile(r"\{\**(\w+)[^}]*\}")

# What a message of each queue may look like; a new queue needs its line here.
PLAUSIBLE: dict[str, Callable[[], msgspec.Struct]] = {
    COLLECT_QUEUE: lambda: CollectMessage(TARGET, datetime.now(UTC)),
    DELIVERIES_QUEUE: lambda: DeliveryMessage(TARGET, "none-such", "none-such"),
}


@dataclass(frozen=True)
class Checked:
    """One function: `problem` is None when it was invoked; `answer` is its HTTP body."""

    name: str
    trigger: str
    problem: str | None = None
    status: int | None = None
    answer: str | None = None


@dataclass(frozen=True)
class Report:
    """`rejected` says why the worker would show no function of this app at all."""

    rejected: str | None
    functions: list[Checked]

    @property
    def is_good(self) -> bool:
        problems = [one.problem for one in self.functions if one.problem]
        return not self.rejected and bool(self.functions) and not problems


class _FailedError(Exception):
    pass


def check(folder: Path) -> Report:
    """Put the app in `folder` through the worker's core; once per process."""
    runtime: Any = import_module("azure_functions_runtime")
    sys.path.insert(0, str(folder))
    runtime.start_threadpool_executor()
    try:
        return asyncio.run(_check(runtime, folder))
    finally:
        runtime.stop_threadpool_executor()


async def _check(runtime: Any, folder: Path) -> Report:
    start = Message(capabilities={}, function_app_directory=str(folder))
    try:
        _succeeded(await runtime.worker_init_request(envelope(worker_init_request=start)))
        listed = _succeeded(await runtime.functions_metadata_request(envelope()))
    except _FailedError as error:
        return Report(str(error), [])
    found = listed.function_metadata_results or []
    return Report(None, [await _invoked(runtime, one) for one in found])


async def _invoked(runtime: Any, listed: Message) -> Checked:
    trigger = _trigger(listed)
    try:
        load = envelope(function_load_request=Message(function_id=listed.function_id))
        _succeeded(await runtime.function_load_request(load))
        asked = invocation(listed.function_id, trigger["name"], *_given(trigger))
        done = await runtime.invocation_request(envelope(invocation_request=asked))
        return _told(listed.name, trigger["type"], _succeeded(done).return_value)
    except _FailedError as error:
        return Checked(listed.name, trigger["type"], str(error))


def _trigger(listed: Message) -> dict[str, Any]:
    bindings: list[dict[str, Any]] = [json.loads(one) for one in listed.raw_bindings]
    return next(one for one in bindings if one["type"].endswith("Trigger"))


def _given(trigger: dict[str, Any]) -> tuple[Message, dict[str, Message]]:
    match trigger["type"]:
        case "timerTrigger":
            return timer_data(), {}
        case "queueTrigger" if trigger["queueName"] in PLAUSIBLE:
            return queue_data(msgspec.json.encode(PLAUSIBLE[trigger["queueName"]]()).decode())
        case "httpTrigger":
            return _call(trigger), {}
    raise _FailedError(f"{__name__} does not know what to send to {trigger}")


def _call(trigger: dict[str, Any]) -> Message:
    methods: list[str] = trigger.get("methods") or ["GET"]
    route: str = trigger.get("route", "")
    params = dict.fromkeys(_PARAMETER.findall(route), "1")
    path = "api/" + _PARAMETER.sub("1", route)
    return http_data("GET" if "GET" in methods else methods[0], path, params)


def _succeeded(response: Any) -> Any:
    if response.result.status != StatusResult.Success:
        raise _FailedError(response.result.exception.message)
    return response


def _told(name: str, trigger: str, value: Message | None) -> Checked:
    if value is None or value.WhichOneof("data") != "http":
        return Checked(name, trigger)
    status, body = int(value.http.status_code), value.http.body.bytes.decode(errors="replace")
    return Checked(name, trigger, f"answered {status}" if status >= 500 else None, status, body)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--app", type=Path, default=ROOT, help="the folder of function_app.py")
    folder = parser.parse_args(arguments).app.resolve()
    logging.basicConfig(level=logging.ERROR)
    with ExitStack() as stack:
        if not os.environ.get(STORAGE):
            azurite = stack.enter_context(running_azurite())
            os.environ[STORAGE] = azurite.fresh_account().connection_string
        report = check(folder)
    print(json.dumps(asdict(report), indent=2))
    return 0 if report.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
