"""When people work with the target: by hour and weekday of their own clock, and when they do not.

Minutes are put where the reader's clock shows them. An hour that the clock shows twice counts twice
in its place, one that it skips is missing once: so the days on which it changes disturb nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from msgspec import Struct

from shared.domain.maintenance import WEEK, Recurring, Weekday
from shared.domain.metrics import Metric
from shared.domain.quantities import quantity
from shared.domain.series import Chunks
from shared.domain.times import HOUR, Span

HOURS_A_DAY = 24
HOURS_A_WEEK = 7 * HOURS_A_DAY
OVER = timedelta(days=28)
QUIET_HOURS = 2
"""How long a proposed maintenance lasts."""
QUARTER = 15
"""Minutes: the offset of every zone is a multiple of them."""

Cell = float | None


class HeatMap(Struct, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}):
    """A metric's mean by weekday (Monday first) and hour of `zone`, from `from` to `to`.

    `values` null: never measured. `coverage`: the share of the minutes with a sample.
    """

    metric: str
    label: str
    unit: str
    zone: str
    start: datetime
    end: datetime
    coverage: float
    values: tuple[tuple[Cell, ...], ...]

    @property
    def hours(self) -> list[Cell]:
        """All hours of the week in a row, Monday's first."""
        return [value for day in self.values for value in day]

    @property
    def peak(self) -> tuple[Weekday, int, float] | None:
        """The weekday and hour with the highest mean, and that mean; the first of equals."""
        known = [(value, -i) for i, value in enumerate(self.hours) if value is not None]
        if not known:
            return None
        value, place = max(known)
        return WEEK[-place // HOURS_A_DAY], -place % HOURS_A_DAY, value


class QuietHours(Struct, frozen=True, kw_only=True):
    """The quietest stretch of the week: a sentence, and a window as POST maintenance takes it."""

    sentence: str
    recurring: Recurring
    note: str


def heat_map(metric: Metric, chunks: Chunks, span: Span, zone: tzinfo | None) -> HeatMap:
    """The map of a metric's stored minutes in `span`, which begins and ends with whole hours."""
    sums, counts = [0.0] * HOURS_A_WEEK, [0] * HOURS_A_WEEK
    for place, cells in _quarters(metric.column, chunks, span, zone or UTC):
        known = [cell for cell in cells if cell is not None]
        sums[place] += sum(known)
        counts[place] += len(known)
    means = [total / count if count else None for total, count in zip(sums, counts, strict=True)]
    minutes = max((span.end - span.start) // timedelta(minutes=1), 1)
    return HeatMap(
        metric=metric.name,
        label=metric.label,
        unit=metric.unit,
        zone=str(zone or UTC),
        start=span.start,
        end=span.end,
        coverage=min(sum(counts) * metric.every / minutes, 1.0),
        values=tuple(
            tuple(means[day * HOURS_A_DAY : (day + 1) * HOURS_A_DAY]) for day in range(len(WEEK))
        ),
    )


def _quarters(
    column: str, chunks: Chunks, span: Span, zone: tzinfo
) -> Iterable[tuple[int, Sequence[Cell]]]:
    """Each stored quarter hour, and the hour of the week that it lies in."""
    for hour, chunk in chunks.items():
        cells = chunk.cells.get(column)
        if cells is None or not span.start <= hour < span.end:
            continue
        whole = (hour.astimezone(zone).minute, (hour + HOUR / 2).astimezone(zone).minute)
        if whole == (0, 30):
            yield _place(hour, zone), cells
            continue
        for first in range(0, len(cells), QUARTER):
            at = hour + timedelta(minutes=first)
            yield _place(at, zone), cells[first : first + QUARTER]


def _place(at: datetime, zone: tzinfo) -> int:
    there = at.astimezone(zone)
    return there.weekday() * HOURS_A_DAY + there.hour


def quiet_hours(maps: Mapping[str, HeatMap]) -> QuietHours | None:
    """The two hours of the week with the fewest requests and users, if all of it is known.

    By requests where they are known, else by users; of equally quiet stretches the one whose
    surroundings are quietest, then the first of the week.
    """
    known = [one for one in maps.values() if None not in one.hours]
    if not known:
        return None
    by = known[0]
    hours = [value or 0.0 for value in by.hours]
    start = min(range(HOURS_A_WEEK), key=lambda first: (_loads(hours, first), first))
    return _proposed(by, known, start)


def _loads(hours: Sequence[float], first: int) -> tuple[float, float]:
    """The load of a stretch, and of as much again on both its sides; the week is a ring."""
    inside = sum(hours[(first + i) % HOURS_A_WEEK] for i in range(QUIET_HOURS))
    around = sum(hours[(first + i) % HOURS_A_WEEK] for i in range(-QUIET_HOURS, 2 * QUIET_HOURS))
    return round(inside, 6), round(around, 6)


def _proposed(by: HeatMap, known: Sequence[HeatMap], start: int) -> QuietHours:
    day, hour = WEEK[start // HOURS_A_DAY], start % HOURS_A_DAY
    end = (hour + QUIET_HOURS) % HOURS_A_DAY
    loads = " and ".join(_load(one, start) for one in known)
    days = (by.end - by.start) // timedelta(days=1)
    return QuietHours(
        sentence=(
            f"The quietest {QUIET_HOURS} hours of the week are {LONG[day]} {hour:02d}:00 to "
            f"{end:02d}:00 {by.zone}: {loads} on average over {days} days."
        ),
        recurring=Recurring(
            start=f"{hour:02d}:00",
            zone=by.zone,
            minutes=QUIET_HOURS * 60,
            weekdays=(day,),
        ),
        note="the quietest hours of the week",
    )


def _load(one: HeatMap, start: int) -> str:
    values = [one.hours[(start + i) % HOURS_A_WEEK] or 0.0 for i in range(QUIET_HOURS)]
    mean = sum(values) / len(values)
    return quantity(float(f"{mean:.2g}"), one.unit)


LONG = {
    Weekday.MON: "Monday",
    Weekday.TUE: "Tuesday",
    Weekday.WED: "Wednesday",
    Weekday.THU: "Thursday",
    Weekday.FRI: "Friday",
    Weekday.SAT: "Saturday",
    Weekday.SUN: "Sunday",
}
