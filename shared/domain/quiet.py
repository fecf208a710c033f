"""Why nobody is told: snoozed, maintenance, inhibited, catching up; None when people are told.

Computed at each decision from what is stored, never kept as anybody's status.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property

from shared.domain.decisions import Case
from shared.domain.reasons import Reason
from shared.domain.times import MINUTE, Span


class Quiet:
    """The quiet reasons of one case, as a decision at `now` sees them.

    `behind`: the decision leaves covered minutes unfolded.
    """

    def __init__(self, case: Case, *, now: datetime, behind: bool = False) -> None:
        self._case = case
        self._now = now
        self._behind = behind

    def just_now(self, folded: datetime) -> Reason | None:
        """Why nobody is told now that minutes up to `folded` are."""
        return self._by_people_now or self._otherwise(folded)

    def about(self, minute: datetime) -> Reason | None:
        """Why nobody is told about what happened in that folded minute.

        What people silenced stays silent when it is folded after their silence; and whatever is
        folded while they want silence waits.
        """
        return self._by_people_now or self._by_people(minute + MINUTE) or self._otherwise(minute)

    def _otherwise(self, minute: datetime) -> Reason | None:
        if any(state.fires_in(minute) for state in self._case.inhibitors):
            return Reason.INHIBITED
        return Reason.CATCHING_UP if self._behind else None

    @cached_property
    def _by_people_now(self) -> Reason | None:
        snoozed = self._case.snoozed_until(self._now) is not None
        return Reason.SNOOZED if snoozed else self._by_people(self._now)

    def _by_people(self, moment: datetime) -> Reason | None:
        snooze = self._case.snooze
        if snooze is not None and snooze.at <= moment < snooze.until:
            return Reason.SNOOZED
        held = any(span.covers(moment) for span in self._spans)
        return Reason.MAINTENANCE if held else None

    @cached_property
    def _spans(self) -> Sequence[Span]:
        """Where windows hold between the first minute that is judged and now."""
        first = min(self._case.state.last_folded, self._now)
        return [span for one in self._case.windows for span in one.spans(first, self._now)]
