"""GET health: is the app alive, and can it tell anybody? No secrets, no authentication."""

from collections.abc import Callable

import azure.functions as func
from msgspec import Struct

from shared.web.doors import Door, Reply, answered


class Health(Struct, frozen=True):
    """`status` is ok or degraded; each warning is a sentence for whoever runs the monitor."""

    status: str
    warnings: list[str]


HEALTH = Door(
    name="health",
    says="is the app alive, and can it tell anybody?",
    data=Health,
    exactly=(200, 304, 500),
)


def health(request: func.HttpRequest, problems: Callable[[], list[str]]) -> func.HttpResponse:
    """200 either way: the app is alive, and what it lacks is in the answer."""
    return answered(request, HEALTH.name, lambda _: _health(problems()))


def _health(problems: list[str]) -> Reply:
    return Reply(Health("degraded" if problems else "ok", problems))
