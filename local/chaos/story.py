"""The story that is walked: three rules, six ways to tell people, one window, a few hands.

It fires, recovers, is acknowledged, resolved by hand, escalated, reminded of, snoozed and silenced
by maintenance; an SMS is refused as too mild, so that the fallback tells it. What is due lies so
far apart that a pass which is lost moves it, and drops none of it.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from local.cloud import sms
from local.recordings import recorded_catalog
from shared.domain.budgets import Limits
from shared.domain.maintenance import Window
from shared.domain.metrics import Catalog
from shared.domain.rules import Action, ActionType, Rule, parse_rules
from shared.domain.times import MINUTE, Span

T0 = datetime(2026, 1, 1, tzinfo=UTC)
TARGET = "pantry-crm"
METRIC = "dtuUtilization"
SERIES = (40, 97, 98, 60, 50, 96, 97, 98, 97, 40, 30, *[85] * 13, 20, 20)
SILENT_AT = 14
"""The minute in which the source is down."""
SLOW_AT = 12
"""The minute in which it takes so long that the pass hands its messages over to the queue."""
TIMERS = 2 * len(SERIES)
PASSES = TIMERS + 6
"""Half-minutes: the series, then as long as deliveries wait for leases and retries."""
MOST_PASSES = PASSES + 30
MAILS = Limits(per_minute=5, per_hour=10)
BOT_ROOM, HOOK_ROOM = "#performance", "#alerts"
FALLBACK = Action(ActionType.WEBHOOK, "tickets")

_RULES = [
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
            {"type": "teams", "target": "operations"},
            {"type": "sms", "target": sms.ADMIN},
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
        "actions": [
            {"type": "slack", "target": HOOK_ROOM},
            {"type": "webhook", "target": "ops"},
        ],
        "repeatEvery": 6,
        "escalateAfter": 3,
        "escalateTo": [{"type": "sms", "target": sms.ADMIN}],
    },
    {
        "id": "dtu-medium",
        "name": "DTU Usage Raised",
        "metric": METRIC,
        "condition": "greater_than",
        "threshold": 70,
        "duration": 1,
        "keepFiring": 2,
        "severity": "medium",
        "actions": [{"type": "slack", "target": BOT_ROOM}],
        "repeatEvery": 0,
    },
]

WINDOW = Window(
    id="20260101t0000z-00000000",
    by="admin",
    at=T0,
    rules=("dtu-high",),
    once=Span(T0 + 20 * MINUTE, T0 + 22 * MINUTE),
)


class Hand(NamedTuple):
    """What a person does about a rule's open episode, after a pass and until another."""

    action: str
    rule: str
    after: int
    until: int
    minutes: int | None = None


HANDS = (
    Hand("acknowledge", "dtu-high", after=5, until=8),
    Hand("acknowledge", "dtu-critical", after=7, until=8),
    Hand("acknowledge", "dtu-high", after=13, until=18),
    Hand("resolve", "dtu-critical", after=17, until=20),
    Hand("snooze", "dtu-medium", after=27, until=32, minutes=3),
)


def catalog() -> Catalog:
    """The shipped catalog, in which the story's metric is a recording."""
    return recorded_catalog(METRIC, MINUTE)


def rules() -> list[Rule]:
    """The three rules."""
    return list(parse_rules(_RULES, catalog()))


def points() -> list[tuple[datetime, float]]:
    """What the source says, minute by minute."""
    return [(T0 + number * MINUTE, float(value)) for number, value in enumerate(SERIES)]


def moment(number: int) -> datetime:
    """When the timer of that pass fires: the tick at :20, the watch at :50."""
    minute, half = divmod(number, 2)
    return T0 + minute * MINUTE + timedelta(seconds=50 if half else 20)
