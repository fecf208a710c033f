"""Who writes too fast is held back, by himself and on every instance."""

import pytest

from shared.domain.errors import Conflict
from shared.domain.paces import PER_MINUTE
from shared.services.paces import PARTITION
from shared.web.alerts import ALERTS
from shared.web.maintenance import END
from tests.builders import Desk, a_desk
from tests.web.builders import Counter, a_request, bearer, crm_token, error_of


@pytest.fixture
def desk() -> Desk:
    return a_desk()


def write(counter: Counter, **claims: str) -> int:
    """The status of a write that finds nothing to do."""
    request = a_request("DELETE", headers=bearer(crm_token(**claims)), alert_id="x")
    status: int = counter.ask(END, 0, request).status_code
    return status


def exhausted(desk: Desk) -> Counter:
    counter = Counter(desk)
    assert {write(counter) for _ in range(PER_MINUTE)} == {404}
    return counter


def test_who_writes_too_fast_is_told_when_to_come_back(desk: Desk) -> None:
    counter = exhausted(desk)

    answer = counter.ask(END, 0, a_request("DELETE", headers=bearer(crm_token()), alert_id="x"))

    assert error_of(answer)[:2] == (429, "too_many_requests")
    assert answer.headers["Retry-After"] == "1"


def test_another_instance_counts_alike(desk: Desk) -> None:
    exhausted(desk)

    assert write(Counter(desk)) == 429


def test_others_are_not_held_back(desk: Desk) -> None:
    counter = exhausted(desk)

    assert write(counter, sub="user-2") == 404
    assert counter.get(ALERTS, 0)["data"] == []


def test_who_may_not_write_is_not_counted(desk: Desk) -> None:
    counter = Counter(desk)

    assert write(counter, roles="reader") == 403
    assert desk.house.config.keys(PARTITION, "") == []


def test_a_row_tells_nobody_who_it_is(desk: Desk) -> None:
    write(Counter(desk), sub="user@example.com")

    (key,) = desk.house.config.keys(PARTITION, "")
    assert len(key) == 32
    assert "user" not in key


def test_a_lost_race_is_tried_again_and_not_for_ever(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter, tries = Counter(desk), []

    def lose(*_: object) -> None:
        tries.append(1)
        raise Conflict("somebody else wrote first")

    monkeypatch.setattr(desk.house.config, "commit", lose)

    assert write(counter) == 429
    assert len(tries) == 5
