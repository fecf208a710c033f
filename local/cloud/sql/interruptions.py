"""What a connection's reading thread tells the one that runs statements."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock

from local.cloud.sql.engine import Cancelled


class Interruptions:
    """`wanted`: the client's attention awaits its answer, or the client is `gone` as well."""

    def __init__(self) -> None:
        self.wanted = Event()
        self.gone = Event()
        self._lock = Lock()
        self._cancel: Callable[[], None] | None = None

    def interrupt(self) -> None:
        """Cancel what runs, if anything does."""
        with self._lock:
            self._interrupt()

    def leave(self) -> None:
        """The client is gone for good."""
        with self._lock:
            self._interrupt()
            self.gone.set()

    def _interrupt(self) -> None:
        self.wanted.set()
        if self._cancel:
            self._cancel()

    def answered(self) -> None:
        """The attention has its answer."""
        with self._lock:
            if not self.gone.is_set():
                self.wanted.clear()

    @contextmanager
    def cancelling(self, cancel: Callable[[], None]) -> Iterator[None]:
        """Within the block an interruption calls `cancel`, after it never; raises Cancelled."""
        with self._lock:
            if self.wanted.is_set():
                raise Cancelled
            self._cancel = cancel
        try:
            yield
        finally:
            with self._lock:
                self._cancel = None
