"""How long GET metrics takes through the app's own handler, over 90 days of minutes and a year.

Forty metrics are answered, JSON and the check of the token included, by one worker over Azurite;
the 95th percentile of each range is held against its limit. All metrics of the catalog, which are
more, are shown beside them, and the CPU of the app alone, which other programs of the machine
disturb less.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

import azure.functions as func
import jwt
from msgspec.structs import replace

from local.azurite import running_azurite
from local.bench_store import END, TARGET, a_week
from local.desks import VirtualClock, furnish, table_storage
from shared.catalog.metrics import CATALOG
from shared.catalog.rules import default_rules
from shared.domain.chunks import Asked, HourChunk, Latest
from shared.domain.days import roll_up
from shared.domain.machine import RuleState
from shared.domain.metrics import Metric
from shared.domain.records import Insert, state_key
from shared.domain.times import DAY, HOUR, MINUTE, floor_day
from shared.ports import House
from shared.services.summarize import roll_up_days
from shared.web.auth import Gate
from shared.web.doors import Office, serve
from shared.web.metrics import METRICS

LIMITS = {"1h": 60, "24h": 150, "7d": 150, "90d": 250, "1y": 250}
"""Milliseconds, at the 95th percentile."""
LONGEST_ROLL_UP = 5
"""Seconds for a day of all metrics."""
FORMATS = ("rows", "columns")
FORTY = 40
"""So many metrics the limits are for."""
RUNS = 20
WEEK = timedelta(days=7)
HOURS_KEPT = timedelta(days=90)
DAYS_KEPT = timedelta(days=400)
KEY = "a shared secret of more than 32 bytes"


def run(out: Callable[[str], None]) -> bool:
    """Fill the store, ask for each range, print the percentiles; True when all hold."""
    with _house() as house:
        began = time.perf_counter()
        _fill(house)
        out(
            f"{len(CATALOG.metrics)} metrics, 90 days of minutes, a year of days "
            f"(filled in {time.perf_counter() - began:.0f} s); {RUNS} requests each\n"
            f"{'range':>5} {'metrics':>7} {'format':>8} {'KB':>6} {'cpu':>9} {'median':>9} "
            f"{'p95':>9} {'limit':>9}"
        )
        held = [_held(house, label, shape, out) for label in LIMITS for shape in FORMATS]
        for label in LIMITS:
            out(f"{_measured(house, label, FORMATS[0], CATALOG.metrics)}")
        rolled = _roll_up(house)
        out(f"a day rolled up from its hours in {rolled:.1f} s, limit {LONGEST_ROLL_UP} s")
    return all(held) and rolled <= LONGEST_ROLL_UP


@contextmanager
def _house() -> Iterator[House]:
    with running_azurite() as azurite:
        storage = table_storage(azurite.fresh_account().connection_string)
        yield furnish(
            storage,
            catalog=CATALOG,
            rules=default_rules(),
            sources=[],
            channels={},
            clock=VirtualClock(END),
        )


def _fill(house: House) -> None:
    week = list(a_week())
    first = floor_day(END - HOURS_KEPT)
    hours = [_at(week, first + n * HOUR) for n in range((END - first) // HOUR)]
    for start in range(0, len(hours), 12):
        house.samples.save(TARGET, hours[start : start + 12], house.samples.latest(TARGET))
    for n in range(DAYS_KEPT // DAY):
        day = floor_day(END) - (n + 1) * DAY
        chunks = [_at(week, day + hour * HOUR) for hour in range(24)]
        house.samples.save_day(TARGET, roll_up(day, chunks))
    states = [
        Insert(state_key(rule.id), RuleState(last_folded=END, rule_hash="")) for rule in house.rules
    ]
    house.alerts.commit(TARGET, states)


def _at(week: list[HourChunk], hour: datetime) -> HourChunk:
    """The week again and again."""
    return replace(week[(hour - week[0].hour) // HOUR % len(week)], hour=hour)


def _latest(chunk: HourChunk) -> Latest:
    sources = [source.name for source in CATALOG.sources]
    return Latest(
        values={name: one[4] for name, one in chunk.summary.items()},
        minutes=dict.fromkeys(chunk.summary, END - MINUTE),
        covered=dict.fromkeys(sources, END),
        asked=dict.fromkeys(sources, Asked(END)),
        updated_at=END,
    )


def _roll_up(house: House) -> float:
    """The seconds of a night that has one day to roll up, the look at all others included."""
    [day] = house.samples.days(TARGET, floor_day(END) - DAY, floor_day(END) - DAY)
    roll_up_days(TARGET, house=house, now=END)
    [made] = house.samples.days(TARGET, day.day, day.day)
    house.samples.save_day(TARGET, replace(made, made_from="another"))
    began = time.perf_counter()
    done = roll_up_days(TARGET, house=house, now=END)
    seconds = time.perf_counter() - began
    if done.days != [day.day]:
        raise AssertionError(f"{len(done.days)} days were rolled up")
    return seconds


def _held(house: House, label: str, shape: str, out: Callable[[str], None]) -> bool:
    """Whether forty metrics keep to the limit."""
    line, limit = _measured(house, label, shape, CATALOG.metrics[:FORTY]), LIMITS[label]
    out(f"{line} {limit:>6} ms")
    return line.p95 * 1000 <= limit


class Line(NamedTuple):
    """One line of the table: what the requests of one kind took, in seconds by the wall and CPU."""

    label: str
    metrics: int
    shape: str
    size: int
    cpu: float
    median: float
    p95: float

    def __str__(self) -> str:
        return (
            f"{self.label:>5} {self.metrics:>7} {self.shape:>8} {self.size / 1024:>6.0f} "
            f"{_ms(self.cpu)} {_ms(self.median)} {_ms(self.p95)}"
        )


def _measured(house: House, label: str, shape: str, metrics: Sequence[Metric]) -> Line:
    _ask(house, label, shape, metrics)
    taken = [_ask(house, label, shape, metrics) for _ in range(RUNS)]
    seconds = sorted(one.seconds for one in taken)
    return Line(
        label,
        len(metrics),
        shape,
        taken[0].size,
        statistics.median(one.cpu for one in taken),
        statistics.median(seconds),
        seconds[-(RUNS // 20) - 1],
    )


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:>6.0f} ms"


class Taken(NamedTuple):
    """What one request took: seconds by the wall and of the CPU; the bytes of the answer."""

    seconds: float
    cpu: float
    size: int


def _ask(house: House, label: str, shape: str, metrics: Sequence[Metric]) -> Taken:
    office = Office(gate=_gate(), targets=(TARGET,), house=lambda: house, now=END)
    request = func.HttpRequest(
        "GET",
        "/api/monitoring/metrics",
        headers={"Authorization": f"Bearer {_token()}"},
        params={
            "range": label,
            "format": shape,
            "metrics": ",".join(metric.name for metric in metrics),
        },
        body=b"",
    )
    began, cpu = time.perf_counter(), time.process_time()
    answer = serve(request, METRICS, lambda: office)
    taken = time.perf_counter() - began, time.process_time() - cpu
    if answer.status_code != 200:
        raise AssertionError(answer.get_body().decode())
    return Taken(*taken, len(answer.get_body()))


def _gate() -> Gate:
    return Gate(
        issuer="", audience="", jwks_url="", role_claim="roles", crm_key=KEY, platform_login=False
    )


def _token() -> str:
    now = int(time.time())
    claims = {"iss": "pantry-crm", "aud": "pantry-monitor", "sub": "1", "roles": "reader"}
    return jwt.encode({**claims, "iat": now, "exp": now + 60}, KEY, "HS256")


if __name__ == "__main__":
    run(print)
