"""How long something took, as a test may judge it on a machine that is shared."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

NAP_S = 0.05
HICCUP_S = 0.2
"""By how much a nap may be too long without anything being wrong with the machine."""


@contextmanager
def seconds_at_most(limit: float) -> Iterator[None]:
    """Fail when the block took longer; what the whole process stood still is left out.

    A stopped process, or a machine that runs others meanwhile, says nothing of the code. Whatever
    the code itself waits for lets the other threads run, so it counts.
    """
    began = time.monotonic()
    with standstill() as stood:
        yield
    took = time.monotonic() - began
    assert took - stood.seconds < limit, (
        f"it took {took:.1f} s, of which all stood still {stood.seconds:.1f} s"
    )


@contextmanager
def standstill() -> Iterator["Standstill"]:
    """How long the whole process stood still meanwhile; complete when the block is over."""
    stood = Standstill()
    stood.start()
    try:
        yield stood
    finally:
        stood.end()


class Standstill(threading.Thread):
    """Naps, and adds up by how much its naps were too long: so long nobody here could run."""

    def __init__(self) -> None:
        super().__init__(name="standstill", daemon=True)
        self.seconds = 0.0
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.is_set():
            lay_down = time.monotonic()
            self._over.wait(NAP_S)
            late = time.monotonic() - lay_down - NAP_S
            self.seconds += late if late > HICCUP_S else 0.0

    def end(self) -> None:
        """Wake it; what it has added up is complete then."""
        self._over.set()
        self.join()
