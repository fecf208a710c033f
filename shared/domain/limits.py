"""Rules that the tier's own limits decide: they can never fire, or would never end."""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, floor, inf, isfinite

from shared.domain.conditions import CONDITIONS, Anomaly, RateOfChange
from shared.domain.errors import InvalidInput
from shared.domain.members import Member
from shared.domain.metrics import Better, Catalog, Kind, Metric
from shared.domain.quantities import quantity
from shared.domain.rules import Rule
from shared.domain.samples import Gap

NEVER = "the rule could never fire"
ALWAYS = "the rule would always be on"
NO_END = "the alert could never end"


def impossible(rule: Rule, catalog: Catalog) -> str | None:
    """Why the rule makes no sense on this tier, in a sentence; None when it may.

    It is measured by what its metrics can be at all (`Metric.least`, `Metric.limit`), not by what
    is likely. Each member of a composite must be able to be good and to be bad, and those of one
    metric must not contradict each other.
    """
    for member in rule.members:
        found = _member_problem(member, catalog)
        if found is not None:
            return found
    return _clear_problem(rule, catalog) or _contradiction(rule, catalog)


def thresholds(rule: Rule, catalog: Catalog) -> tuple[float, float]:
    """Between which numbers a threshold can decide anything, of a rule with one metric."""
    metric = _known(rule.metric, catalog)
    least, limit = _ends(metric) if metric is not None else (-inf, inf)
    widest = limit - least
    if rule.condition == Anomaly.name:
        return 0.0, 1.0
    return (-widest, widest) if rule.condition == RateOfChange.name else (least, limit)


def _member_problem(member: Member, catalog: Catalog) -> str | None:
    metric = _known(member.metric, catalog)
    if metric is None or member.threshold is None:
        return None
    can_be_bad, can_be_ok = _possible(member, metric, member.threshold)
    if can_be_bad and can_be_ok:
        return None
    return f"{_span(metric)}, so with {_spelled(member, metric)} {ALWAYS if can_be_bad else NEVER}"


def _contradiction(rule: Rule, catalog: Catalog) -> str | None:
    """What members of a composite about the same metric say together."""
    for name in dict.fromkeys(member.metric for member in rule.members):
        metric = _known(name, catalog)
        members = [one for one in rule.members if one.metric == name and one.minutes == 1]
        found = _joint_problem(rule, members, metric) if metric and len(members) > 1 else None
        if found is not None:
            return found
    return None


def _joint_problem(rule: Rule, members: Sequence[Member], metric: Metric) -> str | None:
    figures = _figures(metric, members)
    spelled = [_spelled(member, metric) for member in members]
    cells: tuple[float | Gap, ...] = (*figures, Gap.MISSING)
    if rule.all_of and not any(all(_bad(members, cell)) for cell in cells):
        return f"no {metric.name} is {' and '.join(spelled)} at once, so {NEVER}"
    if rule.any_of and all(any(_bad(members, cell)) for cell in figures):
        return f"every {metric.name} is {' or '.join(spelled)}, so {ALWAYS}"
    return None


def _bad(members: Sequence[Member], cell: float | Gap) -> list[bool]:
    return [CONDITIONS[one.condition].judge(cell, one.threshold or 0.0) is True for one in members]


def _figures(metric: Metric, members: Sequence[Member]) -> list[float]:
    """Figures that the metric can have: at each threshold, between any two, and beyond them."""
    least, limit = _ends(metric)
    cuts = sorted({one.threshold for one in members if one.threshold is not None})
    wholes = [float(one) for cut in cuts for one in range(floor(cut) - 1, ceil(cut) + 2)]
    between = [(low + high) / 2 for low, high in pairwise(cuts)]
    known = {*cuts, *wholes, *between, least, limit}
    finite = filter(isfinite, known)
    return [one for one in finite if least <= one <= limit and _is_reachable(metric, one)]


def _clear_problem(rule: Rule, catalog: Catalog) -> str | None:
    clear = rule.clear_threshold
    metric = _known(rule.metric, catalog) if clear is not None else None
    if clear is None or metric is None or _possible(rule.members[0], metric, clear)[1]:
        return None
    return f"{_span(metric)}, so with clearThreshold {clear:g} {NO_END}"


def _known(name: str, catalog: Catalog) -> Metric | None:
    try:
        return catalog.metric(name)
    except InvalidInput:
        return None


def _possible(member: Member, metric: Metric, threshold: float) -> tuple[bool, bool]:
    """Whether it can be bad, and whether it can be ok."""
    least, limit = _ends(metric)
    match member.condition:
        case "equals" | "not_equals":
            can_equal = least <= threshold <= limit and _is_reachable(metric, threshold)
            can_differ = least < limit
            is_equals = member.condition == "equals"
            return (can_equal, can_differ) if is_equals else (can_differ, can_equal)
        case "rate_of_change":
            return abs(threshold) < limit - least, True
        case "forecast" if metric.better is Better.LOW:
            return threshold <= limit, threshold > least
        case "forecast":
            return threshold >= least, threshold < limit
        case "anomaly":
            return True, True
    is_bad = CONDITIONS[member.condition].is_bad
    ends = (is_bad(least, threshold), is_bad(limit, threshold))
    return any(ends), not all(ends)


def _ends(metric: Metric) -> tuple[float, float]:
    least = -inf if metric.least is None else metric.least
    return least, inf if metric.limit is None else metric.limit


def _is_reachable(metric: Metric, value: float) -> bool:
    """A count is a whole number."""
    return metric.kind is not Kind.COUNT or value == int(value)


def _span(metric: Metric) -> str:
    low, high = quantity(metric.least, metric.unit), quantity(metric.limit, metric.unit)
    if metric.limit is None:
        whole = " and whole" if metric.kind is Kind.COUNT else ""
        return f"{metric.name} is never below {low}{whole}" if metric.least is not None else ""
    return f"{metric.name} lies from {low} to {high}"


def _spelled(member: Member, metric: Metric) -> str:
    if member.threshold is None:
        return member.condition
    return f"{CONDITIONS[member.condition].sign} {quantity(member.threshold, metric.unit)}"
