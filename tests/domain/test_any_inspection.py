"""Whatever a database's views show, judging it answers, within the bounds that it promises."""

from random import Random
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from shared.domain.inspections import Inspection
from shared.domain.recommendations.general import dearest_queries
from shared.domain.recommendations.registry import judge
from shared.domain.recommendations.situations import Situation
from tests.domain.advising import NOW, a_situation, ago

CASES = 80
PLAIN: dict[Any, tuple[Any, ...]] = {
    bool: (True, False),
    int: (0, 1, 5, 1_000, 2**40),
    float: (0.0, 0.5, 99.0, 1e12),
    str: (
        "dbo.Visit",
        "Visit",
        "Status",
        "",
        "a]b",
        "x.y.z",
        "NONCLUSTERED",
        "SELECT Status FROM Visit WHERE ?",
    ),
}


def anything(kind: Any, chance: Random) -> Any:
    """A value of a field's type, the odd ones among them."""
    if kind in PLAIN:
        return chance.choice(PLAIN[kind])
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        hints = get_type_hints(kind)
        return kind(**{name: anything(hint, chance) for name, hint in hints.items()})
    if get_origin(kind) is tuple:
        return tuple(anything(get_args(kind)[0], chance) for _ in range(chance.randint(0, 4)))
    if get_origin(kind) is dict:
        return {}
    known = [one for one in get_args(kind) if one is not type(None)]
    if known:
        return anything(known[0], chance) if chance.random() < 0.8 else None
    return chance.choice([NOW, ago(days=20)])


def test_judging_never_breaks() -> None:
    kinds = set()
    for seed in range(CASES):
        chance = Random(seed)
        dtu = chance.choice([0.0, 40.0, 99.0])
        figures = a_situation(day={"dtuCpu": dtu, "dtuDataIo": dtu, "dtuUtilization": dtu})
        inspection = anything(Inspection, chance)
        situation = Situation(now=NOW, day=figures.day, week={}, inspection=inspection)
        advised = judge(situation)

        kinds |= {one.kind for one in advised}
        assert len({one.id for one in advised}) == len(advised)
        assert [one.rank for one in advised] == sorted(one.rank for one in advised)
        for one in advised:
            assert 1 <= one.rank <= 255
            assert msgspec.json.decode(msgspec.json.encode(one), type=type(one)) == one
            assert one.estimate is None or one.estimate.value <= 100
        assert len(dearest_queries(situation)) <= 10
    assert {"bad_query", "plan_regression", "blocking_chain", "missing_index"} <= kinds
