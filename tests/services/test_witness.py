"""What runs when a rule about the database goes bad is looked at once, and told."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from shared.domain.culprits import Culprit
from shared.domain.errors import SourceError
from shared.domain.inspections import BlockingChain
from shared.domain.machine import State
from tests.builders import BAD, OK, TARGET, Desk, ScriptedSource, a_rule
from tests.services.conftest import MakeDesk

SCAN = Culprit(statement="SELECT * FROM [Interaction] WHERE notes LIKE ?", session=51, cpu_ms=9)
CHAIN = BlockingChain(head=61, text="UPDATE x SET y = ?", blocked=4, wait_ms=45_000)


@dataclass
class Seeing:
    """A witness who keeps how often it was asked."""

    sees: Sequence[Culprit] | SourceError = (SCAN,)
    asked: list[str] = field(default_factory=list)
    chains: Sequence[BlockingChain] = (CHAIN,)

    def running(self, target: str) -> Sequence[Culprit]:
        """See Witness.running."""
        self.asked.append(target)
        if isinstance(self.sees, SourceError):
            raise self.sees
        return self.sees

    def blocking(self, target: str) -> Sequence[BlockingChain]:
        """See Witness.blocking."""
        self.asked.append(f"{target}: blocking")
        return self.chains


def watched(desk: Desk, witness: Seeing) -> Desk:
    desk.house = replace(desk.house, witness=witness)
    return desk


@pytest.mark.parametrize("duration", [0, 1, 2, 5])
def test_the_look_is_taken_once_when_it_begins_and_told_when_it_fires(
    make_desk: MakeDesk, duration: int
) -> None:
    witness = Seeing()
    desk = watched(make_desk([OK, *[BAD] * 8], rules=[a_rule(duration=duration)]), witness)

    desk.ticks(0, 3)
    assert witness.asked == [TARGET]
    desk.ticks(3, 9)

    assert witness.asked == [TARGET]
    assert desk.alert().culprits == (SCAN,)
    (message,) = desk.messages()
    assert "Running when it began: session 51" in message.text
    assert SCAN.statement in message.text


@pytest.mark.parametrize(("apart", "looks"), [(3, 1), (9, 1), (12, 2), (60, 2)])
def test_a_look_is_good_for_ten_minutes(make_desk: MakeDesk, apart: int, looks: int) -> None:
    witness = Seeing()
    values = [BAD, BAD, *[OK] * (apart - 2), BAD, BAD, OK]
    desk = watched(make_desk(values, rules=[a_rule()]), witness)

    desk.ticks(0, len(values) + 1)

    assert len(witness.asked) == looks
    assert [alert.culprits for alert in desk.alerts()] == [(SCAN,), (SCAN,)]


def test_a_rule_that_flaps_is_no_load_of_its_own(make_desk: MakeDesk) -> None:
    witness = Seeing()
    desk = watched(make_desk([BAD, OK] * 30, rules=[a_rule()]), witness)

    desk.ticks(0, 61)

    assert desk.alerts() == []
    assert len(witness.asked) <= 6


def test_an_old_look_explains_nothing(make_desk: MakeDesk) -> None:
    witness = Seeing()
    desk = watched(make_desk([BAD, *[OK] * 30, *[BAD] * 3, *[OK] * 60]), witness)
    desk.ticks(0, 3)
    witness.sees = SourceError("it hangs")

    desk.tick(90)

    assert desk.alert().culprits == ()


def test_two_rules_of_one_pass_share_a_look(make_desk: MakeDesk) -> None:
    witness = Seeing()
    rules = [a_rule(id="one"), a_rule(id="two", threshold=90)]
    desk = watched(make_desk([BAD] * 4, rules=rules), witness)

    desk.ticks(0, 4)

    assert witness.asked == [TARGET]
    assert [alert.culprits for alert in desk.alerts()] == [(SCAN,), (SCAN,)]


def test_a_rule_about_blocked_sessions_names_who_blocks_them(make_desk: MakeDesk) -> None:
    witness = Seeing()
    rule = a_rule(metric="blockedSessions", threshold=2)
    source = ScriptedSource([5.0] * 4, metric="blockedSessions", name="blocking")
    desk = watched(make_desk(sources=[source], rules=[rule]), witness)

    desk.ticks(0, 4)

    [culprit] = desk.alert().culprits
    assert (culprit.session, culprit.waiting) == (61, 4)
    [message] = desk.messages()
    assert "4 sessions wait for session 61 (unknown program), the longest for 45 s: UPDATE x" in (
        message.text
    )


def test_who_sees_nothing_stops_no_alert(
    make_desk: MakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    desk = watched(make_desk([BAD] * 4, rules=[a_rule()]), Seeing(SourceError("it hangs")))

    desk.ticks(0, 4)

    assert desk.state().state is State.FIRING
    assert desk.alert().culprits == ()
    assert "can't be seen: it hangs" in caplog.text


def test_other_figures_are_not_the_databases_fault(make_desk: MakeDesk) -> None:
    witness = Seeing()
    rule = a_rule(metric="storagePercent")
    desk = watched(make_desk([BAD] * 4, rules=[rule]), witness)

    desk.ticks(0, 4)

    assert witness.asked == []


def test_what_began_long_ago_is_not_explained_by_what_runs_now(make_desk: MakeDesk) -> None:
    witness = Seeing()
    desk = watched(make_desk([*[OK] * 5, *[BAD] * 3, *[OK] * 60], rules=[a_rule()]), witness)

    desk.tick(0)
    desk.tick(40)

    assert witness.asked == []
    assert desk.alert().culprits == ()
