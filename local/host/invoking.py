"""Runs the app's functions as the worker does: `async def` on the one loop, `def` in threads."""

import asyncio
import inspect
import logging
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from datetime import datetime, timedelta
from typing import Any

from azure.functions.decorators.function_app import FunctionBuilder

from local.host.invocations import Invocation, Invocations, Outcome
from local.host.triggers import Function

_log = logging.getLogger(__name__)


class InvocationError(Exception):
    """The function raised, ran too long, or was still running when the host stopped.

    `still_running` is what goes on after a function was given up: threads can't be ended.
    """

    def __init__(self, message: str, still_running: asyncio.Future[Any] | None = None) -> None:
        super().__init__(message)
        self.still_running = still_running


def nothing(returned: object) -> None:
    """The answer of timers and queues, of which the worker accepts no other."""
    if returned is not None:
        raise TypeError(f"a function without an output returned {returned!r}")


class Invoker:
    """Calls functions under the time limit and records every call; used on one event loop.

    The limit is the wall's: a function spends real time, however fast the world goes.
    """

    def __init__(self, now: Callable[[], datetime], limit: timedelta | None) -> None:
        self.invocations = Invocations()
        self._now = now
        self._limit_s = limit.total_seconds() if limit else None
        self._running: set[asyncio.Future[Any]] = set()

    async def invoke(
        self, function: Function, value: object, answer: Callable[[Any], Any] = nothing
    ) -> Any:
        """What `answer` makes of what the function returns.

        Raises InvocationError, whatever went wrong in either.
        """
        started, began = self._now(), time.monotonic()
        outcome, error = Outcome.SUCCEEDED, ""
        try:
            return answer(await self._call(function, value))
        except _TooLongError as given_up:
            outcome, error = Outcome.TIMED_OUT, f"still running after {self._limit_s:g} s"
            raise InvocationError(error, given_up.running) from None
        except asyncio.CancelledError:
            outcome, error = Outcome.ABANDONED, "still running when the host stopped"
            raise InvocationError(error) from None
        except Exception as raised:
            outcome, error = Outcome.FAILED, f"{type(raised).__name__}: {raised}"
            _log.exception("%s failed", function.name)
            raise InvocationError(error) from raised
        finally:
            took = timedelta(seconds=time.monotonic() - began)
            self._record(Invocation(function.name, started, took, outcome, error or None))

    async def drain(self, grace: timedelta) -> None:
        """Give what runs some time to end, then give it up."""
        if self._running:
            await asyncio.wait(self._running, timeout=grace.total_seconds())
        for running in list(self._running):
            running.cancel()

    async def _call(self, function: Function, value: object) -> Any:
        running = _started(function, value)
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        await asyncio.wait([running], timeout=self._limit_s)
        if running.done():
            return running.result()
        if function.is_async:
            running.cancel()
        raise _TooLongError(running)

    def _record(self, invocation: Invocation) -> None:
        if invocation.outcome in {Outcome.TIMED_OUT, Outcome.ABANDONED}:
            _log.error("%s: %s", invocation.function, invocation.error)
        self.invocations.add(invocation)


def invoke(function: FunctionBuilder, **bindings: object) -> Any:
    """Call a decorated function of an app with its bindings by name, and nothing around it."""
    call = function._function.get_user_function()  # noqa: SLF001 - it has no public name before indexing
    answer = call(**bindings)
    return asyncio.run(answer) if inspect.iscoroutine(answer) else answer


class _TooLongError(Exception):
    def __init__(self, running: asyncio.Future[Any]) -> None:
        super().__init__()
        self.running = running


def _started(function: Function, value: object) -> asyncio.Future[Any]:
    given = {function.argument: value}
    if function.is_async:
        coroutine: Coroutine[Any, Any, Any] = function.call(**given)
        return asyncio.ensure_future(coroutine)
    answer: Future[Any] = Future()
    answer.set_running_or_notify_cancel()
    # A thread each, as on the platform, where 1000 are allowed; daemons, so that a function that
    # hangs keeps nobody from leaving.
    work = threading.Thread(
        target=_run, args=(answer, function, given), name=f"function {function.name}", daemon=True
    )
    work.start()
    return asyncio.wrap_future(answer)


def _run(answer: Future[Any], function: Function, given: dict[str, object]) -> None:
    try:
        answer.set_result(function.call(**given))
    except Exception as raised:  # noqa: BLE001 - whatever it is, the invoker records it
        answer.set_exception(raised)
    except BaseException as raised:  # noqa: BLE001 - sys.exit() in a function must not end the host
        answer.set_exception(RuntimeError(f"the function raised {raised!r}"))
