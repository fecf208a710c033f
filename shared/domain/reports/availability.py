"""Availability against its objective: how many minutes may be lost, and how many are left."""

from msgspec import Struct

from shared.domain.hour_lines import HourLines
from shared.domain.metrics import Catalog
from shared.domain.quantities import number, quantity
from shared.domain.reports.figures import Coverage, coverage_of

PROBED = "availability"


class Availability(Struct, frozen=True, kw_only=True, rename="camel"):
    """Minutes without a failed probe beside the objective, both in percent.

    `budget_minutes`: how many of the probed minutes may be down; `left_minutes` is negative when
    more were. `uptime` null: nothing was probed, so nothing is judged.
    """

    objective: float
    uptime: float | None
    minutes_down: int
    budget_minutes: float
    left_minutes: float
    coverage: Coverage
    sentence: str


def availability(lines: HourLines, catalog: Catalog, objective: float) -> Availability:
    """Judge the probed minutes; an objective of 99.5 % lets 0.5 % of them be down."""
    metric = catalog.metric(PROBED)
    uptime, coverage = lines.mean(metric), coverage_of(metric, lines, catalog)
    probed = coverage.known_minutes
    down = round(probed * (1 - uptime / 100)) if uptime is not None else 0
    budget = probed * (100 - objective) / 100
    return Availability(
        objective=objective,
        uptime=uptime,
        minutes_down=down,
        budget_minutes=round(budget, 1),
        left_minutes=round(budget - down, 1),
        coverage=coverage,
        sentence=_sentence(uptime, objective, down, budget, coverage),
    )


def _sentence(
    uptime: float | None, objective: float, down: int, budget: float, coverage: Coverage
) -> str:
    if uptime is None:
        return "Nobody probed the health page, so nothing is known of its availability."
    said = (
        f"Available in {quantity(uptime, '%', 5)} of {coverage.known_minutes:,} probed minutes "
        f"({coverage.told})"
    )
    allowed = f"the objective of {objective:g} % allows {_minutes(budget)} down"
    if down > budget:
        return f"{said}: {allowed}, and {_minutes(down)} were. The objective is missed."
    left = f"{100 * (budget - down) / budget:.0f} %" if budget else "nothing"
    return f"{said}: {allowed}, {_minutes(down)} were, so {left} of the budget is left."


def _minutes(count: float) -> str:
    return "1 minute" if count == 1 else f"{number(round(count, 1))} minutes"
