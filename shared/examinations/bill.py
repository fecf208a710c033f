"""What the monitor costs: whether what it uses of each of its own resources may be counted."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from shared.adapters.checkups import mends
from shared.examinations.rounds import IDENTITY, Round
from shared.furnishing.meters import meter
from shared.ports import Examination
from shared.services import vitals

COUNTED = {
    "own_app": ("executions", "Monitoring Reader"),
    "own_storage": ("transactions", "Monitoring Reader"),
    "own_workspace": ("log bytes", "Log Analytics Reader"),
}
"""By the setting's field: what is counted there, and the role that it takes."""


def bill(on: Round) -> Iterator[Examination]:
    """Each resource by itself, as each has a role of its own; none that no setting names."""
    for name, (what, role) in COUNTED.items():
        others: dict[str, Any] = {other: "" for other in COUNTED if other != name}
        counter = meter(replace(on.given, **others), on.credential)
        if counter is not None:
            place = str(getattr(on.given, name))
            scope = mends.workspace_scope(place) if name == "own_workspace" else place
            yield Examination(
                name=f"counting {what}",
                breaks=f"optional: reports do not tell what {what} cost",
                ask=partial(
                    vitals.count_use, counter, mend=partial(_mend, on, role, scope), now=on.now
                ),
                after=IDENTITY,
            )


def _mend(on: Round, role: str, scope: str, problem: str) -> str:
    if " 403" in problem:
        return mends.grant_role(role, scope, on.who.identity)
    if " 404" in problem:
        return "az resource list --output table   # which ids there are"
    return mends.NOTHING
