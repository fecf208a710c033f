"""What can happen at a call of a port: nothing, the end of the process, an answer that is lost."""

import os
import signal
from collections.abc import Callable, Collection
from typing import Any

from local.desks import Storage
from shared.domain.errors import ChannelError, Conflict, StoreUnavailable

EFFECTS = frozenset({"transact", "put", "send"})
"""The methods that change something outside."""


class Mishap:
    """Counts the calls of the ports that it wraps; this one lets all of them pass."""

    methods: Collection[str] | None = None
    """The methods that count; None: all."""

    def __init__(self) -> None:
        self.calls = 0

    @property
    def licences(self) -> int:
        """How many messages may come twice because of it."""
        return 0

    def wrap(self, port: Any) -> Any:
        """The port, with every call of its methods counted."""
        return _Counted(port, self)

    def wrap_storage(self, storage: Storage) -> Storage:
        """The storage, with every call counted."""
        return Storage(
            self.wrap(storage.samples),
            self.wrap(storage.alerts),
            self.wrap(storage.config),
            self.wrap(storage.queue),
        )

    def call(self, name: str, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Make one call."""
        if self.methods is None or name in self.methods:
            self.calls += 1
            return self.counted(self.calls, name, lambda: method(*args, **kwargs))
        return method(*args, **kwargs)

    def counted(self, number: int, name: str, make: Callable[[], Any]) -> Any:  # noqa: ARG002
        """Make the call of that number."""
        return make()


class Kill(Mishap):
    """Ends this process right before or right after a call."""

    def __init__(self, at: int, *, after: bool) -> None:
        super().__init__()
        self._at = at
        self._after = after

    @property
    def licences(self) -> int:
        """See Mishap.licences: the message that was on its way."""
        return 1

    def counted(self, number: int, name: str, make: Callable[[], Any]) -> Any:  # noqa: ARG002
        """See Mishap.counted."""
        if number == self._at and not self._after:
            _die()
        try:
            return make()
        finally:
            if number == self._at:  # also when the call failed
                _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class LostAnswer(Mishap):
    """The effect of a call happens, and its answer is lost on the way back.

    `retried`: the SDK asked again by itself, and its second try conflicts with its first.
    """

    methods = EFFECTS

    def __init__(self, at: int, *, retried: bool = False) -> None:
        super().__init__()
        self._at = at
        self._retried = retried
        self.lost = ""

    @property
    def licences(self) -> int:
        """See Mishap.licences: only where nobody knows that a message was taken."""
        return int(self.lost == "send")

    def counted(self, number: int, name: str, make: Callable[[], Any]) -> Any:
        """See Mishap.counted."""
        answer = make()
        if number == self._at:
            self.lost = name
            raise self._error(name)
        return answer

    def _error(self, name: str) -> Exception:
        if name == "send":
            return ChannelError("no answer")
        if name == "transact" and self._retried:
            return Conflict("the first try had been heard")
        return StoreUnavailable("no answer")


class _Counted:
    """Any port; what is not callable passes through."""

    def __init__(self, port: Any, mishap: Mishap) -> None:
        self._port = port
        self._mishap = mishap

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not callable(found):
            return found
        return lambda *args, **kwargs: self._mishap.call(name, found, *args, **kwargs)
