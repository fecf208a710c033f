"""docs/advice.md: what is advised by which formula, and the advice about known culprits."""

import inspect
from collections.abc import Iterable, Mapping
from textwrap import wrap

from local.advice.ranking import is_right
from local.advice.scenes import CULPRITS, scene
from shared.domain.recommendations.loads import Load
from shared.domain.recommendations.registry import ADVISERS, Adviser, judge
from shared.domain.recommendations.values import HIGH_FROM, MEDIUM_FROM, Recommendation

SEED_OF: Mapping[str, int] = {"memory_leak": 7}
"""A seed whose scene has a deploy to name, where others have none."""
WIDTH = 100

INTRODUCTION = """\
# Advice

Made by `python -m local.make_docs` from `shared/domain/recommendations`.

After each inspection of the database, every six hours, the monitor judges the target by its figures
of the last day and week, by the inspection and by its deploys. It answers at
`GET advice?kind=dtu|memory` ([the API](api.md#advice)). It only reads: scripts are run by people.

**Rank and priority.** Each recommendation says by a formula of its own how urgent it is: which
share of what there is of a resource, or of people's time, following it would give back. The root
of that makes the rank (1 is the most urgent of 255, `1 + 254 (1 - √urgency)`); {high} and more is
high, {medium} and more medium. The client's own advice keeps the client's priority and stands, by
an urgency of 0.2 at most, behind whatever names a cause of some weight.

**Points.** `points(work)`: {points}

**What was said.** A recommendation is *new*, then *seen*, *done* or *dismissed*, as people say
(`PATCH advice/{{id}}`). What was dismissed stays so until it doubles. What was done is measured a
day later and from then on at each look ("IO of query 42 −31 % since it was done on 2026-11-24");
when it is found again and less than a fifth is gone, it is said again. What is not found any more
leaves the list, and is forgotten after 120 days; what could not be looked for, because the
database did not answer that part of the inspection, stands for a day.

**How it is proven.** In 20 random databases for each of these culprits, among four decoys that each
look worse in some figure, the right advice has to come first in 19 at least, and 20 calm weeks with
six decoys each are told nothing above low: `python -m local.advice.ranking`, and `make test-slow`.
"""


def advice_page() -> str:
    """The page."""
    points = " ".join((inspect.getdoc(Load.points) or "").split())
    introduction = INTRODUCTION.format(high=HIGH_FROM, medium=MEDIUM_FROM, points=points)
    return "\n".join(
        [
            introduction,
            "## What is advised",
            "",
            "| advice | when, and how urgent |",
            "|---|---|",
            *map(_row, ADVISERS),
            "",
            "## Culprits",
            "",
            "The first advice about one database of each kind; names and sizes are random.",
            "",
            *(line for name in CULPRITS for line in _culprit(name)),
        ]
    )


def _row(adviser: Adviser) -> str:
    told = " ".join((inspect.getdoc(adviser) or "").split())
    plain = told.replace("load.points(", "points(").replace("|", "\\|")
    return f"| {adviser.__name__.replace('_', ' ')} | {plain} |"


def _culprit(name: str) -> Iterable[str]:
    made, subject = scene(name, SEED_OF.get(name, 1))
    advised = judge(made.situation())
    place = next(i for i, one in enumerate(advised) if is_right(one, name, subject))
    yield f"### {name.replace('_', ' ').capitalize()}"
    yield ""
    yield from _quoted(advised[place])
    yield ""
    others = ", ".join(f"{one.kind.replace('_', ' ')} ({one.rank})" for one in advised[1:])
    yield f"Behind it: {others or 'nothing'}."
    yield ""


def _quoted(one: Recommendation) -> Iterable[str]:
    saves = f", saves {one.estimate.value:g} {one.estimate.unit}" if one.estimate else ""
    yield f"> **{one.title}** — {one.priority}, rank {one.rank}, confidence {one.confidence}{saves}"
    yield ">"
    yield from (f"> {line}" for line in wrap(one.description, WIDTH))
    yield ">"
    yield from (f"> - {action}" for action in one.actions)
    yield ">"
    yield f"> {'; '.join(f'{fact.label}: {fact.value}' for fact in one.evidence)}"
    parts = {"the query": one.statement, "the script": one.script, "its reversal": one.reversal}
    if any(parts.values()):
        yield ">"
        yield "> ```sql"
        for name, text in parts.items():
            yield from (f"> -- {name}", f"> {text}") if text else ()
        yield "> ```"
