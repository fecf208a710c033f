"""A stage on which the real services live through a day, minute by minute, and are written down.

Real are the passes, the store's semantics, the mail budget in front of a mail service that counts,
and every text; the world is what a test says it is.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from local.desks import VirtualClock, furnish, memory_storage
from local.followers import flaws_of_stories, flaws_of_tellings, owed, telling
from shared.adapters.texting import sms_text
from shared.catalog.metrics import CATALOG
from shared.domain.alerts import Alert
from shared.domain.budgets import Limits
from shared.domain.episodes import Event
from shared.domain.machine import RuleState
from shared.domain.maintenance_wishes import parse_wish
from shared.domain.notifications import Notification
from shared.domain.quantities import quantity
from shared.domain.reasons import Reason
from shared.domain.rules import Rule
from shared.domain.times import each_minute
from shared.services import minute as minutes
from shared.services.beat import heartbeat
from shared.services.maintain import add_window
from shared.services.manage import AlertAction, act
from shared.services.passes import Pass
from tests.builders import TARGET, TICK, WATCH, ScriptedSource, checked, events_of
from tests.transcripts.noting import decided, undelivered
from tests.transcripts.voices import Mail, Voice, Words, slack_line
from tests.transcripts.writing import Row, table, terms

AHEAD = timedelta(days=100)
MANAGED = Limits(per_minute=5, per_hour=10)
"""What an Azure-managed mail domain takes."""
METRIC = CATALOG.metric("dtuUtilization")
SETTLES = {"dmv": 0, "database": 3}
"""Who measures it, and the minutes that each lags behind."""


class ApartClock(VirtualClock):
    """The wall's clock is far ahead of the world's, so that whoever mixes them up is seen."""

    def wall(self) -> datetime:
        """See VirtualClock.wall."""
        return self.now + AHEAD


class Stage:
    """One monitor, the DTU that it watches, and everybody around it from `begin` on."""

    def __init__(
        self,
        begin: datetime,
        rules: Sequence[Rule],
        *,
        sources: Sequence[str] = ("dmv",),
        zone: ZoneInfo | None = None,
        cast: str = "",
    ) -> None:
        self._clock = ApartClock(begin)
        self._zone = zone
        self._cast = cast or "\n".join(map(terms, rules))
        self._rows: list[Row] = []
        self._levels: dict[datetime, float] = {}
        self._next_level: Iterator[float] = iter(())
        self._is_up = True
        self._problems: list[str] = []
        self._sources = {
            name: ScriptedSource([], name=name, settle=SETTLES[name], first=begin)
            for name in sources
        }
        self._channels: dict[str, Voice] = {
            "email": Mail(self._clock.wall, self._say),
            "slack": Words("slack", slack_line, self._say),
            "sms": Words("sms", sms_text, self._say),
        }
        house = furnish(
            checked(memory_storage()),
            catalog=CATALOG,
            rules=rules,
            sources=list(self._sources.values()),
            channels=self._channels,
            clock=self._clock,
        )
        self._house = replace(house, budgets={"email": MANAGED}, reader_zone=zone)

    def level(self, value: float) -> None:
        """From now on DTU stands there."""
        self._next_level = _over_and_over([(value, 1)])
        self._say(METRIC.label, quantity(value, METRIC.unit))

    def flap(self, *spells: tuple[float, int]) -> None:
        """From now on DTU goes through these values, each for so many minutes, over and over."""
        self._next_level = _over_and_over(spells)
        said = [f"{quantity(value, METRIC.unit)} for {length} min" for value, length in spells]
        self._say(METRIC.label, f"{', '.join(said)}, over and over")

    def silence(self, *names: str, silent: bool = True) -> None:
        """Those sources fail from now on, or answer again."""
        for name in names:
            self._sources[name].silent = silent
            self._say("source", f"{name} {'does not answer' if silent else 'answers again'}")

    def app(self, *, is_up: bool) -> None:
        """The monitor itself ends, or starts anew; the world goes on."""
        self._is_up = is_up
        self._say("the app", f"is {'up' if is_up else 'down'}")

    def until(self, clock: str) -> None:
        """Live on until the next time that UTC shows `clock`."""
        end = _next(self._clock.now, clock)
        for moment in each_minute(self._clock.now, end):
            self._world_goes_on(moment)
            if self._is_up:
                self._run(minutes.tick, moment + TICK)
                self._run(minutes.watch, moment + WATCH)
                self._beat()
        self._clock.now = end

    def person(self, action: str, *, minutes: int | None = None, note: str | None = None) -> None:
        """What somebody does about the newest story."""
        alert = self.alerts()[-1]
        before = self._state(alert.rule_id).state
        wish = AlertAction(action=action, alert=alert.id, by="admin", minutes=minutes, note=note)
        done = act(TARGET, wish, house=self._house, now=self._clock.now)
        length = f" for {minutes} min" if minutes is not None else ""
        self._say("admin", f"{action} {alert.rule_id}{length}" + (f': "{note}"' if note else ""))
        after = self._state(alert.rule_id).state
        if after is not before:
            self._say(alert.rule_id, f"{before} -> {after} ({done.reason})")

    def window(self, said: str, **wish: Any) -> None:
        """Somebody asks for a maintenance window, in the words of the API."""
        given, now = parse_wish(wish), self._clock.now
        add_window(given, by="admin", targets=[TARGET], house=self._house, now=now)
        self._say("admin", f"maintenance {said}")

    def _say(self, who: str, what: str, body: str = "") -> None:
        self._rows.append(Row(self._clock.now, who, what, body))

    def _world_goes_on(self, moment: datetime) -> None:
        self._levels[moment] = next(self._next_level)
        for source in self._sources.values():
            source.values.append(self._levels[moment])

    def _run(self, work: Callable[..., Pass], now: datetime) -> None:
        """One pass; what it sent is written down while it runs, what it decided before that."""
        self._clock.now = now
        place = len(self._rows)
        done = work(TARGET, house=self._house, now=now)
        self._rows[place:place] = decided(done)
        self._rows += undelivered(done, ahead=AHEAD)

    def _beat(self) -> None:
        """What the dead man's switch hears, whenever it is something else than before."""
        problems = heartbeat([TARGET], house=self._house, now=self._clock.now)
        if problems != self._problems:
            self._say("heartbeat", "; ".join(problems) or "all is well again")
        self._problems = problems

    def _state(self, rule: str) -> RuleState:
        kept = self._house.alerts.get(TARGET, f"state:{rule}", RuleState)
        assert kept is not None
        return kept.value

    def alerts(self) -> list[Alert]:
        """All stories, in the order in which they began."""
        return [kept.value for kept in self._house.alerts.scan(TARGET, "alert:", Alert)]

    def messages(self, channel: str) -> list[Notification]:
        """What the channel sent."""
        return self._channels[channel].sent

    def heard(self, channel: str) -> list[Event]:
        """Every event that the channel told, in order."""
        return [event for one in self.messages(channel) for event in events_of(one)]

    def kinds(self, channel: str) -> list[str]:
        """The kinds of those events."""
        return [str(event.kind) for event in self.heard(channel)]

    def story(self) -> str:
        """Everything that happened, as it is kept."""
        counts = {name: len(self.messages(name)) for name in self._channels}
        sent = ", ".join(f"{count} by {name}" for name, count in counts.items() if count)
        return f"{self._cast}\n{table(self._rows, zone=self._zone)}\n\nSent: {sent}.\n"

    def assert_sound(self) -> None:
        """What is true of every story when all is over.

        Nothing waits; every follower heard all that was meant for it once, in order, up to the
        end; and no end was made up: where a rule recovered, the world was well.
        """
        assert self._house.alerts.keys(TARGET, "outbox:") == []
        assert self._house.alerts.keys(TARGET, "due:") == []
        events = [kept.value for kept in self._house.alerts.scan(TARGET, "event:", Event)]
        tellings = [telling(name, one) for name in self._channels for one in self.messages(name)]
        assert flaws_of_stories(events) == []
        assert flaws_of_tellings(owed(events), tellings) == []
        for event in events:
            if event.reason is Reason.RECOVERED:
                assert self._levels[event.minute] <= (event.alert.threshold or 0.0)


def _over_and_over(spells: Sequence[tuple[float, int]]) -> Iterator[float]:
    while True:
        for value, length in spells:
            yield from [value] * length


def _next(now: datetime, clock: str) -> datetime:
    hour, minute = map(int, clock.split(":"))
    end = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return end if end > now else end + timedelta(days=1)


def utc(text: str) -> datetime:
    """`2026-03-02 09:00` as a moment of UTC."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
