"""Who asks the CRM for what in a minute: every request that was made, before any sampling."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random

from local.world.events import Health, Request
from local.world.levels import Levels

HOST = "https://crm.example.com"
MONITOR = "pantry-monitor"
PROBE_SECONDS = (20, 50)
LOGIN = "POST /api/auth/login"
INTERACTION = "POST /api/interactions"
REPORT = "POST /api/reports"
HEALTH = "GET /api/health"
ATTACKERS = ("203.0.113.7", "203.0.113.19", "203.0.113.88")
SPRAYER, SCANNER = "192.0.2.44", "192.0.2.99"
OFFICE = "198.51.100.1"
"""Where a third of the users share one address."""
USERS = 60
_SLOWEST = 3.5
"""No request of a calm minute lasts longer than this many times its own mean."""
_LARGEST_MEAN = 500
"""e to the minus 745th is no float any more; larger means are drawn in parts."""
_WANTED = ("wp-admin", "phpmyadmin", ".git", "backup", "cgi-bin")
_BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_6) Safari/605.1",
    "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Firefox/143.0",
)


@dataclass(frozen=True, slots=True)
class Operation:
    """Something the CRM does: how often, how long beside the others, and how it may refuse."""

    name: str
    share: int
    weight: float
    status: int = 200
    refused: int = 404
    refusals: float = 0.0

    @property
    def url(self) -> str:
        """Where it is asked for."""
        return HOST + self.name.partition(" ")[2]

    @property
    def is_page(self) -> bool:
        """Whether a browser shows the answer."""
        return self.name.startswith("GET ") and "/api/" not in self.name


OPERATIONS = (
    Operation("GET /api/contacts", 22, 0.7),
    Operation("GET /api/organisations", 14, 0.8, refused=403, refusals=0.02),
    Operation("GET /dashboard", 14, 1.2),
    Operation("GET /contacts", 12, 1.1, refusals=0.01),
    Operation("GET /api/search", 10, 1.1),
    Operation(INTERACTION, 9, 1.0, status=201, refused=400, refusals=0.01),
    Operation("GET /api/opportunities", 8, 0.8),
    Operation("PUT /api/contacts", 5, 0.9, refused=409, refusals=0.02),
    Operation(LOGIN, 4, 1.0, refused=401, refusals=0.06),
    Operation(REPORT, 2, 2.4, status=201),
)
_UP_TO = tuple(accumulate(operation.share for operation in OPERATIONS))
_MEAN_WEIGHT = sum(operation.share * operation.weight for operation in OPERATIONS) / _UP_TO[-1]
_LOGIN = next(operation for operation in OPERATIONS if operation.name == LOGIN)


def visits(start: datetime, levels: Levels, chance: Random) -> list[Request]:
    """The visitors' requests of a minute, in order of time."""
    count = poisson(levels.traffic, chance)
    chosen = chance.choices(OPERATIONS, cum_weights=_UP_TO, k=count)
    visitors = min(USERS, 1 + int(levels.traffic / 2.4))
    return [
        _visit(at, operation, visitors, levels, chance)
        for at, operation in zip(_moments(start, count, chance), chosen, strict=True)
    ]


def _visit(
    at: datetime, operation: Operation, visitors: int, levels: Levels, chance: Random
) -> Request:
    user = visitor(at, int(visitors * chance.random() ** 1.3))
    return Request(
        at=at,
        operation_id=f"{chance.getrandbits(128):032x}",
        name=operation.name,
        url=operation.url,
        status=_status(operation, levels, chance),
        duration_ms=_duration(operation, levels, chance),
        user_id=f"u-{user:03}",
        session_id=f"s-{at:%Y%m%d}-{user:03}",
        client_ip=address_of(user),
        user_agent=_BROWSERS[user % len(_BROWSERS)],
    )


def visitor(at: datetime, place: int) -> int:
    """The number of the user who takes that place among the day's visitors."""
    # 7 shares no factor with 60: every day is another order of all users.
    return (at.toordinal() * 11 + place * 7) % USERS + 1


def address_of(user: int) -> str:
    """Where that user sits."""
    return OFFICE if user <= USERS // 3 else f"198.51.100.{user}"


def guesses(start: datetime, levels: Levels, chance: Random) -> list[Request]:
    """Passwords that few addresses guess in a minute; every guess is wrong."""
    count = poisson(levels.failed_logins, chance)
    return [
        _guess(at, f"u-{chance.randint(1, USERS):03}", chance.choice(ATTACKERS), levels, chance)
        for at in _moments(start, count, chance)
    ]


def sprays(start: datetime, levels: Levels, chance: Random) -> list[Request]:
    """The one password that the sprayer tries in a minute, if it tries any."""
    if not levels.sprayed:
        return []
    (at,) = _moments(start, 1, chance)
    return [_guess(at, f"u-{levels.sprayed:03}", SPRAYER, levels, chance)]


def _guess(at: datetime, user: str, address: str, levels: Levels, chance: Random) -> Request:
    return Request(
        at=at,
        operation_id=f"{chance.getrandbits(128):032x}",
        name=LOGIN,
        url=_LOGIN.url,
        status=401,
        duration_ms=_duration(_LOGIN, levels, chance),
        user_id=user,
        client_ip=address,
        user_agent="curl/8.5.0",
    )


def scans(start: datetime, levels: Levels, chance: Random) -> list[Request]:
    """Pages that the scanner asks for in a minute, none of which is there."""
    return [
        Request(
            at=at,
            operation_id=f"{chance.getrandbits(128):032x}",
            name="GET /*",
            url=f"{HOST}/{chance.choice(_WANTED)}/{chance.randrange(1000)}",
            status=404,
            duration_ms=round(chance.uniform(2, 9), 3),
            client_ip=SCANNER,
            user_agent="Nikto/2.5",
        )
        for at in _moments(start, poisson(levels.scanned, chance), chance)
    ]


def probes(start: datetime, health: Callable[[datetime], Health], chance: Random) -> list[Request]:
    """The monitor's own questions of a minute, as far as somebody answered."""
    moments = [start + timedelta(seconds=second) for second in PROBE_SECONDS]
    return [
        Request(
            at=at,
            operation_id=f"{chance.getrandbits(128):032x}",
            name=HEALTH,
            url=f"{HOST}/api/health",
            status=answer.status,
            duration_ms=answer.latency_ms,
            client_ip="198.51.100.200",
            user_agent=MONITOR,
            synthetic_source=MONITOR,
        )
        for at in moments
        if not (answer := health(at)).refuses
    ]


def is_monitor(request: Request) -> bool:
    """Whether the monitor itself asked."""
    return MONITOR in (request.user_agent, request.synthetic_source)


def poisson(mean: float, chance: Random) -> int:
    """How often something happens that happens `mean` times on average (Knuth's method)."""
    if mean > _LARGEST_MEAN:
        return poisson(_LARGEST_MEAN, chance) + poisson(mean - _LARGEST_MEAN, chance)
    floor, product, count = math.exp(-mean), chance.random(), 0
    while product > floor:
        product *= chance.random()
        count += 1
    return count


def _moments(start: datetime, count: int, chance: Random) -> list[datetime]:
    milliseconds = sorted(chance.randrange(60_000) for _ in range(count))
    return [start + timedelta(milliseconds=after) for after in milliseconds]


def _status(operation: Operation, levels: Levels, chance: Random) -> int:
    fails, refuses = chance.random(), chance.random()
    if fails < levels.failing:
        return levels.failure.status
    return operation.refused if refuses < operation.refusals else operation.status


def _duration(operation: Operation, levels: Levels, chance: Random) -> float:
    sigma = levels.latency_spread
    luck = min(chance.lognormvariate(-sigma * sigma / 2, sigma), _SLOWEST) if sigma else 1.0
    weight = operation.weight / _MEAN_WEIGHT if sigma else 1.0
    wait = levels.wait_ms * (1 + levels.wait_spread * chance.uniform(-1, 1))
    return round(levels.latency_ms * weight * luck + wait, 3)
