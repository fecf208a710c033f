"""Every way to be broken, as a client sees it, set from Python and by the control endpoint."""

import threading
import time
from collections.abc import Iterator

import pytest
import requests

from local.cloud import identity, inbox_page
from local.cloud.answerers import Desk
from local.cloud.clouds import Cloud, running_cloud
from local.cloud.faults import KINDS, Fault, Faults, read_fault
from tests.local.cloud.handmade import wait_until


@pytest.fixture
def cloud(desk: Desk) -> Iterator[Cloud]:
    with running_cloud(desk, [identity.answerer, inbox_page.answerer]) as running:
        yield running


def _ask(cloud: Cloud, timeout: float = 5) -> requests.Response:
    return requests.get(cloud.jwks_url, timeout=timeout)


def _control(cloud: Cloud, name: str = "identity") -> str:
    return f"{cloud.urls['desk']}/control/{name}"


def test_slow_answers_late_but_rightly(cloud: Cloud) -> None:
    cloud.desk.faults.set("identity", Fault("slow", seconds=0.2))
    began = time.monotonic()
    assert _ask(cloud).json()["keys"]
    assert time.monotonic() - began >= 0.2


def test_slow_work_is_done_though_the_client_gave_up(cloud: Cloud) -> None:
    cloud.desk.faults.set("identity", Fault("slow", seconds=30, times=1))
    with pytest.raises(requests.ReadTimeout):
        _ask(cloud, timeout=0.1)
    _ask(cloud)
    given_up, _ = cloud.desk.inbox.records("identity")
    assert given_up.status == 200


@pytest.mark.parametrize(("retry_after", "header"), [(None, None), (7, "7")])
def test_throttle_says_429(cloud: Cloud, retry_after: int | None, header: str | None) -> None:
    cloud.desk.faults.set("identity", Fault("throttle", retry_after=retry_after))
    answer = _ask(cloud)
    assert (answer.status_code, answer.headers.get("Retry-After")) == (429, header)


@pytest.mark.parametrize("status", [500, 503])
def test_error_has_the_status_that_was_set(cloud: Cloud, status: int) -> None:
    cloud.desk.faults.set("identity", Fault("error", status=status))
    assert _ask(cloud).status_code == status


def test_garbage_is_no_json(cloud: Cloud) -> None:
    cloud.desk.faults.set("identity", Fault("garbage"))
    answer = _ask(cloud)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match="Expecting value"):
        answer.json()


def test_wrong_shape_is_json_of_another_kind(cloud: Cloud) -> None:
    cloud.desk.faults.set("identity", Fault("wrong_shape"))
    answer = _ask(cloud)
    assert (answer.status_code, answer.json()) == (200, {"unexpected": []})


def test_drop_closes_the_connection_without_an_answer(cloud: Cloud) -> None:
    cloud.desk.faults.set("identity", Fault("drop"))
    with pytest.raises(requests.ConnectionError):
        _ask(cloud)
    (record,) = cloud.desk.inbox.records("identity")
    assert record.status is None


def test_a_hanging_request_that_is_given_up_is_never_answered(cloud: Cloud) -> None:
    cloud.desk.faults.set("identity", Fault("hang"))
    with pytest.raises(requests.ReadTimeout):
        _ask(cloud, timeout=0.2)
    wait_until(lambda: [one.is_over for one in cloud.desk.inbox.records("identity")] == [True])
    cloud.desk.faults.clear("identity")
    assert _ask(cloud).ok
    assert [one.status for one in cloud.desk.inbox.records("identity")] == [None, 200]


def test_a_hanging_request_is_answered_once_the_fault_is_cleared(cloud: Cloud) -> None:
    cloud.desk.faults.set("identity", Fault("hang", times=1))
    answers: list[int] = []
    waiting = threading.Thread(target=lambda: answers.append(_ask(cloud).status_code))
    waiting.start()
    wait_until(lambda: cloud.desk.inbox.records("identity"))
    assert _ask(cloud).ok, "its one time is used up"
    assert answers == []
    cloud.desk.faults.clear()
    waiting.join(timeout=60)
    assert answers == [200]


def test_refuse_closes_the_door_even_on_open_connections_and_clear_opens_it(cloud: Cloud) -> None:
    with requests.Session() as session:
        assert session.get(cloud.jwks_url).ok
        cloud.desk.faults.set("identity", Fault("refuse"))
        with pytest.raises(requests.ConnectionError, match="refused"):
            session.get(cloud.jwks_url)
        cloud.desk.faults.clear("identity")
        assert session.get(cloud.jwks_url).ok


def test_a_fault_set_before_the_start_holds_from_the_start(desk: Desk) -> None:
    desk.faults.set("identity", Fault("refuse"))
    with running_cloud(desk, [identity.answerer]) as cloud:
        with pytest.raises(requests.ConnectionError, match="refused"):
            _ask(cloud)
        desk.faults.set("identity", Fault("error"))
        assert _ask(cloud).status_code == 500


def test_a_fault_hits_as_many_requests_as_it_says(cloud: Cloud) -> None:
    cloud.desk.faults.set("identity", Fault("error", times=2))
    assert [_ask(cloud).status_code for _ in range(3)] == [500, 500, 200]
    assert cloud.desk.faults.broken() == {}


def test_a_fault_of_a_part_hits_only_what_is_asked_there(cloud: Cloud) -> None:
    cloud.desk.faults.set("identity", Fault("error", status=403, part="/elsewhere"))
    assert _ask(cloud).ok
    assert requests.get(f"{cloud.urls['identity']}/elsewhere/x", timeout=60).status_code == 403


def test_the_others_stay_whole(cloud: Cloud) -> None:
    cloud.desk.faults.set("identity", Fault("drop"))
    assert requests.get(cloud.urls["desk"], timeout=60).ok


@pytest.mark.parametrize("kind", KINDS)
def test_the_control_endpoint_sets_and_clears_every_kind(cloud: Cloud, kind: str) -> None:
    answer = requests.post(_control(cloud), json={"kind": kind, "status": 502}, timeout=60)
    assert answer.ok, answer.text
    said = requests.get(f"{cloud.urls['desk']}/control", timeout=60).json()
    assert said == answer.json() == cloud.desk.faults.broken()
    assert said["identity"]["kind"] == kind
    assert requests.delete(_control(cloud), timeout=60).json() == {}
    assert _ask(cloud).ok


@pytest.mark.parametrize(
    ("name", "body", "sentence"),
    [
        ("nobody", b'{"kind": "drop"}', "no answerer 'nobody'"),
        ("desk", b'{"kind": "drop"}', "there are platform, logs"),
        ("identity", b'{"kind": "dance"}', "there are slow, throttle, error, hang, refuse"),
        ("identity", b'{"kind": "slow", "speed": 2}', "a fault is an object with kind"),
        ("identity", b'{"kind": "slow", "seconds": "2"}', "seconds can't be '2'"),
        ("identity", b"nonsense", "the body is no JSON"),
    ],
)
def test_the_control_endpoint_says_what_would_be_right(
    cloud: Cloud, name: str, body: bytes, sentence: str
) -> None:
    answer = requests.post(_control(cloud, name), data=body, timeout=60)
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"kind": "slow", "seconds": -1}, "0 or more"),
        ({"kind": "error", "status": 404}, "500 to 599"),
        ({"kind": "drop", "times": 0}, "1 request or more"),
        ({"kind": "drop", "times": True}, "times can't be True"),
        ({"kind": "refuse", "times": 3}, "a refuse has no times"),
        ({"kind": "refuse", "part": "/x"}, "a refuse has no part"),
        ({"status": 500}, "an object with kind"),
        ([], "an object with kind"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(given: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        read_fault(given)


def test_an_unknown_answerer_is_refused_in_python_too() -> None:
    with pytest.raises(ValueError, match="there are platform, logs, sql"):
        Faults().set("nobody", Fault("drop"))
