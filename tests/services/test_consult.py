"""People are advised after each inspection, and every six hours where there is none."""

from datetime import datetime, timedelta

import pytest

from shared.domain.errors import StoreUnavailable
from shared.domain.records import ADVISED
from shared.domain.times import DAY, HOUR, MINUTE
from shared.services.advise import last_look
from shared.services.consult import consult_all
from tests.builders import T0, TARGET
from tests.services.test_inspect import PLACE, Stage, a_calm_stage

QUARTER = 15 * MINUTE


def looks(stage: Stage, hours: int) -> list[datetime]:
    """When the timer of each quarter hour looked at the target."""
    moments = [T0 + PLACE + n * QUARTER for n in range(4 * hours)]
    return [at for at in moments if consult_all([TARGET], house=stage.house, now=at)]


def inspected_at(stage: Stage) -> datetime | None:
    look = last_look(TARGET, house=stage.house)
    return look.inspected_at if look is not None else None


def test_there_is_a_look_after_every_inspection() -> None:
    stage = a_calm_stage()

    assert looks(stage, 13) == stage.inspector.asked == [T0 + PLACE + n * HOUR for n in (0, 6, 12)]
    assert inspected_at(stage) == T0 + PLACE + 12 * HOUR


def test_a_target_without_a_database_is_looked_at_as_often() -> None:
    stage = a_calm_stage("another")

    assert looks(stage, 13) == [T0 + PLACE + n * HOUR for n in (0, 6, 12)]
    assert inspected_at(stage) is None


def test_a_timer_that_comes_a_little_sooner_than_last_time_still_looks() -> None:
    stage = a_calm_stage("another")
    first, sooner = T0 + PLACE, T0 + PLACE + 6 * HOUR - timedelta(seconds=1)

    assert consult_all([TARGET], house=stage.house, now=first) == [TARGET]
    assert consult_all([TARGET], house=stage.house, now=sooner - QUARTER) == []
    assert consult_all([TARGET], house=stage.house, now=sooner) == [TARGET]


def test_while_a_database_has_no_time_looks_go_by_its_last_inspection() -> None:
    stage = Stage()
    stage.loaded(lambda at: 12.0 if at < T0 + HOUR else 99.0, T0 - HOUR, T0 + DAY)

    assert looks(stage, 13) == [T0 + PLACE + n * HOUR for n in (0, 6, 12)]
    assert stage.inspector.asked == [T0 + PLACE]
    assert inspected_at(stage) == T0 + PLACE


@pytest.mark.parametrize("failure", [StoreUnavailable("no answer"), ValueError("no answer")])
def test_what_fails_costs_this_target_its_advice_only(
    failure: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stage = a_calm_stage(TARGET, "second")
    get = stage.house.alerts.get

    def fails(partition: str, key: str, kind: type) -> object:
        if (partition, key) == (TARGET, ADVISED):
            raise failure
        return get(partition, key, kind)

    monkeypatch.setattr(stage.house.alerts, "get", fails)
    found = consult_all([TARGET, "second"], house=stage.house, now=T0 + PLACE + timedelta(hours=1))

    assert found == ["second"]
    assert f"no advice for {TARGET}: no answer" in caplog.text
