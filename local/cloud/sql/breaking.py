"""Applies the desk's faults to logins and statements.

What a driver asks for its own sake, such as types and transactions, is never broken: it would use
up a fault's times.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from local.cloud.breaking import LOOK_AGAIN_S
from local.cloud.faults import Fault, Faults
from local.cloud.sql.engine import Cancelled, Column, Result, SqlError
from local.cloud.sql.interruptions import Interruptions

GARBAGE = b"\x00\xff<<no tds"
UNAVAILABLE = 40613
LIMIT_REACHED = 10928
_AT_STATEMENTS = {"slow", "hang", "throttle", "garbage", "wrong_shape", "drop"}


class Dropped(Exception):
    """The connection closes without the rest of the answer."""


class Garbled(Exception):
    """The connection says GARBAGE and closes."""


@dataclass(frozen=True)
class Breaking:
    """The faults of one answerer."""

    faults: Faults
    name: str

    def greet(self) -> None:
        """A client has connected; raises Garbled."""
        if self.faults.take(self.name, {"garbage"}):
            raise Garbled

    def log_in(self) -> None:
        """A client logs in; raises SqlError as Azure does while a database moves."""
        if self.faults.take(self.name, {"error"}):
            sentence = "Database 'desk' on server 'desk' is not currently available."
            raise SqlError(UNAVAILABLE, f"{sentence} Please retry later.", severity=17)

    def results(self, results: Iterator[Result], on: Interruptions) -> Iterator[Result]:
        """A statement's results as the fault leaves them; raises as it would have it."""
        fault = self.faults.take(self.name, _AT_STATEMENTS)
        if fault:
            results = self._broken(fault, results, on)
        yield from results

    def _broken(
        self, fault: Fault, results: Iterator[Result], on: Interruptions
    ) -> Iterator[Result]:
        match fault.kind:
            case "slow":
                on.wanted.wait(fault.seconds)
                yield from results
            case "hang":
                self._hang(fault, on)
                yield from results
            case "throttle":
                sentence = "Resource ID : 1. The request limit for the database is 30"
                raise SqlError(LIMIT_REACHED, f"{sentence} and has been reached.", severity=20)
            case "wrong_shape":
                yield Result([Column("unexpected", "int")], [(1,)])
            case "drop":
                yield from _cut(results)
            case _:
                raise Garbled

    def _hang(self, fault: Fault, on: Interruptions) -> None:
        """As a server that is stuck: until the fault is cleared not even an attention is heard."""
        while self.faults.holds(self.name, fault):
            if on.gone.wait(LOOK_AGAIN_S):
                raise Cancelled


def _cut(results: Iterator[Result]) -> Iterator[Result]:
    """Up to the first half of the first rows, at least one; then the connection drops.

    It drops before the statement is said to be done: else a client would take the half for all.
    """
    for result in results:
        if result.columns is not None:
            yield replace(result, rows=_CutShort(result.rows[: (len(result.rows) + 1) // 2]))
        yield result
    raise Dropped


class _CutShort(tuple[tuple[Any, ...], ...]):
    """Rows after which the connection drops."""

    __slots__ = ()

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        yield from super().__iter__()
        raise Dropped
