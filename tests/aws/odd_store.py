"""Stores that are almost S3: each has one habit that S3 does not have, or fails for a while. Path style, any credentials."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Habit(StrEnum):
    """What is odd about a store."""

    NONE = "none"
    KNOWS_NO_CHECKSUMS = "501 for the newer checksums, their trailers and chunks, conditional writes, lists and joint deletions"
    WANTS_CHECKSUMS = "400 for an upload without a checksum of either kind, 501 for lists and joint deletions"
    WANTS_NEW_CHECKSUMS = "400 for an upload without one of the newer checksums"
    IS_BUSY = "503 while `failures` last"
    BREAKS_OFF = "half of a body, while `failures` last"
    FORBIDS = "403 for everything"
    IS_ELSEWHERE = "400 for everything, as for a bucket of another region"
    IS_SLOW = "each answer begins late"


SLOW_SECONDS = 0.51


@dataclass(slots=True)
class OddStore:
    """A running store, what it holds, and the requests it has seen."""

    habit: Habit
    url: str = ""
    failures: int = 0
    objects: dict[str, tuple[bytes, dict[str, str]]] = field(default_factory=dict)
    uploads: list[dict[str, str]] = field(default_factory=list)
    requests: int = 0

    @property
    def address(self) -> str:
        """The address of a bucket in it."""
        return f"s3://box?region=us-east-1&endpoint={self.url}&s3ForcePathStyle=true"


@contextmanager
def odd_store(habit: Habit) -> Iterator[OddStore]:
    """Yield a running store."""
    store = OddStore(habit)

    class Handler(_Handler):
        owner = store

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    store.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: OddStore

    def do_PUT(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        if self._fails():
            return
        self.owner.uploads.append(headers)
        new = [
            name
            for name in headers
            if name.startswith("x-amz-checksum") or name in ("x-amz-trailer", "x-amz-sdk-checksum-algorithm")
        ]
        is_chunked = "aws-chunked" in headers.get("content-encoding", "") or headers.get("x-amz-content-sha256", "").startswith(
            "STREAMING"
        )
        habit = self.owner.habit
        if habit is Habit.KNOWS_NO_CHECKSUMS and (new or is_chunked or "if-none-match" in headers):
            self._refuse(501, "NotImplemented")
        elif (habit is Habit.WANTS_CHECKSUMS and not new and "content-md5" not in headers) or (
            habit is Habit.WANTS_NEW_CHECKSUMS and not new
        ):
            self._refuse(400, "InvalidRequest")
        else:
            kept = {name: value for name, value in headers.items() if name in ("content-type", "content-encoding")}
            self.owner.objects[self.path.split("?")[0]] = body, kept
            self._reply(200, b"", {"ETag": '"x"'})

    def do_GET(self) -> None:
        if self._fails():
            return
        found = self.owner.objects.get(self.path.split("?")[0])
        if "list-type=2" in self.path:
            self._list(parse_qs(urlsplit(self.path).query)["prefix"][0])
            return
        if found is None:
            self._refuse(404, "NoSuchKey")
            return
        body, headers = found
        if self.owner.habit is Habit.BREAKS_OFF and self.owner.failures > 0:
            self.owner.failures -= 1
            self._reply(200, body[: len(body) // 2], headers, claimed=len(body))
            self.close_connection = True
            return
        self._reply(200, body, headers)

    def do_HEAD(self) -> None:
        if not self._fails():
            self._reply(200 if self.path.split("?")[0] in self.owner.objects else 404, b"", {})

    def _list(self, prefix: str) -> None:
        keys = [key for path in sorted(self.owner.objects) if (key := path.removeprefix("/box/")).startswith(prefix)]
        entries = "".join(
            f"<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>" for key in keys
        )
        text = f'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{entries}</ListBucketResult>'
        self._reply(200, text.encode(), {"Content-Type": "application/xml"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self._fails():
            return
        if self.owner.habit in (Habit.KNOWS_NO_CHECKSUMS, Habit.WANTS_CHECKSUMS):
            self._refuse(501, "NotImplemented")
            return
        self.owner.uploads.append({name.lower(): value for name, value in self.headers.items()})
        for part in body.split("<Key>")[1:]:
            self.owner.objects.pop("/box/" + part.partition("</Key>")[0], None)
        self._reply(
            200,
            b'<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></DeleteResult>',
            {"Content-Type": "application/xml"},
        )

    def do_DELETE(self) -> None:
        if not self._fails():
            self.owner.objects.pop(self.path.split("?")[0], None)
            self._reply(204, b"", {})

    def _fails(self) -> bool:
        self.owner.requests += 1
        if self.owner.habit is Habit.IS_SLOW:
            time.sleep(SLOW_SECONDS)
        if self.owner.habit is Habit.IS_ELSEWHERE:
            self._refuse(400, "IllegalLocationConstraintException")
            return True
        if self.owner.habit is Habit.FORBIDS:
            self._refuse(403, "AccessDenied")
            return True
        if self.owner.habit is Habit.IS_BUSY and self.owner.failures > 0:
            self.owner.failures -= 1
            self._refuse(503, "SlowDown")
            return True
        return False

    def _refuse(self, status: int, code: str) -> None:
        self._reply(
            status,
            f"<Error><Code>{code}</Code><Message>no secret here: AKIAEXAMPLE</Message></Error>".encode(),
            {"Content-Type": "application/xml"},
        )

    def _reply(self, status: int, body: bytes, headers: dict[str, str], claimed: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if claimed is None else claimed))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        pass
