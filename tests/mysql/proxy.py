"""A relay between the server under test and MySQL that counts what the client sends and fails on command."""

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

COMMAND_QUERY, COMMAND_PING = 0x03, 0x0E
_LONGEST = 0xFFFFFF


@dataclass
class Wire:
    """What went over all connections: one item is one round trip."""

    port: int = 0
    trips: list[str] = field(default_factory=list)
    connections: int = 0
    refused: int = 0
    # What is replaced on the way, in statements and in answers: texts of one length each.
    sent: dict[bytes, bytes] = field(default_factory=dict)
    heard: dict[bytes, bytes] = field(default_factory=dict)
    _refusal: bytes = b""
    _refused_connections: int = 0
    _cut_before: Callable[[str], bool] = lambda _text: False
    _cut_after: Callable[[str], bool] = lambda _text: False

    def cut_before(self, text: str) -> None:
        """Lets the next statement with this text never arrive: the connection ends instead."""
        self._cut_before = self._once(text, "_cut_before")

    def cut_after(self, text: str) -> None:
        """Lets the next statement with this text arrive and its answer get lost."""
        self._cut_after = self._once(text, "_cut_after")

    def make_read_only(self, error: int) -> None:
        """Answers each write on the connections that are open now with an error, as a server that is no primary any more."""
        text = b"\xff" + error.to_bytes(2, "little") + b"#HY000the server is read-only"
        self._refusal = len(text).to_bytes(3, "little") + b"\x01" + text
        self.refused, self._refused_connections = 0, self.connections

    def refusal(self, connection: int, sent: str) -> bytes:
        """Return the answer to a write that is refused, or nothing."""
        if connection > self._refused_connections or sent.split(" ", 1)[0] not in ("INSERT", "UPDATE", "DELETE"):
            return b""
        self.refused += 1
        return self._refusal

    def _once(self, text: str, name: str) -> Callable[[str], bool]:
        def matches(sent: str) -> bool:
            if text not in sent:
                return False
            setattr(self, name, lambda _text: False)
            return True

        return matches

    def passes(self, text: str) -> tuple[bool, bool]:
        """Note a trip; return whether it may arrive, and whether its answer may."""
        self.trips.append(text)
        return not self._cut_before(text), not self._cut_after(text)


@contextmanager
def relayed(server_port: int) -> Iterator[Wire]:
    """Yield the relay, listening on a port of its own."""
    wire = Wire()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            wire.connections += 1
            connection = wire.connections
            # Without a server the client's connection ends too.
            with suppress(ConnectionError), socket.create_connection(("127.0.0.1", server_port)) as server:
                for end in (self.request, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                answers = Answers(server, self.request, wire.heard)
                answers.start()
                with suppress(OSError):
                    _requests(wire, connection, self.request, server, answers)
                for end in (self.request, server):
                    with suppress(OSError):
                        end.shutdown(socket.SHUT_RDWR)
                answers.join()

    class Relay(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Relay(("127.0.0.1", 0), Handler) as relay:
        wire.port = relay.server_address[1]
        thread = threading.Thread(target=relay.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield wire
        finally:
            relay.shutdown()
            thread.join()


class Answers(threading.Thread):
    """Passes on what the server says, until it is told to keep it to itself."""

    def __init__(self, server: socket.socket, client: socket.socket, replaced: dict[bytes, bytes]) -> None:
        super().__init__(daemon=True)
        self._server, self._client, self._replaced = server, client, replaced
        self.muted = False
        self.heard = threading.Event()

    def run(self) -> None:
        with suppress(OSError):
            while part := self._server.recv(1 << 16):
                if not self.muted:
                    self._client.sendall(replaced(part, self._replaced))
                elif not self.heard.is_set():
                    self.heard.set()
        with suppress(OSError):
            self._client.shutdown(socket.SHUT_RDWR)


def _requests(wire: Wire, connection: int, client: socket.socket, server: socket.socket, answers: Answers) -> None:
    """Pass packets on; commands are told from the answers of a login by their number, which is 0."""
    while header := _exactly(client, 4):
        size, number = int.from_bytes(header[:3], "little"), header[3]
        body = _exactly(client, size)
        if number == 0 and size != _LONGEST and body[:1] in (bytes([COMMAND_QUERY]), bytes([COMMAND_PING])):
            text = body[1:].decode("utf-8", "replace") if body[0] == COMMAND_QUERY else "PING"
            arrives, is_answered = wire.passes(text)
            if not arrives:
                return
            if refusal := wire.refusal(connection, text):
                client.sendall(refusal)
                continue
            answers.muted = not is_answered
            server.sendall(header + replaced(body, wire.sent))
            if not is_answered:
                answers.heard.wait(10)
                return
        else:
            server.sendall(header + body)


def replaced(content: bytes, replacements: dict[bytes, bytes]) -> bytes:
    """Return the bytes with some texts replaced by others of the same length."""
    for old, new in replacements.items():
        assert len(old) == len(new), (old, new)
        content = content.replace(old, new)
    return content


def _exactly(end: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = end.recv(min(size - len(parts), 1 << 20))
        if not part:
            return b""
        parts += part
    return bytes(parts)
