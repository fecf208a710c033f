"""What was unusual is found in stored scores, and only the hours are read that have any."""

from datetime import timedelta
from random import Random

import pytest

from shared.catalog.metrics import CATALOG
from shared.domain import detectors
from shared.domain.anomalies import DTU_SPIKE, UNUSUAL, unusual
from shared.domain.chunks import by_hour
from shared.domain.rules import Severity
from shared.domain.times import DAY, HOUR, Span
from shared.services.collect import store
from shared.services.detect import find_anomalies
from shared.services.summarize import roll_up_days
from tests.builders import TARGET, Desk, a_desk, a_reading, at

DTU = CATALOG.metric("dtuUtilization")
STORM = 1440 + 200
END = 1440 + 300
SPAN = Span(at(0), at(END))


@pytest.fixture(scope="module")
def desk() -> Desk:
    """Five hours of one day and five of the next; a storm of 12 minutes in the second."""
    desk, random = a_desk(rules=[]), Random(5)
    known = {minute: 20 + random.gauss(0, 2) for minute in [*range(300), *range(1440, END)]}
    known |= dict.fromkeys(range(STORM, STORM + 12), 97.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detectors, "SILENT_FOR", timedelta(0))
        reading = a_reading(known, covered=END)
        store([reading], TARGET, catalog=CATALOG, samples=desk.house.samples, now=at(END))
    roll_up_days(TARGET, house=desk.house, now=at(1440 + 310))
    return desk


def test_a_storm_is_told_once_beside_its_spikes(desk: Desk) -> None:
    found = find_anomalies(TARGET, SPAN, house=desk.house)
    (storm,) = [one for one in found if one.type == UNUSUAL and one.timestamp >= at(STORM)]
    assert storm.value == 97
    assert storm.expected is not None
    assert storm.expected.high < 97
    spikes = [one for one in found if one.type == DTU_SPIKE]
    assert [one.timestamp for one in spikes] == [at(STORM + n) for n in range(12)]
    assert {one.severity for one in spikes} == {Severity.HIGH}
    assert [one.timestamp for one in found] == sorted(one.timestamp for one in found)


def test_nothing_is_missed_that_reading_every_minute_would_find(desk: Desk) -> None:
    chunks = by_hour(desk.house.samples.hours(TARGET, at(0), at(END)))
    every = unusual(DTU, chunks, SPAN)
    assert every
    found = find_anomalies(TARGET, SPAN, house=desk.house)
    assert [one for one in found if one.type == UNUSUAL] == every


def test_a_span_without_anything_is_empty(desk: Desk) -> None:
    assert find_anomalies(TARGET, Span(at(0) - DAY, at(0) - HOUR), house=desk.house) == []
    assert find_anomalies("another", SPAN, house=desk.house) == []
