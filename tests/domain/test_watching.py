"""Windows and composites against a slow reading, whatever way the minutes are cut."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.catalog.metrics import CATALOG
from shared.domain.chunks import by_hour
from shared.domain.conditions import CONDITIONS
from shared.domain.machine import Input, classify
from shared.domain.members import Member
from shared.domain.metrics import Metric
from shared.domain.rules import Rule
from shared.domain.samples import Cell, Gap, Outlook
from shared.domain.series import Chunks
from shared.domain.trends.slopes import SIGNIFICANT, look_back, trend_of
from shared.domain.watching import Watched, listen
from tests.domain import reference
from tests.domain.builders import T0, Desk, a_rule, at, cell_of, stands
from tests.domain.drawing import CELLS, SEEDS, Said, cases, pieces, series
from tests.domain.test_machine_properties import chunks_of

EPOCH_MINUTE = int(T0.timestamp()) // 60
MEMORY = CATALOG.metric("memoryUsage")
AVAILABILITY = CATALOG.metric("availability")


def rate(window: int, per_minute: float = 1.0) -> Member:
    return Member(
        metric="memoryUsage", condition="rate_of_change", threshold=per_minute, window=window
    )


def forecast(window: int, threshold: float, hours: float, metric: str = "memoryUsage") -> Member:
    return Member(
        metric=metric,
        condition="forecast",
        threshold=threshold,
        window=window,
        within_hours=hours,
    )


def heard(
    member: Member, samples: Sequence[float | None], first: int, end: int, metric: Metric = MEMORY
) -> list[Cell]:
    """What [first, end) says, when nothing but the window's own minutes is read."""
    watched = Watched(member, metric)
    needed = max((watched.first_needed(at(first)) - T0).total_seconds() // 60, 0)
    known = [value if n >= needed else None for n, value in enumerate(samples)]
    chunks: Chunks = by_hour(chunks_of({metric.column: known}))
    said = listen([watched], chunks, at(first), at(end), composite=False)
    return [cell for _, cell in said if not isinstance(cell, tuple)]


def wobbly(seed: int, length: int = 200) -> list[float | None]:
    """A series that climbs, falls or stands, in steps that often repeat, with gaps."""
    random = Random(seed)
    climb, gaps = random.choice([-2.0, -0.3, 0.0, 0.1, 3.0]), random.choice([0.0, 0.1, 0.6])
    return [
        None if random.random() < gaps else round(500 + climb * n + random.randint(-3, 3))
        for n in range(length)
    ]


@pytest.mark.parametrize("window", [2, 3, 5, 20, 61, 130])
@given(SEEDS)
@cases(12)
def test_a_rate_is_the_slow_readings_slope(window: int, seed: int) -> None:
    samples = wobbly(seed)
    found = heard(rate(window), samples, 150, 200)

    assert found == [
        cell_of(reference.slope(samples, minute, window, EPOCH_MINUTE))
        for minute in range(150, 200)
    ]


@given(SEEDS, st.sampled_from([30, 60, 180]), st.sampled_from([470.0, 520.0, 900.0]))
@cases(40)
def test_a_forecast_is_the_slow_readings(seed: int, window: int, threshold: float) -> None:
    samples = wobbly(seed)
    found = heard(forecast(window, threshold, 3), samples, 190, 200)

    for minute, cell in zip(range(190, 200), found, strict=True):
        said = reference.outlook(samples, minute, window, EPOCH_MINUTE, threshold)
        if isinstance(said, str):
            assert cell is Gap.MISSING
        else:
            level, hours = said
            assert isinstance(cell, Outlook)
            assert cell.value == level
            soon = hours is not None and hours <= 3
            assert cell.hours == (pytest.approx(hours) if soon else None)


@given(SEEDS, st.sampled_from([5, 60, 130, 180]), st.data())
@cases(12)
def test_a_window_says_the_same_whatever_way_the_minutes_are_cut(
    seed: int, window: int, data: st.DataObject
) -> None:
    samples = wobbly(seed, 200)
    member = data.draw(st.sampled_from([rate(window), forecast(max(window, 30), 560, 8)]))
    whole = heard(member, samples, 0, len(samples))
    cut: list[Cell] = []
    for end in data.draw(pieces(len(samples))):
        cut += heard(member, samples[:end], len(cut), end)

    assert cut == whole


def test_a_window_needs_its_own_minute_and_half_of_the_others() -> None:
    steady: list[float | None] = [10.0, 12.0, 14.0, 16.0, 18.0, 20.0]

    assert heard(rate(6), steady, 5, 6) == [2.0]
    assert heard(rate(6), [None, None, None, *steady[3:]], 5, 6) == [2.0]
    assert heard(rate(6), [None, None, None, None, *steady[4:]], 5, 6) == [Gap.MISSING]
    assert heard(rate(6), [*steady[:5], None], 5, 6) == [Gap.MISSING]


def test_an_empty_minute_stays_empty_so_that_no_traffic_ends_a_rate() -> None:
    metric, of = CATALOG.metric("responseTime.avg"), CATALOG.metric("throughput")
    member = Member(metric=metric.name, condition="rate_of_change", threshold=5, window=5)
    chunks = by_hour(chunks_of({metric.column: [100.0, 110.0], of.column: [3.0, 2.0, 0.0]}))
    said = listen([Watched(member, metric, of)], chunks, at(1), at(3), composite=False)

    assert [cell for _, cell in said] == [Gap.MISSING, Gap.EMPTY]


def test_one_outlier_in_four_does_not_bend_the_line() -> None:
    points = [(float(n), 100.0 + 2 * n) for n in range(40)]
    bent = [(t, 9999.0 if n % 4 == 0 else y) for n, (t, y) in enumerate(points)]
    trend = trend_of(bent)

    assert trend is not None
    assert trend.slope == pytest.approx(2.0, abs=0.2)


def test_a_level_series_has_no_trend_and_a_noisy_one_seldom() -> None:
    level = trend_of([(float(n), 7.0) for n in range(60)])
    assert level is not None
    assert (level.slope, level.score) == (0.0, 0.0)

    random = Random(4711)
    trends = [trend_of([(float(n), random.gauss(0, 1)) for n in range(60)]) for _ in range(300)]
    believed = sum(trend is not None and trend.is_significant for trend in trends)
    assert believed / 300 < 0.05  # two-sided, 2 % are expected


def test_the_score_is_kendalls_with_its_correction_for_ties() -> None:
    # By hand: S = 8 of 10 pairs, two of them tied; Var = (5*4*15 - 2*(2*1*9)) / 18.
    trend = trend_of([(0.0, 1.0), (1.0, 1.0), (2.0, 2.0), (3.0, 3.0), (4.0, 3.0)])

    assert trend is not None
    assert trend.score == pytest.approx(7 / ((300 - 36) / 18) ** 0.5)
    assert trend.score < SIGNIFICANT


def test_a_forecast_follows_the_bad_side_of_its_metric() -> None:
    falling: list[float | None] = [100 - 0.25 * n for n in range(60)]
    rising: list[float | None] = [85 + 0.25 * n for n in range(60)]
    member = forecast(60, 70, 3, "availability")

    (down,) = heard(member, falling, 59, 60, AVAILABILITY)
    (up,) = heard(member, rising, 59, 60, AVAILABILITY)

    assert isinstance(down, Outlook)
    assert down.value == 85.25
    assert down.hours == pytest.approx(15.25 / 0.25 / 60)
    assert up == Outlook(99.75, None)


def test_what_is_beyond_the_threshold_has_reached_it_even_without_a_trend() -> None:
    level: list[float | None] = [1650.0] * 60

    assert heard(forecast(60, 1600, 6), level, 59, 60) == [Outlook(1650.0, 0.0)]


def test_a_week_is_judged_by_sixty_medians_at_most() -> None:
    assert look_back(10080) == 10080 + 167
    week: list[float | None] = [40 + n / 1440 for n in range(2 * 10080)]
    member = forecast(10080, 60, 24 * 7)
    (cell,) = heard(member, week, len(week) - 1, len(week))

    assert isinstance(cell, Outlook)
    assert cell.hours == pytest.approx(24 * (60 - cell.value))


# Composites.

NAMES = ("dtuUtilization", "memoryUsage", "cpuUtilization")


@given(
    st.sampled_from(["any", "all"]),
    st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=60),
    st.sampled_from(["greater_than", "less_or_equal", "absent"]),
    st.integers(0, 3),
)
@cases(300)
def test_a_composite_has_the_state_of_the_slow_reading(
    kind: str, rows: list[tuple[Said, ...]], condition: str, duration: int
) -> None:
    theirs = [
        reference.Rule(one, 3.0, duration) for one in ("greater_than", condition, "less_than")
    ]
    members = tuple(
        Member(metric=name, condition=rule.condition, threshold=rule.threshold)
        for name, rule in zip(NAMES, theirs, strict=True)
    )
    desk = Desk(composite(kind, *members, duration=duration))
    states = []
    for row in rows:
        desk.fold_row(row)
        states.append(stands(desk))

    assert states == reference.composite_states(kind, theirs, rows, duration)


def composite(kind: str, *members: Member, duration: int = 1) -> Rule:
    return a_rule(
        metric="", condition="", threshold=None, duration=duration, **{f"{kind}_of": members}
    )


TRUTH = {
    ("any", "bad", "missing"): "bad",
    ("any", "bad", "ok"): "bad",
    ("any", "missing", "ok"): "missing",
    ("any", "ok", "ok"): "ok",
    ("any", "missing", "missing"): "missing",
    ("all", "bad", "missing"): "missing",
    ("all", "bad", "bad"): "bad",
    ("all", "bad", "ok"): "ok",
    ("all", "missing", "ok"): "ok",
    ("all", "missing", "missing"): "missing",
}
SAYS: dict[str, Cell] = {"bad": 99.0, "ok": 1.0, "missing": Gap.MISSING}


@pytest.mark.parametrize(("kind", "one", "other"), TRUTH)
@pytest.mark.parametrize("turned", [False, True])
def test_the_table_of_three_values(kind: str, one: str, other: str, *, turned: bool) -> None:
    members = [Member(metric=m, condition="greater_than", threshold=50) for m in NAMES[:2]]
    rule = composite(kind, *members)
    cells = (SAYS[other], SAYS[one]) if turned else (SAYS[one], SAYS[other])
    state = Desk(rule).state

    assert classify(rule, state, cells).given is Input(TRUTH[kind, one, other])


def test_the_alert_of_a_composite_names_the_members_that_were_bad() -> None:
    members = [Member(metric=m, condition="greater_than", threshold=50) for m in NAMES]
    desk = Desk(composite("any", *members))
    desk.fold_row([1.0, 60.0, 70.0])
    desk.fold_row([99.0, 61.0, 1.0])
    (alert,) = desk.alerts

    assert (alert.metric, alert.value, alert.last_value) == ("memoryUsage", 60.0, 61.0)
    assert (alert.threshold, alert.unit) == (50, "MB")
    assert [(one.label, one.value) for one in alert.breaches] == [("Memory", 60.0), ("CPU", 70.0)]
    assert desk.told[0].metric_label == "Memory"


def test_the_conditions_with_a_window_are_those_that_say_how_long() -> None:
    assert {name for name, one in CONDITIONS.items() if one.windows} == {
        "rate_of_change",
        "forecast",
    }


@given(series())
@cases(50)
def test_one_member_alone_is_the_plain_rule(cells: list[Said]) -> None:
    plain = Desk(a_rule(threshold=3.0))
    pair = Desk(composite("any", *2 * plain.rule.members, duration=2))
    for cell in cells:
        plain.fold([cell])
        pair.fold_row([cell, cell])
        assert stands(plain) == stands(pair)
