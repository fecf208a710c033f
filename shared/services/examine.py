"""Examines what the monitor depends on, each thing by asking it: what is wrong, what mends it."""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Sequence
from datetime import timedelta
from queue import Empty, Queue

from shared.domain.checkups import Checkup, Verdict
from shared.domain.errors import Untried, Unwell
from shared.ports import Examination

PATIENCE = timedelta(seconds=17)
"""For everything together, whatever hangs; longer than any one client's own time-outs."""
MOST_AT_ONCE = 64
"""A thread each; the app's own instance is small, and may watch hundreds of targets."""

_ODD = "ask again; if it stays so, the fault is the monitor's own: report it with this line"


def examine(
    examinations: Sequence[Examination], *, patience: timedelta = PATIENCE
) -> list[Checkup]:
    """A checkup of each, in the order given; each is asked as soon as those that it needs are well.

    What needs something that is broken is not asked: its answer would hide where the trouble is.
    """
    asking = _Asking(examinations, patience)
    asking.run()
    # Only now: what mends one thing may be known by what another said.
    return [_checkup(one, asking.found[one.name]) for one in examinations]


Finding = str | Unwell
"""How it is, in a sentence, when it is well; else what is wrong."""


class _Asking:
    """Examinations under way, side by side, until all are told or patience ends."""

    def __init__(self, examinations: Sequence[Examination], patience: timedelta) -> None:
        self.found: dict[str, Finding] = {}
        self._all = {one.name: one for one in examinations}
        self._needs = {one.name: {*one.after} & self._all.keys() for one in examinations}
        self._waited_for: dict[str, list[str]] = defaultdict(list)
        for name, needs in self._needs.items():
            for one in needs:
                self._waited_for[one].append(name)
        self._ready = deque(name for name, needs in self._needs.items() if not needs)
        self._under_way: set[str] = set()
        self._arrived: Queue[tuple[str, Finding]] = Queue()
        self._late = f"no answer within {patience.total_seconds():.0f} s"
        self._end = time.monotonic() + patience.total_seconds()

    def run(self) -> None:
        """Find something about each."""
        while self._ready or self._under_way:
            if self._ready and len(self._under_way) < MOST_AT_ONCE:
                self._begin(self._ready.popleft())
            else:
                self._hear()
        left = [name for name in self._all if name not in self.found]
        if left:
            raise ValueError(f"these wait for each other: {', '.join(left)}")

    def _begin(self, name: str) -> None:
        one = self._all[name]
        held_up = _held_up(one, self.found)
        if held_up is None and time.monotonic() >= self._end:
            held_up = Untried("there was no time left to ask it")
        if held_up is not None:
            self._settle(name, held_up)
            return
        self._under_way.add(name)
        # Daemons on purpose: one that hangs must not keep a process from ending.
        threading.Thread(target=_note, args=(one, self._arrived), daemon=True).start()

    def _hear(self) -> None:
        """The next that is told; when patience ends, all that are not told count as broken."""
        try:
            name, told = self._arrived.get(timeout=max(self._end - time.monotonic(), 0))
        except Empty:
            for late in sorted(self._under_way):
                self._settle(late, Unwell(self._late, mend=self._all[late].late))
            self._under_way.clear()
        else:
            self._under_way.remove(name)
            self._settle(name, told)

    def _settle(self, name: str, finding: Finding) -> None:
        """Those that needed nothing but this one are next."""
        self.found[name] = finding
        for one in self._waited_for[name]:
            self._needs[one] = self._needs[one] - {name}
            if not self._needs[one]:
                self._ready.append(one)


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
