"""A desk's minutes as a table: when something was told, and when it was kept quiet and why."""

from collections.abc import Iterable
from typing import Any

from shared.domain.maintenance import Window
from shared.domain.records import Insert
from shared.domain.times import Span
from shared.services.maintain import WINDOWS
from shared.services.passes import Pass
from tests.builders import Desk, at


def a_window(desk: Desk, first: float, end: float, **changes: Any) -> None:
    """Store a window over the minutes from `first` to `end`."""
    given = {"id": f"w-{first}-{end}", "by": "ana", "at": at(0), "once": Span(at(first), at(end))}
    window = Window(**{**given, **changes})
    desk.house.config.commit(WINDOWS, [Insert(window.id, window)])


def transcript(desk: Desk, first: int, end: int, *, every: int = 1) -> list[str]:
    """Tick and watch in [first, end), every so many minutes; what was told, and what was not.

    A line is `minute pass channel kind` or `minute pass quiet rule reason`.
    """
    lines: list[str] = []
    for minute in range(first, end, every):
        lines += _lines(desk, minute, "tick")
        lines += _lines(desk, minute, "watch")
    return lines


def _lines(desk: Desk, minute: int, kind: str) -> Iterable[str]:
    before = {name: len(desk.messages(name)) for name in desk.channels}
    done: Pass = getattr(desk, kind)(minute)
    for one in done.evaluation.suppressions:
        yield f"{minute} {kind} quiet {one.rule} {one.reason}"
    for name in desk.channels:
        for told in desk.told(name)[before[name] :]:
            yield f"{minute} {kind} {name} {told}"
