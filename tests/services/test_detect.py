"""What was unusual is found in stored scores, and only the hours are read that have any."""

from datetime import timedelta
from random import Random

import pytest

from shared.catalog.metrics import CATALOG
from shared.domain.anomalies import detectors
from shared.domain.anomalies.listing import Anomaly, columns_of, unusual
from shared.domain.chunks import by_hour
from shared.domain.times import DAY, HOUR, Span
from shared.services.collect import store
from shared.services.detect import with_unusual
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


def found(desk: Desk) -> list[Anomaly]:
    return unusual(DTU, with_unusual({}, TARGET, SPAN, house=desk.house), SPAN)


def test_a_storm_is_told_once_with_what_was_expected(desk: Desk) -> None:
    (storm,) = [one for one in found(desk) if one.timestamp >= at(STORM)]
    assert storm.value == 97
    assert storm.expected is not None
    assert storm.expected.high < 97


def test_nothing_is_missed_that_reading_every_minute_would_find(desk: Desk) -> None:
    chunks = by_hour(desk.house.samples.hours(TARGET, at(0), at(END)))
    every = unusual(DTU, chunks, SPAN)
    assert every
    assert found(desk) == every


def test_only_hours_that_are_worth_it_are_read_and_join_what_is_known(desk: Desk) -> None:
    hours = desk.house.samples.hours(TARGET, at(0), at(END), columns=["throughput", DTU.column])
    known = by_hour(hours)
    joined = with_unusual(known, TARGET, SPAN, house=desk.house)
    assert joined.keys() == known.keys()
    more = {hour for hour, chunk in joined.items() if chunk != known[hour]}
    assert at(STORM - STORM % 60) in more
    assert len(more) < len(known)
    for hour in more:
        assert joined[hour].cells.keys() == {DTU.column, *columns_of(DTU)}


def test_a_span_without_anything_is_left_as_it_is(desk: Desk) -> None:
    before = Span(at(0) - DAY, at(0) - HOUR)
    assert with_unusual({}, TARGET, before, house=desk.house) == {}
    assert with_unusual({}, "another", SPAN, house=desk.house) == {}
