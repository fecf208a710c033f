"""What is said on one connection after the login: requests come in, answers go out."""

import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from sys import intern
from typing import Any, Literal, TypeVar

from local.cloud.sql import framing, requests, tokens
from local.cloud.sql.answers import Answer, SessionEnded, Tokens, batch_tokens, error_tokens
from local.cloud.sql.breaking import Breaking, Dropped
from local.cloud.sql.engine import Cancelled, Result, Session, SqlError
from local.cloud.sql.framing import BrokenStream, Message
from local.cloud.sql.interruptions import Interruptions
from local.cloud.sql.procedures import Procedures
from local.cloud.sql.visits import Asked, Visit

Kind = Literal["batch", "rpc"]
T = TypeVar("T")
_ENDINGS = {requests.COMMIT: tokens.COMMITTED, requests.ROLL_BACK: tokens.ROLLED_BACK}


def understood(read: Callable[[bytes], T], body: bytes) -> T:
    """What a request says; raises BrokenStream where it can't be read."""
    try:
        return read(body)
    except (ValueError, IndexError, struct.error, EOFError) as error:
        raise BrokenStream("a request could not be read") from error


@dataclass
class Conversation:
    """One session's; `answer` is told the messages one by one, in their order."""

    session: Session
    says: Answer
    visit: Visit
    breaking: Breaking
    interruptions: Interruptions = field(default_factory=Interruptions)

    def __post_init__(self) -> None:
        self._procedures = Procedures(partial(self._results, "rpc"))
        self._transactions = count(1)
        self._transaction = 0

    def answer(self, message: Message) -> None:
        """Answer a request; raises SessionEnded, Dropped or Garbled where the connection ends."""
        if message.resets:
            self._procedures.forget()
            self.says.add(tokens.connection_reset())
        if message.kind == framing.ATTENTION:
            self._answer_attention()
        else:
            self._say(self._tokens(message))

    def _answer_attention(self) -> None:
        """Ends the answer that it broke off, or is one of its own where it came too late."""
        self.interruptions.answered()
        self.says.add(tokens.done(tokens.DONE, tokens.ATTENTION))
        self.says.end()

    def _tokens(self, message: Message) -> Tokens:
        match message.kind:
            case framing.BATCH:
                sql = understood(requests.read_batch, message.body)
                return batch_tokens(self._results("batch", sql, {}))
            case framing.RPC:
                return self._call_tokens(message.body)
            case framing.TRANSACTION:
                return self._transaction_tokens(message.body)
            case _:
                raise BrokenStream(f"nobody sends {message.kind:#04x} after the login")

    def _call_tokens(self, body: bytes) -> Tokens:
        try:
            return self._procedures.tokens(understood(requests.read_call, body))
        except SqlError as error:
            return error_tokens(error, tokens.DONE_PROCEDURE)

    def _say(self, spoken: Tokens) -> None:
        """The tokens, until the client wants no more: what answers its attention ends this, too."""
        try:
            with closing(spoken):
                for token in spoken:
                    if self.interruptions.wanted.is_set():
                        return
                    self.says.add(token)
        except Cancelled:
            # Without an attention to answer, silence would keep the client waiting for ever.
            if not self.interruptions.wanted.is_set():
                raise
            return
        except SessionEnded:
            self.says.end()
            raise
        except Dropped:
            self.says.flush()
            raise
        self.says.end()

    def _results(self, kind: Kind, sql: str, parameters: Mapping[str, Any]) -> Iterator[Result]:
        # The same few statements come again and again, and all are kept.
        asked = Asked(kind, intern(sql))
        self.visit.asked.append(asked)
        run = self._run(sql, parameters)
        for result in self.breaking.results(run, self.interruptions):
            asked.rows += len(result.rows)
            yield result

    def _run(self, sql: str, parameters: Mapping[str, Any]) -> Iterator[Result]:
        with self.interruptions.cancelling(self.session.cancel):
            yield from self.session.run(sql, parameters)

    def _transaction_tokens(self, body: bytes) -> Tokens:
        """Nothing is ever written here, so that a transaction is no more than its number."""
        asked = understood(requests.read_transaction, body)
        if asked.what in _ENDINGS:
            yield tokens.transaction_ended(_ENDINGS[asked.what], self._transaction)
        if asked.what == requests.BEGIN or asked.begins_anew:
            self._transaction = next(self._transactions)
            yield tokens.transaction_begun(self._transaction)
        yield tokens.done(tokens.DONE)
