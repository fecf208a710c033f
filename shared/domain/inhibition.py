"""Which rules are to be judged before which: those that inhibit first, so that nobody waits.

An inhibitor that is not there, or that (over others) inhibits itself, holds nobody up.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from graphlib import CycleError, TopologicalSorter


def in_waves(inhibitors: Mapping[str, Collection[str]]) -> list[list[str]]:
    """The rules in waves: all inhibitors of a rule are in waves before its own.

    `inhibitors`: the rules that inhibit each rule. Rules of a circle come together, last.
    """
    sorter, waves = _sorter(inhibitors), list[list[str]]()
    with suppress(CycleError):
        sorter.prepare()
    while ready := sorter.get_ready():
        waves.append([rule for rule in inhibitors if rule in ready])
        sorter.done(*ready)
    sorted_ = {rule for wave in waves for rule in wave}
    left = [rule for rule in inhibitors if rule not in sorted_]
    return [*waves, left] if left else waves


def circle(inhibitors: Mapping[str, Collection[str]]) -> list[str]:
    """Rules that inhibit each other in a circle, the first one again at the end; or none."""
    try:
        _sorter(inhibitors).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def _sorter(inhibitors: Mapping[str, Collection[str]]) -> TopologicalSorter[str]:
    known = {rule: [one for one in by if one in inhibitors] for rule, by in inhibitors.items()}
    return TopologicalSorter(known)
