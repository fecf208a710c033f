"""Every shipped rule has its scene, which fires it and what belongs to it; calm days fire none."""

from datetime import timedelta

import pytest

from local.world.attacks import BruteForce, PasswordSpray
from local.world.scenes import (
    CertificateEnding,
    ConnectionFlood,
    CpuSaturated,
    Degraded,
    DtuStorm,
    ErrorBurst,
    MemoryLeak,
    Outage,
    Scene,
    SlowRelease,
    SourceDown,
    StorageFilling,
    SyncFailures,
)
from shared.catalog.metrics import CATALOG
from shared.catalog.rules import default_rules
from shared.domain.machine import RuleState
from shared.domain.notifications import FORECAST
from shared.domain.rules import ActionType, Severity
from shared.domain.times import MINUTE
from tests.catalog.stage import START, TARGET, a_stage

SOON = START + 5 * MINUTE
DAY = 24 * 60
GROWING = StorageFilling(START, minutes=12 * DAY, climb=6 * DAY, highest=0.99)
SCENES: dict[str, tuple[list[Scene], int, set[str]]] = {
    "a short storm": ([DtuStorm(SOON, 10)], 25, {"dtu-critical"}),
    "a long storm": ([DtuStorm(SOON, 25)], 40, {"dtu-critical", "dtu-sustained"}),
    "a slow release": ([SlowRelease(SOON)], 25, {"response-time-slow"}),
    "a quick leak": ([MemoryLeak(SOON)], 60, {"memory-warning", "memory-critical"}),
    "a slow leak": ([MemoryLeak(SOON, 420)], 200, {"memory-leak"}),
    "an import": ([StorageFilling(SOON)], 40, {"storage-warning"}),
    "a spinning request": ([CpuSaturated(SOON)], 25, {"cpu-saturated"}),
    "an outage": ([Outage(SOON)], 25, {"site-down", "http-5xx"}),
    "a lost database": ([Degraded(SOON)], 25, {"site-down", "http-5xx", "error-rate"}),
    "an error burst": ([ErrorBurst(SOON)], 25, {"error-rate", "http-5xx"}),
    "a flood of connections": (
        [ConnectionFlood(SOON)],
        25,
        {"sessions-near-limit", "workers-near-limit", "outbound-sockets"},
    ),
    "failing syncs": ([SyncFailures(SOON)], 40, {"offline-sync-failing"}),
    "guessed passwords": ([BruteForce(SOON)], 25, {"failed-login-burst"}),
    "a slow spray": ([PasswordSpray(SOON, every=3)], 90, {"password-spray"}),
    "an old certificate": ([CertificateEnding(SOON)], 75, {"certificate-expiry"}),
    "a silent database": (
        [SourceDown(SOON, 40, "dmv"), SourceDown(SOON, 40, "platform")],
        55,
        {"no-data"},
    ),
}
"""What happens, for how many minutes it is watched, and which rules speak of it."""


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_is_told_by_its_rules_and_by_no_other(name: str) -> None:
    scenes, minutes, rules = SCENES[name]
    stage = a_stage(*scenes)
    stage.play(minutes)

    assert stage.fired() == rules


def test_every_shipped_rule_has_a_scene() -> None:
    told = {rule for _, _, rules in SCENES.values() for rule in rules}

    assert told | {"storage-full-soon"} == {rule.id for rule in default_rules()}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_storage_that_grows_is_foretold_days_before_it_is_full() -> None:
    stage = a_stage(GROWING, only=["storagePercent"])
    stage.play(4 * DAY)
    (alert,) = [alert for alert in stage.alerts() if alert.rule_id == "storage-full-soon"]

    assert alert.threshold == 100
    assert alert.value is not None
    assert 70 < alert.value < 85
    really = START + 6 * timedelta(days=1) - alert.fired_at
    assert alert.forecast_hours == pytest.approx(really / timedelta(hours=1), abs=12)


def test_a_leak_is_foretold_hours_before_memory_is_gone() -> None:
    stage = a_stage(MemoryLeak(SOON, 420))
    stage.play(200)
    (alert,) = stage.alerts()

    assert (alert.condition, alert.threshold, alert.unit) == (FORECAST, 1600, "MB")
    assert alert.forecast_hours is not None
    assert 2 < alert.forecast_hours < 6


CALM_WEEKS = [
    pytest.param(4711, marks=pytest.mark.slow),
    *(pytest.param(seed, marks=pytest.mark.bench) for seed in (1, 2, 3, 5, 8)),
]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", CALM_WEEKS)
def test_seven_calm_days_are_told_to_nobody(seed: int) -> None:
    stage = a_stage(seed=seed)
    stage.play(7 * DAY)
    states = [kept.value for kept in stage.house.alerts.scan(TARGET, "state:", RuleState)]

    assert stage.fired() == set()
    assert {state.last_folded + MINUTE for state in states} == {START + 7 * DAY * MINUTE}
    assert len(states) == len(default_rules())


def test_every_shipped_rule_says_whom_to_tell_and_what_to_do() -> None:
    known = {(ActionType.EMAIL, "${ALERT_EMAIL}"), *((ActionType.SLACK, c) for c in CHANNELS)}
    for rule in default_rules():
        assert rule.actions
        assert {(action.type, action.target) for action in rule.actions} <= known
        assert 2 <= (rule.runbook or "").count(". ") + 1 <= 4, rule.id
        assert len(rule.runbook or "") < 400


CHANNELS = ("#alerts", "#performance")


def test_what_is_critical_goes_to_both_channels() -> None:
    for rule in default_rules():
        if rule.severity is Severity.CRITICAL:
            assert {action.type for action in rule.actions} == {ActionType.EMAIL, ActionType.SLACK}


def test_a_shipped_rule_is_inhibited_by_shipped_rules_in_no_circle() -> None:
    by = {rule.id: rule.inhibited_by for rule in default_rules()}

    def causes(rule: str, path: tuple[str, ...] = ()) -> None:
        assert rule not in path
        for other in by[rule]:
            causes(other, (*path, rule))

    for rule in by:
        causes(rule)


def test_the_shipped_rules_look_at_metrics_that_somebody_measures() -> None:
    for rule in default_rules():
        assert all(CATALOG.metric(member.metric).sources for member in rule.members)
