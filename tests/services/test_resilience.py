"""One broken thing costs its own share only, and the monitor says that it is not well."""

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.adapters.channels.memory import MemoryChannel
from shared.adapters.rows import InsertRow, ReplaceRow
from shared.catalog.metrics import CATALOG
from shared.domain.deliveries import GIVE_UP_AFTER, Status
from shared.domain.errors import ChannelError, InvalidInput, InvalidRule
from shared.domain.notifications import Notification
from shared.domain.rules import Action, ActionType, parse_rule
from shared.domain.samples import Reading, Sample
from shared.services.beat import heartbeat
from shared.services.minute import tick_all, watch_all
from tests.builders import BAD, MAIL, OK, SLACK, TARGET, Desk, ScriptedSource, a_rule, at
from tests.services.conftest import MakeDesk

HOOK = Action(ActionType.WEBHOOK, "https://key@hooks.example.com/T0/B0/SECRET")
LOG = Action(ActionType.CONSOLE, "log")


def damage(desk: Desk, key: str, **properties: Any) -> None:
    """Overwrite properties of a stored row, as a clumsy hand in the portal would."""
    row = desk.storage.alerts.get(TARGET, key)
    assert row is not None
    broken = ReplaceRow(key, {**row.properties, **properties}, row.etag)
    desk.storage.alerts.transact(TARGET, [broken])


def unwell(desk: Desk, minute: float) -> list[str]:
    """What keeps the heartbeat from beating."""
    return heartbeat([TARGET], house=desk.house, now=at(minute))


def test_a_damaged_state_row_stops_its_own_rule_and_the_heartbeat(make_desk: MakeDesk) -> None:
    desk = make_desk([BAD] * 30, rules=[a_rule("one"), a_rule("two")])
    desk.tick(0)
    damage(desk, "state:one", state="paused")
    for minute in range(1, 9):
        desk.tick(minute)

    assert {event.rule_id for event in desk.alerts()} == {"two"}
    assert unwell(desk, 9) == [f"{TARGET} was not fully evaluated for 3 minutes"]


def test_a_damaged_alert_row_stops_its_own_rule_only(make_desk: MakeDesk) -> None:
    desk = make_desk([*[BAD] * 6, *[OK] * 9], rules=[a_rule("one"), a_rule("two")])
    desk.ticks(0, 5)
    (key,) = [f"alert:{alert.id}" for alert in desk.alerts() if alert.rule_id == "one"]
    damage(desk, key, severity="terrible")
    desk.ticks(5, 12)

    assert desk.state("two").last_folded == at(10)
    assert unwell(desk, 12) != []


def test_a_damaged_event_in_the_outbox_lets_the_others_pass(make_desk: MakeDesk) -> None:
    desk = make_desk([BAD] * 9)
    desk.storage.alerts.transact(TARGET, [InsertRow("outbox:20251231T0000Z-x:0001", {"id": "x"})])
    desk.ticks(0, 6)
    desk.left_open = True

    assert desk.told() == ["firing"]
    assert unwell(desk, 6) == [f"{TARGET} has 1 events that can't be dispatched"]


def test_a_source_whose_clock_runs_ahead_covers_nothing_of_the_future(make_desk: MakeDesk) -> None:
    class Ahead(ScriptedSource):
        def read(self, target: str, *, since: datetime | None, now: datetime) -> Reading:
            found = super().read(target, since=since, now=now)
            return replace_reading(found, covered_until=now + timedelta(days=200))

    desk = make_desk(sources=[Ahead([OK, *[BAD] * 9])])
    desk.ticks(0, 6)

    assert desk.state().last_folded == at(4)
    assert desk.told() == ["firing"]


def replace_reading(reading: Reading, **changes: Any) -> Reading:
    """The reading with other fields."""
    fields = {name: getattr(reading, name) for name in reading.__struct_fields__}
    return Reading(**{**fields, **changes})


def test_a_source_with_an_unknown_metric_costs_its_own_minutes_only(make_desk: MakeDesk) -> None:
    class Odd:
        name = "database"

        def read(self, target: str, *, since: datetime | None, now: datetime) -> Reading:  # noqa: ARG002 - one answer for all
            odd = Sample("floppyDrives", at(0), 1.0)
            return Reading(source="database", asked_at=now, covered_until=now, samples=(odd,))

    desk = make_desk(sources=[Odd(), ScriptedSource([BAD] * 9)])
    (done,) = desk.ticks(3, 4)

    assert [failure.source for failure in done.failures] == ["database"]
    assert desk.house.samples.latest(TARGET).covered == {"dmv": at(3)}


def test_counts_of_many_hours_are_stored_in_pieces_that_join(make_desk: MakeDesk) -> None:
    """The database was away for five days; its one answer then is 120 hours long."""

    class Counts:
        name = "interactions"

        def read(self, target: str, *, since: datetime | None, now: datetime) -> Reading:  # noqa: ARG002 - one target
            start = since or now - timedelta(minutes=5)
            hours = range(int((now - start).total_seconds() // 3600) + 1)
            samples = [Sample("interactionsLogged", at(60 * hour), 1.0) for hour in hours]
            return Reading(
                source="interactions",
                asked_at=now,
                covered_until=now,
                samples=tuple(samples),
                since=start.replace(second=0),
            )

    desk = make_desk(sources=[Counts()], rules=[])
    desk.tick(0)
    desk.tick(5 * 24 * 60)

    found = desk.house.samples.hours(TARGET, at(0), at(5 * 24 * 60))
    assert sum(chunk.summary["interactionsLogged"][3] for chunk in found) == 121
    assert desk.house.samples.latest(TARGET).covered["interactions"] == at(5 * 24 * 60)


def test_a_provider_may_not_ask_for_more_patience_than_a_day(make_desk: MakeDesk) -> None:
    desk = make_desk([*[BAD] * 3, *[OK] * 3], fallback=LOG)
    desk.channels["email"].failures.append(ChannelError("later", retry_after=timedelta(days=10)))
    desk.ticks(0, 9)
    desk.watch(GIVE_UP_AFTER / timedelta(minutes=1) + 10)

    assert {row.status for row in desk.deliveries() if row.channel_type == "email"} <= {
        Status.DEAD,
        Status.SENT,
    }
    assert "firing" in "".join(desk.told("console"))


def test_an_unexpected_error_of_one_channel_leaves_the_others_alone(make_desk: MakeDesk) -> None:
    desk = make_desk([*[BAD] * 3, *[OK] * 9], rules=[a_rule(actions=(MAIL, SLACK))])

    class Surprising(MemoryChannel):
        def send(self, notification: Notification) -> str | None:
            raise ZeroDivisionError(notification.to)

    well = desk.house
    desk.house = replace(well, channels={**well.channels, "email": Surprising("email")})
    desk.ticks(0, 4)
    desk.house = well
    desk.ticks(4, 12)

    assert desk.told("slack") == ["firing", "resolved"]
    assert desk.told("email") == ["firing+resolved"]


def test_targets_are_served_at_the_same_time(make_desk: MakeDesk) -> None:
    class Slow(ScriptedSource):
        def read(self, target: str, *, since: datetime | None, now: datetime) -> Reading:
            all_at_once.wait(60)
            return super().read(target, since=since, now=now)

    targets = ["one", "two", "three", "four"]
    all_at_once = threading.Barrier(len(targets))
    desk = make_desk(sources=[Slow([OK] * 9)])
    passes = tick_all(targets, inline_max=5, house=desk.house, now=at(3))

    assert not all_at_once.broken
    assert [done.target for done in passes] == targets


def test_a_target_that_left_the_settings_tells_the_end_of_its_stories(make_desk: MakeDesk) -> None:
    desk = make_desk([BAD] * 90)
    desk.ticks(0, 5)
    watch_all([], inline_max=5, house=desk.house, now=at(6))
    watch_all([], inline_max=5, house=desk.house, now=at(7))

    assert desk.told() == ["firing", "resolved"]
    assert desk.alert().reason == "rule_removed"

    desk.ticks(30, 40)
    assert desk.told() == ["firing", "resolved", "firing"]
    assert desk.alerts()[-1].active_at == at(30)


def test_an_address_with_a_secret_is_in_no_delivery_row(make_desk: MakeDesk) -> None:
    desk = make_desk([*[BAD] * 3, *[OK] * 9], rules=[a_rule(actions=(HOOK,))])
    desk.ticks(0, 9)

    assert {row.channel_name for row in desk.deliveries()} == {"https://hooks.example.com/…"}
    assert {one.to for one in desk.messages("webhook")} == {HOOK.target}
    assert desk.told("webhook") == ["firing", "resolved"]


def test_an_actions_own_message_is_told_to_its_channel_only(make_desk: MakeDesk) -> None:
    wake = Action(ActionType.EMAIL, "admin@example.com", "Call the host.")
    desk = make_desk([BAD] * 3, rules=[a_rule(actions=(wake, SLACK))])
    desk.ticks(0, 4)

    assert desk.messages("email")[0].text.endswith("\n\nCall the host.")
    assert "Call" not in desk.messages("slack")[0].text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"actions": [{"type": "email", "target": f"{n}@x.org"} for n in range(41)]}, "at most 40"),
        ({"name": "x" * 20_000}, "at most 20,000 characters"),
        ({"inhibitedBy": ["BAD ID"]}, "must be the id of another rule"),
        ({"inhibitedBy": ["dtu-high"]}, "must be the id of another rule"),
    ],
)
def test_a_rule_that_could_never_be_told_is_refused(changes: Any, sentence: str) -> None:
    given = {
        "id": "dtu-high",
        "name": "DTU high",
        "metric": "dtuUtilization",
        "condition": "greater_than",
        "threshold": 80,
        "duration": 1,
        "severity": "high",
        "actions": [],
    }

    with pytest.raises(InvalidRule, match=sentence):
        parse_rule({**given, **changes}, CATALOG)


def test_a_note_is_short(make_desk: MakeDesk) -> None:
    desk = make_desk([BAD] * 9)
    desk.ticks(0, 5)

    with pytest.raises(InvalidInput, match="a note has at most 1,000 characters"):
        desk.act("acknowledge", desk.alert().id, 6, note="x" * 1001)


def test_what_a_person_ends_is_never_decided_late(make_desk: MakeDesk) -> None:
    """The source has been silent for 45 minutes; the resolve is of now all the same."""
    source = ScriptedSource([BAD] * 5)
    desk = make_desk(sources=[source])
    desk.ticks(0, 6)
    source.silent = True
    desk.act("resolve", desk.alert().id, 51)
    desk.tick(51)

    assert "Decided late" not in desk.messages()[-1].text


def test_the_end_of_a_rule_that_is_gone_is_told_under_its_name(make_desk: MakeDesk) -> None:
    desk = make_desk([BAD] * 90)
    desk.ticks(0, 5)
    name = desk.house.rules[0].name
    desk.house = replace(desk.house, rules=[])
    desk.ticks(5, 7)

    assert f"{name}: DTU was" in desk.messages()[-1].text
