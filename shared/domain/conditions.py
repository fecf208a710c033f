"""When is a value bad? One class per condition; adding a class here adds a condition."""

from abc import ABC, abstractmethod
from typing import ClassVar

from shared.domain.errors import InvalidRule
from shared.domain.samples import Cell, Gap


class Condition(ABC):
    """A test of one cell against a threshold."""

    name: ClassVar[str]
    sign: ClassVar[str]
    takes_threshold: ClassVar[bool] = True
    takes_clear_threshold: ClassVar[bool] = True

    @abstractmethod
    def is_bad(self, value: float, threshold: float) -> bool:
        """Whether `value` breaches `threshold`."""

    def judge(self, cell: Cell, threshold: float) -> bool | Gap:
        """True for bad, False for ok, or the gap when the cell can't be judged."""
        return cell if isinstance(cell, Gap) else self.is_bad(cell, threshold)

    def clears(self, clear_threshold: float, threshold: float) -> bool:
        """Whether `clear_threshold` lies strictly on the ok side of `threshold`."""
        return not self.is_bad(clear_threshold, threshold) and clear_threshold != threshold


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
    )
}


def condition_named(name: str) -> Condition:
    """The condition of that name; raises InvalidRule that lists them all."""
    try:
        return CONDITIONS[name]
    except KeyError:
        known = ", ".join(CONDITIONS)
        raise InvalidRule(f"there is no condition {name!r}; the conditions are {known}") from None
