"""What clients ask once they are in: batches, procedure calls and transactions."""

import re
import struct
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from local.cloud.sql.parameters import Cursor, Parameter, read_parameter

_PROCEDURES = {
    10: "sp_executesql",
    11: "sp_prepare",
    12: "sp_execute",
    13: "sp_prepexec",
    15: "sp_unprepare",
}
_BY_NUMBER = 0xFFFF
_DECLARED = re.compile(r"@(\w+)")

BEGIN, COMMIT, ROLL_BACK = 5, 7, 8
_BEGINS_ANEW = 0x01


class Call(NamedTuple):
    """A procedure by its bare name in lower case, and what it is given."""

    procedure: str
    given: Sequence[Parameter]

    def value(self, position: int) -> Any:
        """None also stands for a parameter that was not given."""
        return self.given[position].value if position < len(self.given) else None


def read_batch(body: bytes) -> str:
    """The SQL of a batch."""
    return _without_headers(body).decode("utf-16-le")


def read_call(body: bytes) -> Call:
    """Raises SqlError for parameters that are of no known type."""
    cursor = Cursor(_without_headers(body))
    length = cursor.number("<H")
    if length == _BY_NUMBER:
        number = cursor.number("<H")
        name = _PROCEDURES.get(number, f"procedure {number}")
    else:
        name = cursor.text(length)
    cursor.number("<H")
    given = []
    while cursor.has_more:
        given.append(read_parameter(cursor))
    return Call(name.rpartition(".")[2].strip("[]").lower(), given)


def named(declaration: str | None, given: Sequence[Parameter]) -> Mapping[str, Any]:
    """Values by the names they were given with, or else by those of their declaration.

    A declaration reads `@P1 int,@P2 decimal(5,2)`.
    """
    names = _DECLARED.findall(declaration or "")
    return {
        one.name.lstrip("@") or name: one.value for name, one in zip(names, given, strict=False)
    }


class Transaction(NamedTuple):
    """A request about transactions: BEGIN, COMMIT or ROLL_BACK; the latter may begin anew."""

    what: int
    begins_anew: bool


def read_transaction(body: bytes) -> Transaction:
    asked = _without_headers(body)
    (what,) = struct.unpack_from("<H", asked)
    if what == BEGIN:
        return Transaction(what, begins_anew=False)
    # The name of the transaction goes before the flags.
    return Transaction(what, bool(asked[3 + asked[2]] & _BEGINS_ANEW))


def _without_headers(body: bytes) -> bytes:
    (length,) = struct.unpack_from("<I", body)
    return body[length:]
