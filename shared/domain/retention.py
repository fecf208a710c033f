"""How long what is stored is kept."""

from datetime import timedelta

from msgspec import Struct


class Retention(Struct, frozen=True, kw_only=True):
    """The age at which rows may go: minutes (in hour rows), days, stories with their messages.

    `alerts` is counted from an episode's end, and is also that of deploy markers.
    """

    hours: timedelta = timedelta(days=90)
    days: timedelta = timedelta(days=1096)
    alerts: timedelta = timedelta(days=400)
    audit: timedelta = timedelta(days=400)


KEPT = Retention()
