"""A fixed time and small builders, so that a test reads as a sentence."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from local.desks import Storage, VirtualClock, furnish, memory_storage
from shared.adapters.channels.memory import MemoryChannel
from shared.adapters.ledger import from_properties
from shared.adapters.rows import Op, Row, Rows
from shared.catalog.metrics import CATALOG
from shared.domain.alerts import Alert, AlertKind, AlertState
from shared.domain.deliveries import Delivery, Due
from shared.domain.episodes import Event, EventKind, TimelineLine
from shared.domain.errors import SourceError
from shared.domain.machine import RuleState
from shared.domain.metrics import Catalog
from shared.domain.notifications import Notification
from shared.domain.reasons import Reason
from shared.domain.records import Delete, Insert, due_key, outbox_key
from shared.domain.rules import Action, ActionType, KeptRule, Rule, Severity
from shared.domain.samples import Reading, Sample
from shared.domain.times import MINUTE, floor_minute
from shared.ports import House, MetricSource
from shared.services import minute as minutes
from shared.services.manage import AlertAction, act
from shared.services.passes import Pass

T = TypeVar("T")

T0 = datetime(2026, 1, 1, tzinfo=UTC)
TARGET = "pantry-crm"
TICK = timedelta(seconds=20)
WATCH = timedelta(seconds=50)
MAIL = Action(ActionType.EMAIL, "admin@example.com")
SLACK = Action(ActionType.SLACK, "#alerts")
LOG = Action(ActionType.CONSOLE, "log")
OK, BAD = 40.0, 99.0

Values = Sequence[float | None]


def at(minute: float, seconds: float = 0) -> datetime:
    """A moment, in minutes after T0."""
    return T0 + timedelta(minutes=minute, seconds=seconds)


def a_rule(rule_id: str = "dtu-high", **changes: Any) -> Rule:
    """`dtuUtilization > 95` for two minutes, told by e-mail."""
    given: dict[str, Any] = {
        "id": rule_id,
        "name": "DTU high",
        "metric": "dtuUtilization",
        "condition": "greater_than",
        "threshold": 95.0,
        "duration": 2,
        "severity": Severity.CRITICAL,
        "actions": (MAIL,),
    }
    return Rule(**{**given, **changes})


def a_reading(
    values: Mapping[int, float], *, covered: int, metric: str = "dtuUtilization", **changes: Any
) -> Reading:
    """Samples by minute after T0, complete up to the minute `covered`; from the DMV."""
    given: dict[str, Any] = {
        "source": "dmv",
        "asked_at": at(covered) + TICK,
        "covered_until": at(covered),
        "samples": tuple(Sample(metric, at(n), value) for n, value in values.items()),
    }
    return Reading(**{**given, **changes})


def an_alert(episode: str = "20260101T0005Z-1a2b3c4d", **changes: Any) -> Alert:
    """A firing DTU alert."""
    given: dict[str, Any] = {
        "id": episode,
        "rule_id": "dtu-high",
        "rule_name": "DTU high",
        "target": TARGET,
        "metric": "dtuUtilization",
        "condition": "greater_than",
        "kind": AlertKind.THRESHOLD,
        "state": AlertState.FIRING,
        "severity": Severity.CRITICAL,
        "value": BAD,
        "last_value": BAD,
        "threshold": 95.0,
        "unit": "%",
        "active_at": at(5),
        "fired_at": at(7),
        "last_triggered": at(6),
        "count": 2,
    }
    return Alert(**{**given, **changes})


def an_event(
    seq: int = 1,
    kind: EventKind = EventKind.FIRING,
    *,
    routes: Sequence[Action] = (MAIL,),
    episode: str = "20260101T0005Z-1a2b3c4d",
    **changes: Any,
) -> Event:
    """Event number `seq` of an episode."""
    over = kind is EventKind.RESOLVED
    given: dict[str, Any] = {
        "id": f"{episode}-{seq}",
        "target": TARGET,
        "episode": episode,
        "seq": seq,
        "kind": kind,
        "reason": Reason.RECOVERED if over else Reason.BREACH,
        "minute": at(6),
        "decided_at": at(7) + TICK,
        "alert": an_alert(
            episode,
            state=AlertState.RESOLVED if over else AlertState.FIRING,
            resolved_at=at(9) if over else None,
        ),
        "metric_label": "DTU",
        "duration": 2,
        "routes": tuple(routes),
    }
    return Event(**{**given, **changes})


class ScriptedSource:
    """Answers `values` from T0 on, a minute each, complete up to the running minute less `settle`.

    A minute beyond the values has no sample; `silent` makes it fail.
    """

    def __init__(
        self,
        values: Values,
        *,
        metric: str = "dtuUtilization",
        name: str = "dmv",
        settle: int = 0,
        first: datetime = T0,
    ) -> None:
        self.name = name
        self.values = list(values)
        self.silent = False
        self.reads: list[tuple[datetime | None, datetime]] = []
        self._metric = metric
        self._settle = settle * MINUTE
        self._first = first

    def read(self, target: str, *, since: datetime | None, now: datetime) -> Reading:  # noqa: ARG002 - one script for all
        """See MetricSource.read."""
        self.reads.append((since, now))
        if self.silent:
            raise SourceError("the source is down")
        until = floor_minute(now) - self._settle
        begin = max(since or self._first, self._first)
        return Reading(
            source=self.name,
            asked_at=now,
            covered_until=max(until, self._first),
            samples=tuple(self._between(begin, until)),
        )

    def _between(self, begin: datetime, until: datetime) -> Iterable[Sample]:
        first = max((begin - self._first) // MINUTE, 0)
        last = max((until - self._first) // MINUTE, 0)
        for number, value in enumerate(self.values[first:last], start=first):
            if value is not None:
                yield Sample(self._metric, self._first + number * MINUTE, value)


class CheckedRows:
    """A table of alerts in which, after every write, deliveries and their due rows agree."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def get(self, partition: str, key: str) -> Row | None:
        """See Rows.get."""
        return self._rows.get(partition, key)

    def query(
        self, partition: str, first: str, end: str, select: Iterable[str] | None = None
    ) -> list[Row]:
        """See Rows.query."""
        return self._rows.query(partition, first, end, select)

    def transact(self, partition: str, ops: Sequence[Op]) -> list[str | None]:
        """See Rows.transact."""
        etags = self._rows.transact(partition, ops)
        if any(op.key.startswith(("delivery:", "due:")) for op in ops):
            check_due_rows(partition, self._rows)
        return etags


def check_due_rows(partition: str, rows: Rows) -> None:
    """Every unfinished delivery has exactly its due row, and no finished one has any."""
    found = rows.query(partition, "delivery:", "delivery;")
    wanted = {row.properties["due"]: row.key for row in found if "due" in row.properties}
    stored = {
        row.key: from_properties(row.properties, Due).delivery
        for row in rows.query(partition, "due:", "due;")
    }
    assert stored == wanted
    for row in found:
        _check_delivery(from_properties(row.properties, Delivery))


def _check_delivery(delivery: Delivery) -> None:
    moment = delivery.lease_until or delivery.next_attempt_at
    due = due_key(moment, delivery.episode, delivery.channel, delivery.seq) if moment else None
    assert delivery.due == due, delivery
    assert delivery.is_final is (due is None), delivery


def checked(storage: Storage) -> Storage:
    """The same storage under the invariant checker."""
    return replace(storage, alerts=CheckedRows(storage.alerts))


@dataclass
class Desk:
    """One monitor on a virtual clock, and questions about what it did."""

    house: House
    storage: Storage
    clock: VirtualClock
    channels: dict[str, MemoryChannel]
    left_open: bool = field(default=False)

    def tick(self, minute: float) -> Pass:
        """The timer at :20 of that minute."""
        self.clock.now = at(minute) + TICK
        return minutes.tick(TARGET, house=self.house, now=self.clock.now)

    def watch(self, minute: float) -> Pass:
        """The timer at :50 of that minute."""
        self.clock.now = at(minute) + WATCH
        return minutes.watch(TARGET, house=self.house, now=self.clock.now)

    def ticks(self, first: int, end: int) -> list[Pass]:
        """One tick a minute in [first, end)."""
        return [self.tick(minute) for minute in range(first, end)]

    def act(self, action: str, episode: str, minute: float, **wish: Any) -> Alert:
        """What a person does to an alert, in that minute."""
        self.clock.now = max(self.clock.now, at(minute))
        given = AlertAction(action=action, alert=episode, by="admin", **wish)
        return act(TARGET, given, house=self.house, now=at(minute))

    def shipped(self, *rules: Rule) -> None:
        """Replace the rules that the house ships."""
        self.house = replace(self.house, rules=list(rules))

    def edit(self, rule: Rule, created: datetime | None = None) -> None:
        """Store an edited rule, as the HTTP route will."""
        kept = self.house.config.get("rule", rule.id, KeptRule)
        if kept is not None:
            self.house.config.commit("rule", [Delete(rule.id, kept.etag)])
        self.house.config.commit("rule", [Insert(rule.id, KeptRule(rule, created))])

    def decide(self, *events: Event) -> None:
        """Put events into the outbox, as a decide transaction would."""
        writes = [Insert(outbox_key(event.episode, event.seq), event) for event in events]
        self.house.alerts.commit(TARGET, writes)

    def rows(self, prefix: str, kind: type[T]) -> list[T]:
        """The stored values whose key begins with `prefix`."""
        return [kept.value for kept in self.house.alerts.scan(TARGET, prefix, kind)]

    def keys(self, prefix: str = "") -> list[str]:
        """The stored keys of the target's alerts that begin with `prefix`."""
        return self.house.alerts.keys(TARGET, prefix)

    def state(self, rule: str = "dtu-high") -> RuleState:
        """The rule's stored state."""
        kept = self.house.alerts.get(TARGET, f"state:{rule}", RuleState)
        assert kept is not None
        return kept.value

    def alerts(self) -> list[Alert]:
        """All alerts, oldest first."""
        return self.rows("alert:", Alert)

    def alert(self) -> Alert:
        """The only alert."""
        (alert,) = self.alerts()
        return alert

    def timeline(self) -> list[str]:
        """What the timelines of all episodes say, and why."""
        lines = self.rows("timeline:", TimelineLine)
        return [f"{line.kind} {line.reason}" if line.reason else str(line.kind) for line in lines]

    def deliveries(self) -> list[Delivery]:
        """All delivery rows."""
        return self.rows("delivery:", Delivery)

    def messages(self, channel: str = "email") -> list[Notification]:
        """What the channel sent."""
        return self.channels[channel].sent

    def told(self, channel: str = "email") -> list[str]:
        """The kinds of all events that the channel told, in order; `+` joins those of a message."""
        return ["+".join(event.kind for event in events_of(one)) for one in self.messages(channel)]


def events_of(message: Notification) -> list[Event]:
    """The events that a message tells."""
    return [event for story in message.stories for event in story.events]


def a_desk(
    values: Values = (),
    *,
    rules: Sequence[Rule] | None = None,
    sources: Sequence[MetricSource] | None = None,
    catalog: Catalog = CATALOG,
    fallback: Action | None = None,
    storage: Storage | None = None,
) -> Desk:
    """A house in memory, in which the DMV says `values` from T0 on; active since T0."""
    clock = VirtualClock(T0 + TICK)
    rooms = storage or checked(memory_storage())
    channels = {kind.value: MemoryChannel(kind.value) for kind in ActionType}
    house = furnish(
        rooms,
        catalog=catalog,
        rules=[a_rule()] if rules is None else rules,
        sources=[ScriptedSource(values)] if sources is None else sources,
        channels=channels,
        clock=clock,
        fallback=fallback,
    )
    return Desk(house, rooms, clock, channels)


def assert_at_rest(desk: Desk) -> None:
    """Nothing is left to dispatch, and nothing is due."""
    assert desk.keys("outbox:") == []
    assert desk.keys("due:") == []
