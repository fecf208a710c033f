"""The logs source over the SDK's real client, against canned answers."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from shared.adapters.logs.log_analytics import (
    FURTHEST,
    LogAnalytics,
    window,
)
from shared.adapters.windows import LONGEST, Window
from shared.domain.histograms import value_of
from tests.adapters.conftest import Answerer
from tests.adapters.logs_answers import (
    HOUR,
    MINUTE,
    NOW,
    T0,
    Open,
    a_row,
    an_answer,
    made_well,
    opening,
    ours,
    read,
    refusal,
    values,
)


@pytest.fixture
def well(answerer: Answerer) -> Answerer:
    return made_well(answerer)


@pytest.fixture
def opened() -> Iterator[Open]:
    with opening() as open_:
        yield open_


@pytest.fixture
def source(well: Answerer, opened: Open) -> LogAnalytics:
    return opened(well.url)


class TestWindow:
    def test_it_goes_on_at_the_watermark_and_reads_the_unsettled_tail_too(self) -> None:
        wanted = window(T0, NOW)

        assert wanted.start == T0
        assert wanted.covered_until == T0 + 5 * MINUTE
        assert wanted.end == T0 + 10 * MINUTE

    def test_the_first_reading_covers_a_day(self) -> None:
        wanted = window(None, NOW)

        assert wanted.covered_until - wanted.start == timedelta(hours=24)
        assert wanted.end == T0 + 10 * MINUTE

    def test_a_long_gap_is_read_in_pieces_without_a_hole(self) -> None:
        since = NOW - timedelta(days=3, minutes=7)
        pieces: list[Window] = []
        while not pieces or pieces[-1].end < T0 + 10 * MINUTE:
            pieces.append(window(since, NOW))
            since = pieces[-1].covered_until

        assert len(pieces) == 4
        assert all(one.end - one.start <= LONGEST + 5 * MINUTE for one in pieces)
        assert all(one.covered_until <= one.end for one in pieces)
        assert pieces[-1].covered_until == T0 + 5 * MINUTE

    def test_what_may_be_deleted_is_not_asked_for(self) -> None:
        wanted = window(NOW - timedelta(days=90), NOW)

        assert wanted.start == T0 + 5 * MINUTE - FURTHEST

    def test_a_watermark_that_is_ahead_asks_for_the_tail_only(self) -> None:
        wanted = window(T0 + 8 * MINUTE, NOW)

        assert (wanted.start, wanted.end) == (T0 + 8 * MINUTE, T0 + 10 * MINUTE)
        assert wanted.covered_until <= wanted.start


class TestReading:
    def test_columns_become_the_metrics_of_the_table(
        self, well: Answerer, source: LogAnalytics
    ) -> None:
        well.body = an_answer(a_row(T0 + MINUTE))

        reading = read(source)

        assert values(reading, "throughput")[1] == 3
        assert values(reading, "errorRate")[1] == 1
        assert values(reading, "clientErrorRate")[1] == 0
        (one,) = reading.histograms
        assert one.minute == T0 + MINUTE
        assert one.histogram.buckets == {100: 2, 141: 1}
        assert one.histogram.total == 450.5

    def test_a_covered_minute_without_rows_counts_nothing_and_has_no_histogram(
        self, well: Answerer, source: LogAnalytics
    ) -> None:
        well.body = an_answer(a_row(T0 + 2 * MINUTE), ours(T0 + 9 * MINUTE))

        reading = read(source)

        assert values(reading, "throughput") == {0: 0, 1: 0, 2: 3, 3: 0, 4: 0}
        assert values(reading, "errorRate") == {0: 0, 1: 0, 2: 1, 3: 0, 4: 0}
        assert [one.minute for one in reading.histograms] == [T0 + 2 * MINUTE]

    def test_the_tail_has_only_the_minutes_that_have_rows(
        self, well: Answerer, source: LogAnalytics
    ) -> None:
        well.body = an_answer(a_row(T0 + 6 * MINUTE), a_row(T0 + 8 * MINUTE, Requests=1))

        reading = read(source)

        assert reading.covered_until == T0 + 5 * MINUTE
        assert [n for n in values(reading, "throughput") if n >= 5] == [6, 8]

    def test_rows_outside_the_asked_minutes_are_left_out(
        self, well: Answerer, source: LogAnalytics
    ) -> None:
        """Azure does not say whether a timespan's end belongs to it."""
        well.body = an_answer(a_row(T0 - MINUTE), a_row(T0 + 10 * MINUTE), a_row(T0 + MINUTE))

        reading = read(source)

        assert values(reading, "throughput") == {0: 0, 1: 3, 2: 0, 3: 0, 4: 0}
        assert [one.minute for one in reading.histograms] == [T0 + MINUTE]

    def test_the_day_of_the_first_reading_is_whole(self, source: LogAnalytics) -> None:
        reading = read(source, since=None)

        assert len(values(reading, "throughput")) == 24 * 60
        assert reading.asked_at == NOW

    def test_a_piece_of_a_gap_is_covered_to_its_own_end(self, source: LogAnalytics) -> None:
        reading = read(source, since=T0 - timedelta(days=2))

        assert reading.covered_until == T0 - timedelta(days=1)
        assert max(sample.minute for sample in reading.samples) < reading.covered_until

    def test_after_a_failure_less_is_asked_until_it_is_answered(
        self, well: Answerer, source: LogAnalytics
    ) -> None:
        """What is too much for the deadline must not stay so for ever."""
        for _ in range(9):
            well.status = 504
            refusal(source)
        well.status, covered = 200, []
        for _ in range(6):
            reading = read(source, since=T0 - timedelta(days=2))
            covered.append((reading.covered_until - T0) / timedelta(hours=1) + 48)

        assert covered == [1, 2, 4, 8, 16, 24]

    def test_nothing_is_asked_when_no_minute_is_over(
        self, well: Answerer, source: LogAnalytics
    ) -> None:
        reading = read(source, since=T0 + 10 * MINUTE)

        assert (reading.samples, reading.histograms, well.asked) == ((), (), [])

    def test_numbers_may_come_as_text(self, well: Answerer, source: LogAnalytics) -> None:
        well.body = an_answer(a_row(Requests="3", DurationMs="450.5"))

        reading = read(source)

        assert values(reading, "throughput")[0] == 3
        assert reading.histograms[0].histogram.total == 450.5

    @pytest.mark.parametrize("total", ["NaN", "Infinity", None])
    def test_a_sum_that_is_no_number_is_taken_from_the_buckets(
        self, total: str | None, well: Answerer, source: LogAnalytics
    ) -> None:
        well.body = an_answer(a_row(DurationMs=total))

        reading = read(source)

        expected = 2 * value_of(100) + value_of(141)
        assert reading.histograms[0].histogram.total == pytest.approx(expected)


class TestLateTelemetry:
    """NOW is ten minutes and some seconds after T0: by the settle time alone T0 + 5 is covered."""

    def test_what_lies_behind_the_newest_row_is_not_covered(
        self, well: Answerer, source: LogAnalytics
    ) -> None:
        well.body = an_answer(a_row(T0), ours(T0 + 3 * MINUTE))

        reading = read(source)

        assert reading.covered_until == T0 + 2 * MINUTE, "one more may still be on its way"
        assert values(reading, "throughput") == {0: 3, 1: 0}

    def test_our_own_requests_tell_how_far_telemetry_has_come_and_count_nothing(
        self, well: Answerer, source: LogAnalytics
    ) -> None:
        well.body = an_answer(a_row(T0), ours(T0 + MINUTE), ours(T0 + 8 * MINUTE))

        reading = read(source)

        assert reading.covered_until == T0 + 5 * MINUTE
        assert values(reading, "throughput") == {0: 3, 1: 0, 2: 0, 3: 0, 4: 0}
        assert [one.minute for one in reading.histograms] == [T0]

    @pytest.mark.parametrize(("ago", "covered"), [(60, T0 - 56 * MINUTE), (61, T0 + 5 * MINUTE)])
    def test_it_is_held_back_for_an_hour_at_most(
        self, ago: int, covered: datetime, well: Answerer, source: LogAnalytics
    ) -> None:
        well.body = an_answer(ours(T0 + 5 * MINUTE - ago * MINUTE))

        assert read(source, since=covered - MINUTE).covered_until == covered

    def test_a_workspace_without_a_row_is_silent_and_not_late(self, source: LogAnalytics) -> None:
        reading = read(source)

        assert reading.covered_until == T0 + 5 * MINUTE
        assert values(reading, "throughput") == dict.fromkeys(range(5), 0)

    def test_silence_goes_on_being_real_minute_by_minute(
        self, well: Answerer, source: LogAnalytics
    ) -> None:
        """The newest row is looked for in a whole hour, however little is missing."""
        well.body = an_answer(ours(T0 - 2 * HOUR))
        since = T0 + 5 * MINUTE

        for n in range(1, 4):
            reading = read(source, since=since, now=NOW + n * MINUTE)
            assert reading.covered_until == since + MINUTE
            since = reading.covered_until

    def test_a_newest_row_before_the_watermark_covers_nothing_more(
        self, well: Answerer, source: LogAnalytics
    ) -> None:
        well.body = an_answer(a_row(T0 + 2 * MINUTE))

        reading = read(source, since=T0 + 4 * MINUTE)

        assert reading.covered_until <= T0 + 4 * MINUTE
        assert reading.samples == ()

    def test_an_old_gap_is_filled_whatever_its_own_newest_row_says(
        self, well: Answerer, source: LogAnalytics
    ) -> None:
        since = T0 - timedelta(days=2)
        well.body = an_answer(a_row(since))

        assert read(source, since=since).covered_until == since + LONGEST

    def test_once_an_hour_the_last_hour_is_read_again(
        self, well: Answerer, source: LogAnalytics
    ) -> None:
        late = T0 - 20 * MINUTE
        well.body = an_answer(a_row(late), ours(T0 + 9 * MINUTE))

        first = read(source, since=T0 - MINUTE, now=T0 + 6 * MINUTE)
        next_one = read(source, since=first.covered_until, now=T0 + 7 * MINUTE)

        assert values(first, "throughput")[-20] == 3
        assert min(values(first, "throughput")) == -61
        assert late in [one.minute for one in first.histograms]
        assert list(values(next_one, "throughput")) == [1]

    def test_the_hour_is_not_read_again_while_telemetry_is_late(
        self, well: Answerer, source: LogAnalytics
    ) -> None:
        """Its rows would replace nothing: the watermark is where it was."""
        well.body = an_answer(a_row(T0 - 20 * MINUTE), ours(T0 - 2 * MINUTE))

        reading = read(source, since=T0 - 3 * MINUTE)

        assert reading.covered_until == T0 - 3 * MINUTE
        assert reading.samples == ()

    def test_what_may_be_deleted_is_not_read_again(
        self, well: Answerer, source: LogAnalytics
    ) -> None:
        oldest = T0 + 5 * MINUTE - FURTHEST
        well.body = an_answer(ours(oldest))

        for since in (oldest - HOUR, oldest, oldest + 30 * MINUTE):
            reading = read(source, since=since)
            assert min(sample.minute for sample in reading.samples) == oldest
