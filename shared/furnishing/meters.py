"""Who counts what the monitor itself uses."""

from collections.abc import Callable
from typing import Any

from shared.ports import Meter
from shared.settings import Settings


def meter(given: Settings, identity: Callable[[], Any]) -> Meter | None:
    """Counts what the monitor uses; None when no setting says where."""
    own = (given.own_app, given.own_storage, given.own_workspace)
    if not any(own):
        return None
    from shared.adapters.usage import AzureUsage, Places  # noqa: PLC0415 - SDK import

    return AzureUsage(
        lambda scope: str(identity().get_token(scope).token),
        Places(*own),
        endpoint=given.monitor_endpoint,
        logs_endpoint=given.logs_endpoint,
    )
