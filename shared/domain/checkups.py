"""What an examination of the monitor's own dependencies found."""

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct


class Verdict(StrEnum):
    """How a dependency is."""

    WELL = "well"
    LACKING = "lacking"  # it works, and something optional is missing
    BROKEN = "broken"
    UNTRIED = "untried"  # nothing can be said: what it needs is broken, or asking would cost


class Checkup(Struct, frozen=True, kw_only=True):
    """One dependency as it was found.

    `said`: how it is, in a sentence. `breaks`: what the monitor can't do without it. `mend`: the
    command that helps, or what else to do; both are empty when it is well.
    """

    name: str
    verdict: Verdict
    said: str
    breaks: str = ""
    mend: str = ""


def is_fit(checkups: Iterable[Checkup]) -> bool:
    """Whether nothing is broken; what lacks something is told and stops nobody."""
    return all(one.verdict is not Verdict.BROKEN for one in checkups)
