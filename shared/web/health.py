"""GET health: is the app alive, and can it tell anybody? No secrets, no authentication.

With `deep=1` an admin has everything asked that the monitor depends on, which takes seconds.
"""

from collections.abc import Callable, Sequence
from typing import Annotated

import azure.functions as func
from msgspec import Meta, Struct

from shared.domain.checkups import Checkup, is_fit
from shared.web.asking import query
from shared.web.auth import Role, demand
from shared.web.doors import Door, Office, Reply, Visit, answered


class HealthQuery(Struct, frozen=True):
    """`deep`: 1 has every dependency asked, for admins alone."""

    deep: Annotated[int, Meta(ge=0, le=1)] = 0


class Health(Struct, frozen=True, omit_defaults=True):
    """`status` is ok or degraded; each warning is a sentence for whoever runs the monitor.

    `checkups`: how each dependency is; only of a deep look.
    """

    status: str
    warnings: list[str]
    checkups: Sequence[Checkup] | None = None


HEALTH = Door(
    name="health",
    says="is the app alive, and can it tell anybody? deep=1, for admins: every dependency",
    query=HealthQuery,
    data=Health,
    exactly=(200, 304, 400, 401, 403, 500, 503),
)
HEAD = Door(
    name="health",
    says="the same without a body, for probes that ask so",
    method="HEAD",
    query=HealthQuery,
    exactly=(200, 400, 401, 403, 500, 503),
)


def health(
    request: func.HttpRequest,
    problems: Callable[[], list[str]],
    open_office: Callable[[], Office],
    checkups: Callable[[], Sequence[Checkup]],
) -> func.HttpResponse:
    """200 however it is: the app is alive, and what it lacks is in the answer, if it has a body."""

    def attend(visit: Visit) -> Reply:
        if not query(request, HealthQuery).deep:
            return _health(problems())
        visit.principal = open_office().gate.admit(request.headers)
        demand(visit.principal, Role.ADMIN)
        return _health(problems(), checkups())

    answer = answered(request, HEALTH.name, attend)
    return _bodiless(answer) if request.method == HEAD.method else answer


def _bodiless(answer: func.HttpResponse) -> func.HttpResponse:
    headers = dict(answer.headers)
    return func.HttpResponse(
        b"", status_code=answer.status_code, headers=headers, mimetype=answer.mimetype
    )


def _health(problems: list[str], checkups: Sequence[Checkup] | None = None) -> Reply:
    is_well = not problems and is_fit(checkups or ())
    return Reply(Health("ok" if is_well else "degraded", problems, checkups))
