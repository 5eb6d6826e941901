"""A relay of connections that drops, cuts, delays and refuses them: between clients and servers, and in front of a database."""

import random
import socket
import struct
import threading
import time
from contextlib import suppress

_PART_BYTES = 1 << 16


class Relay:
    """Passes bytes on, on a port of its own, while its `with` block lasts."""

    def __init__(self, target_port: int) -> None:
        """Listen; nothing is wrong yet."""
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self.delay_seconds = 0.0
        self._refuses_until = 0.0
        self._cuts_of_requests = self._cuts_of_replies = 0
        self.cut = 0
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """The address of the relay for HTTP."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def is_armed(self) -> bool:
        """Whether a cut was ordered that met nothing yet."""
        return self._cuts_of_requests + self._cuts_of_replies > 0

    def lead_to(self, port: int) -> None:
        """Connect to another port from now on."""
        self._target_port = port

    def cut_requests(self, number: int) -> None:
        """Cut the connection of the next requests before they arrive."""
        self._cuts_of_requests += number

    def cut_replies(self, number: int) -> None:
        """Let the next requests arrive and cut the connection before the reply."""
        self._cuts_of_replies += number

    def be_calm(self) -> None:
        """Do nothing more of what was ordered."""
        self._cuts_of_requests = self._cuts_of_replies = 0
        self.delay_seconds = self._refuses_until = 0.0

    def refuse(self, seconds: float) -> None:
        """Accept no connection for a while."""
        self._refuses_until = time.monotonic() + seconds

    def drop(self, share: float, random_source: random.Random) -> int:
        """Reset a share of the open connections; return how many."""
        with self._lock:
            chosen = [pair for pair in self._pairs if random_source.random() < share]
        for pair in chosen:
            _reset(*pair)
        return len(chosen)

    def close(self) -> None:
        """End."""
        self._listener.close()
        self.drop(1.1, random.Random(0))

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        if time.monotonic() < self._refuses_until:
            _reset(client)
            return
        try:
            server = socket.create_connection(("127.0.0.1", self._target_port), timeout=5)
        except OSError:
            _reset(client)
            return
        server.settimeout(None)
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = (client, server)
        with self._lock:
            self._pairs.add(pair)
        back = threading.Thread(target=self._pump, args=(server, client, False), daemon=True)
        back.start()
        self._pump(client, server, True)
        back.join()
        with self._lock:
            self._pairs.discard(pair)
        for end in pair:
            end.close()

    def _pump(self, source: socket.socket, target: socket.socket, is_request: bool) -> None:
        with suppress(OSError):
            while part := source.recv(_PART_BYTES):
                if self._takes_cut(is_request=is_request):
                    _reset(source, target)
                    return
                if self.delay_seconds and not is_request:
                    time.sleep(self.delay_seconds)
                target.sendall(part)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _takes_cut(self, *, is_request: bool) -> bool:
        with self._lock:
            if is_request and self._cuts_of_requests > 0:
                self._cuts_of_requests -= 1
            elif not is_request and self._cuts_of_replies > 0:
                self._cuts_of_replies -= 1
            else:
                return False
            self.cut += 1
            return True


def _reset(*ends: socket.socket) -> None:
    """Close connections so that their peers see a reset and not an orderly end."""
    for end in ends:
        with suppress(OSError):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.shutdown(socket.SHUT_RDWR)
