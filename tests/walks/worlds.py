"""Worlds of walks: the calm day before a walk is played once for all that begin alike."""

from datetime import datetime
from functools import cache

from local.world.engine import Script, ScriptedWorld
from local.world.events import BusinessRows, WorldMinute
from shared.domain.times import floor_minute


class CalmPast(ScriptedWorld):
    """A world without scenes that keeps the rows of every minute it was asked for."""

    def __init__(self, begins: datetime, seed: int) -> None:
        super().__init__(Script("calm", begins), seed=seed)
        self.business_rows = cache(super().business_rows)  # type: ignore[method-assign]


class ContinuedWorld(ScriptedWorld):
    """A script's world, exactly; what was before its first scene it takes from the calm world.

    A monitor that begins is told a day and two hours, which take longer to play than most walks.
    """

    def __init__(self, script: Script, *, seed: int = 1) -> None:
        super().__init__(script, seed=seed)
        self._past = _calm_past(self.begins, seed)
        begun = (scene.begins for scene in script.scenes)
        self._past_ends = floor_minute(min([self.begins, *begun]))

    def minute(self, start: datetime) -> WorldMinute:
        """See World."""
        return self._past.minute(start) if start < self._past_ends else super().minute(start)

    def business_rows(self, start: datetime) -> BusinessRows:
        """See World."""
        if start < self._past_ends:
            return self._past.business_rows(start)
        return super().business_rows(start)


@cache
def _calm_past(begins: datetime, seed: int) -> CalmPast:
    return CalmPast(begins, seed)
