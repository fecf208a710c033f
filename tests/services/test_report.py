"""A report is read from what is stored, and says when that is nothing."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs

from local.desks import VirtualClock, furnish, memory_storage
from shared.adapters.rows import ReplaceRow
from shared.catalog.metrics import CATALOG
from shared.domain.alerts import Alert
from shared.domain.chunks import HourChunk
from shared.domain.deliveries import first_delivery
from shared.domain.deployments import DeploymentWish, new_deployment
from shared.domain.errors import InvalidInput
from shared.domain.records import Insert, alert_key, delivery_key
from shared.domain.reports.reporting import Reporting
from shared.domain.summaries import summarize
from shared.domain.times import DAY, HOUR, hour_key
from shared.ports import House
from shared.services.deployments import mark_deployment
from shared.services.report import make_report, span_of
from shared.services.summarize import roll_up_days
from tests.builders import MAIL, TARGET, an_alert, an_event, at

NOW = at(9 * 1440 + 25)


@pytest.fixture
def house() -> House:
    made = furnish(
        memory_storage(),
        catalog=CATALOG,
        rules=[],
        sources=[],
        channels={},
        clock=VirtualClock(NOW),
    )
    return replace(made, reader_zone=ZoneInfo("Europe/Berlin"), reporting=Reporting(objective=99.0))


def store(house: House, hours: int) -> None:
    """So many hours up to the last full one, of DTU and users."""
    end = NOW.replace(minute=0)
    for n in range(hours, 0, -1):
        cells = {
            "dtuUtilization": (40.0,) * 59 + (90.0,),
            "activeUsers": tuple(7.0 if minute % 5 == 0 else None for minute in range(60)),
        }
        sums = {name: summarize(line) for name, line in cells.items()}
        chunk = HourChunk(
            hour=end - n * HOUR,
            cells=cells,
            summary={name: one for name, one in sums.items() if one is not None},
        )
        house.samples.save(TARGET, [chunk], house.samples.latest(TARGET))


def keep(house: House, alert: Alert) -> None:
    house.alerts.commit(TARGET, [Insert(alert_key(alert.id), alert)])


def test_an_empty_week_says_so(house: House) -> None:
    found = make_report(TARGET, "7d", house=house, now=NOW)

    assert found.is_empty
    assert found.headlines[0] == (
        "Nothing was measured from 2026-01-03 00:00 to 2026-01-10 00:00 UTC: no figure of this "
        "time is known."
    )
    assert found.summary.max_dtu is None
    assert (found.quiet_hours, found.heat_maps, found.forecasts) == (None, {}, ())


def test_days_that_are_rolled_up_and_hours_that_are_not_tell_the_same(house: House) -> None:
    store(house, 60)

    before = make_report(TARGET, "24h", house=house, now=NOW)
    roll_up_days(TARGET, house=house, now=NOW)
    after = make_report(TARGET, "24h", house=house, now=NOW)

    assert before == after
    assert before.summary.max_dtu == 90
    figure = next(one for one in before.figures if one.name == "avgDTU")
    assert [figure.value, figure.before] == pytest.approx([2450 / 60, 2450 / 60])
    assert figure.coverage.told == "100 % of minutes"
    assert figure.before_coverage.told == "100 % of minutes"


def test_users_are_mapped_by_the_readers_clock(house: House) -> None:
    store(house, 1)

    found = make_report(TARGET, "24h", house=house, now=NOW).heat_maps["activeUsers"]

    # The hour from 23:00 UTC on Friday is Saturday's first in Berlin.
    known = [
        (day, hour)
        for day, line in enumerate(found.values)
        for hour, one in enumerate(line)
        if one is not None
    ]
    assert (known, found.values[5][0]) == ([(5, 0)], 7.0)


def test_an_hour_that_cannot_be_read_is_counted(house: House) -> None:
    store(house, 5)
    rows: Any = house.samples
    key = hour_key(NOW.replace(minute=0) - HOUR)
    row = rows._rows.get(TARGET, key)
    spoiled = {**row.properties, "summary": "["}
    rows._rows.transact(TARGET, [ReplaceRow(key, spoiled, row.etag)])

    found = make_report(TARGET, "24h", house=house, now=NOW)

    assert found.monitor.damaged_hours == 1
    assert found.monitor.sentence.endswith("1 hour of it can't be read in full.")
    dtu = next(one for one in found.figures if one.name == "avgDTU")
    assert dtu.coverage.known_minutes == 4 * 60


def test_alerts_of_the_range_are_listed(house: House) -> None:
    store(house, 30)
    keep(house, an_alert("20260109T1200Z-1a2b3c4d", active_at=NOW - 12 * HOUR))
    keep(house, an_alert("20260111T1200Z-1a2b3c4d", active_at=NOW + DAY))

    found = make_report(TARGET, "24h", house=house, now=NOW)

    assert [one.alert_id for one in found.episodes.worst] == [f"{TARGET}.20260109T1200Z-1a2b3c4d"]
    assert found.availability.objective == 99.0


def test_messages_of_old_months_are_those_of_what_still_went_on(house: House) -> None:
    """A year of stories that are over is not even read."""
    began = NOW - 60 * DAY
    open_one, over = (f"{began:%Y%m%dT%H%MZ}-{n}a2b3c4d" for n in (1, 2))
    keep(house, an_alert(open_one, active_at=began, fired_at=began))
    for episode in (open_one, over, f"{NOW:%Y%m%dT%H%MZ}-3a2b3c4d"):
        for seq, minute in ((1, began), (2, NOW - 2 * HOUR)):
            told(house, episode, seq, minute)

    found = make_report(TARGET, "24h", house=house, now=NOW)

    assert found.monitor.messages.waiting == 2


def told(house: House, episode: str, seq: int, minute: datetime) -> None:
    event = structs.replace(an_event(seq), id=f"{episode}-{seq}", episode=episode, minute=minute)
    row = first_delivery(event, MAIL, minute)
    house.alerts.commit(TARGET, [Insert(delivery_key(episode, "1a2b3c4d", seq), row)])


def test_a_deploy_where_two_reports_meet_is_in_the_later_one(house: House) -> None:
    met = NOW.replace(minute=0)
    wish = DeploymentWish(version="2.0.0", at=met)
    marker = new_deployment(wish, target=TARGET, by="ci", now=NOW)
    mark_deployment(marker, alerts=house.alerts, now=NOW)

    earlier, later = (make_report(TARGET, "24h", house=house, now=met + n * DAY) for n in (0, 1))

    assert earlier.deployments == ()
    assert [one.version for one in later.deployments] == ["2.0.0"]


def test_a_range_ends_with_the_last_full_hour() -> None:
    span = span_of("3d", datetime.fromisoformat("2026-01-10T07:59:59Z"))

    assert (span.start.isoformat(), span.end.isoformat()) == (
        "2026-01-07T07:00:00+00:00",
        "2026-01-10T07:00:00+00:00",
    )


@pytest.mark.parametrize("label", ["1h", "1y", "week"])
def test_other_ranges_are_refused_with_those_that_there_are(label: str) -> None:
    with pytest.raises(InvalidInput, match="24h, 3d, 7d, 14d, 30d, 90d"):
        span_of(label, NOW)
