"""One client's connection from its first byte to its last: two threads, one of them reads."""

import socket
import ssl
from contextlib import closing, suppress
from queue import SimpleQueue
from threading import Thread

from local.cloud.sql import framing, logins
from local.cloud.sql.answers import Answer, SessionEnded, error_tokens
from local.cloud.sql.breaking import GARBAGE, Breaking, Dropped, Garbled
from local.cloud.sql.conversations import Conversation, understood
from local.cloud.sql.engine import Engine, Session, SqlError
from local.cloud.sql.framing import BrokenStream, Message, packets, read_message
from local.cloud.sql.interruptions import Interruptions
from local.cloud.sql.tls import Channel
from local.cloud.sql.tokens import DONE
from local.cloud.sql.visits import Visit

# Ways for a connection to end that are nobody's mistake here. An OSError may be a broken TLS, too.
_ENDINGS = (EOFError, OSError, BrokenStream, SessionEnded, Dropped)


class Connection:
    """`serve` is its whole life, in a thread of its own; `close` may come from any other."""

    def __init__(
        self,
        connected: socket.socket,
        visit: Visit,
        *,
        engine: Engine,
        breaking: Breaking,
        tls: ssl.SSLContext,
    ) -> None:
        self._channel = Channel(connected, visit)
        self._visit = visit
        self._engine = engine
        self._breaking = breaking
        self._tls = tls

    def serve(self) -> None:
        """Greet, let in or refuse, and answer until the client goes."""
        try:
            self._breaking.greet()
            self._greet()
            self._converse(*self._let_in())
        except Garbled:
            self._say_garbage()
        except _ENDINGS:
            pass
        finally:
            self.close()

    def close(self) -> None:
        """Cut the connection, whatever is going on."""
        self._channel.close()

    def _greet(self) -> None:
        wanted = understood(logins.read_prelogin, self._next(framing.PRELOGIN))
        self._channel.write(packets(framing.ANSWER, logins.prelogin_answer(wanted)))
        if wanted.encrypts:
            self._channel.encrypt(self._tls)

    def _let_in(self) -> tuple[Session, Answer]:
        """A session and who speaks for it; raises SessionEnded for a login that is refused."""
        login, packet_size = understood(logins.read_login, self._next(framing.LOGIN))
        answer = Answer(self._channel, packet_size)
        try:
            self._breaking.log_in()
            session = self._engine.login(login)
        except SqlError as error:
            _refuse(error, answer)
            raise SessionEnded from error
        self._visit.program = login.program
        for token in logins.welcome(login, packet_size):
            answer.add(token)
        answer.end()
        return session, answer

    def _next(self, kind: int) -> bytes:
        message = read_message(self._channel.read)
        if message.kind != kind:
            raise BrokenStream(f"{message.kind:#04x} came where {kind:#04x} is due")
        return message.body

    def _converse(self, session: Session, answer: Answer) -> None:
        conversation = Conversation(session, answer, self._visit, self._breaking)
        messages: SimpleQueue[Message | None] = SimpleQueue()
        listening = (messages, conversation.interruptions)
        reader = Thread(target=self._listen, args=listening, name="sql reader", daemon=True)
        with closing(session):
            reader.start()
            try:
                for message in iter(messages.get, None):
                    conversation.answer(message)
            except Garbled:
                self._say_garbage()
            finally:
                self.close()
                reader.join()

    def _listen(self, messages: SimpleQueue[Message | None], interruptions: Interruptions) -> None:
        """Read on while a statement runs, or nobody would hear the client's attention."""
        try:
            while True:
                message = read_message(self._channel.read)
                # First the flag: whoever has answered the attention takes it away.
                if message.kind == framing.ATTENTION:
                    interruptions.interrupt()
                messages.put(message)
        except (EOFError, BrokenStream):
            interruptions.leave()
        finally:
            messages.put(None)

    def _say_garbage(self) -> None:
        with suppress(OSError):
            self._channel.write(GARBAGE)


def _refuse(error: SqlError, answer: Answer) -> None:
    with suppress(SessionEnded):
        for token in error_tokens(error, DONE):
            answer.add(token)
    answer.end()
