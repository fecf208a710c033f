"""Examines what the monitor depends on, each thing by asking it: what is wrong, what mends it."""

import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from queue import Empty, Queue

from shared.domain.checkups import Checkup, Verdict
from shared.domain.errors import Untried, Unwell
from shared.ports import Examination

PATIENCE = timedelta(seconds=17)
"""For everything together, whatever hangs; longer than any one client's own time-outs."""

_ODD = "ask again; if it stays so, the fault is the monitor's own: report it with this line"


def examine(
    examinations: Sequence[Examination], *, patience: timedelta = PATIENCE
) -> list[Checkup]:
    """A checkup of each, in the order given; each is asked as soon as those that it needs are well.

    What needs something that is broken is not asked: its answer would hide where the trouble is.
    """
    asking = _Asking(examinations, patience)
    while asking.goes_on():
        pass
    # Only now: what mends one thing may be known by what another said.
    return [_checkup(one, asking.found[one.name]) for one in examinations]


Finding = str | Unwell
"""How it is, in a sentence, when it is well; else what is wrong."""


class _Asking:
    """Examinations under way, side by side, until all are told or patience ends."""

    def __init__(self, examinations: Sequence[Examination], patience: timedelta) -> None:
        self.found: dict[str, Finding] = {}
        self._names = {one.name for one in examinations}
        self._waiting = list(examinations)
        self._under_way: dict[str, Examination] = {}
        self._arrived: Queue[tuple[str, Finding]] = Queue()
        self._late = f"no answer within {patience.total_seconds():.0f} s"
        self._end = time.monotonic() + patience.total_seconds()

    def goes_on(self) -> bool:
        """One step; False when nothing is left."""
        ready = [one for one in self._waiting if self.found.keys() >= self._needs(one)]
        self._waiting = [one for one in self._waiting if one not in ready]
        for one in ready:
            self._begin(one)
        if not ready and self._waiting and not self._under_way:
            names = ", ".join(one.name for one in self._waiting)
            raise ValueError(f"these wait for each other: {names}")
        if not ready and self._under_way:
            self._hear()
        return bool(self._waiting or self._under_way)

    def _needs(self, one: Examination) -> set[str]:
        return self._names.intersection(one.after)

    def _begin(self, one: Examination) -> None:
        held_up = _held_up(one, self.found)
        if held_up is not None:
            self.found[one.name] = held_up
            return
        self._under_way[one.name] = one
        # Daemons on purpose: one that hangs must not keep a process from ending.
        threading.Thread(target=_note, args=(one, self._arrived), daemon=True).start()

    def _hear(self) -> None:
        """The next that is told; when patience ends, all that are not told count as broken."""
        try:
            name, told = self._arrived.get(timeout=max(self._end - time.monotonic(), 0))
        except Empty:
            for name, one in self._under_way.items():
                self.found[name] = Unwell(self._late, mend=one.late)
            self._under_way.clear()
        else:
            self.found[name] = told
            del self._under_way[name]


def _held_up(one: Examination, known: dict[str, Finding]) -> Unwell | None:
    """Why it is not asked at all; None when nothing stands in its way."""
    for name in one.after:
        found = known.get(name)
        if isinstance(found, Unwell) and _verdict(found) is not Verdict.LACKING:
            return Untried(f"it needs {name} first")
    return None


def _note(one: Examination, arrived: "Queue[tuple[str, Finding]]") -> None:
    found: Finding
    try:
        found = one.ask()
    except Unwell as unwell:
        found = unwell
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this dependency's
        found = Unwell(f"{type(error).__name__}: {error}", mend=_ODD)
    arrived.put((one.name, found))


def _checkup(one: Examination, found: Finding) -> Checkup:
    if not isinstance(found, Unwell):
        return Checkup(name=one.name, verdict=Verdict.WELL, said=found)
    return Checkup(
        name=one.name,
        verdict=_verdict(found),
        said=" ".join(str(found).split()),
        breaks=one.breaks,
        mend=found.mend,
    )


def _verdict(unwell: Unwell) -> Verdict:
    if isinstance(unwell, Untried):
        return Verdict.UNTRIED
    return Verdict.LACKING if unwell.limps else Verdict.BROKEN
