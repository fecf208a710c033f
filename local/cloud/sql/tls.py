"""One connection's bytes, plain or encrypted; TDS shakes hands for TLS inside its own packets."""

import socket
import ssl
from contextlib import suppress
from threading import Lock

from local.cloud.sql.framing import PRELOGIN, packets, read_message
from local.cloud.sql.visits import Visit

CHUNK = 65536


class Channel:
    """Read by one thread and written by one, which may be another; counts into its visit."""

    def __init__(self, connected: socket.socket, visit: Visit) -> None:
        self._socket = connected
        self._visit = visit
        self._plain = bytearray()
        self._tls: _Tls | None = None

    def read(self, count: int) -> bytes:
        """Exactly so many bytes; raises EOFError when the client is gone."""
        while len(self._plain) < count:
            self._plain += self._receive()
        found = bytes(self._plain[:count])
        del self._plain[:count]
        return found

    def write(self, data: bytes) -> None:
        """Send; raises OSError when the client is gone."""
        self._send(self._tls.encrypt(data) if self._tls else data)

    def encrypt(self, context: ssl.SSLContext) -> None:
        """Shake hands, then encrypt. Raises ssl.SSLError for a client that doesn't want it."""
        tls = _Tls(context)
        while not tls.shake():
            self._send_flight(tls.outgoing())
            tls.feed(self._read_flight())
        self._send_flight(tls.outgoing())
        self._tls = tls
        self._visit.tls = tls.version
        self._plain += tls.decrypt()

    def close(self) -> None:
        """Cut the connection, also under a thread that is reading or writing right now."""
        # A close alone would leave the socket open for as long as somebody waits for it in recv.
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _receive(self) -> bytes:
        data = self._receive_raw()
        if self._tls is None:
            return data
        self._tls.feed(data)
        return self._tls.decrypt()

    def _receive_raw(self) -> bytes:
        try:
            data = self._socket.recv(CHUNK)
        except OSError as error:
            raise EOFError("the connection was cut") from error
        if not data:
            raise EOFError("the client went away")
        self._visit.bytes_in += len(data)
        return data

    def _send(self, data: bytes) -> None:
        self._visit.bytes_out += len(data)
        self._socket.sendall(data)

    def _send_flight(self, flight: bytes) -> None:
        if flight:
            self._send(packets(PRELOGIN, flight))

    def _read_flight(self) -> bytes:
        """Records in a packet, or bare, as Microsoft's driver sends its second flight in 1.3."""
        if not self._plain:
            self._plain += self._receive_raw()
        if self._plain[0] == PRELOGIN:
            return read_message(self.read).body
        flight = bytes(self._plain)
        self._plain.clear()
        return flight


class _Tls:
    """TLS over memory; the lock lets one thread read while another writes."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._lock = Lock()

    @property
    def version(self) -> str:
        return self._object.version() or ""

    def shake(self) -> bool:
        """Go on shaking hands; False: the client has to say more first."""
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def feed(self, data: bytes) -> None:
        with self._lock:
            self._incoming.write(data)

    def outgoing(self) -> bytes:
        with self._lock:
            return self._outgoing.read()

    def encrypt(self, data: bytes) -> bytes:
        with self._lock:
            self._object.write(data)
            return self._outgoing.read()

    def decrypt(self) -> bytes:
        """All that can be read now; raises EOFError for a client that said goodbye."""
        with self._lock:
            return b"".join(iter(self._decrypt_some, b""))

    def _decrypt_some(self) -> bytes:
        try:
            return self._object.read(CHUNK)
        except ssl.SSLWantReadError:
            return b""
        except ssl.SSLError as error:
            raise EOFError("the client ended its encryption") from error
