"""Hour lines for tests: weeks of one metric, drawn by a function of the hour."""

from collections.abc import Callable
from datetime import UTC, datetime

from shared.catalog.metrics import CATALOG
from shared.domain.curves import Columns
from shared.domain.hour_lines import HourLines
from shared.domain.times import DAY, HOUR, Span

END = datetime(2026, 3, 16, 6, tzinfo=UTC)

Draw = Callable[[datetime], float | None]


def lines_of_days(days: int, **drawn: Draw) -> HourLines:
    """So many days up to END, each metric's hour as 60 equal samples; None: nothing known.

    Metrics are named by their columns.
    """
    span = Span(END - days * DAY, END)
    hours = [span.start + n * HOUR for n in range(24 * days)]
    for column in drawn:
        assert any(one.column == column for one in CATALOG.metrics)
    lines = {name: _line([draw(at) for at in hours]) for name, draw in drawn.items()}
    return HourLines(span, lines, lasts={name: line.highs for name, line in lines.items()})


def _line(values: list[float | None]) -> Columns:
    return Columns(
        [0 if value is None else 60 for value in values],
        values,
        values,
        [0.0 if value is None else 60 * value for value in values],
    )


def day_of(at: datetime) -> float:
    """Days since END; negative before it."""
    return (at - END) / DAY
