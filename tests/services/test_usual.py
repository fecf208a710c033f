"""How unusual each step of a range was: the stored scores, drawn like any figure."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.catalog.metrics import CATALOG
from shared.domain.anomalies import detectors
from shared.domain.anomalies.usual import Usual, judgements
from shared.domain.ranges import Grid, check_price, grid_of
from shared.domain.times import DAY, HOUR, MINUTE
from shared.services.collect import store
from shared.services.survey import survey
from tests.builders import TARGET, Desk, a_desk, a_reading, at

HOURS = 3
STORM = range(150, 155)
VALUES = [95.0 if n in STORM else 20.0 + n % 3 for n in range(60 * HOURS)]
METRICS = [CATALOG.metric(name) for name in ("dtuUtilization", "dtuCpu", "activeUsers")]

Look = Callable[[timedelta], dict[str, Usual]]


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Three hours of DTU with a short storm, judged from the first minute on."""
    monkeypatch.setattr(detectors, "SILENT_FOR", timedelta(0))
    desk = a_desk([])
    reading = a_reading(dict(enumerate(VALUES)), covered=len(VALUES))
    store([reading], TARGET, catalog=CATALOG, samples=desk.house.samples, now=reading.asked_at)
    return desk


@pytest.fixture
def look(desk: Desk) -> Look:
    def look(step: timedelta) -> dict[str, Usual]:
        grid, now = Grid(at(0), step, HOURS * HOUR // step), at(60 * HOURS)
        found = survey(
            TARGET, grid=grid, metrics=METRICS, house=desk.house, now=now, with_usual=True
        )
        return found.usual

    return look


def stored(desk: Desk, name: str) -> list[float | None]:
    hours = desk.house.samples.hours(TARGET, at(0), at(60 * HOURS - 1))
    return [cell for chunk in hours for cell in chunk.cells[f"dtuUtilization_{name}"]]


def test_by_the_minute_it_is_what_was_stored(desk: Desk, look: Look) -> None:
    dtu = look(MINUTE)["dtuUtilization"]

    assert list(dtu.score) == stored(desk, "score")
    assert (list(dtu.low), list(dtu.high)) == (stored(desk, "low"), stored(desk, "high"))
    assert max(range(len(VALUES)), key=lambda n: dtu.score[n] or 0) in STORM
    low, high = dtu.low[STORM.start], dtu.high[STORM.start]
    assert low is not None
    assert high is not None
    assert low <= 21 <= high < 95


def test_a_longer_step_tells_its_worst_minute(desk: Desk, look: Look) -> None:
    scores, dtu = stored(desk, "score"), look(5 * MINUTE)["dtuUtilization"]

    worst = [max(one or 0 for one in scores[n : n + 5]) for n in range(0, len(scores), 5)]
    assert [one or 0 for one in dtu.score] == worst
    assert dtu.low[STORM.start // 5] is not None


def test_by_the_hour_the_score_is_known_and_the_band_is_not(desk: Desk, look: Look) -> None:
    scores, dtu = stored(desk, "score"), look(HOUR)["dtuUtilization"]

    worst = [max(one or 0 for one in scores[n : n + 60]) for n in range(0, len(scores), 60)]
    assert [one or 0 for one in dtu.score] == worst
    assert set(dtu.low) == set(dtu.high) == {None}


def test_what_nobody_judges_has_none_and_what_was_not_measured_has_gaps(look: Look) -> None:
    found = look(MINUTE)

    assert found.keys() == {"dtuUtilization", "activeUsers"}
    assert set(found["activeUsers"].score) == {None}


@pytest.mark.parametrize("days", [1 / 24, 0.25, 1, 3, 7, 14, 30, 60])
def test_what_the_page_asks_for_is_never_too_much(days: float) -> None:
    grid = grid_of(days * DAY, at(0))

    check_price(grid, len(CATALOG.metrics) + len(judgements(CATALOG.metrics, grid)))
