"""The days of a range, as their own rows tell of them, or the rows of their hours."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from shared.domain.chunks import HourChunk
from shared.domain.days import DayChunk, day_of_hours, roll_up
from shared.domain.ranges import Detail
from shared.domain.times import DAY, HOUR, MINUTE, Span, each_day, floor_day, floor_hour, joined
from shared.ports import House


class Days(NamedTuple):
    """Days by their midnights; `damaged`: what could not be read and nobody else can tell."""

    found: dict[datetime, DayChunk]
    damaged: tuple[Span, ...]


def days_of_hours(
    target: str,
    first: datetime,
    end: datetime,
    *,
    detail: Detail,
    histograms: bool,
    house: House,
) -> Days:
    """The days that [first, end) touches by the summaries of its hours, as new as the last pass.

    `detail`: which of their pieces are wanted.
    """
    chunks = house.samples.hours(
        target,
        floor_hour(first),
        floor_hour(end - MINUTE),
        summaries=True,
        histograms=histograms,
    )
    by_day: dict[datetime, list[HourChunk]] = {}
    for chunk in chunks:
        by_day.setdefault(floor_day(chunk.hour), []).append(chunk)
    damaged = (Span(one.hour, one.hour + HOUR) for one in chunks if one.damaged)
    made = day_of_hours if detail is Detail.HOURS else roll_up
    return Days({day: made(day, its) for day, its in by_day.items()}, joined(damaged))


def days_of_rows(
    target: str,
    first: datetime,
    end: datetime,
    *,
    columns: Iterable[str],
    detail: Detail,
    histograms: bool,
    house: House,
) -> Days:
    """The days by their own rows; by their hours' where these are not rolled up, or damaged.

    A damaged row whose hours are gone tells what of it can be read.

    `columns`: the metrics whose `detail` is wanted; of whole days all are told.
    """
    last = floor_day(end - MINUTE)
    rows = house.samples.days(
        target,
        floor_day(first),
        last,
        columns=columns,
        quarters=detail is Detail.QUARTERS,
        summaries=detail is Detail.DAYS,
        histograms=histograms,
    )
    found = {row.day: row for row in rows if not row.damaged}
    torn = {row.day: row for row in rows if row.damaged}
    missing = (Span(day, day + DAY) for day in each_day(first, end) if day not in found)
    unreadable: list[Span] = []
    for span in joined(missing):
        more = days_of_hours(
            target, span.start, span.end, detail=detail, histograms=histograms, house=house
        )
        found |= more.found
        unreadable += more.damaged
    unreadable += [Span(day, day + DAY) for day in torn if day not in found]
    return Days({**torn, **found}, joined(unreadable))
