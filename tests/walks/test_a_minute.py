"""A bad query from its first sample to the message that it is over, over real SDKs and storage.

What has to happen when is reckoned here from the world alone.
"""

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from local.azurite import Azurite
from local.cloud import email, slack
from local.cloud.inbox import Record
from local.desks import memory_storage
from local.rig import TARGET, TICK, Rig, running_rig
from local.surroundings import ADMIN
from local.world.engine import ScriptedWorld
from local.world.running import BAD_QUERY
from local.world.scripts import script_named
from local.world.truth import truth
from shared.adapters.chunk_store import ChunkStore
from shared.adapters.ledger import RowLedger
from shared.catalog.metrics import CATALOG
from shared.domain.chunks import Latest
from shared.domain.decisions import Transition
from shared.domain.machine import RuleState, State
from shared.domain.metrics import Metric
from shared.domain.rules import Rule
from shared.domain.times import HOUR, MINUTE, each_minute, floor_minute, iso
from shared.ports import House
from shared.services.passes import Pass
from tests.walks.facts import OF_NOW, RECKONED, agree, settle, source_of
from tests.walks.front_door import FrontDoor, front_door

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
LENGTH = 24 * MINUTE
RULE, METRIC, LIMIT, DURATION = "dtu-critical", "dtuUtilization", 95.0, 2
NAME = 'DTU <b>high</b> & "rising"'
NAME_ESCAPED = "DTU &lt;b&gt;high&lt;/b&gt; &amp; &quot;rising&quot;"
NAME_IN_SLACK = 'DTU &lt;b&gt;high&lt;/b&gt; &amp; "rising"'
TO_DO = "Stop what is named above."
NOTE = "It is the nightly export; <i>stopping</i> it."
AWAY = "DefaultEndpointsProtocol=http;AccountName=nobody;AccountKey=c2VjcmV0;" + "".join(
    f"{service}Endpoint=http://127.0.0.1:1/nobody;" for service in ("Blob", "Queue", "Table")
)
"""A storage account that nobody opens."""


@dataclass(frozen=True)
class Storm:
    """When what must have happened, by the world's own arithmetic."""

    values: Mapping[datetime, float]
    bad: Sequence[datetime]

    @property
    def fires(self) -> datetime:
        """The minute at whose end the rule has been broken for its duration."""
        return self.bad[0] + (DURATION - 1) * MINUTE

    @property
    def ends(self) -> datetime:
        """The first good minute."""
        return self.bad[-1] + MINUTE

    def seen_until(self, until: datetime) -> list[datetime]:
        """The bad minutes that are over by then."""
        return [minute for minute in self.bad if minute < until]


def storm_of(world: ScriptedWorld) -> Storm:
    every = {minute: truth(world, METRIC, minute) for minute in each_minute(START, START + LENGTH)}
    values = {minute: value for minute, value in every.items() if value is not None}
    bad = [minute for minute, value in values.items() if value > LIMIT]
    assert bad == list(each_minute(bad[0], bad[-1] + MINUTE))
    return Storm(values, bad)


def tick_that_folds(minute: datetime) -> datetime:
    """The timer that is the first to find the minute covered by the database's own rows."""
    return minute + MINUTE + settle("dmv") + TICK


@dataclass(frozen=True)
class Look:
    """What the API said at a moment, and how far the database's load had been read by then."""

    at: datetime
    folded_until: datetime
    metrics: Any
    alerts: Any


@dataclass(frozen=True)
class Walk:
    """Everything that was seen of a walk."""

    world: ScriptedWorld
    storm: Storm
    passes: Sequence[Pass]
    probed: Mapping[datetime, Sequence[float]]
    looks: Sequence[Look]
    acknowledged: Any
    refused: int
    story: Any
    resolved: Any
    mails: Sequence[Record]
    posts: Sequence[Record]
    at_rest: bool

    @property
    def transitions(self) -> list[Transition]:
        """Of all rules, in order."""
        return [one for done in self.passes for one in done.evaluation.transitions]


@dataclass(frozen=True)
class Timers:
    """When the timers of a minute go off; by default as planned."""

    missed: frozenset[datetime] = frozenset()
    doubled: frozenset[datetime] = frozenset()

    def play(self, rig: Rig, minute: datetime) -> Iterator[Pass]:
        """Both timers of the minute."""
        times = 2 if minute in self.doubled else 1
        ticks = 0 if minute in self.missed else times
        yield from (rig.tick(minute) for _ in range(ticks))
        yield from (rig.watch(minute) for _ in range(times))


def named(house: House) -> House:
    """The rule of this walk alone, with a name that no channel may take for markup."""
    return replace(house, rules=[_named(rule) for rule in house.rules if rule.id == RULE])


def _named(rule: Rule) -> Rule:
    return msgspec.structs.replace(rule, name=NAME, runbook=TO_DO)


def walk(azurite: Azurite, timers: Timers) -> Walk:
    """Watch the storm from before it begins until after its end; ask the API every minute."""
    world = ScriptedWorld(script_named("dtu_storm", START))
    storm, storage = storm_of(world), azurite.fresh_account().connection_string
    passes: list[Pass] = []
    looks: list[Look] = []
    probed: dict[datetime, list[float]] = {}
    answers: dict[str, Any] = {}
    with (
        running_rig(world, storage=storage, now=START, furnish=named) as rig,
        front_door(rig) as door,
    ):
        folded_until = START
        for minute in each_minute(START, START + LENGTH):
            played = list(timers.play(rig, minute))
            passes += played
            probed[minute] = sorted({float(done.now.second) for done in played})
            if minute not in timers.missed:
                folded_until = minute - settle("dmv")
            looks.append(look(door, rig.clock.now, folded_until))
            if floor_minute(tick_that_folds(storm.fires)) + MINUTE == minute:
                answers = acknowledge(door, rig)
        (resolved,) = door.alerts(state="resolved")
        return Walk(
            world=world,
            storm=storm,
            passes=passes,
            probed=probed,
            looks=looks,
            story=door.alert(resolved["alertId"]),
            resolved=resolved,
            mails=rig.desk.inbox.records(email.NAME),
            posts=rig.desk.inbox.records(slack.NAME),
            at_rest=not any(rig.house.alerts.keys(TARGET, each) for each in ("outbox:", "due:")),
            **answers,
        )


def look(door: FrontDoor, at: datetime, folded_until: datetime) -> Look:
    return Look(at, folded_until, door.metrics(range="15m"), door.alerts())


def acknowledge(door: FrontDoor, rig: Rig) -> dict[str, Any]:
    """A reader may not; the duty desk may."""
    (alert,) = door.alerts()
    wish = {"alertId": alert["alertId"], "action": "acknowledge", "note": NOTE}
    refused, _ = door.act(as_reader=True, **wish)
    status, told = door.act(**wish)
    assert status == 200, told
    return {"refused": refused, "acknowledged": {"at": iso(rig.clock.now), **told["data"]}}


@pytest.fixture(scope="module")
def steady(azurite: Azurite) -> Walk:
    """Every timer on time."""
    return walk(azurite, Timers())


@pytest.fixture(scope="module")
def stumbling(azurite: Azurite) -> Walk:
    """The tick that would see the first bad minute is missed, all others near it come twice."""
    storm = storm_of(ScriptedWorld(script_named("dtu_storm", START)))
    missed = floor_minute(tick_that_folds(storm.bad[0]))
    near = (missed - MINUTE, missed + MINUTE, floor_minute(tick_that_folds(storm.ends)))
    return walk(azurite, Timers(missed=frozenset({missed}), doubled=frozenset(near)))


@pytest.fixture(params=["steady", pytest.param("stumbling", marks=pytest.mark.slow)])
def watched(request: pytest.FixtureRequest) -> Walk:
    found: Walk = request.getfixturevalue(request.param)
    return found


def test_the_rule_is_pending_fires_and_is_over_in_the_worlds_own_minutes(watched: Walk) -> None:
    storm = watched.storm
    steps = [(one.rule, one.minute, one.after) for one in watched.transitions]

    assert steps == [
        (RULE, storm.bad[0], State.PENDING),
        (RULE, storm.fires, State.FIRING),
        (RULE, storm.ends, State.INACTIVE),
    ]
    assert storm.fires - storm.bad[0] == (DURATION - 1) * MINUTE
    assert watched.at_rest


def test_each_step_is_decided_by_the_first_tick_that_can_know(steady: Walk) -> None:
    decided = [done.now for done in steady.passes for _ in done.evaluation.transitions]
    storm = steady.storm

    assert decided == [tick_that_folds(each) for each in (storm.bad[0], storm.fires, storm.ends)]


def test_a_mail_and_a_slack_message_tell_the_firing_and_the_end(watched: Walk) -> None:
    wanted = [tick_that_folds(watched.storm.fires), tick_that_folds(watched.storm.ends)]

    for records in (watched.mails, watched.posts):
        assert [(one.method, one.world_at) for one in records] == [("POST", at) for at in wanted]
    assert [one.status for one in watched.mails] == [202, 202]
    assert [(one.status, one.answer) for one in watched.posts] == [(200, b"ok")] * 2


def test_a_mail_is_signed_and_addressed(watched: Walk) -> None:
    for record in watched.mails:
        body = json.loads(record.body)

        assert record.path == "/emails:send"
        assert record.headers["authorization"].startswith(email.SIGNED)
        content_hash = b64encode(hashlib.sha256(record.body).digest()).decode()
        assert record.headers["x-ms-content-sha256"] == content_hash
        assert record.headers["content-type"] == "application/json"
        assert body["senderAddress"] == email.SENDER
        assert body["recipients"] == {"to": [{"address": ADMIN}]}
    assert len({record.headers["operation-id"] for record in watched.mails}) == 2


def subjects(storm: Storm) -> tuple[str, str]:
    """As the two messages must be headed."""
    minutes = (storm.ends + MINUTE - storm.bad[0]) // MINUTE
    return (
        f"[CRITICAL] DTU {storm.values[storm.fires]:.3g} % for {DURATION} min — {TARGET}",
        f"[RESOLVED] {NAME} after {minutes} min — {TARGET}",
    )


def culprit(watched: Walk) -> str:
    """What ran when the first tick saw the storm: five of the scans, which say the same."""
    seen = next(done.now for done in watched.passes if done.evaluation.transitions)
    running = watched.world.requests_running(seen)
    five = sorted(running, key=lambda one: one.cpu_ms, reverse=True)[:5]
    assert {one.text for one in five} == {BAD_QUERY}
    masked = BAD_QUERY.replace("N'%pantry%'", "?").replace("N'%gluten free%'", "?")
    return (
        f"Running when it began: 5 sessions, the first of them session {five[0].session_id} "
        f"({five[0].program} on {five[0].host}), for {five[0].elapsed_ms / 1000:,.0f} s "
        f"with {sum(one.cpu_ms for one in five):,} ms CPU: {masked}"
    )


def sentences(watched: Walk) -> tuple[str, str]:
    """As the two messages must tell it."""
    storm = watched.storm
    opening = (
        f"{NAME}: DTU was {storm.values[storm.fires]:.3g} % (> 95 %) "
        f"since {storm.bad[0]:%Y-%m-%d %H:%M} UTC, "
    )
    ending = (
        f"Resolved at {storm.ends + MINUTE:%Y-%m-%d %H:%M} UTC "
        f"after {(storm.ends + MINUTE - storm.bad[0]) // MINUTE} min: "
        f"DTU is {storm.values[storm.ends]:.3g} %."
    )
    firing = f"{opening}{DURATION} min bad.\n{culprit(watched)}\nWhat to do: {TO_DO}"
    return firing, f"{opening}{len(storm.bad)} min bad.\n{ending}"


def test_the_mails_say_it_in_words_and_in_markup_without_letting_a_name_be_markup(
    watched: Walk,
) -> None:
    contents = [json.loads(record.body)["content"] for record in watched.mails]

    assert [one["subject"] for one in contents] == list(subjects(watched.storm))
    assert [one["plainText"] for one in contents] == list(sentences(watched))
    for content in contents:
        assert NAME_ESCAPED in content["html"]
        assert "<b>" not in content["html"]


def test_the_slack_messages_go_to_the_rules_channel_and_say_the_same(watched: Walk) -> None:
    for record, subject, said in zip(
        watched.posts, subjects(watched.storm), sentences(watched), strict=True
    ):
        body = json.loads(record.body)
        header, section, footer = body["blocks"]

        assert record.path.split("/")[3] == slack.hook("#alerts")
        assert header == {
            "type": "header",
            "text": {"type": "plain_text", "text": subject, "emoji": False},
        }
        in_slack = said.replace(NAME, NAME_IN_SLACK).replace("(> 95", "(&gt; 95")
        assert in_slack in section["text"]["text"]
        assert body["text"].endswith(in_slack)
        assert TARGET in footer["elements"][0]["text"]


def alert_at(storm: Storm, folded_until: datetime) -> dict[str, Any] | None:
    """The open alert as it must stand when minutes up to then are folded; None without one."""
    bad = storm.seen_until(folded_until)
    if len(bad) < DURATION or folded_until > storm.ends:
        return None
    return {
        "ruleId": RULE,
        "ruleName": NAME,
        "target": TARGET,
        "metric": METRIC,
        "condition": "greater_than",
        "kind": "threshold",
        "state": "firing",
        "severity": "critical",
        "value": pytest.approx(storm.values[storm.fires], rel=1e-9),
        "lastValue": pytest.approx(storm.values[bad[-1]], rel=1e-9),
        "threshold": LIMIT,
        "unit": "%",
        "activeAt": iso(bad[0]),
        "firedAt": iso(storm.fires + MINUTE),
        "lastTriggered": iso(bad[-1]),
        "count": len(bad),
        "snoozedUntil": None,
        "resolvedAt": None,
        "resolvedBy": None,
        "reason": "breach",
    }


PEOPLE = ("acknowledgedBy", "acknowledgedAt", "note")


def test_the_api_shows_the_alert_as_it_stands_in_every_minute(watched: Walk) -> None:
    for seen in watched.looks:
        wanted = alert_at(watched.storm, seen.folded_until)
        shown = [{name: one[name] for name in wanted or ()} for one in seen.alerts]

        assert shown == ([wanted] if wanted else []), seen.at
        assert seen.metrics["alerts"] == seen.alerts
        is_acknowledged = seen.at > datetime.fromisoformat(watched.acknowledged["at"])
        for alert in seen.alerts:
            assert alert["alertId"] == f"{TARGET}.{alert['id']}"
            assert (alert["acknowledgedBy"] is not None) is is_acknowledged
    assert sum(bool(seen.alerts) for seen in watched.looks) == len(watched.storm.bad) - 1


def test_the_status_is_critical_exactly_while_the_alert_is_open_or_the_figure_is_bad(
    steady: Walk,
) -> None:
    words = {seen.at: seen.metrics["systemStatus"] for seen in steady.looks}
    open_at = [seen.at for seen in steady.looks if seen.alerts]

    assert {words[at] for at in open_at} == {"critical"}
    assert words[steady.looks[0].at] == words[steady.looks[-1].at] == "healthy"


def value_of(shown: Mapping[str, Any], metric: Metric) -> float | None:
    group, dot, member = metric.name.partition(".")
    found: float | None = shown[group][member] if dot else shown[group]
    return found


def real(watched: Walk, metric: Metric, minute: datetime) -> float | None:
    """The truth of what was asked: some see only the moment at which a timer goes off."""
    probes = watched.probed.get(minute, ())
    if source_of(metric) in OF_NOW:
        probes = [second for second in probes if second == TICK.seconds]
    if source_of(metric) in ("probe", *OF_NOW) and not probes:
        return None
    return truth(watched.world, metric.name, minute, probes=probes)


def is_final(metric: Metric, meta: Mapping[str, Any]) -> bool:
    """Telemetry and the database's rows still arrive for a minute that is provisional."""
    return not (meta["provisional"] and metric.sources[0] in ("logs", "dmv"))


BY_THE_MINUTE = [metric for metric in RECKONED if metric.every == 1]


def test_the_figures_of_the_moment_are_the_worlds(watched: Walk) -> None:
    compared: set[str] = set()
    for seen in watched.looks:
        for metric in BY_THE_MINUTE:
            meta = seen.metrics["currentMeta"]["metrics"][metric.name]
            if meta["minute"] is None or not is_final(metric, meta):
                continue
            wanted = real(watched, metric, datetime.fromisoformat(meta["minute"]))
            assert agree(metric, value_of(seen.metrics["current"], metric), wanted), (
                metric.name,
                seen.at,
            )
            assert not meta["stale"]
            compared.add(metric.name)
    assert compared >= {m.name for m in BY_THE_MINUTE if m.sources[0] not in ("logs", "dmv")}


def test_the_past_quarter_of_an_hour_is_the_worlds_wherever_it_is_covered(watched: Walk) -> None:
    compared: set[str] = set()
    for seen in watched.looks:
        sources = seen.metrics["currentMeta"]["sources"]
        for metric in BY_THE_MINUTE:
            covered = datetime.fromisoformat(sources[source_of(metric)]["coveredUntil"])
            for step in seen.metrics["historical"]:
                minute = datetime.fromisoformat(step["timestamp"])
                if minute < covered:
                    wanted = real(watched, metric, minute)
                    assert agree(metric, value_of(step, metric), wanted), (metric.name, minute)
                    compared.add(metric.name)
    assert compared == {metric.name for metric in BY_THE_MINUTE}


def test_somebody_who_may_acknowledges_and_the_story_says_so(watched: Walk) -> None:
    given, story = watched.acknowledged, watched.story

    assert watched.refused == 403
    for alert in (given, story, watched.resolved):
        shown = {name: alert[name] for name in PEOPLE}
        assert shown == dict(zip(PEOPLE, ("Duty desk", given["at"], NOTE), strict=True))
    kinds = [(line["kind"], line["by"], line["note"]) for line in story["timeline"]]
    assert kinds == [
        ("firing", None, None),
        ("acknowledged", "Duty desk", NOTE),
        ("resolved", None, None),
    ]


def test_the_resolved_alert_has_the_storms_own_figures(watched: Walk) -> None:
    storm, alert = watched.storm, watched.resolved

    assert (alert["state"], alert["reason"]) == ("resolved", "recovered")
    assert (alert["activeAt"], alert["firedAt"], alert["resolvedAt"]) == (
        iso(storm.bad[0]),
        iso(storm.fires + MINUTE),
        iso(storm.ends + MINUTE),
    )
    assert (alert["count"], alert["lastTriggered"]) == (len(storm.bad), iso(storm.bad[-1]))
    assert alert["value"] == pytest.approx(storm.values[storm.fires], rel=1e-9)
    assert alert["lastValue"] == pytest.approx(storm.values[storm.ends], rel=1e-9)
    assert alert["resolvedBy"] is None


@pytest.mark.slow
def test_doubled_ticks_and_a_missed_one_change_nothing(steady: Walk, stumbling: Walk) -> None:
    """But for what ran when it was first seen, which was a minute later."""
    assert stumbling.transitions == steady.transitions
    assert without_culprits(stumbling.story) == without_culprits(steady.story)
    for ours, theirs in ((stumbling.mails, steady.mails), (stumbling.posts, steady.posts)):
        assert [one.world_at for one in ours] == [one.world_at for one in theirs]
    for walked in (stumbling, steady):
        [first, last] = [json.loads(one.body)["content"]["plainText"] for one in walked.mails]
        assert culprit(walked) in first
        assert "Running" not in last


def without_culprits(story: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in story.items() if name != "culprits"}


def in_memory(house: House) -> House:
    """The same house over the twins of its tables."""
    rooms = memory_storage()
    return replace(
        house,
        samples=ChunkStore(rooms.samples),
        alerts=RowLedger(rooms.alerts),
        config=RowLedger(rooms.config),
        queue=rooms.queue,
    )


def covered_until(rule: Rule, latest: Latest) -> datetime:
    """How far all metrics of the rule are covered."""
    known = [latest.covered_until(CATALOG.metric(one.metric)) for one in rule.members]
    return min(until for until in known if until is not None)


@pytest.mark.slow
def test_a_calm_morning_is_told_to_nobody() -> None:
    """From the first visitors through both rushes; every half hour, which folds all minutes."""
    world = ScriptedWorld(script_named("calm", START), seed=3)
    begin, end = START - 3 * HOUR, START + 4 * HOUR
    with running_rig(world, storage=AWAY, now=begin, furnish=in_memory) as rig:
        passes = [rig.tick(begin + n * MINUTE) for n in range(0, (end - begin) // MINUTE + 1, 30)]
        ledger, latest = rig.house.alerts, rig.house.samples.latest(TARGET)
        states = [kept.value for kept in ledger.scan(TARGET, "state:", RuleState)]
        told = [*rig.desk.inbox.records(email.NAME), *rig.desk.inbox.records(slack.NAME)]

    assert [done.failures for done in passes if done.failures] == []
    assert told == []
    assert [one for done in passes for one in done.evaluation.transitions] == []
    assert ledger.keys(TARGET, "alert:") == ledger.keys(TARGET, "delivery:") == []
    folded = {state.last_folded + MINUTE for state in states}
    assert folded == {covered_until(rule, latest) for rule in rig.house.rules}
    assert min(folded) > end - 20 * MINUTE
