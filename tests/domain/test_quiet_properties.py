"""Windows and inhibiting rules: whatever the split of the minutes, people hear the same."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from local.followers import flaws_of_stories
from shared.domain.maintenance import Window
from shared.domain.times import Span
from tests.domain import reference
from tests.domain.builders import Desk, a_rule, at, heard
from tests.domain.drawing import Pair, Said, cases, pieces, rules, series
from tests.domain.reference import Silences, Visit

EDGES = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 25)), max_size=3)
HANDS = st.sampled_from(["", "", "", "", "resolve", "snooze", "unsnooze", "acknowledge"])


def windows_of(edges: list[tuple[int, int]]) -> list[Window]:
    return [
        Window(id=f"w-{n}", by="ana", at=at(0), once=Span(at(first), at(first + length)))
        for n, (first, length) in enumerate(edges)
    ]


def an_inhibitor(seed: int, length: int) -> tuple[list[Said], reference.Rule]:
    """Another rule's minutes: long calm and long trouble, so that it outlasts the other's story."""
    random, cells = Random(seed), list[Said]()
    while len(cells) < length:
        cells += [random.choice([99.0, 1.0])] * random.randint(1, 12)
    return cells[:length], reference.Rule("greater_than", 95.0, 1)


def firing_in(rule: reference.Rule, cells: list[Said]) -> set[int]:
    """The minutes after which that rule fires, told state by state."""
    found = enumerate(reference.states(rule, cells))
    return {minute for minute, (state, _) in found if state == "firing"}


@given(rules(repeat=9, escalate=6), series(), EDGES, st.integers(0, 999), st.data())
@cases(150)
def test_windows_inhibition_and_hands_are_heard_as_the_text_says(
    rule: Pair, cells: list[Said], edges: list[tuple[int, int]], seed: int, data: st.DataObject
) -> None:
    desk, visits = Desk(rule.ours), []
    others, other_rule = an_inhibitor(seed, len(cells))
    inhibitor = Desk(a_rule(duration=1))
    desk.windows, desk.inhibitors = windows_of(edges), [inhibitor]
    for cell, other in zip(cells, others, strict=True):
        inhibitor.fold([other])
        desk.fold([cell])
        now = float(desk.folded)
        visits.append(Visit(now, desk.folded, desk.folded))
        hand = data.draw(HANDS)
        if hand and act(desk, hand, now + 0.5):
            visits.append(Visit(now + 0.5, desk.folded, hand=hand, until=now + 7.5))

    spans = [(float(first), float(first + length)) for first, length in edges]
    silences = Silences(spans, firing_in(other_rule, others))
    theirs = reference.told(rule.theirs, cells, visits, silences)
    assert heard(desk.told) == [(one["kind"], one["minute"], one["active_at"]) for one in theirs]
    assert flaws_of_stories(desk.told, must_end=False) == []


def act(desk: Desk, hand: str, minute: float) -> bool:
    """Let a hand act where it can; answers whether it did."""
    if hand == "snooze":
        desk.snooze(7, at(minute))
    elif hand == "unsnooze" and desk.snoozed is not None:
        desk.unsnooze(at(minute))
    elif desk.state.episode is None or hand == "unsnooze":
        return False
    else:
        getattr(desk, hand)(at(minute))
    return True


@given(rules(), series(), EDGES, st.integers(0, 999), st.data())
@cases(250)
def test_any_split_of_the_minutes_tells_the_same_whatever_keeps_quiet(
    rule: Pair, cells: list[Said], edges: list[tuple[int, int]], seed: int, data: st.DataObject
) -> None:
    """Of passes, each of which folds the inhibiting rule first; none lies inside a window.

    Who looks only while people want silence tells nothing yet, even of what was before it: that
    is no split of the same story, and told by the test above.
    """
    edges = [(first, min(length, len(cells) - first)) for first, length in edges]
    others, _ = an_inhibitor(seed, len(cells))
    each, split = Desk(rule.ours), Desk(rule.ours)
    for desk in (each, split):
        desk.windows, desk.inhibitors = windows_of(edges), [Desk(a_rule(duration=1))]
    for cell, other in zip(cells, others, strict=True):
        each.inhibitors[0].fold([other])
        each.fold([cell])
    for end in data.draw(pieces(len(cells))):
        if any(first <= end < first + length for first, length in edges):
            continue
        before = split.folded
        if reference.tenth_close(rule.theirs, cells[:end], before) < end:
            return  # The limit of a transaction: catching up is told elsewhere.
        split.inhibitors[0].catch_up(others[before:end])
        split.fold(cells[before:end])

    assert heard(split.told) == heard(each.told)
    assert split.state == each.state


def test_a_fold_that_would_not_fit_into_a_transaction_stops_before() -> None:
    """Every second minute a window ends over a firing: two rows each."""
    edges = [(2 * n + 1, 1) for n in range(90)]
    desk = Desk(a_rule(duration=1))
    desk.windows = windows_of(edges)
    while desk.folded < 200:
        desk.fold([99.0] * (200 - desk.folded), covered=200, now=at(200))

    assert desk.widest <= 100
    assert len(desk.decisions) > 1
