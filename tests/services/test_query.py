"""What was, and what is: history by minute, step and hour, and the alerts with their stories."""

from collections.abc import Sequence

import pytest

from shared.catalog.metrics import CATALOG
from shared.domain.errors import InvalidInput, NotFound
from shared.domain.histograms import Histogram, histogram_of, merge, quantile
from shared.domain.samples import MinuteHistogram, Reading, Sample
from shared.services.collect import store
from shared.services.query import History, alert_story, history, open_alerts
from tests.builders import BAD, OK, TARGET, Desk, a_rule, at
from tests.services.conftest import MakeDesk

DTU = CATALOG.metric("dtuUtilization")
P95 = CATALOG.metric("responseTime.p95")


def keep(desk: Desk, samples: Sequence[Sample], *histograms: MinuteHistogram) -> None:
    for source, given in (("dmv", samples), ("logs", ())):
        reading = Reading(
            source=source,
            asked_at=at(99999),
            covered_until=at(99999),
            samples=tuple(given),
            histograms=histograms if source == "logs" else (),
        )
        store([reading], TARGET, catalog=CATALOG, samples=desk.house.samples, now=at(99999))


def dtu(values: dict[int, float]) -> list[Sample]:
    return [Sample(DTU.name, at(minute), value) for minute, value in values.items()]


def past(desk: Desk, first: float, end: float, metric: str = DTU.name) -> History:
    (found,) = history(
        TARGET, [CATALOG.metric(metric)], house=desk.house, start=at(first), end=at(end)
    )
    return found


def shown(found: History) -> dict[int, float]:
    minute = at(1) - at(0)
    return {(bucket.start - at(0)) // minute: bucket.value for bucket in found.buckets}


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    return make_desk()


def test_an_hour_is_shown_by_the_minute_and_gaps_stay_gaps(desk: Desk) -> None:
    keep(desk, dtu({0: 1, 1: 2, 59: 4, 60: 5}))

    found = past(desk, 0, 60)

    assert found.step == at(1) - at(0)
    assert shown(found) == {0: 1, 1: 2, 59: 4}


def test_a_range_begins_with_its_start_and_ends_before_its_end(desk: Desk) -> None:
    keep(desk, dtu({n: float(n) for n in range(180)}))

    assert shown(past(desk, 55, 65)) == {n: float(n) for n in range(55, 65)}


def test_a_day_is_shown_in_steps_of_five_minutes_that_keep_the_spikes(desk: Desk) -> None:
    keep(desk, dtu({0: 10, 1: 20, 4: 90, 7: 5, 1439: 1}))

    found = past(desk, 0, 1440)

    assert shown(found) == {0: 40, 5: 5, 1435: 1}
    assert (found.buckets[0].low, found.buckets[0].high) == (10, 90)


def test_a_step_takes_nothing_from_beyond_the_range(desk: Desk) -> None:
    keep(desk, dtu({0: 10, 500: 30, 502: 40, 503: 99}))

    assert shown(past(desk, 0, 503))[500] == 35


def test_seven_days_are_shown_by_the_hour(desk: Desk) -> None:
    keep(desk, dtu({0: 10, 59: 30, 60: 7, 60 * 24 * 6: 1}))

    found = past(desk, 0, 60 * 24 * 7)

    assert shown(found) == {0: 20, 60: 7, 60 * 24 * 6: 1}
    assert (found.buckets[0].low, found.buckets[0].high) == (10, 30)


@pytest.mark.parametrize("days", [1, 7])
def test_quantiles_of_a_step_come_from_merged_histograms(desk: Desk, days: int) -> None:
    """The mean of the two minutes' p95 would be about 500."""
    fast, slow = histogram_of([10.0] * 1000), histogram_of([1000.0] * 10)
    keep(desk, [], MinuteHistogram(at(0), fast), MinuteHistogram(at(1), slow))

    found = past(desk, 0, 1440 * days, P95.name)

    merged = merge([fast, slow])
    assert [bucket.value for bucket in found.buckets] == [quantile(merged, 0.95)]


def test_a_quantile_that_came_without_a_histogram_keeps_its_mean(desk: Desk) -> None:
    store(
        [
            Reading(
                source="logs",
                asked_at=at(9),
                covered_until=at(9),
                samples=(Sample(P95.name, at(0), 100), Sample(P95.name, at(1), 300)),
            )
        ],
        TARGET,
        catalog=CATALOG,
        samples=desk.house.samples,
        now=at(9),
    )

    assert shown(past(desk, 0, 1440, P95.name)) == {0: 200}


def test_several_metrics_are_read_at_once_and_one_never_seen_is_empty(desk: Desk) -> None:
    keep(desk, dtu({0: 10}))
    found = history(TARGET, [P95, DTU], house=desk.house, start=at(0), end=at(60))

    assert [(one.metric, len(one.buckets)) for one in found] == [(P95.name, 0), (DTU.name, 1)]
    assert quantile(Histogram({}), 0.5) is None


@pytest.mark.parametrize(("first", "end"), [(5, 5), (6, 5), (0, 14 * 1440 + 1)])
def test_a_range_that_makes_no_sense_is_refused(desk: Desk, first: int, end: int) -> None:
    with pytest.raises(InvalidInput, match="at most 14 days"):
        past(desk, first, end)


def test_open_alerts_are_those_that_go_on_oldest_first(make_desk: MakeDesk) -> None:
    rules = [a_rule("later", threshold=98.0, duration=4), a_rule("over"), a_rule("first")]
    desk = make_desk([OK, *[BAD] * 20], rules=rules)
    desk.ticks(0, 8)
    over = next(alert.id for alert in desk.alerts() if alert.rule_id == "over")
    desk.act("resolve", over, 8)
    desk.tick(8)

    found = open_alerts(TARGET, house=desk.house, now=at(9))

    assert {alert.rule_id for alert in found} == {"first", "later"}
    assert [alert.id for alert in found] == sorted(alert.id for alert in found)


def test_a_snooze_is_shown_with_the_alert_while_it_lasts(make_desk: MakeDesk) -> None:
    desk = make_desk([BAD] * 20)
    desk.ticks(0, 5)
    desk.act("snooze", desk.alert().id, 5, minutes=10)

    (during,) = open_alerts(TARGET, house=desk.house, now=at(14))
    (after,) = open_alerts(TARGET, house=desk.house, now=at(15))

    assert (during.snoozed_until, after.snoozed_until) == (at(15), None)
    assert desk.alert().snoozed_until is None


def test_an_alerts_story_is_its_timeline_from_the_beginning(make_desk: MakeDesk) -> None:
    desk = make_desk([BAD] * 4 + [OK] * 9)
    desk.ticks(0, 4)
    desk.act("acknowledge", desk.alert().id, 4, note="on it")
    desk.ticks(4, 8)

    story = alert_story(TARGET, desk.alert().id, house=desk.house, now=at(9))

    assert story.alert == desk.alert()
    assert [line.kind for line in story.timeline] == ["firing", "acknowledged", "resolved"]
    assert [line.minute for line in story.timeline] == [at(1), at(2), at(4)]
    assert story.timeline[1].note == "on it"


def test_an_alert_that_nobody_knows_has_no_story(desk: Desk) -> None:
    with pytest.raises(NotFound, match="has no alert 'x'"):
        alert_story(TARGET, "x", house=desk.house, now=at(0))
