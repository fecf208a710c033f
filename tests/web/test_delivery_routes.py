"""GET deliveries, POST deliveries/{id}/resend, GET audit: what they answer, refuse and do."""

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.deliveries import Status, channel_of
from shared.domain.episodes import EventKind
from shared.domain.errors import ChannelError, Conflict
from shared.domain.handling import AuditEntry
from shared.domain.records import Insert, audit_key
from shared.domain.rules import Action, ActionType
from shared.services.closures import closures
from shared.services.deliver import deliver_due
from shared.services.dispatch import dispatch
from shared.web.deliveries import AUDIT, DELIVERIES, RESEND
from tests.builders import LOG, MAIL, SLACK, TARGET, Desk, a_desk, an_event, assert_at_rest, at
from tests.web.builders import Counter, bearer, crm_token, error_of, lose_answers, told

HOOK = Action(ActionType.WEBHOOK, "https://hooks.example.com/secret-path")


@pytest.fixture
def desk() -> Desk:
    return a_desk(fallback=LOG)


@pytest.fixture
def counter(desk: Desk) -> Counter:
    return Counter(desk)


def tell(desk: Desk, seq: int = 1, *, refused: bool = False, **changes: Any) -> None:
    """One event, which mail refuses for good or takes."""
    if refused:
        desk.channels["email"].failures.append(ChannelError("gone", permanent=True))
    kind = EventKind.RESOLVED if seq == 2 else EventKind.FIRING
    desk.decide(an_event(seq, kind, **changes))
    dispatch(TARGET, house=desk.house)
    work(desk)


def work(desk: Desk, **later: float) -> None:
    desk.clock.advance(timedelta(**later))
    deliver_due(TARGET, house=desk.house)


def listed(counter: Counter, **params: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = counter.get(DELIVERIES, 11, **params)["data"]
    return found


def name_of(counter: Counter, seq: int = 1, channel: str = "email") -> str:
    found = (one for one in listed(counter, channel=channel) if one["seq"] == seq)
    return str(next(found)["deliveryId"])


def test_deliveries_are_listed_newest_first_and_without_secrets(
    counter: Counter, desk: Desk
) -> None:
    tell(desk, routes=[HOOK])
    desk.clock.advance(timedelta(minutes=5))
    tell(desk, refused=True, episode="20260101T0010Z-1a2b3c4d")

    fell_back, dead, sent = listed(counter)

    assert {fell_back["channelType"], dead["channelType"]} == {"console", "email"}
    assert (sent["channelType"], sent["channelName"]) == ("webhook", "https://hooks.example.com/…")
    assert sent["deliveryId"] == f"{TARGET}.{sent['episode']}.{channel_of(HOOK)}.0001"
    assert not {"owner", "due", "event"} & sent.keys()
    assert "secret-path" not in str(listed(counter))


def test_deliveries_are_chosen_by_state_channel_and_number(counter: Counter, desk: Desk) -> None:
    tell(desk, refused=True, routes=[MAIL, SLACK])

    assert [one["channelType"] for one in listed(counter, state="dead")] == ["email"]
    for name in ("slack", "slack:#alerts", channel_of(SLACK)):
        assert [one["channelType"] for one in listed(counter, channel=name)] == ["slack"]
    assert listed(counter, channel="pigeon") == []
    cut = counter.get(DELIVERIES, 11, limit="2")
    assert (len(cut["data"]), cut["meta"]["more"]) == (2, True)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"state": "lost"}, "invalid_state"),
        ({"limit": "201"}, "invalid_limit"),
        ({"target": "none"}, "unknown_target"),
        ({"page": "2"}, "unknown_parameter"),
    ],
)
def test_a_list_that_makes_no_sense_is_refused(
    counter: Counter, params: dict[str, str], code: str
) -> None:
    assert counter.refused(DELIVERIES, 11, **params)[:2] == (400, code)


def test_a_dead_message_is_sent_again_and_opens_its_channel(counter: Counter, desk: Desk) -> None:
    tell(desk, refused=True)

    row = told(counter.send(RESEND, 11, name_of(counter)))["data"]
    work(desk)

    assert (row["status"], row["attempt"]) == ("pending", 1)
    assert desk.told("email") == ["firing"]
    assert desk.told("console") == ["firing"]  # the fallback told it before, and not again
    (dead_no_more,) = [one for one in desk.deliveries() if one.channel_type == "email"]
    assert (dead_no_more.status, dead_no_more.attempt) == (Status.SENT, 2)
    assert_at_rest(desk)


def test_a_sent_message_is_another_message_when_it_is_sent_again(
    counter: Counter, desk: Desk
) -> None:
    tell(desk)

    counter.send(RESEND, 11, name_of(counter))
    work(desk, minutes=1)

    first, again = desk.messages()
    assert first.id != again.id
    assert first.text == again.text


def test_what_followed_is_told_along_so_that_nobody_believes_it_goes_on(
    counter: Counter, desk: Desk
) -> None:
    tell(desk, 1)
    tell(desk, 2)

    counter.send(RESEND, 11, name_of(counter, 1))
    work(desk, minutes=1)

    assert desk.told() == ["firing", "resolved", "firing+resolved"]
    assert desk.messages()[-1].subject.startswith("[RESOLVED]")
    assert_at_rest(desk)


def test_the_last_message_is_sent_again_alone(counter: Counter, desk: Desk) -> None:
    tell(desk, 1)
    tell(desk, 2)

    counter.send(RESEND, 11, name_of(counter, 2))
    work(desk, minutes=1)

    assert desk.told()[2:] == ["resolved"]


def test_after_more_than_a_day_it_has_a_day_again(counter: Counter, desk: Desk) -> None:
    tell(desk)
    desk.clock.advance(timedelta(days=3))

    counter.send(RESEND, 11, name_of(counter))
    work(desk)

    assert desk.told() == ["firing", "firing"]


def test_a_second_refusal_is_dead_again_and_told_once_by_the_fallback(
    counter: Counter, desk: Desk
) -> None:
    tell(desk, refused=True)
    counter.send(RESEND, 11, name_of(counter))
    desk.channels["email"].failures.append(ChannelError("gone", permanent=True))
    work(desk)

    assert desk.told("console") == ["firing"]
    assert [one["status"] for one in listed(counter, channel="email")] == ["dead"]


def test_what_is_on_its_way_is_not_sent_twice(counter: Counter, desk: Desk) -> None:
    desk.channels["email"].failures.append(ChannelError("busy"))
    tell(desk)

    status, code, message = error_of(counter.send(RESEND, 11, name_of(counter)))

    assert (status, code) == (400, "invalid_input")
    assert "on its way" in message


def test_of_two_resends_at_once_one_is_done(
    counter: Counter, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second click comes between the first one's reading and writing."""
    tell(desk)
    name = name_of(counter)
    real = desk.house.alerts.commit

    def interfere(*given: Any) -> Any:
        monkeypatch.undo()
        assert counter.send(RESEND, 11, name).status_code == 200
        return real(*given)

    monkeypatch.setattr(desk.house.alerts, "commit", interfere)
    answer = counter.send(RESEND, 11, name)
    work(desk, minutes=1)

    assert error_of(answer)[0] == 400
    assert desk.told() == ["firing", "firing"]
    assert_at_rest(desk)


def test_a_lost_answer_of_the_store_is_a_success(counter: Counter, desk: Desk) -> None:
    tell(desk, refused=True)
    name = name_of(counter)
    lose_answers(desk.house.alerts, TARGET)

    assert told(counter.send(RESEND, 11, name))["data"]["status"] == "pending"
    assert closures(desk.house.config) == {}
    assert len(desk.rows("audit:", AuditEntry)) == 1


def test_when_others_never_stop_the_store_is_busy(
    counter: Counter, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(desk)
    name = name_of(counter)

    def refuse(*_: Any) -> Any:
        raise Conflict("somebody else")

    monkeypatch.setattr(desk.house.alerts, "commit", refuse)

    assert error_of(counter.send(RESEND, 11, name))[:2] == (503, "store_busy")


def test_a_queue_is_told_and_people_see_who_did_it(counter: Counter, desk: Desk) -> None:
    tell(desk)
    counter.send(RESEND, 11, name_of(counter))

    (entry,) = counter.get(AUDIT, 11)["data"]

    assert (entry["action"], entry["by"]) == ("resend", "Desk admin")
    assert entry["subject"].endswith("-1")
    assert MAIL.target not in str(entry)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "nonsense",
        f"{TARGET}.20260101T0005Z-1a2b3c4d.00000000.0001",
        "other.20260101T0005Z-1a2b3c4d.8770ba44.0001",
        f"{TARGET}.20260101T0005Z-1a2b3c4d.8770ba44.0009",
    ],
)
def test_what_does_not_exist_is_not_found(counter: Counter, desk: Desk, name: str) -> None:
    tell(desk)

    assert error_of(counter.send(RESEND, 11, name))[:2] == (404, "not_found")


def test_readers_send_nothing(counter: Counter) -> None:
    answer = counter.send(RESEND, 11, "x", headers=bearer(crm_token(roles="reader")))

    assert error_of(answer)[:2] == (403, "forbidden")


def test_what_people_did_is_listed_newest_first(counter: Counter, desk: Desk) -> None:
    desk = a_desk([99.0] * 60)
    desk.ticks(0, 5)
    for minute, action in ((5, "acknowledge"), (6, "snooze"), (7, "unsnooze")):
        more = {"minutes": 60} if action == "snooze" else {}
        desk.act(action, desk.alert().id, minute, **more)
    counter = Counter(desk)

    found = counter.get(AUDIT, 8)
    cut = counter.get(AUDIT, 8, limit="1")

    assert [one["action"] for one in found["data"]] == ["unsnooze", "snooze", "acknowledge"]
    assert found["data"][0].keys() == {*AuditEntry.__struct_encode_fields__}
    assert (len(cut["data"]), cut["meta"]["more"]) == (1, True)
    assert counter.refused(AUDIT, 8, target="none")[:2] == (400, "unknown_target")
    assert counter.refused(AUDIT, 8, limit="0")[:2] == (400, "invalid_limit")


def test_the_newest_are_found_whatever_days_lie_between(counter: Counter, desk: Desk) -> None:
    minutes = [0, 1, 2000, 2001, 100_000, 100_001]
    for minute in minutes:
        entry = AuditEntry(at=at(minute), by="admin", action="act", subject=str(minute))
        desk.house.alerts.commit(TARGET, [Insert(audit_key(at(minute), "x"), entry)])

    for limit in range(1, len(minutes) + 1):
        found = counter.get(AUDIT, 100_002, limit=str(limit))
        newest = [str(minute) for minute in minutes[: -limit - 1 : -1]]
        assert [one["subject"] for one in found["data"]] == newest
        assert found["meta"]["more"] == (limit < len(minutes))
