"""Fires timers by the world's clock; of the runs that were missed, one is made up."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from azure.functions.timer import TimerRequest

from local.clocks import WorldClock, wall_now
from local.host.invoking import InvocationError, Invoker
from local.host.schedule import Schedule
from local.host.triggers import Function
from local.host.waits import set_within

# What the host tells before a timer's first run.
NEVER = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Timer:
    """One timer function, whose runs never overlap.

    Runs that fell due meanwhile are made up by a single one, for the newest, and it is past due.
    The real host does the same, but says past due only of what it missed while it was down.
    """

    function: Function
    schedule: Schedule
    run_on_startup: bool
    clock: WorldClock
    invoker: Invoker

    async def run(self, stopping: asyncio.Event, since: datetime) -> None:
        """Fire whatever falls due after `since`, until `stopping` is set."""
        last, told = since, NEVER
        if self.run_on_startup:
            await self._fire(a_timer_request(self.schedule, told))
        while True:
            due = self.schedule.next_after(last)
            late = self.clock.now() >= due
            await self._until(due, stopping)
            if stopping.is_set():
                return
            last = self.schedule.latest_at(self.clock.now())
            await self._fire(a_timer_request(self.schedule, told, past_due=late or last > due))
            told = last

    async def _until(self, due: datetime, stopping: asyncio.Event) -> None:
        # The wall's clock and the loop's may differ by a little: look again.
        while (left := self.clock.wall_at(due) - wall_now()) > timedelta():
            if await set_within(stopping, left):
                return

    async def _fire(self, request: TimerRequest) -> None:
        try:
            await self.invoker.invoke(self.function, request)
        except InvocationError as failed:
            # One that was given up still runs: the platform would have killed its worker.
            if failed.still_running:
                await asyncio.wait([failed.still_running])


def a_timer_request(
    schedule: Schedule, last: datetime = NEVER, *, past_due: bool = False
) -> TimerRequest:
    """What the worker makes of the host's JSON, the run before having been due at `last`."""
    due = last if last == NEVER else schedule.next_after(last)
    status = {"Last": last.isoformat(), "Next": due.isoformat(), "LastUpdated": last.isoformat()}
    return TimerRequest(past_due=past_due, schedule_status=status, schedule={"AdjustForDST": True})
