"""One life of the monitor in the story, from the pass that is next to its end or to its death."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from msgspec import Struct

from local.chaos import story
from local.chaos.mishaps import Mishap
from local.chaos.postboxes import Postbox
from local.desks import Storage, VirtualClock, furnish
from local.recordings import NAME, Recording
from shared.domain.errors import Conflict, StoreUnavailable
from shared.domain.machine import RuleState
from shared.domain.records import Insert, state_key
from shared.domain.rules import ActionType
from shared.domain.samples import Reading
from shared.domain.times import MINUTE, floor_minute
from shared.ports import Channel, House
from shared.services import minute as minutes
from shared.services.deliver import deliver_one, waiting_groups
from shared.services.maintain import WINDOWS
from shared.services.manage import AlertAction, act

THRICE = range(3)
SLOWLY = minutes.WORK_FOR + timedelta(seconds=1)


@dataclass(frozen=True)
class Diary:
    """What is known outside the process about a run: passes begun, hands that got an answer."""

    target: str
    folder: Path

    def passes(self) -> int:
        """How many passes of the clock are over, the one that was cut short included."""
        return len(self._lines("passes"))

    def begin_pass(self) -> None:
        """Another one begins."""
        self._add("passes", "")

    def answered(self) -> set[int]:
        """The places of the hands that are satisfied."""
        return {int(line) for line in self._lines("hands")}

    def answer(self, place: int) -> None:
        """A hand was told that its wish is done."""
        self._add("hands", str(place))

    def announce(self, line: str) -> None:
        """Somebody is about to send a message."""
        self._add("announced", line)

    def announced(self) -> list[str]:
        """Every message that somebody was about to send."""
        return self._lines("announced")

    def note(self, name: str, line: str) -> None:
        """Keep something else to be known later."""
        self._add(name, line)

    def noted(self, name: str) -> list[str]:
        """What was kept under that name."""
        return self._lines(name)

    def _add(self, name: str, line: str) -> None:
        with self._file(name).open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def _lines(self, name: str) -> list[str]:
        file = self._file(name)
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    def _file(self, name: str) -> Path:
        return self.folder / f"{self.target}.{name}"


class Source:
    """The story's series; down in one minute, and in another so slow that the pass runs late."""

    name = NAME

    def __init__(self, clock: VirtualClock) -> None:
        self._recording = Recording(story.catalog().metric(story.METRIC), story.points())
        self._clock = clock

    def read(self, target: str, *, since: datetime | None, now: datetime) -> Reading:
        """See MetricSource.read."""
        minute = (floor_minute(now) - story.T0) // MINUTE
        if minute == story.SILENT_AT:
            raise ConnectionError("the source is down for a minute")
        if minute == story.SLOW_AT:
            self._clock.advance(SLOWLY)
        return self._recording.read(target, since=since, now=now)


@dataclass
class Life:
    """A process of the monitor: what it can reach, and what befalls it.

    `thrice`: whatever a timer or a queue begins, it begins three times.
    """

    diary: Diary
    storage: Storage
    postbox: Postbox
    channels: Mapping[str, Channel]
    mishap: Mishap = field(default_factory=Mishap)
    thrice: bool = False

    def __post_init__(self) -> None:
        self.clock = VirtualClock(story.T0)
        self.house = self._furnished(self.mishap)
        self._calm = self._furnished(Mishap())

    def _furnished(self, mishap: Mishap) -> House:
        house = furnish(
            mishap.wrap_storage(self.storage),
            catalog=story.catalog(),
            rules=story.rules(),
            sources=[mishap.wrap(Source(self.clock))],
            channels={kind: mishap.wrap(one) for kind, one in self.channels.items()},
            clock=self.clock,
            fallback=story.FALLBACK,
        )
        return replace(house, budgets={ActionType.EMAIL: story.MAILS})

    def live(self) -> None:
        """Go through the passes that are left, and hand every message over once more."""
        with suppress(Conflict):  # an earlier life did
            self._calm.config.commit(WINDOWS, [Insert(story.WINDOW.id, story.WINDOW)])
        while not self._is_over():
            self.diary.begin_pass()
            self._pass(self.diary.passes() - 1)
        self._hand_over_what_is_final()

    def _hand_over_what_is_final(self) -> None:
        """A message of the queue may come so late that everything is done."""
        rows = self._calm.alerts.keys(self._target, "delivery:")
        for episode, channel in {tuple(key.split(":")[1:3]) for key in rows}:
            deliver_one(self._target, episode, channel, house=self._calm)

    @property
    def _target(self) -> str:
        return self.diary.target

    def _is_over(self) -> bool:
        done = self.diary.passes()
        left = done < story.PASSES or waiting_groups(self._target, house=self._calm)
        return done >= story.MOST_PASSES or not left

    def _pass(self, number: int) -> None:
        self.clock.now = story.moment(number)
        for _ in THRICE if self.thrice else range(1):
            _or_fail(partial(self._timer, number))
        self._serve_queue()
        _or_fail(partial(self._hands, number))

    def _timer(self, number: int) -> None:
        """As with many targets: a tick goes through the queue, a watch looks at once."""
        if number % 2:
            minutes.watch(self._target, house=self.house, now=self.clock.now)
        else:
            minutes.fan_out([self._target], house=self.house, now=self.clock.now)

    def _serve_queue(self) -> None:
        """Until it is empty: what comes out of it may put more into it."""
        while found := self.postbox.waiting():
            for message in found:
                for _ in THRICE:
                    _or_fail(partial(self._handle, message))
            self.postbox.finish(len(found))

    def _handle(self, message: Struct) -> None:
        if isinstance(message, minutes.CollectMessage):
            targets, now = [self._target], self.clock.now
            minutes.collect_message(message, targets=targets, house=self.house, now=now)
        elif isinstance(message, minutes.DeliveryMessage):
            deliver_one(message.target, message.episode, message.channel, house=self.house)

    def _hands(self, number: int) -> None:
        """Who got no answer tries again after the next pass."""
        satisfied = self.diary.answered()
        for place, hand in enumerate(story.HANDS):
            if hand.after <= number < hand.until and place not in satisfied and self._act(hand):
                self.diary.answer(place)

    def _act(self, hand: story.Hand) -> bool:
        """Whether there was something to act on."""
        kept = self.house.alerts.get(self._target, state_key(hand.rule), RuleState)
        episode = kept.value.episode if kept is not None else None
        if episode is not None:
            wish = AlertAction(action=hand.action, alert=episode, by="admin", minutes=hand.minutes)
            act(self._target, wish, house=self.house, now=self.clock.now)
        return episode is not None


def _or_fail(work: Callable[[], object]) -> None:
    """An invocation that fails is over; the next one goes on."""
    with suppress(StoreUnavailable, Conflict):
        work()
