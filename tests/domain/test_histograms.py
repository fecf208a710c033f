"""Histograms of durations: how far off, how mergeable, how large."""

import math
import struct
import zlib
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.histograms import (
    Histogram,
    Ladder,
    bucket_of,
    histogram_of,
    mean,
    merge,
    pack,
    quantile,
    rungs_of,
    unpack,
    value_of,
)
from tests.domain.drawing import cases

# 1.96 % to the digits that the documents give: (γ - 1) / (γ + 1) for γ = 1.04.
GREATEST_ERROR = 0.04 / 2.04 + 1e-12
HIGHEST = 1.04**400

DURATIONS = st.lists(st.floats(1, HIGHEST), min_size=1, max_size=60)
BUCKETS = st.dictionaries(st.integers(0, 400), st.integers(1, 2**40), max_size=30)


@given(st.floats(1, HIGHEST))
@cases(500)
def test_a_duration_is_answered_within_two_percent(duration: float) -> None:
    answered = value_of(bucket_of(duration))

    assert abs(answered - duration) / duration <= GREATEST_ERROR


@given(st.floats(0.001, HIGHEST))
@cases(300)
def test_a_bucket_is_the_one_of_the_contract(duration: float) -> None:
    exact = math.log(duration) / math.log(1.04)
    if abs(exact - round(exact)) > 1e-9:
        assert bucket_of(duration) == min(max(0, math.ceil(exact)), 400)


@pytest.mark.parametrize(
    ("duration", "bucket"), [(0, 0), (0.2, 0), (1, 0), (1.0001, 1), (HIGHEST * 9, 400)]
)
def test_the_first_and_the_last_bucket_take_what_lies_beyond(duration: float, bucket: int) -> None:
    assert bucket_of(duration) == bucket


@given(DURATIONS, st.sampled_from([0.01, 0.5, 0.95, 0.99, 1.0]))
@cases(300)
def test_a_quantile_is_within_two_percent_of_the_exact_one(
    durations: list[float], q: float
) -> None:
    exact = sorted(durations)[max(math.ceil(q * len(durations)), 1) - 1]
    answered = quantile(histogram_of(durations), q)

    assert answered is not None
    assert abs(answered - exact) / exact <= GREATEST_ERROR


@given(DURATIONS)
@cases(100)
def test_the_mean_is_exact(durations: list[float]) -> None:
    answered = mean(histogram_of(durations))

    assert answered == pytest.approx(sum(durations) / len(durations), rel=1e-12)


@given(st.lists(DURATIONS, min_size=1, max_size=5))
@cases(150)
def test_a_merge_is_the_histogram_of_everything(parts: list[list[float]]) -> None:
    merged = merge(histogram_of(part) for part in parts)
    whole = histogram_of([duration for part in parts for duration in part])

    assert merged.buckets == whole.buckets
    assert merged.total == pytest.approx(whole.total, rel=1e-12)


def test_nothing_has_no_mean_and_no_quantile() -> None:
    assert mean(Histogram({})) is None
    assert quantile(Histogram({}), 0.95) is None


@given(st.lists(BUCKETS, min_size=1, max_size=60))
@cases(150)
def test_what_is_packed_is_unpacked(minutes: list[dict[int, int]]) -> None:
    packed = [rungs_of(buckets) for buckets in minutes]

    assert unpack(pack(packed)) == packed


@given(BUCKETS, BUCKETS)
@cases(100)
def test_rungs_add_as_histograms_merge(one: dict[int, int], other: dict[int, int]) -> None:
    whole = merge([Histogram(one), Histogram(other)]).buckets

    assert rungs_of(one) + rungs_of(other) == rungs_of(whole)
    assert Ladder(rungs_of(whole)).total == sum(whole.values())


@given(BUCKETS, st.sampled_from([0.01, 0.5, 0.95, 0.99, 1.0]))
@cases(150)
def test_a_ladder_climbs_bucket_by_bucket(buckets: dict[int, int], q: float) -> None:
    ladder = Ladder(rungs_of(buckets))
    climbed = sorted(buckets)
    seen = 0
    for bucket in climbed:
        seen += buckets[bucket]
        if seen >= max(math.ceil(q * ladder.total), 1):
            assert ladder.quantile(q) == value_of(bucket)
            return
    assert ladder.total == 0


@pytest.mark.parametrize("nonsense", [{401: 1}, {3: -1}, {3: 2**64}])
def test_what_is_no_bucket_and_no_weight_is_refused(nonsense: dict[int, int]) -> None:
    with pytest.raises(struct.error):
        rungs_of(nonsense)


def test_minutes_without_requests_are_nothing() -> None:
    assert unpack(pack([0, rungs_of({3: 1}), 0])) == [0, rungs_of({3: 1}), 0]
    assert unpack(pack([0] * 60)) == [0] * 60


@pytest.mark.parametrize(
    "plain",
    [
        b"",
        b"\x01",
        struct.pack("<BHHH", 1, 2, 0, 5) + bytes(9),
        struct.pack("<BHHH", 1, 1, 399, 3) + bytes(3),
        struct.pack("<BHHH", 9, 1, 0, 1) + bytes(9),
    ],
)
def test_what_pack_never_packed_is_refused(plain: bytes) -> None:
    with pytest.raises((struct.error, ValueError)):
        unpack(zlib.compress(plain))


def an_hour(requests: int) -> list[int]:
    """Sixty minutes of a web application: most answers near 120 ms, a long tail to 30 s."""
    random = Random(7)
    minutes = (
        histogram_of(
            min(random.lognormvariate(math.log(120), 0.9), 30_000) for _ in range(requests)
        )
        for _ in range(60)
    )
    return [rungs_of(minute.buckets) for minute in minutes]


def test_an_hour_at_two_thousand_requests_a_minute_packs_to_about_six_kilobytes() -> None:
    packed = pack(an_hour(2000))

    assert 4_000 < len(packed) < 8_000


def test_an_hour_at_its_fullest_fits_a_binary_property() -> None:
    """Every bucket of every minute in use, with weights that do not compress."""
    random = Random(7)
    full = [
        rungs_of({bucket: random.randint(1, 16_383) for bucket in range(401)}) for _ in range(60)
    ]

    assert len(pack(full)) <= 64 * 1024
