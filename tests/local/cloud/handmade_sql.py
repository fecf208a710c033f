"""A hand-made database: it looks a statement up in a book.

WAIT waits to be cancelled, HEAR takes parameters, ECHO says those back that are numbers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any

from local.cloud.sql.engine import SYNTAX, Cancelled, Column, Login, Result, SqlError

PATIENCE_S = 60.0
WAIT = "WAIT"
ONE = Result([Column("one", "int")], [(1,)])


@dataclass
class HandmadeEngine:
    """What each statement gives, and may raise after it; keeps who came and what they asked."""

    book: dict[str, Sequence[Result | SqlError]] = field(default_factory=dict)
    refusal: SqlError | None = None
    logins: list[Login] = field(default_factory=list)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    cancelled: int = 0
    sessions: int = 0
    lock: Lock = field(default_factory=Lock)

    def login(self, login: Login) -> "HandmadeSession":
        with self.lock:
            self.logins.append(login)
            if self.refusal:
                raise self.refusal
            self.sessions += 1
        return HandmadeSession(self)


@dataclass
class HandmadeSession:
    engine: HandmadeEngine
    interrupted: Event = field(default_factory=Event)

    def run(self, sql: str, parameters: Mapping[str, Any]) -> Iterator[Result]:
        with self.engine.lock:
            self.engine.asked.append((sql, dict(parameters)))
        self.interrupted.clear()
        if sql == WAIT:
            self._wait()
        yield from self._looked_up(sql, parameters)

    def _looked_up(self, sql: str, parameters: Mapping[str, Any]) -> Iterator[Result]:
        verb, *_ = sql.split()
        if verb == "HEAR":
            yield Result(None)
        elif verb == "ECHO":
            yield Result([Column("said", "int")], [(value,) for value in parameters.values()])
        else:
            yield from self._by_the_book(sql)

    def _by_the_book(self, sql: str) -> Iterator[Result]:
        for one in self.engine.book.get(sql, [SqlError(SYNTAX, f"Incorrect syntax: {sql}.")]):
            if isinstance(one, SqlError):
                raise one
            yield one

    def _wait(self) -> None:
        if not self.interrupted.wait(PATIENCE_S):
            raise AssertionError("nobody cancelled it")
        with self.engine.lock:
            self.engine.cancelled += 1
        raise Cancelled

    def cancel(self) -> None:
        self.interrupted.set()

    def close(self) -> None:
        with self.engine.lock:
            self.engine.sessions -= 1
