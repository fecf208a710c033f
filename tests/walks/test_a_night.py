"""A day, its night, and what becomes of an hour that was lost, over real SDKs and storage."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from local.azurite import Azurite
from local.cloud.email import mails
from local.rig import TARGET, Rig, running_rig
from local.world.engine import ScriptedWorld
from local.world.scripts import script_named
from shared.adapters.rows import ReplaceRow
from shared.adapters.tables import open_table
from shared.catalog.metrics import CATALOG
from shared.domain.chunks import HourChunk
from shared.domain.days import DayChunk
from shared.domain.ranges import grid_between
from shared.domain.times import DAY, HOUR, MINUTE, hour_key
from shared.furnishing.storage import SAMPLES
from shared.services.history import draw
from shared.services.night import night
from shared.services.purge import purge
from shared.services.send_report import send_reports

pytestmark = pytest.mark.slow

START = datetime(2026, 3, 3, 2, 10, tzinfo=UTC)
"""The hour of the night's timer; the first tick reads the day before."""
YESTERDAY = datetime(2026, 3, 2, tzinfo=UTC)
LOST = YESTERDAY + 20 * HOUR
REREAD = [m for m in CATALOG.metrics if m.sources[0] in ("plan", "app", "logs", "database")]


@pytest.fixture(scope="module")
def rig(azurite: Azurite) -> Iterator[Rig]:
    world = ScriptedWorld(script_named("calm", START), seed=3)
    storage = azurite.fresh_account().connection_string
    weekly = {"REPORT_DAY": "tue", "REPORT_HOUR": "3"}
    with running_rig(world, storage=storage, now=START, changes=weekly) as rig:
        rig.tick(START)
        rig.watch(START)
        yield rig


def spoil(rig: Rig, hour: datetime) -> None:
    """Somebody writes nonsense into every cell of an hour."""
    rows = open_table(SAMPLES, connection_string=rig.environment["AzureWebJobsStorage"])
    row = rows.get(TARGET, hour_key(hour))
    assert row is not None
    nonsense = {name: "[" for name, value in row.properties.items() if isinstance(value, str)}
    rows.transact(TARGET, [ReplaceRow(row.key, {**row.properties, **nonsense}, row.etag)])
    rows.close()


def hour_of(rig: Rig, hour: datetime) -> HourChunk:
    [chunk] = rig.house.samples.hours(TARGET, hour, hour, histograms=True)
    return chunk


def yesterday(rig: Rig) -> DayChunk:
    [day] = rig.house.samples.days(TARGET, YESTERDAY, YESTERDAY)
    return day


def test_a_lost_hour_keeps_its_summary_and_is_read_again_from_azure(rig: Rig) -> None:
    night([TARGET], house=rig.house, now=rig.clock.now)
    before, day = hour_of(rig, LOST), yesterday(rig)
    assert len(before.cells) > 10
    spoil(rig, LOST)

    night([TARGET], house=rig.house, now=rig.clock.now)
    assert yesterday(rig).summary == day.summary
    assert rig.house.samples.latest(TARGET).damaged == (LOST,)
    covered = rig.house.samples.latest(TARGET).covered

    rig.watch(START + MINUTE)
    after = hour_of(rig, LOST)
    assert after.damaged == ()
    columns = [metric.column for metric in REREAD if metric.column in before.cells]
    assert {name: after.cells.get(name) for name in columns} == {
        name: before.cells[name] for name in columns
    }
    assert after.histograms == before.histograms
    latest = rig.house.samples.latest(TARGET)
    assert latest.damaged == ()
    assert all(latest.covered[name] == covered[name] for name in ("plan", "app", "logs"))

    night([TARGET], house=rig.house, now=rig.clock.now)
    again = yesterday(rig).summary
    # The watch may also have brought what yesterday's last slots were still waiting for.
    assert {name: again[name] for name in day.summary} == day.summary


def test_the_weekly_report_is_mailed_once_with_what_the_day_was(rig: Rig) -> None:
    night([TARGET], house=rig.house, now=rig.clock.now)
    due = START.replace(hour=3, minute=0)

    told = []
    for minute in (-1, 2, 32, 62):
        rig.clock.now = due + minute * MINUTE
        told.append(send_reports([TARGET], house=rig.house, now=rig.clock.now))

    assert told == [[], [TARGET], [], []]
    (mail,) = mails(rig.desk)
    assert mail.subject.startswith("[REPORT] week to 2026-03-03: 100 % available, 0 alerts")
    body = json.loads(mail.raw.body)
    shown = re.findall(r'src="cid:([^"]+)"', mail.html)
    assert shown == [one["contentId"] for one in body["attachments"]]
    assert len(shown) >= 4
    assert "DTU, highest minute" in mail.html
    assert rig.house.alerts.keys(TARGET, "due:") == []


def test_when_its_hours_are_gone_the_day_is_drawn_from_its_row(rig: Rig) -> None:
    night([TARGET], house=rig.house, now=rig.clock.now)
    grid = grid_between(YESTERDAY, YESTERDAY + DAY, rig.clock.now, HOUR)
    before = draw(TARGET, REREAD, grid, house=rig.house, now=rig.clock.now)
    later = rig.clock.now + rig.house.retention.hours + 2 * DAY

    gone = purge(TARGET, house=rig.house, now=later)

    assert gone["hours"] > 20
    assert rig.house.samples.hours(TARGET, YESTERDAY, YESTERDAY + DAY - HOUR) == []
    assert draw(TARGET, REREAD, grid, house=rig.house, now=later) == before
