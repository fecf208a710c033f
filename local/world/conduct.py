"""What the CRM tells of people's conduct, in the words of OWASP's logging vocabulary."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from local.world.events import CustomEvent, Request
from local.world.levels import Levels
from local.world.traffic import LOGIN, REPORT, USERS, address_of, poisson

LOGIN_FAILED, LOGGED_IN, LOCKED = "authn_login_fail", "authn_login_success", "authn_login_lock"
REFUSED, LIMITED = "authz_fail", "excess_rate_limit_exceeded"
ADMIN, DATA_READ = "authz_admin", "sensitive_read"
REPORT_MADE = "ReportGenerated"
"""No word of OWASP's: the CRM has events of its own, too."""
_ADMINS = 3


def is_kept(operation_id: str) -> bool:
    """Whether sampling keeps what belongs to an operation: every second one."""
    return int(operation_id[-1], 16) % 2 == 0


def events_of(request: Request) -> Iterator[str]:
    """The events that a request leaves: one wrong password in sixteen locks the account."""
    if request.name == LOGIN and request.status == 401:
        yield LOGIN_FAILED
        if request.operation_id[0] == "0":
            yield LOCKED
        if request.operation_id[1] == "0":
            yield LIMITED
    elif request.name == LOGIN and request.status < 400:
        yield LOGGED_IN
    elif request.status == 403:
        yield REFUSED
    elif request.name == REPORT and request.status < 400:
        yield REPORT_MADE


def staff_events(start: datetime, levels: Levels, chance: Random) -> list[CustomEvent]:
    """What administrators and readers of sensitive data did; logged as traces, and sampled."""
    if not levels.serving:
        return []
    told = [
        *_told(ADMIN, start, levels.admin_actions, _ADMINS, chance),
        *_told(DATA_READ, start, levels.data_reads, USERS, chance),
    ]
    return [event for event in told if is_kept(event.operation_id)]


def _told(
    name: str, start: datetime, mean: float, people: int, chance: Random
) -> Iterator[CustomEvent]:
    for _ in range(poisson(mean, chance)):
        user = chance.randint(1, people)
        yield CustomEvent(
            at=start + timedelta(milliseconds=chance.randrange(60_000)),
            name=name,
            operation_id=f"{chance.getrandbits(128):032x}",
            user_id=f"u-{user:03}",
            client_ip=address_of(user),
            item_count=2,
            is_trace=True,
        )
