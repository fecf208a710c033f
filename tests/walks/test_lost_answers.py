"""A write that is done though its answer is lost: nobody may take it for a race, or do it twice."""

from collections.abc import Sequence

import pytest

from local.desks import Storage, memory_storage
from local.followers import flaws_of_stories, flaws_of_tellings, owed, telling
from shared.adapters.rows import Op, Rows
from shared.domain.episodes import Event
from shared.domain.errors import Conflict, StoreUnavailable
from tests.builders import BAD, OK, CheckedRows, Desk, a_desk, a_rule, assert_at_rest, events_of

SERIES = [OK, BAD, BAD, OK, OK, BAD, BAD, BAD, OK, OK]
WRITES = 40
"""More than the short story makes, so that the last walks lose nothing at all."""


class LosesAnswer(CheckedRows):
    """A table that does everything, and loses the answer of one write."""

    def __init__(self, rows: Rows, error: Exception, lost: int) -> None:
        super().__init__(rows)
        self._error = error
        self._left = lost

    def transact(self, partition: str, ops: Sequence[Op]) -> list[str | None]:
        """See Rows.transact."""
        etags = super().transact(partition, ops)
        self._left -= 1
        if self._left == 0:
            raise self._error
        return etags


def a_desk_that_loses(error: Exception, lost: int) -> Desk:
    """A monitor whose `lost`th write of alerts is done without an answer."""
    rooms = memory_storage()
    lossy = LosesAnswer(rooms.alerts, error, lost)
    return a_desk(
        SERIES, rules=[a_rule()], storage=Storage(rooms.samples, lossy, rooms.config, rooms.queue)
    )


def live(desk: Desk) -> None:
    """The series, and a while for what waits; a pass that fails is over."""
    for minute in range(16):
        for half in (desk.tick, desk.watch):
            try:
                half(minute)
            except StoreUnavailable:
                continue


def told_by(desk: Desk) -> list[str]:
    """Every event that the mail told."""
    return [event.id for message in desk.messages() for event in events_of(message)]


def flaws(desk: Desk) -> list[str]:
    """What is wrong with the stories and with how the mail told them; nothing may come twice."""
    events = desk.rows("event:", Event)
    tellings = [telling("email", message) for message in desk.messages()]
    return [*flaws_of_stories(events), *flaws_of_tellings(owed(events), tellings)]


CALM = a_desk(SERIES, rules=[a_rule()])
live(CALM)


@pytest.mark.parametrize("lost", range(1, WRITES))
def test_a_retry_that_finds_its_own_write_goes_on_as_if_answered(lost: int) -> None:
    """The SDK tries again by itself, and its second try conflicts with its first."""
    desk = a_desk_that_loses(Conflict("the first try had been heard"), lost)
    live(desk)

    assert flaws(desk) == []
    assert told_by(desk) == told_by(CALM)
    assert desk.state() == CALM.state()
    assert_at_rest(desk)


@pytest.mark.parametrize("lost", range(1, WRITES))
def test_a_store_that_falls_silent_after_a_write_loses_no_story(lost: int) -> None:
    """Nor is any told twice: what the record of a message says is there, answered or not."""
    desk = a_desk_that_loses(StoreUnavailable("no answer"), lost)
    live(desk)

    assert flaws(desk) == []
    assert told_by(desk) == told_by(CALM)
    assert_at_rest(desk)
