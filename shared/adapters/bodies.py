"""The body of an answer that should be JSON, and may be anything."""

from typing import Any

import msgspec


def json_object(body: bytes) -> dict[str, Any]:
    """The object in it; empty when it holds none, or can't be read."""
    try:
        found: Any = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
