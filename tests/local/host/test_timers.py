"""Timers on a world that goes faster than the wall."""

import threading
from datetime import datetime, timedelta
from typing import Any

import azure.functions as func
import pytest

from local.clocks import WorldClock
from local.host.host import running_host
from local.host.schedule import ScheduleError
from tests.local.host.making import NO_STORAGE, QUICK, T0, a_host, an_app

FAST = 60.0


def test_a_timer_fires_when_the_world_says_so() -> None:
    app = an_app()
    seen: list[Any] = []

    @app.timer_trigger(arg_name="timer", schedule="20 * * * * *")
    def tick(timer: func.TimerRequest) -> None:
        seen.append(timer)

    with a_host(app, speed=FAST) as host:
        first, second, *_ = host.invocations.wait_for("tick", 2)

    assert T0 + timedelta(seconds=20) <= first.started < T0 + timedelta(seconds=80) < second.started
    assert [timer.past_due for timer in seen[:2]] == [False, False]
    assert seen[1].schedule_status["Last"] == "2026-11-23T12:00:20+00:00"


def test_the_schedule_may_stand_in_a_setting() -> None:
    app = an_app()

    @app.timer_trigger(arg_name="timer", schedule="%PACE%")
    async def tick(timer: func.TimerRequest) -> None: ...

    with a_host(app, speed=FAST, settings={"PACE": "*/5 * * * * *"}) as host:
        host.invocations.wait_for("tick", 3)


def test_missed_runs_are_made_up_by_one_that_is_past_due() -> None:
    app = an_app()
    clock = WorldClock(T0, FAST)
    go_on = threading.Event()
    past_due: list[bool] = []

    @app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
    def tick(timer: func.TimerRequest) -> None:
        past_due.append(timer.past_due)
        go_on.wait(10)

    with running_host(app, clock=clock, storage=NO_STORAGE, patience=QUICK) as host:
        clock.sleep_until(T0 + timedelta(minutes=3, seconds=10))
        assert past_due == [False]
        go_on.set()
        runs = host.invocations.wait_for("tick", 3)

    assert past_due[:3] == [False, True, False]
    assert runs[1].started < T0 + timedelta(minutes=4) <= runs[2].started


def test_runs_of_one_timer_never_overlap_and_do_not_pile_up() -> None:
    app = an_app()
    running, most = 0, 0
    past_due: list[bool] = []
    work = threading.Event()

    @app.timer_trigger(arg_name="timer", schedule="* * * * * *")
    def tick(timer: func.TimerRequest) -> None:
        nonlocal running, most
        past_due.append(timer.past_due)
        running += 1
        most = max(most, running)
        work.wait(0.1)
        running -= 1

    with a_host(app, speed=FAST) as host:
        host.invocations.wait_for("tick", 5)

    assert most == 1
    assert past_due[:5] == [False, True, True, True, True]


def test_a_timer_that_fails_fires_again() -> None:
    app = an_app()

    @app.timer_trigger(arg_name="timer", schedule="*/10 * * * * *")
    def tick(timer: func.TimerRequest) -> None:
        raise ValueError("no luck")

    with a_host(app, speed=FAST) as host:
        runs = host.invocations.wait_for("tick", 2)

    assert runs[0].error == "ValueError: no luck"


def test_run_on_startup_does_not_wait_for_the_schedule() -> None:
    app = an_app()

    @app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
    def tick(timer: func.TimerRequest) -> None: ...

    with a_host(app) as host:
        (run,) = host.invocations.wait_for("tick")

    assert run.started < T0 + timedelta(seconds=5)


def test_a_bad_schedule_keeps_the_host_from_starting() -> None:
    app = an_app()

    @app.timer_trigger(arg_name="timer", schedule="61 * * * * *")
    def tick(timer: func.TimerRequest) -> None: ...

    with pytest.raises(ScheduleError, match="61"), a_host(app):
        pass


def test_a_slow_world_is_waited_for() -> None:
    app = an_app()
    fired: list[datetime] = []

    @app.timer_trigger(arg_name="timer", schedule="* * * * * *")
    def tick(timer: func.TimerRequest) -> None: ...

    with a_host(app, speed=2.0) as host:
        fired += [run.started for run in host.invocations.wait_for("tick", 2)]

    assert fired[0] >= T0 + timedelta(seconds=1)
    assert fired[1] >= T0 + timedelta(seconds=2)


def test_a_timer_that_returns_something_fails_as_in_the_worker() -> None:
    app = an_app()

    @app.timer_trigger(arg_name="timer", schedule="* * * * * *")
    def tick(timer: func.TimerRequest) -> str:
        return "done"

    with a_host(app, speed=FAST) as host:
        run, *_ = host.invocations.wait_for("tick")

    assert run.error == "TypeError: a function without an output returned 'done'"
