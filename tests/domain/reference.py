"""The rule machine of docs/semantics.md read a second time: slowly, from the text, in other words.

Nothing of `shared` is imported. Minutes are whole numbers from 0, cells are numbers or the words
"missing" and "empty", and every question is answered by looking at the whole list again. Missing
minutes stop every clock, so a clock is a count of the minutes that are not missing.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

Cell = float | str
Facts = dict[str, Any]

COMPARE: dict[str, Callable[[float, float], bool]] = {
    "greater_than": lambda value, threshold: value > threshold,
    "less_than": lambda value, threshold: value < threshold,
    "greater_or_equal": lambda value, threshold: value >= threshold,
    "less_or_equal": lambda value, threshold: value <= threshold,
    "equals": lambda value, threshold: value == threshold,
    "not_equals": lambda value, threshold: value != threshold,
}
MORE: dict[str, Callable[[float, float], bool]] = {
    "rate_of_change": lambda rate, per: rate > per > 0 or (rate < per and not per > 0),
    "anomaly": lambda score, threshold: score > threshold,
}
"""What is compared is not the metric itself, but what came of it."""


def clears(condition: str, clear: float, threshold: float) -> bool:
    """Whether a clear threshold lies strictly on the ok side."""
    if condition == "rate_of_change":
        return 0 < clear < threshold or threshold < clear < 0
    return clear > threshold if "less" in condition else clear < threshold


@dataclass(frozen=True)
class Rule:
    """What the machine needs to know of a rule; all times in minutes."""

    condition: str
    threshold: float
    duration: int
    keep: int = 0
    clear: float | None = None
    repeat: int = 240
    escalate: int | None = None


@dataclass(frozen=True)
class Resolve:
    """Somebody resolved by hand at the time `at`, when minutes before `folded` were folded."""

    folded: int
    at: float


def words(rule: Rule, cells: Sequence[Cell], *, firing: bool) -> list[str]:
    """Each minute as ok, bad or missing; a firing or held rule looks at its clear threshold."""
    threshold = rule.clear if firing and rule.clear is not None else rule.threshold
    return [_word(rule, cells, minute, threshold) for minute in range(len(cells))]


def _word(rule: Rule, cells: Sequence[Cell], minute: int, threshold: float) -> str:
    cell = cells[minute]
    if rule.condition == "absent":
        return "bad" if cell == "missing" else "ok"
    if cell == "empty":
        sixteen = cells[max(minute - 15, 0) : minute + 1]
        return "ok" if list(sixteen) == ["empty"] * 16 else "missing"
    if isinstance(cell, str):
        return cell
    return "bad" if COMPARE[rule.condition](cell, threshold) else "ok"


def _nth(word: str, said: Sequence[str], first: int, count: int) -> int | None:
    """The minute in which `word` was said for the `count`th time from `first` on."""
    minutes = [minute for minute in range(first, len(said)) if said[minute] == word]
    return minutes[count - 1] if len(minutes) >= count else None


def _unbroken(word: str, said: Sequence[str], first: int, count: int) -> int | None:
    """The minute that completes `count` times `word` from `first` on, no other word between."""
    heard = [(minute, said[minute]) for minute in range(first, len(said))]
    heard = [(minute, one) for minute, one in heard if one != "missing"]
    for index in range(len(heard) - count + 1):
        if all(one == word for _, one in heard[index : index + count]):
            return heard[index + count - 1][0]
    return None


def chapters(
    rule: Rule, cells: Sequence[Cell], resolves: Sequence[Resolve] = ()
) -> list[tuple[int, str, int | None]]:
    """Every change of state: (minute, state, activeAt), a hand's after the minutes it had seen."""
    story: list[tuple[int, str, int | None]] = [(0, "inactive", None)]
    calm_said = words(rule, cells, firing=False)
    firing_said = words(rule, cells, firing=True)
    look = 0
    while (begun := _nth("bad", calm_said, look, 1)) is not None:
        story.append((begun, "pending", begun))
        fired = _nth("bad", calm_said, begun, max(rule.duration, 1))
        calm = _nth("ok", calm_said, begun, 1)
        if calm is not None and (fired is None or calm < fired):
            story.append((calm, "inactive", None))
            look = calm + 1
            continue
        if fired is None:
            break
        ended = _follow_firing(rule, firing_said, (fired, begun), resolves, story)
        if ended is None:
            break
        look = ended + 1
    return story


def _follow_firing(
    rule: Rule,
    said: Sequence[str],
    firing: tuple[int, int],
    resolves: Sequence[Resolve],
    story: list[tuple[int, str, int | None]],
) -> int | None:
    """Adds what happens from firing on; the minute it is all over, None when it is not."""
    while True:
        fired, begun = firing
        story.append((fired, "firing", begun))
        ended = _unbroken("ok", said, fired + 1, max(rule.keep, 1))
        hand = _first_resolve(resolves, fired, ended)
        if hand is None:
            if ended is not None:
                story.append((ended, "inactive", None))
            return ended
        # What was folded when the hand came is over; the held rule hears the minutes after it.
        story.append((hand.folded, "held", None))
        later = range(hand.folded, len(said))
        calm = [m for m in later if said[m] == "ok" and m + 1 > hand.at]
        again = [m for m in later if said[m] == "bad" and m + 1 >= hand.at + rule.repeat]
        if calm and (not again or calm[0] < again[0]):
            story.append((calm[0], "inactive", None))
            return calm[0]
        if not again:
            return None
        firing = (again[0], again[0])


def _first_resolve(resolves: Sequence[Resolve], fired: int, ended: int | None) -> Resolve | None:
    """The first hand that found the rule firing: after its firing and before its end was folded."""
    found = [
        hand for hand in resolves if hand.folded > fired and (ended is None or hand.folded <= ended)
    ]
    return min(found, key=lambda hand: hand.folded) if found else None


def state_after(
    rule: Rule, cells: Sequence[Cell], resolves: Sequence[Resolve] = ()
) -> tuple[str, int | None]:
    """State and activeAt once all of `cells` are folded and all of `resolves` are done."""
    _, state, active_at = chapters(rule, cells, resolves)[-1]
    return state, active_at


def states(rule: Rule, cells: Sequence[Cell]) -> list[tuple[str, int | None]]:
    """State and activeAt after every minute, each told from the whole beginning."""
    return [state_after(rule, cells[: count + 1]) for count in range(len(cells))]


@dataclass(frozen=True)
class Visit:
    """A decide transaction at the time `now`: it folds the minutes up to `folded`, or a hand acts.

    `covered`: minutes whose source has spoken. `hand`: resolve, snooze, unsnooze or acknowledge.
    """

    now: float
    folded: int
    covered: int = 0
    hand: str = ""
    until: float = 0.0


ENDED = {
    "snoozed": "snooze_ended",
    "maintenance": "maintenance_ended",
    "inhibited": "inhibition_ended",
}


@dataclass(frozen=True)
class Silences:
    """Nobody is told in `windows` (start, end) and of minutes after which an inhibitor fires."""

    windows: Sequence[tuple[float, float]] = ()
    inhibited: Collection[int] = ()


NOISY = Silences()


def told(
    rule: Rule, cells: Sequence[Cell], visits: Sequence[Visit], silences: Silences = NOISY
) -> list[Facts]:
    """What people hear: an event for each firing that is not quiet, its reminders, and its end."""
    ear, hands, before = _Ear(rule, silences), list[Resolve](), 0
    for visit in visits:
        if visit.hand == "resolve" and ear.episode:
            hands.append(Resolve(visit.folded, visit.now))
            ear.hear_end(visit.folded - 1)
        elif visit.hand == "snooze":
            ear.snoozed = (visit.now, visit.until)
            ear.episode |= {"told": False, "quiet": "snoozed"} if ear.episode else {}
        elif visit.hand == "unsnooze":
            ear.snoozed = (visit.now, visit.now)
        elif visit.hand == "acknowledge" and ear.episode:
            ear.episode["acknowledged"] = True
        elif not visit.hand:
            story = chapters(rule, cells[: visit.folded], hands)
            for minute in range(before, visit.folded):
                ear.hear_minute([one for one in story if one[0] == minute], minute, visit)
            ear.hear_now(visit)
            before = visit.folded
    return ear.heard


class _Ear:
    """One follower of one rule, and the episode that is open."""

    def __init__(self, rule: Rule, silences: Silences) -> None:
        self.heard: list[Facts] = []
        self.episode: Facts = {}
        self.snoozed = (-1.0, -1.0)
        self._rule = rule
        self._silences = silences

    def _asked_for(self, moment: float) -> str:
        if self.snoozed[0] <= moment < self.snoozed[1]:
            return "snoozed"
        held = any(start <= moment < end for start, end in self._silences.windows)
        return "maintenance" if held else ""

    def _quiet(self, visit: Visit, minute: int, *, about: bool) -> str:
        """Silence that is wanted now, or was when the minute ended; then the other reasons."""
        asked = self._asked_for(visit.now) or (about and self._asked_for(minute + 1))
        if asked or minute in self._silences.inhibited:
            return asked or "inhibited"
        return "catching_up" if visit.folded < visit.covered else ""

    def hear_minute(
        self, news: Sequence[tuple[int, str, int | None]], minute: int, visit: Visit
    ) -> None:
        """A folded minute: a firing, one that goes on, or its end; what hands did is known."""
        quiet = self._quiet(visit, minute, about=True)
        for _, state, active_at in news:
            if state == "firing":
                self.episode |= {"active_at": active_at, "fired": minute, "told": False}
                self.episode |= {"quiet": "", "heard": False}
            if state == "inactive" and self.episode:
                if self.episode["quiet"] == "catching_up" and not quiet:
                    self._hear_firing(minute, quiet, visit.now)
                self.hear_end(minute)
        if self.episode:
            self._hear_firing(minute, quiet, visit.now)

    def hear_now(self, visit: Visit) -> None:
        """What is open once all is folded: told now, and reminded of when that is due."""
        minute = visit.folded - 1
        quiet = self._quiet(visit, minute, about=False)
        if self.episode:
            self._hear_firing(minute, quiet, visit.now)
        silent = quiet or "acknowledged" in self.episode
        if self.episode and self.episode["told"] and not silent:
            self._remind(minute, visit.now)

    def _remind(self, minute: int, now: float) -> None:
        episode, rule = self.episode, self._rule
        if now - max(episode["since"], episode.get("reminded", 0)) >= rule.repeat:
            episode["reminded"] = now
            self._note("reminder", minute)
        wanted = rule.escalate is not None and "escalated" not in episode
        if wanted and now - episode["since"] >= (rule.escalate or 0):
            episode["escalated"] = True
            self._note("escalation", minute)

    def _hear_firing(self, minute: int, quiet: str, now: float) -> None:
        """Told once a firing finds no quiet reason, under the name of the last one that ended."""
        episode = self.episode
        if quiet == "maintenance":
            episode["told"] = False
        if episode["told"] or (quiet == "catching_up" and episode["heard"]):
            return
        if quiet:
            episode["quiet"] = quiet
            return
        kind = ENDED.get(episode["quiet"], "firing")
        self._note(kind, episode["fired"] if kind == "firing" else minute)
        episode |= {"told": True, "quiet": "", "heard": True, "since": now}

    def hear_end(self, minute: int) -> None:
        """An end is told to those who heard of the episode at all."""
        if self.episode["heard"]:
            self._note("resolved", minute)
        self.episode.clear()

    def _note(self, kind: str, minute: int) -> None:
        self.heard.append({"kind": kind, "minute": minute, "active_at": self.episode["active_at"]})


def tenth_close(rule: Rule, cells: Sequence[Cell], folded: int) -> int:
    """How far one transaction folds that begins after `folded` minutes: to the tenth close."""
    closes = _closes(rule, cells)
    closes = [minute for minute in closes if minute >= folded]
    return closes[9] + 1 if len(closes) >= 10 else len(cells)


def _closes(rule: Rule, cells: Sequence[Cell]) -> list[int]:
    story = chapters(rule, cells)
    pairs = pairwise(story)
    return [now[0] for was, now in pairs if was[1] == "firing" and now[1] == "inactive"]


def held_cells(samples: Sequence[float | None], every: int) -> list[Cell]:
    """What the fold reads of a metric: a sample counts in its minute and the `every` - 1 after."""
    cells: list[Cell] = []
    for minute in range(len(samples)):
        window = samples[max(minute - every + 1, 0) : minute + 1]
        holding = [sample for sample in window if sample is not None]
        cells.append(holding[-1] if holding else "missing")
    return cells


def _slots(
    samples: Sequence[float | None], minute: int, window: int, zero: int
) -> list[list[float]] | None:
    """The samples of the window's whole slots, slot by slot; None when more than half lack.

    A slot begins where the minutes since 1970 (`zero` at minute 0) divide by its length.
    """
    length = (window + 59) // 60
    last = minute
    while (zero + last + 1) % length:
        last -= 1
    first = last + 1 - length * (window // length)
    known = [samples[m] if 0 <= m < len(samples) else None for m in range(first, last + 1)]
    there = [value for value in known if value is not None]
    if samples[minute] is None or 2 * len(there) < len(known):
        return None
    return [
        [value for value in known[n : n + length] if value is not None]
        for n in range(0, len(known), length)
    ]


def _line(slots: Sequence[Sequence[float]], length: int) -> tuple[list[float], float, int]:
    """The slopes of all pairs of medians per minute, Kendall's z, and how many medians."""
    points = [(n * length, median(slot)) for n, slot in enumerate(slots) if slot]
    pairs = [(a, b) for n, a in enumerate(points) for b in points[n + 1 :]]
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairs]
    score = sum(1 if b[1] > a[1] else -1 if b[1] < a[1] else 0 for a, b in pairs)
    sizes = [len(points)] + [-n for n in Counter(value for _, value in points).values()]
    parts = [n * (abs(n) - 1) * (2 * abs(n) + 5) for n in sizes]
    spread = math.sqrt(sum(parts) / 18)
    nearer = score - 1 if score > 0 else score + 1 if score < 0 else 0
    return slopes, nearer / spread if spread else 0.0, len(points)


def slope(samples: Sequence[float | None], minute: int, window: int, zero: int) -> float | str:
    """The median of all slopes between the window's medians."""
    slots = _slots(samples, minute, window, zero)
    if slots is None:
        return "missing"
    slopes, _, count = _line(slots, (window + 59) // 60)
    return median(slopes) if count > 1 else "missing"


def outlook(
    samples: Sequence[float | None], minute: int, window: int, zero: int, threshold: float
) -> tuple[float, float | None] | str:
    """Where a metric that should be low stands, and the hours until it reaches the threshold."""
    slots = _slots(samples, minute, window, zero)
    if slots is None:
        return "missing"
    slopes, score, count = _line(slots, (window + 59) // 60)
    if count < 2:
        return "missing"
    level = [median(slot) for slot in slots if slot][-1]
    if level >= threshold:
        return level, 0.0
    climbs = median(slopes) > 0 and abs(score) >= 2.326
    return level, (threshold - level) / median(slopes) / 60 if climbs else None


def composite_states(
    kind: str, rules: Sequence[Rule], rows: Sequence[Sequence[Cell]], duration: int
) -> list[tuple[str, int | None]]:
    """State and activeAt after every minute of a rule over several: `any` or `all` of `rules`."""
    columns = [[row[n] for row in rows] for n in range(len(rules))]
    said = [words(rule, cells, firing=False) for rule, cells in zip(rules, columns, strict=True)]
    verdicts: list[Cell] = [_together(kind, [word[n] for word in said]) for n in range(len(rows))]
    return states(Rule("equals", 1.0, duration), verdicts)


def _together(kind: str, said: Sequence[str]) -> Cell:
    """1 for bad, 0 for ok, else missing: by the number of members that say so."""
    needed = {"bad": 1, "ok": len(said)} if kind == "any" else {"bad": len(said), "ok": 1}
    if said.count("bad") >= needed["bad"]:
        return 1.0
    return 0.0 if said.count("ok") >= needed["ok"] else "missing"


def silence(asked: float, heard: float | None, anchor: float, settle: float) -> float:
    """The age of a source's silence in minutes: `heard` is the end of the last hold or empty."""
    since = anchor if heard is None or heard < anchor else heard
    return asked - since - settle


def episodes(rule: Rule, cells: Sequence[Cell]) -> list[Facts]:
    """Every firing story: when it began, fired and ended, and its bad minutes."""
    story = chapters(rule, cells)
    found = []
    for index, (fired, state, active_at) in enumerate(story):
        if state != "firing" or active_at is None:
            continue
        ended = story[index + 1][0] if index + 1 < len(story) else None
        last = len(cells) if ended is None else ended
        pending = words(rule, cells, firing=False)[active_at : fired + 1]
        firing = words(rule, cells, firing=True)[fired + 1 : last]
        said = [*pending, *firing]
        bad = [active_at + n for n, word in enumerate(said) if word == "bad"]
        found.append(
            {
                "active_at": active_at,
                "fired": fired,
                "ended": ended,
                "count": len(bad),
                "last_bad": bad[-1],
            }
        )
    return found
