"""Examines what the monitor depends on, each thing by asking it: what is wrong, what mends it."""

import threading
import time
from collections.abc import Sequence
from datetime import timedelta

from shared.domain.checkups import Checkup, Verdict
from shared.domain.errors import Untried, Unwell
from shared.ports import Examination

PATIENCE = timedelta(seconds=15)
"""For everything that is asked side by side; longer than any client's own time-outs."""


def examine(
    examinations: Sequence[Examination], *, patience: timedelta = PATIENCE
) -> list[Checkup]:
    """A checkup of each, in the order given; those that need others come after them.

    What needs something that is broken is not asked: its answer would hide where the trouble is.
    """
    found: dict[str, Checkup] = {}
    left = list(examinations)
    names = {one.name for one in examinations}
    while left:
        ready = [one for one in left if found.keys() >= names.intersection(one.after)]
        if not ready:
            raise ValueError(f"these wait for each other: {', '.join(one.name for one in left)}")
        left = [one for one in left if one not in ready]
        found |= _side_by_side(ready, found, patience)
    return [found[one.name] for one in examinations]


def _side_by_side(
    ready: Sequence[Examination], known: dict[str, Checkup], patience: timedelta
) -> dict[str, Checkup]:
    held_up = {one.name: _held_up(one, known) for one in ready}
    asked = [one for one in ready if held_up[one.name] is None]
    found: dict[str, Checkup] = {}
    # Daemons on purpose: one that hangs must not keep a process from ending.
    threads = [threading.Thread(target=_note, args=(one, found), daemon=True) for one in asked]
    end = time.monotonic() + patience.total_seconds()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(end - time.monotonic(), 0))
    arrived = dict(found)
    late = f"no answer within {patience.total_seconds():.0f} s"
    return {
        one.name: held_up[one.name] or arrived.get(one.name) or _judged(one, Unwell(late))
        for one in ready
    }


def _held_up(one: Examination, known: dict[str, Checkup]) -> Checkup | None:
    """Why it is not asked at all; None when nothing stands in its way."""
    for name in one.after:
        if name in known and known[name].verdict in (Verdict.BROKEN, Verdict.UNTRIED):
            return _judged(one, Untried(f"it needs {name} first"))
    return None


def _note(one: Examination, found: dict[str, Checkup]) -> None:
    try:
        found[one.name] = Checkup(name=one.name, verdict=Verdict.WELL, said=one.ask())
    except Unwell as unwell:
        found[one.name] = _judged(one, unwell)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this dependency's
        found[one.name] = _judged(one, Unwell(f"{type(error).__name__}: {error}"))


def _judged(one: Examination, unwell: Unwell) -> Checkup:
    return Checkup(
        name=one.name,
        verdict=_verdict(unwell),
        said=str(unwell),
        breaks=one.breaks,
        mend=unwell.mend,
    )


def _verdict(unwell: Unwell) -> Verdict:
    if isinstance(unwell, Untried):
        return Verdict.UNTRIED
    return Verdict.LACKING if unwell.limps else Verdict.BROKEN
