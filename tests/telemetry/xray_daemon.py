"""A stand-in for the daemon of AWS X-Ray, which keeps the segments that it gets."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Daemon:
    """Where segments are sent to, and those that came."""

    address: str
    documents: list[dict[str, Any]] = field(default_factory=list)

    @property
    def everything(self) -> list[dict[str, Any]]:
        """Return segments and subsegments, however deep."""
        found = list(self.documents)
        for document in found:
            found += document.get("subsegments", [])
        return found


@contextmanager
def running_daemon() -> Iterator[Daemon]:
    """Receive until the block ends."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(0.1)
        daemon, is_over = Daemon(f"127.0.0.1:{receiver.getsockname()[1]}"), threading.Event()

        def receive() -> None:
            while not is_over.is_set():
                try:
                    message = receiver.recv(1 << 16)
                except TimeoutError:
                    continue
                header, _, body = message.partition(b"\n")
                assert {"format": "json", "version": 1} == json.loads(header)
                daemon.documents.append(json.loads(body))

        thread = threading.Thread(target=receive)
        thread.start()
        try:
            yield daemon
        finally:
            is_over.set()
            thread.join()
