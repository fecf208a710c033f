"""Every error this project raises on purpose.

MonitorError
├── InvalidInput            somebody gave us something wrong; the text says what would be right
│   └── InvalidRule         a rule's JSON
├── LinkRefused             a link that acts without a login was not made here, or was changed
├── NotFound                the thing named does not exist (or not yet)
├── StoreError
│   ├── Conflict            somebody else wrote first, or the row is gone: read again, decide again
│   ├── DamagedRow          a stored row can't be read as what its key says
│   ├── StoreRefused        Azure Table Storage would refuse this write; a bug or an oversized value
│   └── StoreUnavailable    the store did not answer, or said to come back later
├── SourceError             a source could not be read; its minutes stay uncovered
│   └── SourceDenied        ... because a grant is missing, which only a person can give
├── ChannelError            a message was not delivered; `permanent` and `retry_after` say what next
│   └── NotAsked            ... because our own checks refuse it for good; nobody was asked
└── Unwell                  a dependency is not as it should be; `mend` says what helps
    └── Untried             ... or nothing can be said of it, because it can't be asked now

Beside it stands settings.SettingsError: the settings need the standard library only.
"""

from collections.abc import Callable
from datetime import timedelta


class MonitorError(Exception):
    """Base of the tree."""


class InvalidInput(MonitorError):
    """The caller's input is wrong; the message is a sentence that says what would be right."""


class InvalidRule(InvalidInput):
    """A rule that can't be accepted."""


class LinkRefused(MonitorError):
    """A link's token was not signed with one of our keys, or was changed since."""


class NotFound(MonitorError):
    """What was named does not exist."""


class StoreError(MonitorError):
    """The store did not do what was asked."""


class Conflict(StoreError):
    """An ETag did not match, a row to insert exists or a row to change is gone."""


class DamagedRow(StoreError):
    """A row that can't be read; whoever meets it goes on without it, and says so."""


class StoreRefused(StoreError):
    """A write that Azure Table Storage would refuse."""


class StoreUnavailable(StoreError):
    """The store is out of reach, slow or overloaded."""


class SourceError(MonitorError):
    """A source did not give a reading."""


class SourceDenied(SourceError):
    """A source that may not be asked before a person grants something: `lacking`, for everybody."""

    def __init__(self, message: str, *, lacking: str = "") -> None:
        super().__init__(message)
        self.lacking = lacking or message


class ChannelError(MonitorError):
    """A channel did not take a message.

    `permanent`: trying again can't help. `retry_after`: the provider asked for this much patience.
    """

    def __init__(
        self, message: str, *, permanent: bool = False, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.retry_after = retry_after


class NotAsked(ChannelError):
    """Our own checks refuse a message for good: says nothing about the channel's next one."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


class Unwell(MonitorError):
    """A dependency that was examined is not as it should be.

    `mend`: the command that helps, or what will know it once everything else has been asked.
    `limps`: what works all the same needs nobody to get up.
    """

    def __init__(
        self, message: str, *, mend: str | Callable[[], str] = "", limps: bool = False
    ) -> None:
        super().__init__(message)
        self._mend = mend
        self.limps = limps

    @property
    def mend(self) -> str:
        """The command, as it is known by now."""
        return self._mend if isinstance(self._mend, str) else self._mend()


class Untried(Unwell):
    """A dependency of which nothing can be said now, and nothing is known to be wrong."""
