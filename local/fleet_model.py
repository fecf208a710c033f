"""A fleet on paper: what each of Azure's limits leaves at so many targets."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.services import minute as minutes

AT_ONCE = 4
"""Messages that an instance takes side by side (host.json)."""
REQUEST_S, SOURCES_S = 0.007, 1.5
"""Assumed in Azure: a request to the storage of the same region, and the slowest source."""
CORE = 0.25
"""Of an instance of 512 MB; each timer has one of its own."""
ACCOUNT, PARTITION = 20_000, 2_000
"""Requests a second that a storage account takes, and one partition: a target's, or the leases'."""
LEASE_REQUESTS = 6
"""Of both passes: the lease is read, taken and given back."""
LEASES_A_PAGE = 1_000


@dataclass(frozen=True)
class Counted:
    """Requests to the storage, and seconds of CPU, of one target's tick and watch.

    `put_cpu`, `beat_cpu`: what a target's message and its share of the heartbeat cost their timer.
    """

    tick: int
    watch: int
    tick_cpu: float
    watch_cpu: float
    put_cpu: float
    beat_cpu: float

    @property
    def requests(self) -> int:
        """Of both passes."""
        return self.tick + self.watch

    @property
    def cpu(self) -> float:
        """Of both passes."""
        return self.tick_cpu + self.watch_cpu


def model(counted: Counted, out: Callable[[str], None]) -> None:
    """What each limit leaves at so many targets, on paper."""
    out("on paper, at 7 ms a request and 1.5 s for the slowest source (assumed):")
    out(
        f"{'targets':>8}{'requests/s':>12}{'of 20,000':>11}{'leases, of 2,000':>18}"
        f"{'messages in':>13}{'heartbeat':>11}{'instances':>11}"
    )
    for targets in (1, 200, 1_000, 10_000):
        out(_row(targets, counted))
    out(
        f"a timer puts its messages within {minutes.SHARE_FOR.seconds} s up to "
        f"{minutes.SHARE_FOR.seconds / _put_s(1, counted):,.0f} targets, their leases' partition "
        f"goes up to {PARTITION * 60 / LEASE_REQUESTS:,.0f}, the account up to "
        f"{ACCOUNT * 60 / counted.requests:,.0f}"
    )


def _row(targets: int, counted: Counted) -> str:
    rate = targets * counted.requests / 60
    busy = counted.requests * REQUEST_S + 2 * SOURCES_S
    instances = max(targets * busy / AT_ONCE, targets * counted.cpu / CORE) / 60
    leases = targets * LEASE_REQUESTS / 60 / PARTITION
    beat = max(targets * counted.beat_cpu / CORE, -(-targets // LEASES_A_PAGE) * REQUEST_S)
    return (
        f"{targets:>8,}{rate:>12,.0f}{rate / ACCOUNT:>11.0%}{leases:>18.0%}"
        f"{_put_s(targets, counted):>11.1f} s{beat:>9.1f} s{max(instances, 1):>11.0f}"
    )


def _put_s(targets: int, counted: Counted) -> float:
    """Seconds: many are put at once, so that the timer's CPU is what they wait for."""
    return targets * max(counted.put_cpu / CORE, REQUEST_S / minutes.MOST_AT_ONCE)
