"""How long the report of 30 days takes, and how much memory, from Azurite through the handler.

Two months of minutes of every metric are stored, the days rolled up as the nights do, and they are
bad ones: five alerts a day, each told on two channels when it fires and when it ends. A process of
its own asks for the report as JSON and as a page, the check of the token included, so that the
memory is that of the app and nothing else. Beside its seconds stands the CPU that it took, which
other programs of the machine disturb less.
"""

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime

import azure.functions as func
import jwt
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from local.azurite import running_azurite
from local.bench_store import TARGET, a_week
from local.desks import VirtualClock, furnish, table_storage
from local.report_scene import past_alert
from shared.catalog.metrics import CATALOG
from shared.domain.anomalies.listing import LEAST
from shared.domain.chunks import NO_CELLS, HourChunk
from shared.domain.costs import Count, CountedDay, Usage
from shared.domain.days import roll_up
from shared.domain.deliveries import Delivery, Status
from shared.domain.episodes import EventKind
from shared.domain.records import Insert, alert_key, short_hash
from shared.domain.rules import ActionType, Severity
from shared.domain.summaries import summarize
from shared.domain.times import DAY, HOUR, day_key
from shared.ports import House
from shared.services.count_usage import PARTITION
from shared.web.auth import Gate
from shared.web.doors import Office, serve
from shared.web.report import REPORT

END = datetime.fromisoformat("2026-03-02T06:00:00Z")
DAYS = 61
RUNS = 5
ALERTS = 5
"""Of a day."""
MOST_SECONDS = 2.0
MOST_MB = 300
KEY = "a shared secret of more than 32 bytes"


class Measured(Struct):
    """Seconds of each request, the first one apart; CPU of one; the most memory that was taken."""

    first: float
    others: list[float]
    cpu: float
    size: int
    megabytes: float


def run(out: Callable[[str], None]) -> bool:
    """Fill the store, ask in another process, print; True when both limits hold."""
    with running_azurite() as azurite:
        connection = azurite.fresh_account().connection_string
        began = time.perf_counter()
        _fill(house_on(connection))
        out(
            f"{len(CATALOG.metrics)} metrics, {DAYS} days of minutes, {ALERTS} alerts a day, "
            f"filled in {time.perf_counter() - began:.0f} s"
        )
        found = {shape: _measured_apart(connection, shape) for shape in ("json", "html")}
    for shape, one in found.items():
        out(
            f"30 days as {shape}: {one.size / 1024:.0f} KB, first {one.first:.2f} s, then "
            f"{statistics.median(one.others):.2f} s (most {max(one.others):.2f}, limit "
            f"{MOST_SECONDS:.0f}), {one.cpu:.2f} s of its CPU, {one.megabytes:.0f} MB "
            f"(limit {MOST_MB})"
        )
    return all(
        max(one.first, *one.others) <= MOST_SECONDS and one.megabytes <= MOST_MB
        for one in found.values()
    )


def house_on(connection: str) -> House:
    """A house over that account."""
    return furnish(
        table_storage(connection),
        catalog=CATALOG,
        rules=[],
        sources=[],
        channels={},
        clock=VirtualClock(END),
    )


def _fill(house: House) -> None:
    """A week again and again; whole days also rolled up, and billed."""
    week = [_judged(chunk, number) for number, chunk in enumerate(a_week())]
    hours = [_at(week, END - DAYS * DAY + n * HOUR) for n in range(24 * DAYS)]
    for start in range(0, len(hours), 12):
        house.samples.save(TARGET, hours[start : start + 12], house.samples.latest(TARGET))
    by_day: dict[datetime, list[HourChunk]] = {}
    for hour in hours:
        by_day.setdefault(hour.hour.replace(hour=0), []).append(hour)
    for day, chunks in by_day.items():
        if len(chunks) == DAY // HOUR:
            house.samples.save_day(TARGET, roll_up(day, chunks))
    used = Usage(**dict.fromkeys(Usage.__struct_fields__, 1000.0))
    counted = CountedDay(counted_at=END, count=Count(usage=used))
    house.config.commit(PARTITION, [Insert(day_key(day), counted) for day in by_day])
    for day in by_day:
        house.alerts.commit(TARGET, [write for n in range(ALERTS) for write in _story(day, n)])


def _story(day: datetime, number: int) -> Iterator[Insert]:
    """A quarter of an hour of trouble, and what was told of it."""
    alert = past_alert(f"Trouble {number}", Severity.HIGH, day + (2 + 4 * number) * HOUR, 15)
    yield Insert(alert_key(alert.id), alert)
    for channel in (ActionType.EMAIL, ActionType.SLACK):
        for seq, kind in enumerate((EventKind.FIRING, EventKind.RESOLVED)):
            told = Delivery(
                event=f"{alert.id}:{seq}",
                episode=alert.id,
                seq=seq,
                rule=alert.rule_id,
                kind=kind,
                minute=alert.fired_at,
                channel=short_hash(channel),
                channel_type=channel,
                channel_name="the team's",
                created_at=alert.fired_at,
                status=Status.SENT,
            )
            yield Insert(told.key, told)


def _at(week: list[HourChunk], hour: datetime) -> HourChunk:
    return replace(week[(hour - week[0].hour) // HOUR % len(week)], hour=hour)


def _judged(chunk: HourChunk, number: int) -> HourChunk:
    """With what detectors write; in every fiftieth hour something is unusual."""
    peak = LEAST + 0.02 if number % 50 == 0 else 0.4
    cells, summary = dict(chunk.cells), dict(chunk.summary)
    for metric in CATALOG.metrics:
        values = chunk.cells.get(metric.column, NO_CELLS)
        if metric.score is None or metric.expected is None:
            continue
        low, high = metric.expected
        cells[metric.score] = tuple(
            None if value is None else round(peak * (n % 12) / 11, 4)
            for n, value in enumerate(values)
        )
        cells[low] = tuple(None if value is None else round(0.8 * value, 2) for value in values)
        cells[high] = tuple(None if value is None else round(1.2 * value, 2) for value in values)
        found = summarize(cells[metric.score])
        if found is not None:
            summary[metric.score] = found
    return replace(chunk, cells=cells, summary=summary)


def _measured_apart(connection: str, shape: str) -> Measured:
    answer = subprocess.run(
        [sys.executable, "-m", "local.bench_report", shape],
        input=connection,
        capture_output=True,
        text=True,
        check=True,
    )
    return msgspec.json.decode(answer.stdout, type=Measured)


def measure(connection: str, shape: str) -> Measured:
    """Ask for the report some times, in this process."""
    house = house_on(connection)
    taken, cpu = [_ask(house, shape)], time.process_time()
    taken += [_ask(house, shape) for _ in range(RUNS)]
    cpu = (time.process_time() - cpu) / RUNS
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (first, size), *others = taken
    return Measured(first, [seconds for seconds, _ in others], cpu, size, kilobytes / 1024)


def _ask(house: House, shape: str) -> tuple[float, int]:
    gate = Gate(crm_key=KEY)
    office = Office(gate=gate, targets=(TARGET,), house=lambda: house, now=END)
    request = func.HttpRequest(
        "GET",
        "/api/monitoring/report",
        headers={"Authorization": f"Bearer {_token()}"},
        params={"range": "30d", "format": shape},
        body=b"",
    )
    began = time.perf_counter()
    answer = serve(request, REPORT, lambda: office)
    taken = time.perf_counter() - began
    if answer.status_code != 200:
        raise AssertionError(answer.get_body().decode())
    return taken, len(answer.get_body())


def _token() -> str:
    now = int(time.time())
    claims = {"iss": "pantry-crm", "aud": "pantry-monitor", "sub": "1", "roles": "reader"}
    return jwt.encode({**claims, "iat": now, "exp": now + 60}, KEY, "HS256")


def main() -> None:
    """Measure in this process over the account that standard input names, and print it."""
    print(msgspec.json.encode(measure(sys.stdin.read(), sys.argv[1])).decode())


if __name__ == "__main__":
    main()
