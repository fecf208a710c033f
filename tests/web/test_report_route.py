"""GET report over HTTP: its shapes, its ranges, and who may read it."""

import pytest

from shared.web.report import REPORT
from tests.builders import OK, TARGET, a_desk
from tests.web.builders import Counter, a_request, bearer, crm_token, error_of


@pytest.fixture(scope="module")
def counter() -> Counter:
    desk = a_desk([OK] * 130)
    desk.tick(121)
    return Counter(desk, targets=(TARGET, "other"))


def test_the_clients_fields_are_there(counter: Counter) -> None:
    found = counter.get(REPORT, 121)["data"]

    assert found["summary"].keys() == {
        "avgResponseTime",
        "maxDTU",
        "avgMemoryUsage",
        "totalInteractions",
        "uptime",
        "errorRate",
    }
    assert found["trends"].keys() == {"performance", "resource", "usage"}
    assert found["charts"].keys() == {
        "performanceOverTime",
        "resourceUtilization",
        "userActivity",
    }
    assert (found["range"], found["to"]) == ("7d", "2026-01-01T02:00:00Z")
    assert found["summary"]["maxDTU"] == OK
    dtu = next(one for one in found["figures"] if one["name"] == "maxDTU")
    assert dtu["coverage"] == {"minutes": 10080, "knownMinutes": 120, "share": 120 / 10080}


def test_another_range_and_another_target(counter: Counter) -> None:
    found = counter.get(REPORT, 121, range="24h", target="other")["data"]

    assert (found["range"], found["target"], found["isEmpty"]) == ("24h", "other", True)
    assert "Nothing was measured" in found["headlines"][0]


def test_who_has_it_is_not_sent_it_again(counter: Counter) -> None:
    headers = bearer(crm_token())
    first = counter.ask(REPORT, 121, a_request(headers=headers))
    headers["If-None-Match"] = first.headers["ETag"]

    assert counter.ask(REPORT, 122, a_request(headers=headers)).status_code == 304


def test_a_wrong_range_is_told_the_right_ones(counter: Counter) -> None:
    status, code, message = counter.refused(REPORT, 121, range="1h")

    assert (status, code) == (400, "invalid_range")
    assert "24h, 3d, 7d, 14d, 30d, 90d" in message


def test_readers_may_and_strangers_may_not(counter: Counter) -> None:
    reader = a_request(headers=bearer(crm_token(roles="reader")))
    deployer = a_request(headers=bearer(crm_token(roles="deployer")))

    assert counter.ask(REPORT, 121, reader).status_code == 200
    assert error_of(counter.ask(REPORT, 121, deployer))[0] == 403
    assert error_of(counter.ask(REPORT, 121, a_request()))[0] == 401
