"""The rule machine against the slow second reading of docs/semantics.md, on thousands of series."""

from hypothesis import given
from hypothesis import strategies as st

from shared.catalog.metrics import CATALOG
from shared.domain.chunks import HourChunk, by_hour
from shared.domain.machine import State
from shared.domain.metrics import Metric
from shared.domain.samples import Gap
from shared.domain.series import read_cells
from shared.domain.times import each_hour
from tests.domain import reference
from tests.domain.builders import Desk, at, cell_of, stands
from tests.domain.drawing import (
    SEEDS,
    SIGNS,
    Pair,
    Said,
    cases,
    pair,
    pieces,
    rules,
    series,
    sparse,
)
from tests.domain.reference import Resolve


@given(rules(), series())
@cases(600)
def test_every_minute_has_the_state_of_the_slow_reading(rule: Pair, cells: list[Said]) -> None:
    desk = Desk(rule.ours)
    states = []
    for cell in cells:
        desk.fold([cell])
        states.append(stands(desk))

    assert states == reference.states(rule.theirs, cells)


WORDS: list[Said] = [99.0, 1.0, 1.0, "missing"]


@given(
    st.integers(0, 3), st.integers(0, 6), st.lists(st.sampled_from(WORDS), min_size=20, max_size=50)
)
@cases(200)
def test_missing_minutes_stop_every_clock(duration: int, keep: int, cells: list[Said]) -> None:
    rule = pair(condition="greater_than", threshold=95.0, duration=duration, keep=keep)
    desk = Desk(rule.ours)
    states = []
    for cell in cells:
        desk.fold([cell])
        states.append(stands(desk))

    assert states == reference.states(rule.theirs, cells)


HALVES: list[Said] = [1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5]


@given(st.sampled_from(SIGNS), st.data())
@cases(200)
def test_a_clear_threshold_is_what_a_firing_rule_listens_to(sign: str, data: st.DataObject) -> None:
    clear = 2.0 if sign.startswith("greater") else 4.0
    keep = data.draw(st.integers(0, 3))
    rule = pair(condition=sign, threshold=3.0, duration=1, keep=keep, clear=clear)
    halves: st.SearchStrategy[Said] = st.sampled_from([*HALVES, "missing"])
    cells = data.draw(st.lists(halves, min_size=3, max_size=30))
    desk = Desk(rule.ours)
    states = []
    for cell in cells:
        desk.fold([cell])
        states.append(stands(desk))

    assert states == reference.states(rule.theirs, cells)


@given(rules(), series(), st.data())
@cases(300)
def test_any_split_of_the_minutes_gives_the_same_states(
    rule: Pair, cells: list[Said], data: st.DataObject
) -> None:
    desk, begun = Desk(rule.ours), 0
    for end in data.draw(pieces(len(cells))):
        while desk.folded < end:
            desk.fold(cells[desk.folded : end])
        assert stands(desk) == reference.state_after(rule.theirs, cells[:end])
        begun = end
    each = Desk(rule.ours)
    each.fold_each(cells)

    assert begun == len(cells)
    # Who is told depends on when; every clock of the machine does not.
    machine = ("state", "active_at", "missed", "keep_since", "keep_missed", "empty_run", "episode")
    assert [getattr(desk.state, name) for name in machine] == [
        getattr(each.state, name) for name in machine
    ]


@given(rules(), series(), st.data())
@cases(200)
def test_an_alert_counts_the_bad_minutes_of_its_episode(
    rule: Pair, cells: list[Said], data: st.DataObject
) -> None:
    desk = Desk(rule.ours)
    for end in data.draw(pieces(len(cells))):
        while desk.folded < end:
            desk.fold(cells[desk.folded : end])
    counted = [
        (alert.active_at, alert.fired_at, alert.last_triggered, alert.count, alert.resolved_at)
        for alert in desk.alerts
    ]

    assert counted == [
        (at(one["active_at"]), at(one["fired"] + 1), at(one["last_bad"]), one["count"],
         None if one["ended"] is None else at(one["ended"] + 1))
        for one in reference.episodes(rule.theirs, cells)
    ]  # fmt: skip


@given(rules(repeat=9), series(), st.data())
@cases(400)
def test_a_rule_resolved_by_hand_is_held_like_the_slow_reading(
    rule: Pair, cells: list[Said], data: st.DataObject
) -> None:
    """Hands come at any second, also long before or after the minutes that are folded by then."""
    after = data.draw(st.sets(st.integers(1, len(cells)), max_size=4))
    late = data.draw(st.sampled_from([-3.0, 0.0, 0.35, 1.0, 4.5]))
    desk, hands = Desk(rule.ours), []
    for count, cell in enumerate(cells, 1):
        desk.fold([cell])
        if count in after and desk.state.state is State.FIRING:
            hands.append(Resolve(count, count + late))
            desk.resolve(at(count + late))
        assert stands(desk) == reference.state_after(rule.theirs, cells[:count], hands)


def a_metric(every: int) -> Metric:
    return Metric(
        name="activeUsers",
        column="activeUsers",
        label="Active users",
        unit="users",
        group="business",
        kind=CATALOG.metric("activeUsers").kind,
        within=CATALOG.metric("activeUsers").within,
        sources=("users",),
        every=every,
        description="Sessions with activity.",
    )


def chunks_of(columns: dict[str, list[float | None]]) -> list[HourChunk]:
    """Chunks from T0 on, whose cells are the columns' values minute by minute."""
    longest = max(len(values) for values in columns.values())
    hours = list(each_hour(at(0), at(longest)))
    padded = {name: values + [None] * (60 * len(hours)) for name, values in columns.items()}
    return [
        HourChunk(
            hour=hour,
            cells={
                name: tuple(values[60 * n : 60 * n + 60])
                for name, values in padded.items()
                if any(value is not None for value in values[60 * n : 60 * n + 60])
            },
        )
        for n, hour in enumerate(hours)
    ]


@given(st.sampled_from([1, 2, 5, 7, 60, 75, 360]), SEEDS)
@cases(200)
def test_a_sample_holds_for_every_minutes_also_over_the_end_of_an_hour(
    every: int, seed: int
) -> None:
    samples = sparse(seed)
    metric = a_metric(every)
    chunks = by_hour(chunks_of({metric.column: samples}))
    first = seed % len(samples)
    read = list(read_cells(metric, None, chunks, at(first), at(len(samples))))

    held = reference.held_cells(samples, every)[first:]
    assert read == [(at(first + n), cell_of(cell)) for n, cell in enumerate(held)]


@given(st.sampled_from([1, 3, 5]), SEEDS.map(sparse), rules())
@cases(100)
def test_held_minutes_fold_like_samples(
    every: int, samples: list[float | None], rule: Pair
) -> None:
    metric = a_metric(every)
    chunks = by_hour(chunks_of({metric.column: samples}))
    read = read_cells(metric, None, chunks, at(0), at(len(samples)))
    desk = Desk(rule.ours, metric)
    cells = [cell.value if isinstance(cell, Gap) else cell for _, cell in read]
    while desk.folded < len(cells):
        desk.fold(cells[desk.folded :])

    held = reference.held_cells(samples, every)
    assert stands(desk) == reference.state_after(rule.theirs, held)


QUIET = st.lists(
    st.tuples(
        st.one_of(st.none(), st.just(0.0), st.just(0.0), st.just(7.0)),
        st.one_of(st.none(), st.just(250.0)),
        st.sampled_from([1, 1, 4, 16]),
    ),
    min_size=1,
    max_size=12,
)


@given(QUIET)
@cases(150)
def test_a_distribution_is_empty_when_its_count_is_zero_and_missing_when_that_is_unknown(
    runs: list[tuple[float | None, float | None, int]],
) -> None:
    counts = [count for count, _, length in runs for _ in range(length)]
    means = [None if count in (None, 0.0) else mean for count, mean, n in runs for _ in range(n)]
    metric, of = CATALOG.metric("responseTime.avg"), CATALOG.metric("throughput")
    chunks = by_hour(chunks_of({metric.column: means, of.column: counts}))
    read = [cell for _, cell in read_cells(metric, of, chunks, at(0), at(len(counts)))]

    for count, mean, cell in zip(counts, means, read, strict=True):
        gap = Gap.EMPTY if count == 0 else Gap.MISSING
        assert cell == (gap if mean is None else mean)
