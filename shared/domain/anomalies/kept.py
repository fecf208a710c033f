"""How detectors are kept: a few kilobytes of bytes each, all of a target's in one row.

A detector that is read again is the one that was written: every number keeps all its digits.
"""

import struct
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from msgspec import Struct, field

from shared.domain.anomalies.detectors import HOURS, Detector, Habit
from shared.domain.anomalies.ranks import LENGTH, Numbers, history_of, numbers

_HEAD = struct.Struct("<B3q4d2H")
_HABIT = struct.Struct("<3d")
_PLACES = 2 * HOURS
_FORM = 1
_NEW = -1.0
"""In place of how much a habit has seen: there is none yet."""


class KeptDetectors(Struct, frozen=True, kw_only=True):
    """A target's detectors by the column that they judge, packed; `etag` is the stored row's."""

    packed: Mapping[str, bytes] = field(default_factory=dict)
    etag: str | None = None


def pack(detector: Detector) -> bytes:
    """A detector as bytes, at most 9,300 of them."""
    values, residuals = detector.values.newest, detector.residuals.newest
    head = _HEAD.pack(
        _FORM,
        *(_seconds(at) for at in (detector.began, detector.seen, detector.kept_at)),
        detector.level,
        detector.deviation,
        detector.residual,
        detector.peak,
        len(values),
        len(residuals),
    )
    habits = b"".join(map(_packed, detector.habits))
    return head + habits + _bytes(values + residuals)


def unpack(packed: bytes) -> Detector:
    """The detector in the bytes; raises ValueError for any that are not one."""
    try:
        form, began, seen, kept, level, deviation, residual, peak, *counts = _HEAD.unpack_from(
            packed
        )
        if form != _FORM or max(counts) > LENGTH:
            raise ValueError(f"form {form} with {counts} numbers is not known")
        known = _numbers(packed[_HEAD.size + _PLACES * _HABIT.size :], sum(counts))
        return Detector(
            began=_moment(began),
            seen=_moment(seen),
            kept_at=_moment(kept),
            level=level,
            deviation=deviation,
            residual=residual,
            peak=peak,
            habits=tuple(_habits(packed)),
            values=history_of(known[: counts[0]]),
            residuals=history_of(known[counts[0] :]),
        )
    except (struct.error, OverflowError, OSError) as error:
        raise ValueError(f"not a detector: {error}") from error


def _bytes(given: Numbers) -> bytes:
    """Little-endian, whatever the machine is."""
    if sys.byteorder == "big":
        given = given[:]
        given.byteswap()
    return given.tobytes()


def _numbers(packed: bytes, count: int) -> Numbers:
    """So many numbers, no more and no less; raises ValueError."""
    found = numbers()
    found.frombytes(packed)
    if len(found) != count:
        raise ValueError(f"not a detector: {len(found)} numbers in place of {count}")
    if sys.byteorder == "big":
        found.byteswap()
    return found


def _packed(habit: Habit | None) -> bytes:
    if habit is None:
        return _HABIT.pack(0.0, 0.0, _NEW)
    return _HABIT.pack(habit.mean, habit.deviation, habit.seen)


def _habits(packed: bytes) -> Iterator[Habit | None]:
    for place in range(_PLACES):
        mean, deviation, seen = _HABIT.unpack_from(packed, _HEAD.size + place * _HABIT.size)
        yield None if seen == _NEW else Habit(mean, deviation, seen)


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
