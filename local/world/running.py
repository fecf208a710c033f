"""What the CRM's sessions make the database execute at a moment: usually next to nothing."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from local.world.events import RunningRequest
from local.world.workloads import HARMLESS

FIRST_SESSION = 51
"""Smaller numbers are the system's own, as in SQL Server."""
PROGRAM = "node-mssql"
HOST = "pantry-crm-0"
WORKER_HOST = "pantry-crm-worker"
BAD_QUERY = (
    "SELECT i.[id], i.[type], i.[notes], o.[name] FROM [dbo].[Interaction] AS i "
    "INNER JOIN [dbo].[Organisation] AS o ON o.[id] = i.[organisationId] "
    "WHERE o.[name] LIKE N'%pantry%' OR i.[notes] LIKE N'%gluten free%' "
    "ORDER BY i.[createdAt] DESC"
)
"""It begins its patterns with a wildcard, so that no index helps: it scans both tables."""
FORGOTTEN = "UPDATE [dbo].[Opportunity] SET [stage] = N'won' WHERE [id] = @P1"
"""What a session did before it forgot to end its transaction."""
_HEAD_START = timedelta(seconds=20)
_SCANS = 6
_CORE_SHARE = 0.09
"""Of the core that a scan gets: six of them take all that a small database has."""
_PAGES_A_MS = 2


def calm_requests(at: datetime, first: int, chance: Random) -> tuple[RunningRequest, ...]:
    """None, one or two short requests, in sessions from `first` on."""
    (count,) = chance.choices((0, 1, 2), weights=(6, 3, 1))
    return tuple(_short(at, first + i, chance.randrange(4), chance) for i in range(count))


def storm_requests(at: datetime, begins: datetime, first: int) -> tuple[RunningRequest, ...]:
    """The bad query, run by several sessions since just before `begins`, and two decoys.

    The storm begins when they have taken the whole database, so none of them starts at 0.
    """
    scans = [_scan(at, begins - _HEAD_START + timedelta(seconds=3 * i), i) for i in range(_SCANS)]
    decoys = [_waiting(at, place) for place in (0, 3)]
    return _seated([*scans, *decoys], first)


def chain_requests(at: datetime, begins: datetime, first: int) -> tuple[RunningRequest, ...]:
    """Four sessions in a chain behind session `first`, which idles with its transaction open."""
    behind = (first, first + 1, first + 1, first + 2)
    blocked = [_blocked(at, begins + timedelta(seconds=i), by) for i, by in enumerate(behind)]
    return _seated(blocked, first + 1)


def _seated(requests: Sequence[RunningRequest], first: int) -> tuple[RunningRequest, ...]:
    return tuple(replace(each, session_id=first + i) for i, each in enumerate(requests))


def _short(at: datetime, session: int, which: int, chance: Random) -> RunningRequest:
    before, text = HARMLESS[which]
    cpu = chance.randint(1, 15)
    elapsed = cpu + chance.randint(0, 40)
    return RunningRequest(
        session_id=session,
        started_at=at - timedelta(milliseconds=elapsed),
        command=text.partition(" ")[0],
        before=before,
        text=text,
        cpu_ms=cpu,
        elapsed_ms=elapsed,
        logical_reads=3 * cpu,
        program=PROGRAM,
        host=HOST,
    )


def _scan(at: datetime, since: datetime, place: int) -> RunningRequest:
    elapsed = _ms(at - since)
    cpu = int(elapsed * _CORE_SHARE)
    reads_disk = place % 2 == 1
    return RunningRequest(
        session_id=0,
        started_at=since,
        status="suspended" if reads_disk else "running",
        command="SELECT",
        text=BAD_QUERY,
        cpu_ms=cpu,
        elapsed_ms=elapsed,
        logical_reads=_PAGES_A_MS * cpu,
        wait_type="PAGEIOLATCH_SH" if reads_disk else None,
        wait_ms=4 + place if reads_disk else 0,
        program=PROGRAM,
        host=HOST,
    )


def _waiting(at: datetime, which: int) -> RunningRequest:
    """A request that would be short, if it only got its turn."""
    before, text = HARMLESS[which]
    return RunningRequest(
        session_id=0,
        started_at=at - timedelta(milliseconds=840 + which),
        status="runnable",
        command=text.partition(" ")[0],
        before=before,
        text=text,
        cpu_ms=2 + which,
        elapsed_ms=840 + which,
        logical_reads=12,
        wait_type=None,
        program=PROGRAM,
        host=HOST,
    )


def _blocked(at: datetime, since: datetime, by: int) -> RunningRequest:
    started = min(since, at)
    before, text = HARMLESS[2]
    waited = _ms(at - started)
    return RunningRequest(
        session_id=0,
        started_at=started,
        status="suspended",
        command="SELECT",
        before=before,
        text=text,
        cpu_ms=1,
        elapsed_ms=waited,
        logical_reads=6,
        wait_type="LCK_M_S",
        wait_ms=waited,
        blocked_by=by,
        program=PROGRAM,
        host=WORKER_HOST,
    )


def _ms(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
