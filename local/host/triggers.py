"""Reads what `app.get_functions()` lists: each function, its one trigger, and how to call it."""

import inspect
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import azure.functions as func
from azure.functions.decorators.function_app import Function as Listed

HTTP_ANSWER = "http"


class BindingError(ValueError):
    """The app asks for something that this host does not do, or binds what is not there."""


@dataclass(frozen=True)
class TimerTrigger:
    """`schedule` as it was written: NCRONTAB or %SETTING%."""

    schedule: str
    run_on_startup: bool


@dataclass(frozen=True)
class QueueTrigger:
    """`connection` is the name of a setting, not a connection string."""

    queue: str
    connection: str


@dataclass(frozen=True)
class HttpTrigger:
    """No methods mean all of them. The auth level is shown, not enforced, as by Core Tools."""

    route: str
    methods: frozenset[str]
    auth_level: str


Trigger = TimerTrigger | QueueTrigger | HttpTrigger
T = TypeVar("T", TimerTrigger, QueueTrigger, HttpTrigger)


@dataclass(frozen=True)
class Function:
    """One function of an app; `call` takes its trigger's value by the name `argument`."""

    name: str
    trigger: Trigger
    argument: str
    call: Callable[..., Any]

    @property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.call)


# An app lists its functions once and raises ever after.
_read: WeakKeyDictionary[func.FunctionApp, list[Function]] = WeakKeyDictionary()


def read_functions(app: func.FunctionApp) -> list[Function]:
    """The app's functions in the order they were written; may be asked again for the same app.

    Raises BindingError for a binding of an unknown type or one that its function does not take.
    """
    if app not in _read:
        _read[app] = [_function(listed) for listed in app.get_functions()]
    return _read[app]


def of_type(functions: Collection[Function], kind: type[T]) -> list[tuple[Function, T]]:
    """The functions with that kind of trigger, each beside its trigger."""
    return [(one, one.trigger) for one in functions if isinstance(one.trigger, kind)]


def _function(listed: Listed) -> Function:
    name = str(listed.get_function_name())
    bindings = [one.get_dict_repr() for one in listed.get_bindings()]
    inputs = [one for one in bindings if one["type"] in _TRIGGERS]
    _refuse_unknown(name, [one["type"] for one in bindings])
    (given,) = inputs
    call = listed.get_user_function()
    _refuse_mismatch(name, given["name"], call)
    return Function(name, _TRIGGERS[given["type"]](name, given), given["name"], call)


def _refuse_unknown(name: str, types: list[str]) -> None:
    known = [*_TRIGGERS, HTTP_ANSWER]
    unknown = sorted(set(types) - set(known))
    if unknown:
        raise BindingError(
            f"function {name}: this host knows the bindings {', '.join(known)}, "
            f"not {', '.join(unknown)}"
        )


def _refuse_mismatch(name: str, argument: str, call: Callable[..., Any]) -> None:
    taken = list(inspect.signature(call).parameters)
    if taken != [argument]:
        raise BindingError(
            f"function {name} takes ({', '.join(taken)}), but its trigger binds {argument!r}"
        )


def _timer(_: str, given: dict[str, Any]) -> TimerTrigger:
    return TimerTrigger(given["schedule"], bool(given.get("runOnStartup")))


def _queue(_: str, given: dict[str, Any]) -> QueueTrigger:
    return QueueTrigger(given["queueName"], given["connection"])


def _http(name: str, given: dict[str, Any]) -> HttpTrigger:
    methods = frozenset(str(one).upper() for one in given.get("methods") or ())
    return HttpTrigger(given.get("route") or name, methods, str(given.get("authLevel", "FUNCTION")))


_TRIGGERS: dict[str, Callable[[str, dict[str, Any]], Trigger]] = {
    "timerTrigger": _timer,
    "queueTrigger": _queue,
    "httpTrigger": _http,
}
