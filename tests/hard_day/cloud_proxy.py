"""A proxy in front of a stand-in for S3 and KMS that is down, slow, throttled, or does not tell the truth."""

import http.client
import random
import threading
import time
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

# A store that goes on with it has lost the document, and no program can read it.
LIES_IN_A_ROW = 2
_HOP_BY_HOP = ("connection", "transfer-encoding", "content-length", "keep-alive")
_OK = 200


class Trouble(StrEnum):
    """What may be wrong with a call."""

    BUSY = "503 SlowDown, nothing is done"
    SLOW = "a reply after 0.5 to 3 s"
    CUT_SHORT = "half of a document"
    DAMAGED = "a document with a wrong byte"
    FORGOTTEN = "404 for a document that is there"
    DENIED_WRITE = "500 for a write that took place"
    THROTTLED = "400 ThrottlingException"


OF_KEYS = frozenset({Trouble.THROTTLED})
OF_READS = frozenset({Trouble.CUT_SHORT, Trouble.DAMAGED, Trouble.FORGOTTEN})
OF_WRITES = frozenset({Trouble.DENIED_WRITE})


class CloudProxy:
    """The proxy, on a port of its own until it is closed."""

    def __init__(self, target: str, random_source: random.Random) -> None:
        """Listen; nothing is wrong yet."""
        parts = urlsplit(target)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.random = random_source
        self.hits: Counter[Trouble] = Counter()
        self._waiting: Counter[Trouble] = Counter()
        self._lies: Counter[str] = Counter()
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()

    def order(self, trouble: Trouble, number: int) -> None:
        """Let so many of the calls that it fits meet a trouble."""
        with self._lock:
            self._waiting[trouble] += number

    def be_calm(self) -> None:
        """Forget what was ordered and met no call."""
        with self._lock:
            self._waiting.clear()

    @property
    def waiting(self) -> int:
        """The number of troubles that met no call yet."""
        return self._waiting.total()

    def trouble_of(self, method: str, path: str, *, is_key_call: bool) -> Trouble | None:
        """Return the trouble that a call meets."""
        with self._lock:
            is_lied_about = self._lies[path] >= LIES_IN_A_ROW
            for trouble, number in self._waiting.items():
                fits = (
                    is_key_call == (trouble in OF_KEYS)
                    and (trouble not in OF_READS or (method == "GET" and not is_lied_about))
                    and (trouble not in OF_WRITES or method == "PUT")
                )
                if number > 0 and fits:
                    self._waiting[trouble] -= 1
                    self.hits[trouble] += 1
                    if trouble in OF_READS:
                        self._lies[path] += 1
                    return trouble
            if method == "GET":
                self._lies.pop(path, None)
        return None

    def pass_on(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Return what the target answers."""
        connection = http.client.HTTPConnection(*self._target, timeout=60)
        try:
            connection.request(method, path, body, dict(headers))
            reply = connection.getresponse()
            return reply.status, dict(reply.getheaders()), reply.read()
        finally:
            connection.close()

    def close(self) -> None:
        """End."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, _request: object, _address: object) -> None:
        """A server that was killed leaves connections; that is part of the day."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: CloudProxy

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding"):
            body = self._chunks()
        is_key_call = self.headers.get("X-Amz-Target", "").startswith("TrentService")
        is_list = "list-type=" in self.path
        trouble = None if is_list else self.proxy.trouble_of(self.command, self.path, is_key_call=is_key_call)
        if trouble is Trouble.SLOW:
            time.sleep(self.proxy.random.uniform(0.5, 3))
        if trouble is Trouble.BUSY:
            self._reply(503, {"Content-Type": "application/xml"}, b"<Error><Code>SlowDown</Code><Message>busy</Message></Error>")
            return
        if trouble is Trouble.THROTTLED:
            text = b'{"__type":"ThrottlingException","message":"Rate exceeded"}'
            self._reply(400, {"Content-Type": "application/x-amz-json-1.1"}, text)
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
        try:
            status, answered, text = self.proxy.pass_on(self.command, self.path, body, headers)
        except OSError:
            self.close_connection = True
            return
        self._distort(trouble, status, answered, text)

    def do_GET(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def _distort(self, trouble: Trouble | None, status: int, headers: dict[str, str], text: bytes) -> None:
        if trouble is Trouble.DENIED_WRITE:
            self._reply(
                500, {"Content-Type": "application/xml"}, b"<Error><Code>InternalError</Code><Message>x</Message></Error>"
            )
        elif trouble is Trouble.FORGOTTEN:
            self._reply(404, {"Content-Type": "application/xml"}, b"<Error><Code>NoSuchKey</Code><Message>x</Message></Error>")
        elif trouble is Trouble.CUT_SHORT and status == _OK:
            self._reply(status, _without_checksums(headers), text[: len(text) // 2])
        elif trouble is Trouble.DAMAGED and status == _OK and text:
            place = self.proxy.random.randrange(len(text))
            self._reply(status, _without_checksums(headers), text[:place] + bytes([text[place] ^ 0x20]) + text[place + 1 :])
        else:
            self._reply(status, headers, text)

    def _chunks(self) -> bytes:
        parts = bytearray()
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return bytes(parts)

    def _reply(self, status: int, headers: Mapping[str, str], text: bytes) -> None:
        try:
            self.send_response_only(status)
            for name, value in headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text)
        except OSError:
            self.close_connection = True

    def log_message(self, *_arguments: Any) -> None:
        pass


def _without_checksums(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers as a store sends them that does not notice what it does: the client cannot compare a checksum."""
    return {name: value for name, value in headers.items() if not name.lower().startswith("x-amz-checksum")}
