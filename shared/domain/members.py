"""What a rule asks about one metric; a composite rule has several, and each is checked alike."""

import math
from collections.abc import Iterable

from msgspec import Struct

from shared.domain.conditions import CONDITIONS, Condition, condition_named
from shared.domain.errors import InvalidInput, InvalidRule
from shared.domain.metrics import Better, Catalog, Metric

MOST_HOURS = 720


class Member(
    Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """One condition on one metric.

    `window`: the minutes that it looks back on, for conditions over several. `within_hours`: how
    far a forecast looks ahead.
    """

    metric: str
    condition: str
    threshold: float | None = None
    window: int | None = None
    within_hours: float | None = None

    @property
    def minutes(self) -> int:
        """How many minutes it is judged over; 1 for a condition on the minute alone."""
        windows = CONDITIONS[self.condition].windows if self.condition in CONDITIONS else None
        return 1 if windows is None else self.window or windows.default


def member_problems(member: Member, catalog: Catalog) -> Iterable[str]:
    """A sentence for everything that is wrong with it."""
    metric: Metric | None = None
    try:
        metric = catalog.metric(member.metric)
    except InvalidInput as error:
        yield str(error)
    try:
        condition = condition_named(member.condition)
    except InvalidRule as error:
        yield str(error)
        return
    yield from _threshold_problems(member, condition)
    yield from _window_problems(member, condition)
    yield from _hours_problems(member, condition)
    if metric is not None:
        yield from _fitting_problems(member, metric)


def _threshold_problems(member: Member, condition: Condition) -> Iterable[str]:
    if condition.takes_threshold and member.threshold is None:
        yield f"{member.condition} needs a threshold, a number"
    elif member.threshold is not None and not math.isfinite(member.threshold):
        yield "thresholds must be finite numbers"
    elif condition.name == "anomaly" and member.threshold and not 0 <= member.threshold < 1:
        yield "a score lies from 0 to 1, so anomaly needs a threshold from 0 to below 1"
    elif condition.name == "rate_of_change" and member.threshold == 0:
        yield "rate_of_change needs a threshold that is not 0; its sign says which way"


def _window_problems(member: Member, condition: Condition) -> Iterable[str]:
    if member.window is None:
        return
    windows = condition.windows
    if windows is None:
        yield f"window makes no sense with {member.condition}; leave it out"
    elif not windows.shortest <= member.window <= windows.longest:
        yield (
            f"window of {member.condition} must be whole minutes "
            f"from {windows.shortest} to {windows.longest}"
        )


def _hours_problems(member: Member, condition: Condition) -> Iterable[str]:
    hours = member.within_hours
    if not condition.takes_hours:
        if hours is not None:
            yield f"withinHours makes no sense with {member.condition}; leave it out"
    elif hours is None or not 0 < hours <= MOST_HOURS:
        yield f"{member.condition} needs withinHours, a number above 0 and up to {MOST_HOURS}"


def _fitting_problems(member: Member, metric: Metric) -> Iterable[str]:
    if member.condition == "forecast" and metric.better is Better.NEITHER:
        yield f"{metric.name} has no bad side, so forecast can't say which way it would cross"
    if member.condition == "anomaly" and metric.score is None:
        yield (
            f"no detector says how unusual {metric.name} is; docs/metrics.md names the metrics "
            "that are judged"
        )
