"""What the database server's error numbers mean, in a sentence that says what would be right.

Numbers and classes are those of Microsoft's "Database engine events and errors" and of its page
on transient faults in Azure SQL.
"""

from shared.domain.errors import SourceError

TRANSIENT = frozenset({40613, 40197, 40501, 49918, 49919, 49920, 10928, 10929, 1205})
"""Worth one more try: the database moves, is busy, or chose us as a deadlock's victim."""
DENIED = frozenset({229, 230, 262, 297, 300})
"""A permission is missing for one object; the rest of the batch is none the worse."""
UNKNOWN_NAME = frozenset({206, 207, 208, 402})
"""A column or a table that is not there, or a column of another type."""
UNCOMPILED = UNKNOWN_NAME - {208}
"""Found before the first statement of a batch runs, whichever of them it is about."""

_SAID = {
    18456: "the login was refused: make the app's identity a user of this database "
    "(infra/sql/grant-monitor.sql)",
    18452: "the login was refused: it is none of this server's",
    4060: "the database can't be opened: check its name, and that the login is a user there",
    40615: "the server's firewall refuses this app: allow Azure services, or its addresses",
    40613: "the database is not available just now",
    10928: "the database has no worker or session left",
    10929: "the server has no worker left",
    1222: "a lock was held for longer than we wait",
}
_LONGEST = 200


class SqlFailure(SourceError):
    """A login or statement that failed; `number` is the server's, None when it never answered."""

    def __init__(self, message: str, number: int | None = None) -> None:
        said = _SAID.get(number or 0, " ".join(message.split())[:_LONGEST])
        super().__init__(f"{said} ({number})" if number else said)
        self.number = number

    @property
    def ended(self) -> bool:
        """Whether nothing more can be asked over this connection."""
        return self.number is None
