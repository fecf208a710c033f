"""The second clock: a source that stays silent, and what a rule makes of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.catalog.metrics import CATALOG
from shared.domain.alerts import AlertKind, AlertState
from shared.domain.machine import NoDataState, State
from shared.domain.nodata import patience
from shared.domain.reasons import Reason
from shared.domain.rules import NoDataPolicy, Rule
from shared.domain.times import MINUTE
from tests.domain import reference
from tests.domain.asking import Asking
from tests.domain.builders import Desk, a_rule, at, heard, keeping
from tests.domain.drawing import cases

POLICIES = list(NoDataPolicy)


def a_memory_rule(policy: NoDataPolicy, **changes: object) -> Rule:
    return keeping(policy, metric="memoryProcess", threshold=1400, **changes)


class Watched:
    """A rule on a metric that is asked every minute, folded and judged after each reading."""

    def __init__(self, rule: Rule) -> None:
        self.desk = Desk(rule)
        self.asking = Asking(rule.metric)
        self.now = 0

    def minute(self, value: float | None, *, fold: bool = True) -> None:
        """One more minute ends; None is a failed reading, whose minute stays uncovered."""
        self.now += 1
        if value is None:
            self.asking.fails(self.now)
        else:
            self.asking.hears(self.now, **{self.asking.metric.column: value})
            missed = self.now - 1 - self.desk.folded
            if fold:
                self.desk.fold([*["missing"] * missed, value], now=at(self.now))
        self.desk.judge(self.asking.silence_for(self.desk.state), at(self.now))

    def minutes(self, *values: float | None) -> "Watched":
        for value in values:
            self.minute(value)
        return self


def test_the_age_runs_from_the_end_of_the_last_hold() -> None:
    asking = Asking("memoryProcess")
    asking.hears(1, memoryProcess=900)
    for minute in range(2, 8):
        asking.fails(minute)

    assert asking.silence().since == at(1)
    assert asking.silence().age == 6 * MINUTE


def test_a_held_sample_is_not_silence() -> None:
    asking = Asking("activeUsers")
    asking.hears(1, activeUsers=3)
    asking.hears(6)

    assert asking.silence().since == at(5)
    assert asking.silence().age == 1 * MINUTE


def test_a_source_that_settles_late_is_given_that_time() -> None:
    asking = Asking("memoryUsage")
    asking.hears(1, memoryUsage=900)
    for minute in range(2, 8):
        asking.hears(minute)

    assert CATALOG.source("database").settle == 3 * MINUTE
    assert asking.silence().age == (6 - 3) * MINUTE


def test_an_empty_minute_is_not_silence() -> None:
    asking = Asking("responseTime.avg")
    for minute in range(1, 31):
        asking.hears(minute, throughput=0)

    assert asking.silence().since == at(30)
    assert asking.silence().age == -5 * MINUTE


def test_an_empty_minute_still_counts_when_the_next_one_lacks_its_distribution() -> None:
    """Half an hour without traffic, then a minute whose durations did not come: silent since 30."""
    asking = Asking("responseTime.avg")
    for minute in range(1, 31):
        asking.hears(minute, throughput=0)
    asking.hears(31, throughput=3)

    assert asking.silence().since == at(30)


def test_silence_before_anybody_asked_is_not_counted() -> None:
    """Asked from minute 0 to 2 and again from 40 on: the source is judged from 40 on."""
    asking = Asking()
    for minute in (0, 1, 2, 40, 41):
        asking.fails(minute)

    assert asking.silence().since == at(40)
    assert asking.silence().age == 1 * MINUTE


def test_a_span_of_exactly_three_minutes_without_asking_forgives_nothing() -> None:
    asking = Asking()
    for minute in (0, 3, 6):
        asking.fails(minute)

    assert asking.silence().age == 6 * MINUTE


def test_at_first_the_anchor_is_the_activation() -> None:
    """Activated at minute 0, first asked at 2: a span of two minutes forgives nothing."""
    asking = Asking()
    for minute in range(2, 7):
        asking.fails(minute)

    assert asking.silence(activated=at(0)).age == 6 * MINUTE


@given(st.lists(st.sampled_from(["heard", "heard", "failed", "good", "unasked"]), max_size=40))
@cases(200)
def test_the_age_is_that_of_the_formula(minutes: list[str]) -> None:
    asking, asked, last, anchor = Asking(), 0, None, 0
    asking.fails(0)
    for now, what in enumerate(minutes, 1):
        if what == "unasked":
            continue
        if what == "heard":
            asking.hears(now, memoryProcess=900)
            last = now
        else:
            asking.fails(now) if what == "failed" else asking.hears(now)
        # A reading fails or succeeds, it was asked; more than three minutes without are a span.
        anchor = now if now - asked > 3 else anchor
        asked = now

    assert asking.silence().age == reference.silence(asked, last, anchor, 0) * MINUTE


@pytest.mark.parametrize(("metric", "minutes"), [("memoryProcess", 5), ("activeUsers", 15)])
def test_the_default_patience_is_five_minutes_or_three_holds(metric: str, minutes: int) -> None:
    assert patience(a_rule(metric=metric), CATALOG.metric(metric)) == minutes * MINUTE


def test_a_rules_own_patience_goes_first() -> None:
    assert patience(a_rule(no_data_after=2), CATALOG.metric("dtuUtilization")) == 2 * MINUTE


# The three policies.


@pytest.mark.parametrize("policy", POLICIES)
def test_nothing_happens_before_the_fifth_silent_minute(policy: NoDataPolicy) -> None:
    watched = Watched(a_memory_rule(policy)).minutes(900, *[None] * 4)

    assert watched.desk.state.no_data.state is NoDataState.FRESH
    assert watched.desk.alerts == []


def test_keep_shows_the_silence_and_tells_nobody() -> None:
    watched = Watched(a_memory_rule(NoDataPolicy.KEEP)).minutes(1500, 1500, *[None] * 9)

    said = [one.reason for decision in watched.desk.decisions for one in decision.suppressions]
    assert said == [Reason.POLICY_KEEP]
    assert watched.desk.state.state is State.FIRING
    assert watched.desk.state.no_data.state is NoDataState.NO_DATA
    assert heard(watched.desk.told) == [("firing", 1, 0)]


def test_alert_opens_an_episode_that_began_with_the_silence() -> None:
    watched = Watched(a_memory_rule(NoDataPolicy.ALERT)).minutes(900, *[None] * 7)

    (alert,) = watched.desk.alerts
    assert alert.kind is AlertKind.NO_DATA
    assert alert.active_at == at(1)
    assert alert.value is None
    assert alert.reason is Reason.NO_DATA
    assert heard(watched.desk.told) == [("firing", 6, 1)]
    assert watched.desk.told[0].reason is Reason.NO_DATA


def test_a_fresh_sample_ends_the_silence_and_its_episode() -> None:
    watched = Watched(a_memory_rule(NoDataPolicy.ALERT)).minutes(900, *[None] * 7, 900)

    (alert,) = watched.desk.alerts
    assert alert.state is AlertState.RESOLVED
    assert alert.reason is Reason.DATA_BACK
    assert heard(watched.desk.told) == [("firing", 6, 1), ("resolved", 9, 1)]
    assert watched.desk.state.no_data.state is NoDataState.FRESH


def test_only_a_fresh_sample_ends_a_silence_not_a_monitor_that_was_away() -> None:
    """Silent since minute 1, told; nobody asks from 8 to 20; at 20 the source is silent still."""
    watched = Watched(a_memory_rule(NoDataPolicy.ALERT)).minutes(900, *[None] * 7)
    watched.now = 20
    watched.minute(None)

    assert watched.desk.state.no_data.state is NoDataState.NO_DATA
    assert [alert.state for alert in watched.desk.alerts] == [AlertState.FIRING]
    assert [kind for kind, _, _ in heard(watched.desk.told)] == ["firing"]


def test_a_silence_during_an_open_episode_is_only_a_line_in_its_story() -> None:
    watched = Watched(a_memory_rule(NoDataPolicy.ALERT)).minutes(1500, 1500, *[None] * 9)

    (alert,) = watched.desk.alerts
    lines = [row for key, row in sorted(watched.desk.rows.items()) if key.startswith("timeline:")]
    assert alert.kind is AlertKind.THRESHOLD
    assert [(line.kind, line.reason) for line in lines] == [
        ("firing", Reason.BREACH),
        ("no_data", Reason.NO_DATA),
    ]
    assert heard(watched.desk.told) == [("firing", 1, 0)]


def test_a_silence_resolved_by_hand_stays_held_until_a_fresh_sample() -> None:
    watched = Watched(a_memory_rule(NoDataPolicy.ALERT)).minutes(900, *[None] * 7)
    watched.desk.resolve(at(8), watched.desk.alerts[0])
    watched.minutes(*[None] * 300)

    assert watched.desk.state.no_data.state is NoDataState.HELD
    assert len(watched.desk.alerts) == 1
    watched.minutes(900, *[None] * 5)
    assert [kind for kind, _, _ in heard(watched.desk.told)] == ["firing", "resolved", "firing"]
    assert [alert.active_at for alert in watched.desk.alerts] == [at(1), at(309)]


def test_a_snoozed_silence_is_told_when_the_snooze_ends() -> None:
    watched = Watched(a_memory_rule(NoDataPolicy.ALERT)).minutes(900)
    watched.desk.snooze(9, at(1))
    watched.minutes(*[None] * 12)

    assert heard(watched.desk.told) == [("snooze_ended", 10, 1)]


def test_ok_closes_the_open_episode() -> None:
    watched = Watched(a_memory_rule(NoDataPolicy.OK)).minutes(1500, 1500, *[None] * 5)

    (alert,) = watched.desk.alerts
    assert alert.reason is Reason.NO_DATA_TREATED_AS_OK
    assert watched.desk.state.state is State.INACTIVE
    assert heard(watched.desk.told) == [("firing", 1, 0), ("resolved", 7, 0)]


@pytest.mark.parametrize("start", ["pending", "held"])
def test_ok_makes_an_unfinished_rule_inactive(start: str) -> None:
    watched = Watched(a_memory_rule(NoDataPolicy.OK)).minutes(1500)
    if start == "held":
        watched.minutes(1500).desk.resolve(at(2))
    assert watched.desk.state.state == start
    watched.minutes(*[None] * 5)

    assert watched.desk.state.state is State.INACTIVE
    assert watched.desk.state.active_at is None
    assert watched.desk.state.held_until is None


def test_ok_leaves_the_silent_gap_unfolded_for_ever() -> None:
    watched = Watched(a_memory_rule(NoDataPolicy.OK)).minutes(1500, *[None] * 5)

    # Minute 6 is running while the rule decides; it may still say something.
    assert watched.desk.state.last_folded == at(5)


@given(
    st.sampled_from(POLICIES),
    st.lists(st.sampled_from([900.0, None, None]), max_size=40),
    st.integers(1, 6),
    st.sampled_from(["", "resolve"]),
)
@cases(200)
def test_each_long_enough_silence_is_one_story(
    policy: NoDataPolicy, minutes: list[float | None], after: int, hand: str
) -> None:
    """`hand`: somebody resolves every no-data episode as soon as it exists."""
    watched = Watched(a_memory_rule(policy, no_data_after=after))
    watched.asking.fails(0)
    expected, silent = [], 0
    for minute, value in enumerate(minutes, 1):
        watched.minute(value, fold=False)
        episode = watched.desk.state.no_data.episode
        if hand and episode is not None:
            alert = next(one for one in watched.desk.alerts if one.id == episode)
            watched.desk.resolve(at(minute), alert)
        if value is None:
            silent += 1
            expected += ["firing"] + ["resolved"] * bool(hand) if silent == after else []
        else:
            expected += ["resolved"] if silent >= after and not hand else []
            silent = 0
        was_silent = watched.desk.state.no_data.state is not NoDataState.FRESH
        assert was_silent is (silent >= after)

    told = [kind for kind, _, _ in heard(watched.desk.told)]
    assert told == (expected if policy is NoDataPolicy.ALERT else [])
