"""A channel that refused for good is passed over for a while: its fallback tells at once."""

from datetime import datetime, timedelta

from msgspec import Struct

from shared.domain.quantities import clock

RETRY_AFTER = timedelta(hours=1)
LONGEST_ERROR = 300


class Closure(Struct, frozen=True, kw_only=True, rename="camel"):
    """That a channel refused for good: since when, how often and when last. All wall time.

    `channel_name` is the public one; `error` is the last refusal.
    """

    channel_type: str
    channel_name: str
    since: datetime
    tried_at: datetime
    count: int
    error: str

    def holds(self, wall: datetime) -> bool:
        """Whether it is too early to ask again."""
        return wall - self.tried_at < RETRY_AFTER

    @property
    def said(self) -> str:
        """The refusal in a sentence, for whoever may see the channel."""
        return f"not asked, it refuses for good since {clock(self.since)}: {self.error}"


def refused_again(
    before: Closure | None, channel_type: str, channel_name: str, error: str, wall: datetime
) -> Closure:
    """The closure after one more refusal."""
    return Closure(
        channel_type=channel_type,
        channel_name=channel_name,
        since=before.since if before is not None else wall,
        tried_at=wall,
        count=before.count + 1 if before is not None else 1,
        error=error[:LONGEST_ERROR],
    )
