"""The parts of a report, each by arithmetic that fits on a line."""

from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from shared.catalog.metrics import CATALOG
from shared.domain.alerts import Alert, AlertState
from shared.domain.chunks import Cells, HourChunk
from shared.domain.curves import Columns
from shared.domain.deliveries import Delivery, Status, first_delivery
from shared.domain.deployments import Deployment, RecentDeploy
from shared.domain.hour_lines import HourLines, lines_of
from shared.domain.metrics import Catalog
from shared.domain.reports.anomalies import anomalies
from shared.domain.reports.availability import availability
from shared.domain.reports.charts import charts
from shared.domain.reports.deployments import deploy_effects
from shared.domain.reports.episodes import episodes, told_minutes, was_open_in
from shared.domain.reports.figures import Figure, figures, percent_down, told_change
from shared.domain.reports.monitor import monitor_health
from shared.domain.rules import Severity
from shared.domain.times import DAY, HOUR, MINUTE, Span
from tests.builders import MAIL, an_alert, an_event
from tests.domain.lines import END, day_of, lines_of_days

WEEK = Span(END - 7 * DAY, END)


def by_name(lines: HourLines, before: HourLines | None = None) -> dict[str, Figure]:
    empty = HourLines(WEEK, {})
    return {one.name: one for one in figures(lines, before or empty, CATALOG)}


def a_line(hours: int, count: int, value: float) -> Columns:
    """So many hours with `count` samples of the same value, and as many without any."""
    gap: list[float | None] = [None] * hours
    return Columns(
        [count] * hours + [0] * hours,
        [value] * hours + gap,
        [value] * hours + gap,
        [count * value] * hours + [0.0] * hours,
    )


def test_means_weigh_every_sample_and_every_request() -> None:
    span = Span(END - 2 * HOUR, END)
    lines = HourLines(
        span,
        {
            "responseTime_avg": Columns([300, 100], [100, 100], [900, 900], [300 * 100, 100 * 500]),
            "throughput": Columns([60, 60], [0, 0], [9, 9], [300, 100]),
        },
    )

    found = by_name(lines)

    assert found["avgResponseTime"].value == 200
    assert found["totalRequests"].value == 400
    assert found["avgResponseTime"].coverage.told == "100 % of minutes"


def test_a_sample_counts_for_as_long_as_it_holds_in_the_coverage() -> None:
    span = Span(END - 10 * HOUR, END)
    lines = HourLines(span, {"activeUsers": a_line(5, 12, 7), "dtuUtilization": a_line(5, 59, 40)})

    found = by_name(lines)

    assert found["peakUsers"].coverage.known_minutes == 300
    assert found["maxDTU"].coverage.known_minutes == 5 * 59
    assert found["maxDTU"].coverage.told == "49.1 % of minutes"
    assert (found["uptime"].value, found["uptime"].coverage.share) == (None, 0)


def test_every_figure_stands_beside_the_one_before() -> None:
    now = lines_of_days(7, memoryUsage=lambda _: 1100)
    before = HourLines(Span(WEEK.start - 7 * DAY, WEEK.start), now.columns)
    changed = by_name(now, replace(before, columns={"memoryUsage": a_line(84, 60, 1000)}))

    assert changed["avgMemoryUsage"].change == pytest.approx(0.1)
    assert changed["avgMemoryUsage"].told_change == "+10 %"
    assert changed["avgMemoryUsage"].before_coverage.share == 0.5
    assert changed["totalErrors"].told_change == ""


def test_a_change_of_what_is_nearly_whole_is_told_in_points() -> None:
    """Half a percent of a week is 50 minutes down, and not about the same."""
    now = lines_of_days(7, availability=lambda _: 99.4)
    before = HourLines(
        Span(WEEK.start - 7 * DAY, WEEK.start),
        lines_of_days(7, availability=lambda _: 99.8).columns,
    )

    assert by_name(now, before)["uptime"].told_change == "-0.4 points"
    assert by_name(now, now)["uptime"].told_change == "about the same"


def test_one_minute_of_a_month_is_not_told_as_none() -> None:
    lost = END - 5 * HOUR
    month = lines_of_days(30, availability=lambda at: 100 * 59 / 60 if at == lost else 100)
    whole = lines_of_days(30, availability=lambda _: 100)

    assert by_name(month, whole)["uptime"].told == "99.998 %"
    assert by_name(whole, month)["uptime"].told_before == "99.998 %"
    assert by_name(whole, month)["uptime"].told == "100 %"


def test_sums_are_compared_only_where_as_much_is_known_of_both() -> None:
    """In its second week a monitor would have found twice of everything."""
    lines = lines_of_days(14, throughput=lambda at: None if day_of(at) < -10 else 10.0)
    now = lines.within(WEEK)
    before = lines.within(Span(WEEK.start - 7 * DAY, WEEK.start))

    found = by_name(now, before)

    assert found["totalRequests"].value == pytest.approx(7 * 1440 * 10)
    assert 0 < (found["totalRequests"].before or 0) < 5 * 1440 * 10
    assert found["totalRequests"].change is None
    assert by_name(now, now)["totalRequests"].change == 0


def test_a_further_business_metric_is_told_by_itself() -> None:
    found = by_name(lines_of_days(7, offlineSync_failed=lambda _: 2))

    assert found["offlineSync.failed"].value == 7 * 24 * 60 * 2
    assert found["offlineSync.failed"].group == "business"
    assert found["maxDTU"].group == "usual"
    assert "offlineSync.pending" not in found


def test_a_state_is_told_as_it_is_at_the_end_and_a_peak_as_its_highest() -> None:
    found = by_name(
        lines_of_days(
            7,
            pipelineValue=lambda at: at.day,
            failedLoginsByAddress=lambda at: 20 if at == END - 9 * HOUR else 0,
        )
    )

    assert (found["pipelineValue"].value, found["failedLoginsByAddress"].value) == (16, 20)
    assert found["pipelineValue"].label == "Pipeline value, at the end"
    assert found["failedLoginsByAddress"].group == "security"


@pytest.mark.parametrize(
    ("share", "said"), [(1, "100 %"), (0.9999, "99.9 %"), (0.5, "50 %"), (0, "0 %")]
)
def test_what_is_not_whole_is_never_told_as_whole(share: float, said: str) -> None:
    assert percent_down(share) == said


@pytest.mark.parametrize(
    ("change", "said"),
    [(0.12, "+12 %"), (-0.031, "-3.1 %"), (0.004, "about the same"), (9, "+900 %")],
)
def test_changes_are_told_by_their_size(change: float, said: str) -> None:
    assert told_change(change) == said


def test_the_budget_is_what_the_objective_leaves_of_the_probed_minutes() -> None:
    lines = lines_of_days(7, availability=lambda at: 0 if at == END - HOUR else 100)

    found = availability(lines, CATALOG, 99.0)

    assert (found.minutes_down, found.budget_minutes, found.left_minutes) == (60, 100.8, 40.8)
    assert found.sentence == (
        "Available in 99.405 % of 10,080 probed minutes (100 % of minutes): the objective of 99 % "
        "allows 101 minutes down, 60 minutes were, so 40 % of the budget is left."
    )


def test_a_day_that_is_lost_is_told_in_whole_minutes() -> None:
    lines = lines_of_days(30, availability=lambda at: 0 if -3 <= day_of(at) < -2 else 100)

    told = availability(lines, CATALOG, 95.0).sentence

    assert "allows 2,160 minutes down, 1,440 minutes were, so 33 %" in told


def test_a_missed_objective_says_so_and_nothing_probed_judges_nothing() -> None:
    missed = availability(lines_of_days(1, availability=lambda _: 0), CATALOG, 99.5)
    nothing = availability(lines_of_days(1), CATALOG, 99.5)

    assert missed.left_minutes < 0
    assert missed.sentence.endswith("The objective is missed.")
    assert (nothing.uptime, nothing.minutes_down) == (None, 0)
    assert "Nobody probed" in nothing.sentence


def told(begun: int, minutes: int | None, **changes: Any) -> Alert:
    """An alert that began so many hours before the end, and lasted so many minutes."""
    at = END - begun * HOUR
    over = (
        {}
        if minutes is None
        else {"resolved_at": at + minutes * MINUTE, "state": AlertState.RESOLVED}
    )
    given = {"active_at": at, "fired_at": at + 2 * MINUTE, "count": minutes or 1, **over}
    return an_alert(f"{at:%Y%m%dT%H%MZ}-1a2b3c4d", **{**given, **changes})


def test_the_worst_episodes_come_by_severity_and_then_by_bad_minutes() -> None:
    mild = [told(n, 10 * n, severity=Severity.LOW) for n in range(2, 7)]
    bad = told(1, 5, severity=Severity.CRITICAL, acknowledged_at=END - HOUR + 6 * MINUTE)
    still = told(9, None, severity=Severity.LOW)

    found = episodes([*mild, bad, still], WEEK)

    assert [one.bad_minutes for one in found.worst] == [5, 60, 50, 40, 30]
    assert found.by_severity == {"critical": 1, "low": 6}
    assert (
        found.to_acknowledge.count,
        found.to_acknowledge.median,
        found.to_acknowledge.never,
    ) == (
        1,
        4,
        6,
    )
    assert (found.to_resolve.count, found.to_resolve.median, found.to_resolve.never) == (6, 33, 1)
    assert found.to_resolve.longest == 58
    assert ", 1 not resolved yet, acknowledged 4 min after firing" in found.sentence


def test_no_alert_is_a_sentence_too() -> None:
    assert episodes([], WEEK).sentence == "No alert was open."


def test_an_alert_that_began_before_and_goes_on_belongs_to_the_range() -> None:
    assert was_open_in(told(24 * 9, None), WEEK)
    assert was_open_in(told(24 * 7 + 1, 90), WEEK)
    assert not was_open_in(told(24 * 9, 90), WEEK)
    assert not was_open_in(told(-1, None), WEEK)


def test_an_alert_that_ends_or_begins_where_two_ranges_meet_belongs_to_one_of_them() -> None:
    after = Span(WEEK.end, WEEK.end + 7 * DAY)
    ends, begins = told(2, 120), told(0, 60)

    assert [was_open_in(ends, span) for span in (WEEK, after)] == [True, False]
    assert [was_open_in(begins, span) for span in (WEEK, after)] == [False, True]


@pytest.mark.parametrize(
    ("minutes", "said"), [(7.4, "7 min"), (200, "3 h 20 min"), (120, "2 h"), (2880, "2 days")]
)
def test_lengths_are_told_in_their_own_units(minutes: float, said: str) -> None:
    assert told_minutes(minutes) == said


def a_deploy(hours: float, version: str) -> Deployment:
    at = END - hours * HOUR
    return Deployment(id=version, target="pantry-crm", at=at, version=version, by="pipeline")


def test_a_deploy_is_judged_beside_the_same_hours_a_week_before() -> None:
    slow = a_deploy(30, "1.8.2")

    def dtu(at: datetime) -> float:
        return 60 if at > slow.at else 40 + 5 * (at.hour == 3)

    (found,) = deploy_effects([slow], lines_of_days(14, dtuUtilization=dtu), [], CATALOG)

    assert (found.since, found.until) == (END - 29 * HOUR, END - 5 * HOUR)
    (effect,) = found.effects
    assert effect.after == 60
    assert effect.before == pytest.approx(40 + 5 / 24)
    assert found.sentence == (
        "1.8.2: in the 24 h after it: DTU 60 % (+49 %); no alert began after it."
    )


def test_the_next_deploy_ends_a_versions_time_and_its_alerts_are_counted() -> None:
    first, second = a_deploy(30, "1"), a_deploy(28, "2")
    alert = an_alert(deploy=RecentDeploy("2", second.at, 3))

    found = deploy_effects(
        [second, first], lines_of_days(14, dtuUtilization=lambda _: 40), [alert], CATALOG
    )

    assert [(one.version, len(one.effects), one.alerts) for one in found] == [
        ("1", 0, 0),
        ("2", 1, 1),
    ]
    assert "too little time" in found[0].sentence
    assert found[1].sentence.endswith("1 alert began within the hour after it.")


def test_charts_have_a_few_even_steps_and_keep_spikes() -> None:
    lines = lines_of_days(30, dtuUtilization=lambda at: 99 if at == END - HOUR else 10)

    found = charts(lines, CATALOG)

    chart = found.resource_utilization
    assert (chart.step_minutes, chart.points, list(chart.series)) == (360, 120, ["dtuUtilization"])
    series = chart.series["dtuUtilization"]
    assert (series.value[-1], series.max[-1], series.min[-1]) == ((5 * 10 + 99) / 6, 99, 10)
    assert found.user_activity.series == {}


def test_the_monitor_tells_who_told_less_and_what_it_cost() -> None:
    lines = lines_of_days(
        1,
        dtuUtilization=lambda _: 40,
        monitor_cpuMs=lambda _: 6,
        availability=lambda at: None if at < END - 12 * HOUR else 100,
    )
    row = replace(_delivery(), status=Status.SENT)

    found = monitor_health(
        lines, ["probe", "dmv", "logs", "self"], [row, replace(row, status=Status.DEAD)], CATALOG
    )

    assert [one.source for one in found.sources] == ["probe", "dmv", "self"]
    assert found.cost.cpu_seconds == 8.64
    assert found.cost.cpu_share == pytest.approx(0.0001)
    assert found.sentence == (
        "Sources that told of fewer minutes than 99 %: probe 50 %. 1 message sent, 1 could not be "
        "delivered. Reading the database took 8.64 s of its CPU time (0.01 % of one core)."
    )


def test_a_source_that_never_told_anything_is_named_too() -> None:
    metrics = [CATALOG.metric(name) for name in ("availability", "dtuUtilization")]
    lines = lines_of({}, metrics, WEEK)

    found = monitor_health(lines, ["probe", "dmv", "logs"], [], CATALOG)

    assert [(one.source, one.coverage.share) for one in found.sources] == [("probe", 0), ("dmv", 0)]
    assert found.sentence.startswith(
        "Sources that told of fewer minutes than 99 %: dmv 0 %, probe 0 %."
    )


def _delivery() -> Delivery:
    return first_delivery(an_event(), MAIL, END)


def a_scored(at: datetime, score: float, value: float) -> HourChunk:
    """An hour whose first minute was so unusual."""
    cells: dict[str, Cells] = {
        "dtuUtilization": (value, *(20.0,) * 59),
        "dtuUtilization_score": (score, *(0.1,) * 59),
    }
    return HourChunk(hour=at, cells=cells)


def test_the_worst_anomalies_of_each_type_are_listed_and_all_are_counted() -> None:
    dtu = replace(CATALOG.metric("dtuUtilization"), judged=True)
    catalog = Catalog([dtu], CATALOG.sources)
    hours = [END - n * 3 * HOUR for n in range(1, 56)]
    chunks = {at: a_scored(at, 0.66 + n / 1000, 40.0 + n) for n, at in enumerate(hours)}

    found = anomalies(chunks, WEEK, catalog, {"dtuUtilization"})

    assert found.counts == {"unusual_value": 55, "dtu_spike": 55}
    assert [sum(one.type == name for one in found.worst) for name in found.counts] == [50, 50]
    spikes = [one for one in found.worst if one.type == "dtu_spike"]
    assert {one.value for one in spikes} == {40.0 + n for n in range(5, 55)}
    assert [one.timestamp for one in found.worst] == sorted(one.timestamp for one in found.worst)
    assert found.sentence == (
        "55 unusual stretches, beside the days before. In 55 minutes DTU was more than two "
        "standard deviations from its mean; the highest was 94 % at 2026-03-09 09:00 UTC."
    )


def test_a_calm_week_has_nothing_unusual_and_without_a_detector_that_is_not_said() -> None:
    chunks = {END - HOUR: HourChunk(hour=END - HOUR, cells={"dtuUtilization": (20.0,) * 60})}
    dtu = CATALOG.metric("dtuUtilization")
    plain, judged = (
        Catalog([replace(dtu, judged=is_judged)], CATALOG.sources) for is_judged in (False, True)
    )
    known = {"dtuUtilization"}
    calm = "No minute of DTU was more than two standard deviations from its mean."

    assert anomalies(chunks, WEEK, plain, known).sentence == (
        f"No detector judges any metric. {calm}"
    )
    assert anomalies(chunks, WEEK, judged, known).sentence == (
        f"Nothing was unusual beside the days before it. {calm}"
    )
    assert anomalies(chunks, WEEK, judged, known).worst == ()


def test_what_was_not_measured_is_not_called_calm() -> None:
    judged = Catalog([replace(CATALOG.metric("dtuUtilization"), judged=True)], CATALOG.sources)

    found = anomalies({}, WEEK, judged, {"availability"})

    assert found.sentence == "Nothing was measured that a detector judges. DTU was not measured."
