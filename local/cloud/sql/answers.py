"""An answer: the tokens of a batch's or a procedure's results, and their way into packets."""

from collections.abc import Generator, Iterable

from local.cloud.sql import tokens
from local.cloud.sql.columns import wire_of
from local.cloud.sql.engine import Result, SqlError
from local.cloud.sql.framing import ANSWER, HEADER_SIZE, packet
from local.cloud.sql.tls import Channel

FATAL = 20
Tokens = Generator[bytes, None, None]


class SessionEnded(Exception):
    """An error of a severity that ends the session has been said."""


class Answer:
    """Cuts tokens into packets as they come; only `end` sends the rest and says it is all."""

    def __init__(self, channel: Channel, packet_size: int) -> None:
        self._channel = channel
        self._room = packet_size - HEADER_SIZE
        self._waiting = bytearray()

    def add(self, token: bytes) -> None:
        self._waiting += token
        while len(self._waiting) > self._room:
            self._channel.write(packet(ANSWER, bytes(self._waiting[: self._room])))
            del self._waiting[: self._room]

    def end(self) -> None:
        """What was added since the last end is a whole answer."""
        self._channel.write(packet(ANSWER, bytes(self._waiting), last=True))
        self._waiting.clear()

    def flush(self) -> None:
        """Send what there is, without an end."""
        self._channel.write(packet(ANSWER, bytes(self._waiting)))
        self._waiting.clear()


def batch_tokens(results: Iterable[Result]) -> Tokens:
    """One DONE a statement; an error ends them. Raises SessionEnded after one that is fatal."""
    last: tuple[int | None] | None = None
    try:
        for result in results:
            if last:
                yield tokens.done(tokens.DONE, tokens.MORE, *last)
            yield from _result_tokens(result)
            last = (_count(result),)
    except SqlError as error:
        if last:
            yield tokens.done(tokens.DONE, tokens.MORE, *last)
        yield from error_tokens(error, tokens.DONE)
        return
    yield tokens.done(tokens.DONE, 0, *last or (None,))


def procedure_tokens(results: Iterable[Result], handle: int | None = None) -> Tokens:
    """As of a batch, and then what the procedure returns: its status, and the handle if any."""
    try:
        for result in results:
            yield from _result_tokens(result)
            yield tokens.done(tokens.DONE_IN_PROCEDURE, tokens.MORE, _count(result))
    except SqlError as error:
        yield from error_tokens(error, tokens.DONE_PROCEDURE)
        return
    yield tokens.return_status()
    if handle is not None:
        yield tokens.return_handle(handle)
    yield tokens.done(tokens.DONE_PROCEDURE)


def error_tokens(error: SqlError, done: int) -> Tokens:
    yield tokens.error(error)
    yield tokens.done(done, tokens.FAILED)
    if error.severity >= FATAL:
        raise SessionEnded from error


def _result_tokens(result: Result) -> Tokens:
    if result.columns is None:
        return
    wires = [wire_of(column.type) for column in result.columns]
    infos = [wire.info for wire in wires]
    names = [column.name for column in result.columns]
    yield tokens.columns(list(zip(names, infos, strict=True)))
    encoders = [wire.encode for wire in wires]
    for row in result.rows:
        values = zip(encoders, row, strict=True)
        yield tokens.row([encode(value) for encode, value in values])


def _count(result: Result) -> int | None:
    if result.count is None and result.columns is not None:
        return len(result.rows)
    return result.count
