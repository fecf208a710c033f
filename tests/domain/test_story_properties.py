"""What people hear, whatever the split of the minutes and whenever hands come between."""

import re

from hypothesis import given
from hypothesis import strategies as st

from local.followers import flaws_of_stories
from shared.domain.episodes import EventKind
from shared.domain.machine import State
from shared.domain.reasons import Reason
from tests.domain import reference
from tests.domain.builders import Desk, a_rule, at, heard
from tests.domain.drawing import Pair, Said, busy, cases, pieces, rules, series
from tests.domain.reference import NOISY, Silences, Visit


def expected(
    rule: Pair, cells: list[Said], visits: list[Visit], silences: Silences = NOISY
) -> list[tuple[str, int, int]]:
    heard = reference.told(rule.theirs, cells, visits, silences)
    return [(one["kind"], one["minute"], one["active_at"]) for one in heard]


@given(rules(), series(), st.data())
@cases(300)
def test_any_split_of_the_minutes_tells_the_same_events(
    rule: Pair, cells: list[Said], data: st.DataObject
) -> None:
    each, split = Desk(rule.ours), Desk(rule.ours)
    each.fold_each(cells)
    for end in data.draw(pieces(len(cells))):
        before = split.folded
        if reference.tenth_close(rule.theirs, cells[:end], before) < end:
            return  # The limit of a transaction: what people hear of a catch-up is told below.
        split.fold(cells[before:end])

    ids = [(event.id, event.kind, event.minute) for event in each.told]
    assert [(event.id, event.kind, event.minute) for event in split.told] == ids
    assert heard(each.told) == expected(
        rule, cells, [Visit(n, n, n) for n in range(1, len(cells) + 1)]
    )


HANDS = st.sampled_from(["", "", "", "resolve", "snooze", "unsnooze", "acknowledge"])


@given(rules(repeat=9), series(), st.data())
@cases(500)
def test_hands_between_the_minutes_change_what_is_heard_as_the_text_says(
    rule: Pair, cells: list[Said], data: st.DataObject
) -> None:
    desk, visits = Desk(rule.ours), []
    for cell in cells:
        desk.fold([cell])
        now = float(desk.folded)
        visits.append(Visit(now, desk.folded, desk.folded))
        hand = data.draw(HANDS)
        if hand == "snooze":
            minutes = data.draw(st.integers(1, 12))
            desk.snooze(minutes, at(now + 0.5))
            visits.append(Visit(now + 0.5, desk.folded, hand=hand, until=now + 0.5 + minutes))
        elif hand == "unsnooze" and desk.snoozed is not None:
            desk.unsnooze(at(now + 0.5))
            visits.append(Visit(now + 0.5, desk.folded, hand=hand))
        elif hand == "acknowledge" and desk.state.state is State.FIRING:
            desk.acknowledge(at(now + 0.5))
            visits.append(Visit(now + 0.5, desk.folded, hand=hand))
        elif hand == "resolve" and desk.state.state is State.FIRING:
            desk.resolve(at(now + 0.5))
            visits.append(Visit(now + 0.5, desk.folded, hand=hand))

    assert heard(desk.told) == expected(rule, cells, visits)
    assert_numbered(desk)


@given(rules(), st.one_of(series(), busy()), st.data())
@cases(400)
def test_a_catch_up_in_any_pieces_tells_what_the_text_says_and_the_rest_in_one_digest(
    rule: Pair, cells: list[Said], data: st.DataObject
) -> None:
    desk, visits, begun = Desk(rule.ours), [], 0
    for end in data.draw(pieces(len(cells))):
        while desk.folded < end:
            reach = reference.tenth_close(rule.theirs, cells[:end], desk.folded)
            desk.fold(cells[desk.folded : end], covered=len(cells), now=at(len(cells)))
            assert desk.folded == reach
            visits.append(Visit(len(cells), reach, len(cells)))
            begun = desk.folded if desk.folded < len(cells) else begun
    digests = [event for event in desk.told if event.missed_count]
    told = heard(event for event in desk.told if event not in digests)

    untold = [one for one in reference.episodes(rule.theirs, cells[:begun]) if one["ended"]]
    assert told == expected(rule, cells, visits)
    assert [event.missed_count for event in digests] == ([len(untold)] if untold else [])
    for event in digests:
        assert event.kind is EventKind.RESOLVED
        assert event.reason is Reason.CATCHING_UP
        assert [one.active_at for one in event.missed] == [
            at(one["active_at"]) for one in untold[-20:]
        ]
    assert desk.state.digest == ()
    assert_numbered(desk)


def assert_numbered(desk: Desk) -> None:
    """Events of an episode count from 1 without a gap, and so do the lines of its timeline."""
    assert flaws_of_stories(desk.told, must_end=False) == []
    for alert in desk.alerts:
        events = [event for event in desk.told if event.episode == alert.id]
        lines = [key for key in desk.rows if key.startswith(f"timeline:{alert.id}:")]
        assert [event.seq for event in events] == list(range(1, alert.seq + 1))
        assert [event.id for event in events] == [f"{alert.id}-{event.seq}" for event in events]
        assert lines == [f"timeline:{alert.id}:{n:04d}" for n in range(1, alert.lines + 1)]
        assert re.fullmatch(r"\d{8}T\d{4}Z-[0-9a-f]{8}", alert.id)


@given(st.integers(0, 60), st.integers(1, 3), st.sampled_from([None, 1, 7, 30]))
@cases(60)
def test_however_many_episodes_a_transaction_stays_under_a_hundred_writes(
    episodes: int, ok_minutes: int, piece: int | None
) -> None:
    """`Desk.commit` refuses more; here every minute or two an episode opens and closes."""
    desk = Desk(a_rule(duration=0))
    desk.catch_up(([99.0] + [1.0] * ok_minutes) * episodes, piece)

    assert len(desk.alerts) == episodes
    assert all(len(decision.writes()) <= 100 for decision in desk.decisions)
    assert desk.state.state is State.INACTIVE
