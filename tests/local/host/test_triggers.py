"""What the host reads from an app, and what it refuses in a sentence."""

import azure.functions as func
import pytest

from local.host.triggers import (
    BindingError,
    HttpTrigger,
    QueueTrigger,
    TimerTrigger,
    read_functions,
)
from tests.local.host.making import an_app


def test_each_trigger_is_read_with_its_settings() -> None:
    app = an_app()

    @app.timer_trigger(arg_name="timer", schedule="%PACE%", run_on_startup=True)
    def tick(timer: func.TimerRequest) -> None: ...

    @app.queue_trigger(arg_name="message", queue_name="things", connection="Storage")
    def take(message: func.QueueMessage) -> None: ...

    @app.route(route="things/{id}", methods=["GET", "POST"])
    async def show(req: func.HttpRequest) -> str:
        return "shown"

    found = {one.name: one for one in read_functions(app)}

    assert found["tick"].trigger == TimerTrigger("%PACE%", run_on_startup=True)
    assert found["take"].trigger == QueueTrigger("things", "Storage")
    assert found["show"].trigger == HttpTrigger(
        "things/{id}", frozenset({"GET", "POST"}), "ANONYMOUS"
    )
    assert [one.is_async for one in found.values()] == [False, False, True]


def test_an_http_function_without_a_route_is_reached_by_its_name_and_any_method() -> None:
    app = an_app()

    @app.route()
    def anything(req: func.HttpRequest) -> str:
        return ""

    (found,) = read_functions(app)

    assert found.trigger == HttpTrigger("anything", frozenset(), "ANONYMOUS")


def test_an_app_may_be_read_again_although_it_lists_its_functions_only_once() -> None:
    app = an_app()

    @app.route()
    def anything(req: func.HttpRequest) -> str:
        return ""

    assert read_functions(app) == read_functions(app)


def test_a_trigger_that_the_host_does_not_know_is_named() -> None:
    app = an_app()

    @app.blob_trigger(arg_name="blob", path="things", connection="Storage")
    def take(blob: func.InputStream) -> None: ...

    with pytest.raises(BindingError, match=r"function take: .*timerTrigger.*not blobTrigger"):
        read_functions(app)


def test_an_output_that_the_host_would_not_send_is_named() -> None:
    app = an_app()

    @app.queue_output(arg_name="out", queue_name="things", connection="Storage")
    @app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
    def tick(timer: func.TimerRequest, out: func.Out[str]) -> None: ...

    with pytest.raises(BindingError, match="not queue"):
        read_functions(app)


def test_a_binding_that_no_parameter_takes_is_named() -> None:
    app = an_app()

    @app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
    def tick(clock: func.TimerRequest) -> None: ...

    with pytest.raises(BindingError, match=r"tick takes \(clock\), but its trigger binds 'timer'"):
        read_functions(app)
