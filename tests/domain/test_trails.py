"""A trail is the hour before an event, as it was stored, with its gaps."""

from datetime import timedelta

from msgspec.structs import replace

from shared.catalog.metrics import CATALOG
from shared.domain.chunks import HourChunk
from shared.domain.episodes import EventKind
from shared.domain.trails import Trail, trail_of
from tests.builders import T0, an_alert, an_event, at

DTU = CATALOG.metric("dtuUtilization")
HOUR = timedelta(hours=1)


def chunks(column: str = DTU.column) -> dict[object, HourChunk]:
    """23:00 counts from 100 up, 00:00 from 200; minute 23:30 is missing."""
    last = tuple(None if minute == 30 else 100.0 + minute for minute in range(60))
    this = tuple(200.0 + minute for minute in range(60))
    return {
        hour: HourChunk(hour=hour, cells={column: cells})
        for hour, cells in ((T0 - HOUR, last), (T0, this))
    }


def trail(**changes: object) -> Trail:
    found = trail_of(replace(an_event(), **changes), DTU, chunks())  # type: ignore[arg-type]
    assert found is not None
    return found


def test_it_ends_with_the_minute_that_decided_and_keeps_gaps() -> None:
    found = trail()

    assert (found.first, found.end) == (at(7) - HOUR, at(7))
    assert (found.values[0], found.values[-1]) == (107.0, 206.0)
    assert [n for n, value in enumerate(found.values) if value is None] == [23]


def test_the_episode_is_cut_to_the_hour() -> None:
    long = an_alert(active_at=at(-300))
    over = an_event(2, EventKind.RESOLVED, minute=at(8)).alert

    assert (trail().bad_from, trail().bad_until) == (at(5), at(7))
    assert trail(alert=long).bad_from == at(7) - HOUR
    assert trail(alert=over, minute=at(10)).bad_until == at(9)


def test_a_sample_is_drawn_for_as_long_as_it_holds() -> None:
    held = replace(DTU, every=5)
    cells = tuple(7.0 if minute % 20 == 0 else None for minute in range(60))
    stored = {T0: HourChunk(hour=T0, cells={held.column: cells})}
    found = trail_of(an_event(minute=at(59)), held, stored)

    assert found is not None
    assert [n for n, value in enumerate(found.values) if value is not None] == [
        *range(5),
        *range(20, 25),
        *range(40, 45),
    ]


def test_too_little_makes_no_trail() -> None:
    one = tuple(1.0 if minute == 3 else None for minute in range(60))

    assert trail_of(an_event(), DTU, {}) is None
    assert trail_of(an_event(), DTU, {T0: HourChunk(hour=T0, cells={DTU.column: one})}) is None


def test_of_an_anomaly_the_metric_is_shown_and_not_its_score() -> None:
    alert = an_alert(condition="anomaly", threshold=0.6, value=0.7, unit="of 1")
    found = trail(alert=alert, metric_label="Unusualness of DTU")

    assert (found.label, found.unit, found.threshold) == ("DTU", "%", None)
