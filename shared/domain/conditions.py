"""When is a value bad? One class per condition; adding a class here adds a condition."""

import math
from abc import ABC, abstractmethod
from typing import ClassVar

from msgspec import Struct

from shared.domain.errors import InvalidRule
from shared.domain.samples import Cell, Gap, Outlook


class Windows(Struct, frozen=True):
    """How many minutes a condition may look back on, and how many it does by itself."""

    shortest: int
    longest: int
    default: int


class Condition(ABC):
    """A test of one cell against a threshold.

    `windows`: for one that is judged over several minutes; its cell is then what `watching` makes
    of them. `fits_composites`: whether it may stand in `any` and `all`.
    """

    name: ClassVar[str]
    sign: ClassVar[str]
    takes_threshold: ClassVar[bool] = True
    takes_clear_threshold: ClassVar[bool] = True
    windows: ClassVar[Windows | None] = None
    takes_hours: ClassVar[bool] = False
    fits_composites: ClassVar[bool] = True

    @abstractmethod
    def is_bad(self, value: float, threshold: float) -> bool:
        """Whether `value` breaches `threshold`."""

    def judge(self, cell: Cell, threshold: float) -> bool | Gap:
        """True for bad, False for ok, or the gap when the cell can't be judged."""
        if isinstance(cell, Gap):
            return cell
        return self.is_bad(cell.value if isinstance(cell, Outlook) else cell, threshold)

    def clears(self, clear_threshold: float, threshold: float) -> bool:
        """Whether `clear_threshold` lies strictly on the ok side of `threshold`."""
        return not self.is_bad(clear_threshold, threshold) and clear_threshold != threshold

    def clear_side(self, threshold: float) -> str:
        """Where a `clear_threshold` must lie, in words."""
        side = "below" if self.is_bad(math.inf, threshold) else "above"
        return f"strictly {side} the threshold {threshold:g}"


class GreaterThan(Condition):
    """Bad while value > threshold."""

    name = "greater_than"
    sign = ">"

    def is_bad(self, value: float, threshold: float) -> bool:
        return value > threshold


class LessThan(Condition):
    """Bad while value < threshold."""

    name = "less_than"
    sign = "<"

    def is_bad(self, value: float, threshold: float) -> bool:
        return value < threshold


class GreaterOrEqual(Condition):
    """Bad while value ≥ threshold."""

    name = "greater_or_equal"
    sign = "≥"

    def is_bad(self, value: float, threshold: float) -> bool:
        return value >= threshold


class LessOrEqual(Condition):
    """Bad while value ≤ threshold."""

    name = "less_or_equal"
    sign = "≤"

    def is_bad(self, value: float, threshold: float) -> bool:
        return value <= threshold


class Equals(Condition):
    """Bad while value = threshold."""

    name = "equals"
    sign = "="
    takes_clear_threshold = False

    def is_bad(self, value: float, threshold: float) -> bool:
        return value == threshold


class NotEquals(Condition):
    """Bad while value ≠ threshold."""

    name = "not_equals"
    sign = "≠"
    takes_clear_threshold = False

    def is_bad(self, value: float, threshold: float) -> bool:
        return value != threshold


class Absent(Condition):
    """No sample in a covered minute; an empty minute is not absent, the source did speak."""

    name = "absent"
    sign = "is absent"
    takes_threshold = False
    takes_clear_threshold = False

    def is_bad(self, value: float, threshold: float) -> bool:  # noqa: ARG002 - a value is never absent
        return False

    def judge(self, cell: Cell, threshold: float) -> bool | Gap:  # noqa: ARG002 - needs none
        return cell is Gap.MISSING


class RateOfChange(Condition):
    """Bad while it changes faster than `threshold` per minute, in the direction of its sign.

    The cell is the slope, per minute, of `slopes.Trend` over the window.
    """

    name = "rate_of_change"
    sign = "changing by more than"
    windows = Windows(shortest=2, longest=360, default=5)

    def is_bad(self, value: float, threshold: float) -> bool:
        return value > threshold if threshold > 0 else value < threshold

    def clears(self, clear_threshold: float, threshold: float) -> bool:
        """Between 0 and the threshold: on the other side of 0 the direction would turn."""
        return abs(clear_threshold) < abs(threshold) and clear_threshold * threshold > 0

    def clear_side(self, threshold: float) -> str:
        return f"strictly between 0 and the threshold {threshold:g}"


class Forecast(Condition):
    """Bad while the metric is foreseen to reach `threshold` within the rule's `withinHours`.

    The cell is an Outlook, which `watching` takes from `slopes.Trend` over the window.
    """

    name = "forecast"
    sign = "reaches"
    takes_clear_threshold = False
    windows = Windows(shortest=30, longest=10080, default=180)
    takes_hours = True
    fits_composites = False

    def is_bad(self, value: float, threshold: float) -> bool:  # noqa: ARG002 - it is the trend's to say
        return False

    def judge(self, cell: Cell, threshold: float) -> bool | Gap:
        """Whether the outlook names an hour; a figure alone foresees nothing."""
        if isinstance(cell, Outlook):
            return cell.hours is not None
        return super().judge(cell, threshold)


class Anomaly(Condition):
    """Bad while a detector's score of the minute, 0–1, is above `threshold`.

    It reads the column `Metric.score`, which is written when the minute is covered.
    """

    name = "anomaly"
    sign = "above"
    fits_composites = False

    def is_bad(self, value: float, threshold: float) -> bool:
        return value > threshold


CONDITIONS: dict[str, Condition] = {
    condition.name: condition()
    for condition in (
        GreaterThan,
        LessThan,
        Equals,
        NotEquals,
        GreaterOrEqual,
        LessOrEqual,
        Absent,
        RateOfChange,
        Forecast,
        Anomaly,
    )
}


def condition_named(name: str) -> Condition:
    """The condition of that name; raises InvalidRule that lists them all."""
    try:
        return CONDITIONS[name]
    except KeyError:
        known = ", ".join(CONDITIONS)
        raise InvalidRule(f"there is no condition {name!r}; the conditions are {known}") from None
