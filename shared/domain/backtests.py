"""How a rule would have behaved on minutes that are past: the machine again, telling nobody."""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import accumulate, chain, islice

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.conditions import CONDITIONS, Condition, RateOfChange
from shared.domain.folding import first_state
from shared.domain.machine import EMPTY_IS_MISSING, Input, RuleState, State, classify, step
from shared.domain.rules import Rule
from shared.domain.samples import Said, figure_in
from shared.domain.times import MINUTE

WEEK = timedelta(days=7)
MOST_BAD = 0.5
"""A threshold that is breached more than half of the time describes the normal."""
ROUNDED_BY = 0.05
MOST_DIGITS = 12

Minutes = Sequence[tuple[datetime, Said]]


class Firing(Struct, frozen=True, kw_only=True):
    """One episode: pending since `active_at`; `ended_at` is None when it goes on.

    `worst`: the value farthest on the bad side; None when there was none, or several metrics.
    """

    active_at: datetime
    fired_at: datetime
    ended_at: datetime | None
    minutes: int
    worst: float | None


def after(rule: Rule, state: RuleState, minute: datetime, said: Said) -> tuple[RuleState, Input]:
    """The state after one more minute, and what the minute said."""
    verdict = classify(rule, state, said)
    duration, keep_firing = rule.duration, rule.keep_firing
    stepped = step(
        verdict.note(state), verdict.given, minute, duration=duration, keep_firing=keep_firing
    )
    return stepped, verdict.given


def states(rule: Rule, minutes: Iterable[tuple[datetime, Said]]) -> Iterator[RuleState]:
    """The rule's state after every minute; it is created with the first one."""
    state: RuleState | None = None
    for minute, said in minutes:
        state, _ = after(rule, state or first_state(rule, minute), minute, said)
        yield state


def firings(rule: Rule, minutes: Minutes) -> list[Firing]:
    """The episodes that the rule would have had."""
    if not minutes:
        return []
    fresh = first_state(rule, minutes[0][0])
    bad = (
        at for at, (_, said) in enumerate(minutes) if classify(rule, fresh, said).given is Input.BAD
    )
    return list(_firings(rule, minutes, bad))


def _firings(rule: Rule, minutes: Minutes, bad: Iterable[int]) -> Iterator[Firing]:
    """As above; `bad`: the places of all bad minutes, in order.

    Nothing else moves an inactive rule, so all other minutes are passed over: most of a quarter of
    a year costs next to nothing.
    """
    end = 0
    for place in bad:
        if place >= end:
            end, found = _follow(rule, minutes, place)
            if found is not None:
                yield found


def _follow(rule: Rule, minutes: Minutes, place: int) -> tuple[int, Firing | None]:
    """From a first bad minute until the rule is inactive again: the place after it."""
    state, fired_at, bad = _before(rule, minutes, place), None, list[float]()
    for end in range(place, len(minutes)):
        minute, said = minutes[end]
        state, given = after(rule, state, minute, said)
        figure = None if isinstance(said, tuple) else figure_in(said)
        if given is Input.BAD and figure is not None:
            bad.append(figure)
        if fired_at is None and state.state is State.FIRING:
            fired_at = minute + MINUTE
        if state.state is State.INACTIVE:
            break
    if fired_at is None:
        return end + 1, None
    until = minutes[end][0] + MINUTE
    return end + 1, Firing(
        active_at=minutes[place][0],
        fired_at=fired_at,
        ended_at=until if state.state is State.INACTIVE else None,
        minutes=(until - fired_at) // MINUTE,
        worst=max(bad, key=_badness(rule), default=None),
    )


def _before(rule: Rule, minutes: Minutes, place: int) -> RuleState:
    """The state before a first bad minute: of older ones only runs of empty minutes count.

    Only a composite can be bad while a metric of it is empty.
    """
    state = first_state(rule, minutes[place][0])
    if not rule.is_composite:
        return state
    for _, said in minutes[max(place - EMPTY_IS_MISSING, 0) : place]:
        state = classify(rule, state, said).note(state)
    return state


def _badness(rule: Rule) -> Callable[[float], float]:
    member = rule.members[0]
    condition, threshold = CONDITIONS[member.condition], member.threshold or 0.0
    direction = _direction(condition, threshold)
    return lambda value: value * direction if direction else abs(value - threshold)


def _direction(condition: Condition, threshold: float) -> int:
    """1: high values are bad; -1: low ones; 0: neither or both."""
    return condition.is_bad(math.inf, threshold) - condition.is_bad(-math.inf, threshold)


def suggest(
    rule: Rule,
    minutes: Minutes,
    *,
    a_week: float,
    keep_going: Callable[[], bool] = lambda: True,
    limits: tuple[float, float] = (-math.inf, math.inf),
) -> float | None:
    """The most sensitive threshold that gives at most so many episodes a week.

    Sought from the quiet side, because beyond some point a lower threshold joins episodes to fewer
    and longer ones, which nobody wants. None for a condition that has no bad side, or when no
    threshold will do. `keep_going` False: what was found so far. `limits`: between which a value
    can lie at all, because beyond them a threshold would be a rule that never fires.
    """
    member = rule.members[0]
    condition = CONDITIONS[member.condition]
    direction = 0 if rule.is_composite else _direction(condition, member.threshold or 0.0)
    ladder = _Ladder(rule, minutes, direction, max(direction * end for end in limits))
    if not direction or not ladder.rungs:
        return None
    most = a_week * (len(minutes) * MINUTE / WEEK)

    def is_calm(rung: int) -> bool:
        return keep_going() and ladder.has_at_most(most, rung)

    rung = _highest(is_calm, ladder.rungs)
    return ladder.threshold(rung) if rung is not None else None


def _highest(holds: Callable[[int], bool], end: int) -> int | None:
    """The last of the numbers from 0 that hold, looked for in doubling steps, then by halves."""
    good, bad = -1, 0
    while bad < end and holds(bad):
        good, bad = bad, max(2 * bad, 1)
    bad = min(bad, end)
    while bad - good > 1 and good >= 0:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if holds(middle) else (good, middle)
    return good if good >= 0 else None


class _Ladder:
    """Thresholds from the quietest: at rung n, the n worst values that occurred are bad."""

    def __init__(self, rule: Rule, minutes: Minutes, direction: int, limit: float) -> None:
        self._rule = rule
        self._limit = limit
        self._minutes = minutes
        self._direction = direction
        places: dict[float, list[int]] = {}
        for place, (_, said) in enumerate(minutes):
            if isinstance(said, int | float):
                places.setdefault(said * direction, []).append(place)
        self._worst = sorted(places, reverse=True)
        self._places = [places[value] for value in self._worst]
        self.rungs = self._count()

    def _count(self) -> int:
        """So many rungs that no more than half of the minutes are bad, and one value is ok."""
        so_far = list(accumulate(map(len, self._places)))
        most = MOST_BAD * so_far[-1] if so_far else 0
        return min(bisect_right(so_far, most) + 1, len(so_far))

    def threshold(self, rung: int) -> float | None:
        """The rung's threshold; None where none is left that the rule could have."""
        low, high = self._worst[rung], self._worst[rung - 1] if rung else self._limit
        if self._rule.condition == RateOfChange.name:
            low = max(low, 0.0)  # on the other side of 0 the direction would turn
        if self._rule.clear_threshold is not None:
            low = max(low, self._rule.clear_threshold * self._direction)
        return _between(low, high) * self._direction + 0.0 if low < high else None  # never -0.0

    def has_at_most(self, most: float, rung: int) -> bool:
        """Whether the rule with that threshold has at most so many episodes."""
        threshold = self.threshold(rung)
        if threshold is None:
            return rung == 0  # nothing is worse than the worst
        bad = sorted(chain.from_iterable(self._places[:rung]))
        found = _firings(replace(self._rule, threshold=threshold), self._minutes, bad)
        return sum(1 for _ in islice(found, int(most) + 1)) <= most


def _between(low: float, high: float) -> float:
    """The shortest number that is above `low`, below `high` and not far from `low`."""
    ceiling = min(high, low + ROUNDED_BY * (abs(low) or 1.0))
    for digits in range(-MOST_DIGITS, MOST_DIGITS + 1):
        size = 10.0**-digits
        number = round((math.floor(low / size) + 1) * size, max(digits, 0))
        if low < number < ceiling:
            return number
    return (low + ceiling) / 2
