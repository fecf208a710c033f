"""A letter is told like an event, on the way of all messages, but it is about no alert.

So that nothing sent of it is lost or doubled, it goes by outbox, delivery rows and budgets as
alerts do; its episode's name says everywhere that it is none.
"""

from datetime import datetime

from msgspec import Struct

from shared.domain.records import short_hash
from shared.domain.times import minute_key

MARK = "report"


class Letter(Struct, frozen=True):
    """What it says without pictures, fixed when it was decided.

    `range`: that of its report; `start`: where this begins, None in letters of older versions.
    """

    subject: str
    text: str
    range: str
    start: datetime | None = None


def letter_id(due_at: datetime, target: str) -> str:
    """`20261123T0600Z-report1a`: no real episode has such an id, and no test."""
    return f"{minute_key(due_at)}-{MARK}{short_hash(target)[:2]}"


def is_letter(episode: str) -> bool:
    """Whether an episode is only a letter; told by its id, which every row of it carries."""
    return episode.partition("-")[2].startswith(MARK)
