"""Waiting that can be cut short."""

import asyncio
from datetime import timedelta


async def set_within(event: asyncio.Event, span: timedelta) -> bool:
    """Wait until the event is set, `span` at most; whether it was."""
    try:
        await asyncio.wait_for(event.wait(), span.total_seconds())
    except TimeoutError:
        return False
    return True
