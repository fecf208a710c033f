"""The way of every request: ids, headers, the log line, and errors as answers."""

import logging
from collections.abc import Iterator, Sequence
from uuid import UUID

import azure.functions as func
import pytest

from shared.domain import errors
from shared.domain.checkups import Checkup, Verdict
from shared.domain.errors import MonitorError
from shared.web.auth import Role
from shared.web.doors import Asked, Office, Reply, Route, answered, serve
from shared.web.health import HEALTH, health
from shared.web.problems import TABLE, Problem, problem_of
from tests.builders import a_desk
from tests.web.builders import (
    Counter,
    a_request,
    bearer,
    check_answer,
    check_described,
    crm_token,
    error_of,
    told,
)


def kinds(base: type[MonitorError] = MonitorError) -> Iterator[type[MonitorError]]:
    yield base
    for kind in base.__subclasses__():
        yield from kinds(kind)


OURS = [kind for kind in kinds() if kind.__module__ == errors.__name__]


def a_route(answer: object = "done", role: Role = Role.READER) -> Route:
    """A route that answers, or raises, `answer`."""

    def say(_: Asked) -> Reply:
        if isinstance(answer, Exception):
            raise answer
        return Reply(answer)

    return Route(name="things", role=role, answer=say, says="it", also=(404, 418, 502))


@pytest.fixture
def counter() -> Counter:
    return Counter(a_desk())


def ask(counter: Counter, answer: object = "done", **headers: str) -> func.HttpResponse:
    request = a_request(headers={**bearer(crm_token()), **headers})
    return counter.ask(a_route(answer), 0, request)


@pytest.mark.parametrize("kind", OURS)
def test_every_error_of_the_tree_has_its_answer(counter: Counter, kind: type[MonitorError]) -> None:
    mapped = TABLE[kind]
    answer = ask(counter, kind("the table AccountKey=secret said no"))

    body = check_answer(answer)
    assert (answer.status_code, body["error"]["code"]) == (mapped.status, mapped.code)
    assert ("secret" in body["error"]["message"]) == (mapped.message == "")
    assert (answer.status_code == 503) == ("Retry-After" in answer.headers)


def test_only_what_is_written_for_callers_is_shown_to_them() -> None:
    shown = {kind.__name__ for kind, mapped in TABLE.items() if not mapped.message}

    assert shown == {"InvalidInput", "InvalidRule", "NotFound"}


def test_a_new_kind_of_error_is_answered_like_its_base() -> None:
    class VeryWrong(errors.InvalidInput):
        pass

    assert problem_of(VeryWrong("say it so")).code == "invalid_input"
    assert problem_of(VeryWrong("say it so")).message == "say it so"


def test_the_unexpected_is_logged_with_its_stack_and_never_shown(
    counter: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    answer = ask(counter, ZeroDivisionError("of a secret"), **{"X-Request-Id": "abc-1"})

    assert error_of(answer)[:2] == (500, "internal")
    assert "secret" not in answer.get_body().decode()
    (record,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert record.getMessage() == "request abc-1 broke"
    assert record.exc_info is not None


@pytest.mark.parametrize("answer", ["done", ValueError("x"), Problem(418, "teapot", "tea only")])
def test_every_answer_has_its_headers_and_its_requests_id(counter: Counter, answer: object) -> None:
    check_answer(ask(counter, answer))


def test_nobody_is_answered_without_a_token(counter: Counter) -> None:
    answer = counter.ask(a_route(), 0, a_request())

    assert check_answer(answer)["error"]["code"] == "unauthenticated"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_the_house_stays_closed_for_who_is_not_let_in() -> None:
    counter = Counter(a_desk())

    def no_house() -> Office:
        office = counter.office()

        def opened() -> object:
            raise AssertionError

        return Office(gate=office.gate, targets=(), house=opened, now=office.now)  # type: ignore[arg-type]

    assert serve(a_request(), a_route(), no_house).status_code == 401


@pytest.mark.parametrize("given", ["abc-1", "A" * 64])
def test_a_harmless_request_id_is_taken_over(counter: Counter, given: str) -> None:
    answer = ask(counter, **{"x-request-id": given})

    assert answer.headers["X-Request-Id"] == given
    assert told(answer)["meta"]["requestId"] == given


@pytest.mark.parametrize("given", ["", "a b", "a\nb", "A" * 65, "é", "<x>", "abc\n"])
def test_any_other_request_id_is_replaced(counter: Counter, given: str) -> None:
    answer = ask(counter, **{"X-Request-Id": given})

    assert UUID(answer.headers["X-Request-Id"]).version == 4


def test_each_request_leaves_one_line_that_names_nobody(
    counter: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="pantry.web")
    token = crm_token()
    counter.ask(
        a_route(), 0, a_request(headers={**bearer(token), "X-Request-Id": "r-1", "X": "secret"})
    )

    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("GET things 200 ")
    assert line.endswith(", request r-1")
    assert not [word for word in (token, "user-1", "Desk admin", "secret") if word in line]


def test_a_refused_caller_leaves_a_line_too(
    counter: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="pantry.web")
    forbidden = a_request(headers=bearer(crm_token(roles="none")))
    counter.ask(a_route(), 0, forbidden)
    counter.ask(a_route(), 0, a_request())

    lines = [record.getMessage() for record in caplog.records]
    assert [line.split()[2] for line in lines] == ["403", "401"]
    assert " by -," in lines[1]
    assert " by -," not in lines[0]


def test_a_message_is_cut_and_always_encodable(counter: Counter) -> None:
    status, _, message = error_of(ask(counter, errors.InvalidInput("\ud800" + "x" * 5000)))

    assert (status, len(message)) == (400, 1000)


ILL = Checkup(name="tables", verdict=Verdict.BROKEN, said="403", breaks="all", mend="az …")


def look(
    counter: Counter, request: func.HttpRequest, problems: Sequence[str] = ()
) -> func.HttpResponse:
    answer = health(request, lambda: [*problems], counter.office, lambda: [ILL])
    check_described(HEALTH, answer)
    return answer


def test_health_answers_anybody(counter: Counter) -> None:
    answer = look(counter, a_request(), ["nobody can be told"])

    body = check_answer(answer)
    assert body["data"] == {"status": "degraded", "warnings": ["nobody can be told"]}
    assert told(look(counter, a_request()))["data"]["status"] == "ok"


def test_a_deep_look_is_for_admins(counter: Counter) -> None:
    def deep(**headers: str) -> func.HttpResponse:
        return look(counter, a_request(params={"deep": "1"}, headers=headers))

    seen = told(deep(**bearer(crm_token())))["data"]

    assert seen["status"] == "degraded"
    assert seen["checkups"] == [
        {"name": "tables", "verdict": "broken", "said": "403", "breaks": "all", "mend": "az …"}
    ]
    assert deep().status_code == 401
    assert deep(**bearer(crm_token(roles="reader"))).status_code == 403
    assert look(counter, a_request(params={"deep": "2"})).status_code == 400


def test_an_open_route_has_no_caller() -> None:
    seen = []

    def attend(visit: object) -> Reply:
        seen.append(getattr(visit, "principal", "?"))
        return Reply({})

    answered(a_request(), "health", attend)
    assert seen == [None]
