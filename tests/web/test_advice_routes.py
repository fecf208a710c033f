"""GET advice in the client's shapes, and what people may say about it."""

from typing import Any

import pytest

from shared.domain.handling import AuditEntry
from shared.domain.inspections import Inspection
from shared.domain.times import DAY
from shared.services.advise import advise
from shared.web.advice import ADVICE, CHANGE
from tests.builders import BAD, TARGET, ScriptedSource, a_desk, at
from tests.domain.advising import a_missing, a_query, an_index
from tests.web.builders import Counter, a_request, bearer, crm_token, error_of, told

LOOKED = 62


def counter_with(memory: float = 1_300.0) -> Counter:
    """Busy for an hour, with so much memory, looked at two minutes later."""
    plan = ScriptedSource([memory] * 61, metric="memoryUsage", name="plan")
    desk = a_desk(rules=[], sources=[ScriptedSource([BAD] * 61), plan])
    desk.tick(LOOKED - 1)
    inspection = Inspection(
        at=at(LOOKED),
        started_at=at(LOOKED) - 30 * DAY,
        queries=(a_query(),),
        missing_indexes=(a_missing(),),
        indexes=(an_index(),),
        lacking={"waits": "it needs VIEW DATABASE STATE"},
    )
    advise(TARGET, inspection, house=desk.house, now=at(LOOKED))
    return Counter(desk, targets=(TARGET, "other"))


@pytest.fixture
def counter() -> Counter:
    return counter_with()


def listed(counter: Counter, **params: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = counter.get(ADVICE, LOOKED, **params)["data"]["recommendations"]
    return found


def first(counter: Counter) -> str:
    return str(listed(counter)[0]["id"])


def change(counter: Counter, name: str, minute: float = LOOKED, **body: Any) -> dict[str, Any]:
    answer = counter.send(CHANGE, minute, name, method="PATCH", body=body)
    data: dict[str, Any] = told(answer)["data"]
    return data


def test_the_database_is_answered_in_the_clients_shape(counter: Counter) -> None:
    answer = counter.get(ADVICE, LOOKED)
    data, meta = answer["data"], answer["meta"]

    assert (data["kind"], data["currentDTU"], data["meanDTU"]) == ("dtu", BAD, BAD)
    kinds = [one["kind"] for one in data["recommendations"]]
    assert kinds == ["missing_index", "high_dtu", "bad_query", "unused_index"]
    assert data["estimatedImprovement"] == 94.1
    assert data["expensiveQueries"] == [
        {
            "queryId": 42,
            "executionCount": 1000,
            "totalCpuMs": 50_000,
            "averageCpuMs": 50,
            "text": a_query().text,
        }
    ]
    assert {"advisedAt": "2026-01-01T01:02:00Z", "inspectedAt": "2026-01-01T01:02:00Z"}.items() <= (
        meta.items()
    )
    assert meta["lacking"] == ["waits: it needs VIEW DATABASE STATE"]


def test_a_recommendation_has_the_clients_fields_and_its_story(counter: Counter) -> None:
    one = listed(counter)[0]

    assert (one["type"], one["priority"]) == ("missing_index", "high")
    assert {"title", "description", "actions", "rank", "evidence", "confidence"} <= one.keys()
    assert one["script"].startswith("CREATE NONCLUSTERED INDEX")
    assert one["reversal"].startswith("DROP INDEX")
    assert (one["status"], one["saidAt"]) == ("new", "2026-01-01T01:02:00Z")


def test_before_the_first_look_there_is_nothing_to_say(counter: Counter) -> None:
    answer = counter.get(ADVICE, LOOKED, target="other")

    assert answer["data"]["recommendations"] == []
    assert answer["data"]["currentDTU"] is None
    assert answer["meta"]["advisedAt"] is None


@pytest.mark.parametrize(
    ("memory", "status", "actions"),
    [
        (1_300.0, "normal", ["high_memory"]),
        (1_500.0, "warning", ["force_garbage_collection", "high_memory"]),
        (
            1_650.0,
            "critical",
            ["restart_application", "force_garbage_collection", "high_memory"],
        ),
    ],
)
def test_memory_is_answered_in_the_clients_shape(
    memory: float, status: str, actions: list[str]
) -> None:
    data = counter_with(memory).get(ADVICE, LOOKED, kind="memory")["data"]

    assert (data["kind"], data["current"], data["threshold"]) == ("memory", memory, 1400)
    assert data["status"] == status
    assert [one["action"] for one in data["recommendations"]] == actions
    priorities = {one["action"]: one["priority"] for one in data["recommendations"]}
    assert priorities.get("restart_application", "critical") == "critical"
    assert priorities.get("force_garbage_collection", "immediate") == "immediate"


def test_memory_that_nobody_measures_is_unknown(counter: Counter) -> None:
    data = counter.get(ADVICE, LOOKED, kind="memory", target="other")["data"]

    assert (data["current"], data["status"], data["recommendations"]) == (None, "unknown", [])


def test_what_somebody_decided_leaves_the_list_and_can_be_asked_for(counter: Counter) -> None:
    name = first(counter)
    changed = change(counter, name, status="dismissed", note=" not now\x00 ")

    assert (changed["status"], changed["changedBy"]) == ("dismissed", "Desk admin")
    assert changed["note"] == "not now"
    assert name not in {one["id"] for one in listed(counter)}
    assert [one["id"] for one in listed(counter, status="dismissed")] == [name]
    assert name in {one["id"] for one in listed(counter, status="all")}
    (entry,) = counter.desk.rows("audit:", AuditEntry)
    assert (entry.action, entry.subject) == ("advice_dismissed", name)


def test_what_was_seen_stays_in_the_list(counter: Counter) -> None:
    name = first(counter)
    change(counter, name, status="seen")

    assert listed(counter)[0]["status"] == "seen"
    assert [one["id"] for one in listed(counter, status="seen")] == [name]
    assert change(counter, name, status="done")["doneAt"] == "2026-01-01T01:02:00Z"
    assert change(counter, name, status="seen")["status"] == "seen"


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ({}, "invalid_body", "status is one of seen, done, dismissed"),
        ({"status": "new"}, "invalid_body", "status is one of seen, done, dismissed"),
        ({"status": "seen", "note": "x" * 1001}, "invalid_body", "1,000 characters"),
        ({"status": "seen", "by": "me"}, "unknown_field", "there is no field 'by'"),
    ],
)
def test_what_makes_no_sense_is_refused(
    counter: Counter, body: dict[str, Any], code: str, said: str
) -> None:
    answer = counter.send(CHANGE, LOOKED, first(counter), method="PATCH", body=body)
    status, found, message = error_of(answer)

    assert (status, found) == (400, code)
    assert said in message


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"kind": "disk"}, "invalid_kind"),
        ({"status": "gone"}, "invalid_status"),
        ({"target": "x"}, "unknown_target"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(
    counter: Counter, params: dict[str, str], code: str
) -> None:
    assert counter.refused(ADVICE, LOOKED, **params)[:2] == (400, code)


def test_unknown_advice_is_not_found(counter: Counter) -> None:
    for name in ("bad-query-00000000", "restart-application"):
        answer = counter.send(CHANGE, LOOKED, name, method="PATCH", body={"status": "seen"})
        assert error_of(answer)[:2] == (404, "not_found")


def test_readers_read_and_admins_decide(counter: Counter) -> None:
    reader, deployer = (bearer(crm_token(roles=role)) for role in ("reader", "deployer"))
    body = {"status": "seen"}

    def patched(headers: dict[str, str]) -> int:
        name = first(counter)
        answer = counter.send(CHANGE, LOOKED, name, method="PATCH", body=body, headers=headers)
        return int(answer.status_code)

    assert (patched(reader), patched(deployer), patched({})) == (403, 403, 200)
    answers = [
        counter.ask(ADVICE, LOOKED, a_request(headers=who)) for who in (reader, bearer(crm_token()))
    ]
    assert [told(one)["meta"]["mayChange"] for one in answers] == [False, True]
    assert counter.ask(ADVICE, LOOKED, a_request(headers=deployer)).status_code == 403


def test_advice_is_old_when_nobody_looks_any_more(counter: Counter) -> None:
    later = LOOKED + 600
    answer = counter.get(ADVICE, later)

    assert answer["data"]["currentDTU"] is None
    assert answer["meta"]["advisedAt"] == "2026-01-01T01:02:00Z"
