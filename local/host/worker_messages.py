"""The messages between host and worker, as plain objects that stand in for the gRPC ones."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import uuid4


class Message(SimpleNamespace):
    """Any message: its fields as it was made. Of a `oneof` there is one, maybe beside a name."""

    def WhichOneof(self, _: str) -> str | None:  # noqa: N802 - protobuf's own name
        return next((name for name in vars(self) if name != "name"), None)


class BindingInfo(Message):
    """Numbers as in FunctionRpc.proto."""

    out = 1
    inout = 2
    undefined = 0


class StatusResult(Message):
    """As above."""

    Failure = 0
    Success = 1


_PLAIN = (
    "FunctionLoadResponse",
    "FunctionMetadataResponse",
    "InvocationResponse",
    "NullableBool",
    "NullableDouble",
    "NullableString",
    "NullableTimestamp",
    "ParameterBinding",
    "RpcException",
    "RpcFunctionMetadata",
    "RpcHttp",
    "TypedData",
    "WorkerInitResponse",
    "WorkerMetadata",
)
PROTOS = SimpleNamespace(
    BindingInfo=BindingInfo, StatusResult=StatusResult, **dict.fromkeys(_PLAIN, Message)
)


def envelope(**request: Message) -> Message:
    """What the worker's entry points take."""
    properties = {"host": "127.0.0.1", "protos": PROTOS}
    return Message(request=Message(**request), properties=properties)


def invocation(
    function_id: str, argument: str, data: Message, metadata: Mapping[str, Message]
) -> Message:
    """Ask for one call."""
    return Message(
        invocation_id=str(uuid4()),
        function_id=function_id,
        input_data=[Message(name=argument, data=data)],
        trigger_metadata=dict(metadata),
        trace_context=Message(trace_parent="", trace_state="", attributes={}),
        retry_context=Message(retry_count=0, max_retry_count=0, exception=None),
    )


def timer_data() -> Message:
    """A run that is on time."""
    status = dict.fromkeys(("Last", "Next", "LastUpdated"), datetime.now(UTC).isoformat())
    told = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": False}
    return Message(json=json.dumps(told))


def http_data(method: str, path: str, params: Mapping[str, str]) -> Message:
    """A caller without a token, a query or a body."""
    http = Message(
        method=method,
        url=f"http://127.0.0.1/{path}",
        headers={"host": "127.0.0.1", "accept": "application/json"},
        params=dict(params),
        query={},
        body=Message(bytes=b""),
    )
    return Message(http=http)


def queue_data(body: str) -> tuple[Message, dict[str, Message]]:
    """A message on its first delivery, and what the host tells beside it."""
    now = Message(json=json.dumps(datetime.now(UTC).isoformat()))
    times: dict[str, Any] = dict.fromkeys(
        ("InsertionTime", "ExpirationTime", "NextVisibleTime"), now
    )
    told = {"Id": Message(string=str(uuid4())), "DequeueCount": Message(json="1"), **times}
    return Message(string=body), {**told, "PopReceipt": Message(string="receipt")}
