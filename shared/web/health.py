"""GET health: is the app alive, and can it tell anybody? No secrets, no authentication."""

import azure.functions as func
from msgspec import Struct

from shared.web.answers import success


class Health(Struct, frozen=True):
    """`status` is ok or degraded; each warning is a sentence for whoever runs the monitor."""

    status: str
    warnings: list[str]


def health(problems: list[str]) -> func.HttpResponse:
    """200 either way: the app is alive, and what it lacks is in the answer."""
    return success(Health("degraded" if problems else "ok", problems))
