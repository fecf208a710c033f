"""Days of hours: whatever is merged how, the whole stays the same."""

from collections.abc import Sequence
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.domain.chunks import HourChunk
from shared.domain.days import (
    NO_HOURS,
    DayChunk,
    day_of_hours,
    fingerprint,
    lost_hours,
    parts_of,
    roll_up,
)
from shared.domain.histograms import histogram_of, rungs_of
from shared.domain.summaries import Summary, merge_summaries, summarize
from shared.domain.times import HOUR
from tests.domain.builders import at
from tests.domain.drawing import SEEDS, cases

COLUMN = "dtuUtilization"
Cells = Sequence[float | None]

CELLS = st.lists(st.one_of(st.none(), st.integers(-9, 9).map(float)), max_size=90)
CUTS = st.lists(st.integers(0, 90), max_size=6)


def pieces(cells: Cells, cuts: Sequence[int]) -> list[Cells]:
    """The cells cut anywhere, in order."""
    edges = sorted({0, len(cells), *(min(cut, len(cells)) for cut in cuts)})
    return [cells[a:b] for a, b in pairwise(edges)]


def grouped(parts: Sequence[Summary | None], random: Random) -> Summary | None:
    """Neighbours merged in any order until one is left."""
    found = list(parts)
    while len(found) > 1:
        at = random.randrange(len(found) - 1)
        found[at : at + 2] = [merge_summaries(found[at : at + 2])]
    return merge_summaries(found)


@given(CELLS, CUTS, SEEDS)
@cases(100)
def test_summaries_agree_however_they_are_split_and_merged(
    cells: Cells, cuts: list[int], seed: int
) -> None:
    parts = [summarize(part) for part in pieces(cells, cuts)]

    assert merge_summaries(parts) == summarize(cells)
    assert grouped(parts, Random(seed)) == summarize(cells)


@given(CELLS, CUTS, SEEDS)
@cases(80)
def test_means_of_requests_agree_however_they_are_split(
    cells: Cells, cuts: list[int], seed: int
) -> None:
    random = Random(seed)
    weights = [random.choice([None, 1.0, 2.0, 50.0]) for _ in cells]
    parts = zip(pieces(cells, cuts), pieces(weights, cuts), strict=True)

    assert merge_summaries([summarize(*part) for part in parts]) == summarize(cells, weights)


@given(st.lists(st.lists(st.integers(1, 30_000), max_size=20), max_size=12), SEEDS)
@cases(60)
def test_histograms_agree_in_any_order(parts: list[list[int]], seed: int) -> None:
    rungs = [rungs_of(histogram_of(part).buckets) for part in parts]
    shuffled = Random(seed).sample(rungs, len(rungs))

    whole = rungs_of(histogram_of([one for part in parts for one in part]).buckets)
    assert sum(rungs) == sum(shuffled) == whole


def an_hour(number: int, cells: Cells, etag: str = "1") -> HourChunk:
    summary = summarize(cells)
    histogram = histogram_of([abs(one) * 100 + 1 for one in cells if one is not None])
    return HourChunk(
        hour=at(0) + number * HOUR,
        summary={} if summary is None else {COLUMN: summary},
        summary_histogram=rungs_of(histogram.buckets),
        etag=etag,
    )


@given(st.dictionaries(st.integers(0, 23), CELLS, max_size=24), st.sets(st.integers(0, 23)))
@cases(60)
def test_a_day_is_the_whole_of_its_hours_whenever_they_were_rolled_up(
    hours: dict[int, list[float | None]], early: set[int]
) -> None:
    chunks = {number: an_hour(number, cells) for number, cells in hours.items()}
    whole = [cell for number in sorted(hours) for cell in hours[number]]

    before = roll_up(at(0), [chunk for number, chunk in chunks.items() if number in early])
    day = roll_up(at(0), chunks.values(), before)

    assert day.summary.get(COLUMN) == summarize(whole)
    assert day.summary_histogram == sum(one.summary_histogram for one in chunks.values())
    assert day == roll_up(at(0), chunks.values())
    quarters = day.quarters[COLUMN].summaries if COLUMN in day.quarters else ()
    assert quarters == tuple(
        summarize([cell for number in range(n, n + 6) for cell in hours.get(number, [])])
        for n in ((0, 6, 12, 18) if COLUMN in day.quarters else ())
    )
    assert sum(day.quarter_histograms) == day.summary_histogram
    assert day_of_hours(at(0), chunks.values()).hours == day.hours


def test_what_an_hour_can_not_say_any_more_is_kept_from_before() -> None:
    before = roll_up(at(0), [an_hour(3, [1.0, 2.0]), an_hour(4, [5.0])])

    day = roll_up(at(0), [replace(an_hour(3, []), damaged=("summary",)), an_hour(4, [6.0])], before)

    assert day.hours[COLUMN].summaries[3:5] == ((2, 1, 2, 3, 2), (1, 6, 6, 6, 6))
    assert day.summary[COLUMN] == (3, 1, 6, 9, 6)
    assert day.histograms[3] == rungs_of(histogram_of([101, 201]).buckets)


def test_an_hour_is_lost_when_its_day_knows_it_and_nobody_else_does() -> None:
    before = roll_up(at(0), [an_hour(3, [1.0]), an_hour(4, [5.0])])
    damaged = replace(an_hour(5, [1.0]), damaged=(COLUMN,))

    assert lost_hours([an_hour(4, [5.0])], before) == [at(180)]
    assert lost_hours([an_hour(3, []), an_hour(4, []), damaged], before) == [at(300)]
    assert lost_hours([an_hour(4, [5.0])], None) == []


@pytest.mark.parametrize("change", [{3: "2"}, {}, {3: "1", 4: "1"}, {4: "1"}])
def test_whatever_happens_to_an_hours_row_changes_the_days_fingerprint(
    change: dict[int, str],
) -> None:
    def versions(hours: dict[int, str]) -> str:
        return fingerprint({at(0) + number * HOUR: etag for number, etag in hours.items()})

    assert versions(change) != versions({3: "1"})
    assert roll_up(at(0), [an_hour(3, [])]).made_from == versions({3: "1"})


def test_a_day_of_nothing_is_a_day() -> None:
    day = roll_up(at(0), [])

    assert day == DayChunk(day=at(0), made_from=fingerprint({}))
    assert NO_HOURS.summaries == (None,) * 24


@given(st.dictionaries(st.integers(0, 23), CELLS, max_size=24))
@cases(40)
def test_hours_are_the_same_by_the_hour_and_by_the_column(
    hours: dict[int, list[float | None]],
) -> None:
    summaries = tuple(summarize(hours.get(number, [])) for number in range(24))

    hourly = parts_of(summaries)

    assert hourly.summaries == summaries
    assert hourly.is_sound
    assert hourly._replace(lows=(None,) * 24).is_sound is not any(hourly.counts)
