"""The small world of the crash walk: two rules, a few stories, a shaky channel, a flaky source.

Its last story is told, reminded of, escalated, silenced by a maintenance window, told again and
ended. What is due lies so far apart that a pass which is lost moves it, and drops none of it.
"""

import json
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from local.desks import Storage, VirtualClock, furnish
from local.recordings import NAME, Recording, recorded_catalog
from shared.domain.deliveries import Delivery
from shared.domain.errors import ChannelError, Conflict, StoreUnavailable
from shared.domain.machine import RuleState
from shared.domain.maintenance import Window
from shared.domain.notifications import Notification
from shared.domain.records import Insert
from shared.domain.rules import ActionType, Rule, Severity, parse_rules
from shared.domain.samples import Reading
from shared.domain.times import MINUTE, Span, iso
from shared.ports import Channel, House
from shared.services.deliver import waiting_groups
from shared.services.maintain import WINDOWS
from shared.services.manage import AlertAction, act
from shared.services.minute import tick, watch

T0 = datetime(2026, 1, 1, tzinfo=UTC)
METRIC = "dtuUtilization"
SERIES = (40, 97, 98, 60, 50, 96, 97, 30, 85, 85, 85, 85, 20, 20)
PASSES = 2 * len(SERIES) + 6
MOST_PASSES = 60
"""Half-minutes: the series, then as long as deliveries wait for leases and retries."""
RULES = [
    {
        "id": "dtu-critical",
        "name": "DTU Usage Critical",
        "metric": METRIC,
        "condition": "greater_than",
        "threshold": 95,
        "duration": 2,
        "severity": "critical",
        "actions": [
            {"type": "email", "target": "admin@example.com"},
            {"type": "slack", "target": "#alerts"},
        ],
    },
    {
        "id": "dtu-high",
        "name": "DTU Usage High",
        "metric": METRIC,
        "condition": "greater_than",
        "threshold": 80,
        "duration": 1,
        "keepFiring": 2,
        "severity": "high",
        "actions": [{"type": "slack", "target": "#alerts"}],
        "repeatEvery": 3,
        "escalateAfter": 3,
        "escalateTo": [{"type": "sms", "target": "+15555550100"}],
    },
]
WINDOW = Window(
    id="20260101t0000z-00000000",
    by="admin",
    at=T0,
    rules=("dtu-high",),
    once=Span(T0 + 12 * MINUTE, T0 + 13 * MINUTE),
)


class Reaper:
    """Counts port calls, and ends this process before or after the chosen one."""

    def __init__(self, kill_at: int = 0, *, after: bool = False) -> None:
        self.calls = 0
        self._kill_at = kill_at
        self._after = after

    def wrap(self, port: Any) -> Any:
        """The port, with every call of its methods counted."""
        return _Counted(port, self)

    def call(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Make one counted call, unless this is where the process ends."""
        self.calls += 1
        fatal = self.calls == self._kill_at
        if fatal and not self._after:
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return method(*args, **kwargs)
        finally:
            if fatal:  # also when the call failed
                os.kill(os.getpid(), signal.SIGKILL)


class _Counted:
    """Any port; what is not callable passes through."""

    def __init__(self, port: Any, reaper: Reaper) -> None:
        self._port = port
        self._reaper = reaper

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not callable(found):
            return found
        return lambda *args, **kwargs: self._reaper.call(found, *args, **kwargs)


class FileChannel:
    """Appends what it was given to a file, which outlives the process; fails once at first."""

    timeout = timedelta(seconds=1)
    least = Severity.LOW

    def __init__(self, kind: str, sink: Path, *, is_shaky: bool = False) -> None:
        self.type = kind
        self._sink = sink
        self._shaky = is_shaky

    def send(self, notification: Notification) -> str | None:
        """See Channel.send."""
        if self._shaky and not self._sink.with_suffix(".shaken").exists():
            self._sink.with_suffix(".shaken").touch()
            raise ChannelError("try again", retry_after=timedelta(seconds=20))
        events = [
            (event.alert.rule_id, iso(event.alert.active_at), event.seq)
            for story in notification.stories
            for event in story.events
        ]
        with self._sink.open("a", encoding="utf-8") as file:
            file.write(json.dumps([self.type, *events]) + "\n")
        return None

    def problem(self, target: str) -> str:  # noqa: ARG002 - one file hears everything
        """See Channel.problem."""
        return ""


class Flaky:
    """The recording, refusing to answer at one moment of the world."""

    name = NAME

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def read(self, target: str, *, since: datetime | None, now: datetime) -> Reading:
        """See MetricSource.read."""
        if now.minute == 7:
            raise ConnectionError("the source is down for a minute")
        return self._recording.read(target, since=since, now=now)


@dataclass(frozen=True)
class Run:
    """One life story in one partition: where its evidence is kept."""

    target: str
    sink: Path
    progress: Path

    def told(self) -> list[list[Any]]:
        """Every message that reached a channel: its type, and which events it told."""
        text = self.sink.read_text(encoding="utf-8") if self.sink.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def passes_done(self) -> int:
        """How many passes of the clock are over, the one that was cut short included."""
        return int(self.progress.read_text(encoding="utf-8")) if self.progress.exists() else 0


def new_run(folder: Path, name: str) -> Run:
    """A run in a partition of its own."""
    return Run(name, folder / f"{name}.sink", folder / f"{name}.progress")


def live(run: Run, storage: Storage, reaper: Reaper) -> None:
    """Go through the passes that are left; this is what the killed process does."""
    clock = VirtualClock(T0)
    house = house_of(run, storage, clock, reaper)
    calm = house_of(run, storage, clock, Reaper())
    with suppress(Conflict):  # it is the same for every run in this storage
        calm.config.commit(WINDOWS, [Insert(WINDOW.id, WINDOW)])
    for number in range(run.passes_done(), MOST_PASSES):
        if number >= PASSES and not waiting_groups(run.target, house=calm):
            break
        run.progress.write_text(str(number + 1), encoding="utf-8")
        minute, half = divmod(number, 2)
        clock.now = T0 + minute * MINUTE + timedelta(seconds=50 if half else 20)
        with suppress(StoreUnavailable):  # a pass that fails is over; the next one goes on
            (watch if half else tick)(run.target, house=house, now=clock.now)
            if number in (7, 9):
                _acknowledge(run.target, house, clock.now)


def _acknowledge(target: str, house: House, now: datetime) -> None:
    """A person acknowledges what is open; twice, as people do."""
    for kept in house.alerts.scan(target, "state:", RuleState):
        if kept.value.episode is not None:
            act(
                target,
                AlertAction(action="acknowledge", alert=kept.value.episode, by="admin"),
                house=house,
                now=now,
            )


def house_of(run: Run, storage: Storage, clock: VirtualClock, reaper: Reaper) -> House:
    catalog = recorded_catalog(METRIC, MINUTE)
    points = [(T0 + i * MINUTE, float(value)) for i, value in enumerate(SERIES)]
    recording = Recording(catalog.metric(METRIC), points)
    shaky = {ActionType.SLACK}
    channels: dict[str, Channel] = {
        kind: reaper.wrap(FileChannel(kind, run.sink, is_shaky=kind in shaky))
        for kind in ActionType
    }
    counted = Storage(
        reaper.wrap(storage.samples),
        reaper.wrap(storage.alerts),
        reaper.wrap(storage.config),
        reaper.wrap(storage.queue),
    )
    return furnish(
        counted,
        catalog=catalog,
        rules=rules(),
        sources=[reaper.wrap(Flaky(recording))],
        channels=channels,
        clock=clock,
    )


def rules() -> list[Rule]:
    """The two rules of the walk."""
    return list(parse_rules(RULES, recorded_catalog(METRIC, MINUTE)))


Place = tuple[str, str, str]
"""A channel, and the episode it heard of, as rule and activeAt."""
Message = tuple[int, ...]
"""The numbers of an episode's events that one message tells."""


@dataclass(frozen=True)
class Ending:
    """What is left of a run: what each channel heard of each episode, and the rows."""

    heard: dict[Place, list[Message]]
    states: dict[str, tuple[Any, ...]]
    leftovers: list[str]

    def problems(self, calm: "Ending") -> list[str]:
        """How this differs from an undisturbed ending."""
        found = [f"left behind: {key}" for key in self.leftovers]
        if self.states != calm.states:
            found.append(f"states {self.states} instead of {calm.states}")
        if self.heard.keys() != calm.heard.keys():
            found.append(f"heard of {sorted(self.heard)} instead of {sorted(calm.heard)}")
        for place, messages in self.heard.items():
            if not in_order(messages):
                found.append(f"{place} heard events out of order: {messages}")
            if numbers(messages) != numbers(calm.heard.get(place, [])):
                found.append(f"{place} heard {messages}, not {calm.heard.get(place)}")
        return found


def numbers(messages: list[Message]) -> set[int]:
    """Every event that the messages tell."""
    return {number for message in messages for number in message}


def in_order(messages: list[Message]) -> bool:
    """Whether no message goes back behind another one; the same message may come twice."""
    newest = [message[-1] for message in messages]
    first_heard = list(dict.fromkeys(number for message in messages for number in message))
    return newest == sorted(newest) and first_heard == sorted(first_heard)


def ending_of(run: Run, storage: Storage) -> Ending:
    """Read what a run left behind."""
    heard: dict[Place, list[Message]] = {}
    for channel, *events in run.told():
        message: dict[Place, Message] = {}
        for rule, active_at, seq in events:
            place = (channel, rule, active_at)
            message[place] = (*message.get(place, ()), seq)
        for place, told in message.items():
            heard.setdefault(place, []).append(told)
    house = house_of(run, storage, VirtualClock(T0), Reaper())
    return Ending(heard, _states(run.target, house), _leftovers(run.target, house))


def _states(target: str, house: House) -> dict[str, tuple[Any, ...]]:
    kept = house.alerts.scan(target, "state:", RuleState)
    return {one.key: (one.value.state, one.value.last_folded, one.value.told) for one in kept}


def _leftovers(target: str, house: House) -> list[str]:
    keys = [key for prefix in ("outbox:", "due:") for key in house.alerts.keys(target, prefix)]
    rows = house.alerts.scan(target, "delivery:", Delivery)
    return keys + [one.key for one in rows if not one.value.is_final]
