"""What hypothesis draws: rules of every shape, and series in which something happens."""

import os
from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from shared.domain.rules import Action, ActionType, Rule
from tests.domain import reference
from tests.domain.builders import a_rule

Said = float | str

STEADY = {
    "derandomize": True,
    "deadline": None,
    "database": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}


def cases(count: int) -> settings:
    """The same `count` examples in every run.

    Where thousands of runs are to come, `MOST_CASES` are enough, and nobody looks for the simplest
    one that fails.
    """
    most = os.environ.get("MOST_CASES")
    if most is None:
        return settings(max_examples=count, **STEADY)  # type: ignore[arg-type]
    phases = (Phase.explicit, Phase.generate)
    return settings(max_examples=min(count, int(most)), phases=phases, **STEADY)  # type: ignore[arg-type]


BOSS = Action(ActionType.SMS, "+15555550100")


@dataclass(frozen=True)
class Pair:
    """One rule as the code and as the reference know it."""

    ours: Rule
    theirs: reference.Rule


def pair(**shape: Any) -> Pair:
    """Both forms of a rule; `shape` has the reference's field names."""
    theirs = reference.Rule(**shape)
    ours = a_rule(
        condition=theirs.condition,
        threshold=theirs.threshold,
        duration=theirs.duration,
        keep_firing=theirs.keep,
        clear_threshold=theirs.clear,
        repeat_every=theirs.repeat,
        escalate_after=theirs.escalate,
        escalate_to=(BOSS,),
    )
    return Pair(ours, theirs)


THRESHOLDS = st.integers(2, 4).map(float)
SIGNS = ("greater_than", "greater_or_equal", "less_than", "less_or_equal")


@st.composite
def rules(
    draw: st.DrawFn, *, most_minutes: int = 4, repeat: int = 240, escalate: int | None = None
) -> Pair:
    """A rule with any condition, often with a clear threshold, and short clocks."""
    condition = draw(st.sampled_from([*reference.COMPARE, "absent"]))
    threshold = draw(THRESHOLDS)
    clear = None
    if condition in SIGNS and draw(st.booleans()):
        away = draw(st.sampled_from([0.5, 1.0, 2.0]))
        clear = threshold - away if condition.startswith("greater") else threshold + away
    return pair(
        condition=condition,
        threshold=threshold,
        duration=draw(st.integers(0, most_minutes)),
        keep=draw(st.integers(0, most_minutes)),
        clear=clear,
        repeat=repeat,
        escalate=escalate,
    )


VALUES = st.integers(0, 6).map(float)
CELLS = st.one_of(VALUES, VALUES, st.just("missing"), st.just("empty"))
LENGTHS = (1, 1, 1, 2, 3, 5, 15, 16, 17)
RUNS = st.lists(st.tuples(CELLS, st.sampled_from(LENGTHS)), min_size=1, max_size=14)
SEEDS = st.integers(0, 2**32 - 1)


def series() -> st.SearchStrategy[list[Said]]:
    """Runs of equal cells; only long runs of empty minutes are told from missing ones.

    Half are drawn cell by cell, which shrinks well, half by a seed, which varies more.
    """
    drawn = RUNS.map(lambda runs: [cell for cell, length in runs for _ in range(length)][:90])
    return st.one_of(drawn, SEEDS.map(_random_series))


def _random_series(seed: int) -> list[Said]:
    random, cells = Random(seed), list[Said]()
    for _ in range(random.randint(5, 25)):
        value = float(random.randint(0, 6))
        choice: list[Said] = [value, value, value, "missing", "missing", "empty"]
        cell = random.choice(choice)
        lengths = LENGTHS if cell == "empty" else LENGTHS[:6]
        cells += [cell] * random.choice(lengths)
    return cells[:90]


def sparse(seed: int) -> list[float | None]:
    """Two or three hours with a sample now and then."""
    random = Random(seed)
    rate = random.choice([0.02, 0.1, 0.3])
    return [
        float(random.randint(0, 9)) if random.random() < rate else None
        for _ in range(random.randint(70, 190))
    ]


def busy() -> st.SearchStrategy[list[Said]]:
    """Minutes without any calm, for many episodes in one catch-up."""
    return st.lists(VALUES, min_size=40, max_size=90)


@st.composite
def pieces(draw: st.DrawFn, length: int) -> list[int]:
    """Where a run of minutes is cut: increasing ends, the last one `length`."""
    cuts = draw(st.sets(st.integers(1, max(length - 1, 1)), max_size=6))
    return sorted({cut for cut in cuts if cut < length} | {length})
