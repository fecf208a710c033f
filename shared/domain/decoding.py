"""Read typed values from JSON, in whatever thread.

msgspec works out what a type is made of when it meets it first, and takes a Struct for known before
that is finished: a thread that meets it meanwhile reads what is not there, and the process is gone.
Sources are read side by side, so types are learned here, one at a time (docs/adr/026).
"""

from threading import RLock
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_learning = RLock()
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    """What decodes JSON to a `kind`; one for all who ask."""
    known = _decoders.get(kind)
    if known is None:
        with _learning:
            known = _decoders.setdefault(kind, msgspec.json.Decoder(kind))
    return known


def decode(text: bytes | str, kind: type[T]) -> T:
    """A `kind` from JSON; raises msgspec.MsgspecError for anything else."""
    return decoder(kind).decode(text)


def convert(given: object, kind: type[T]) -> T:
    """A `kind` from plain values as JSON has them; raises msgspec.ValidationError."""
    decoder(kind)
    return msgspec.convert(given, kind)
