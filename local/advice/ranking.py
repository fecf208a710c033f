"""Ranks the culprit's advice among all that is advised: `python -m local.advice.ranking`."""

import argparse
import sys
from collections.abc import Callable, Sequence

from msgspec import Struct

from local.advice.scenes import CULPRITS, KIND_OF, calm, scene
from shared.domain.recommendations.registry import judge
from shared.domain.recommendations.values import Priority, Recommendation

SEEDS = 20
ENOUGH = 0.95


class Place(Struct, frozen=True):
    """Where the right advice stood: 1 is first, 0 is nowhere; `first`: what stood there."""

    place: int
    rank: int
    of: int
    first: str


def place_of(name: str, seed: int) -> Place:
    """The place of the advice of the right kind that names the culprit."""
    made, subject = scene(name, seed)
    advised = judge(made.situation())
    right = [i for i, one in enumerate(advised) if is_right(one, name, subject)]
    first = f"{advised[0].kind}: {advised[0].title}" if advised else "nothing"
    if not right:
        return Place(0, 0, len(advised), first)
    return Place(right[0] + 1, advised[right[0]].rank, len(advised), first)


def is_right(one: Recommendation, name: str, subject: str) -> bool:
    """Whether that is the advice about the culprit."""
    return one.kind == KIND_OF.get(name, name) and subject in said(one)


def said(one: Recommendation) -> str:
    """All that it says."""
    return " ".join((one.title, one.description, one.statement or "", one.script or ""))


def alarms(seed: int, day: int) -> list[Recommendation]:
    """What is advised above low in a calm week."""
    advised = judge(calm(seed, day).situation())
    return [one for one in advised if one.priority is not Priority.LOW]


def run(say: Callable[[str], None], seeds: int = SEEDS) -> bool:
    """A line for each culprit; whether each came first in 19 of 20, and calm weeks were calm."""
    ok = True
    for name in CULPRITS:
        places = [place_of(name, seed) for seed in range(seeds)]
        first = sum(one.place == 1 for one in places)
        ranks = sorted(one.rank for one in places)
        say(f"{name:16} first in {first} of {seeds}, ranks {ranks[0]} to {ranks[-1]}")
        for one in places:
            if one.place != 1:
                say(f"  place {one.place}, behind {one.first}")
        ok &= first >= ENOUGH * seeds
    loud = [one.title for seed in range(seeds) for day in range(7) for one in alarms(seed, day)]
    say(f"{seeds} calm weeks: {len(loud)} above low {loud or ''}")
    return ok and not loud


def main(arguments: Sequence[str] | None = None) -> None:
    """Exit with 1 when a culprit came first too seldom or a calm week was not calm."""
    parser = argparse.ArgumentParser(prog="python -m local.advice.ranking", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"default: {SEEDS}")
    sys.exit(0 if run(print, parser.parse_args(arguments).seeds) else 1)


if __name__ == "__main__":
    main()
