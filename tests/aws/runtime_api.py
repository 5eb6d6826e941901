"""The part of AWS Lambda that a runtime client talks to, and one execution environment around it.

The limits are Lambda's: an event or a reply that is too large never arrives, and a process that could not hand over its reply
has ended, so that the next call is a cold start. Starts are counted.
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

EVENT_LIMIT_BYTES = 6_291_456
REPLY_LIMIT_BYTES = 6_291_556
INIT_SECONDS, CALL_SECONDS = 60.0, 30.0
_PREFIX = "/2018-06-01/runtime/"
_ACCEPTED, _TOO_LARGE = 202, 413


class FunctionError(Exception):
    """The function failed: it raised, ended, took too long, or its reply was too large."""


@dataclass(frozen=True, slots=True)
class Code:
    """What is run: the unpacked artifact, the Python that runs it, where its runtime client is, and its variables."""

    folder: Path
    python: Path
    runtime: Path
    environment: Mapping[str, str]


@dataclass(slots=True)
class _Call:
    id: str
    event: bytes
    done: threading.Event = field(default_factory=threading.Event)
    reply: bytes | None = None
    error: str = ""


class Environment:
    """One execution environment: a process that serves one call at a time."""

    def __init__(self, code: Code, handler: str, log: Path, *, timeout_seconds: float = CALL_SECONDS, **more: str) -> None:
        self._code, self._handler, self._log, self._more = code, handler, log, more
        self.timeout_seconds = timeout_seconds
        # What the platform says of the trace that a call belongs to.
        self.trace = "Root=1-00000000-000000000000000000000000;Sampled=0"
        self._calls: queue.Queue[_Call] = queue.Queue()
        self._current: _Call | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = threading.Event()
        self._number = 0
        self.inits = 0
        self.init_error = ""
        self._server = _server(self)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def start(self) -> float:
        """Start the process and return the seconds until it asked for its first call."""
        began = time.monotonic()
        self._ready.clear()
        self.inits += 1
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._code.python), "-m", "awslambdaric", self._handler],
                cwd=self._code.folder,
                env=self._variables(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        while not self._ready.wait(0.002):
            if self._process.poll() is not None or time.monotonic() - began > INIT_SECONDS:
                raise FunctionError(f"the function did not start: {self.init_error}\n{self.log[-3000:]}")
        return time.monotonic() - began

    def invoke(self, event: Any) -> Any:
        """Call the function and return its reply."""
        return json.loads(self.invoke_raw(json.dumps(event).encode()))

    def invoke_raw(self, event: bytes) -> bytes:
        """Call the function with the text of an event and return the text of its reply."""
        if self._process is None or self._process.poll() is not None:
            self.start()
        self._number += 1
        call = _Call(f"call-{self._number}", event)
        self._calls.put(call)
        deadline = time.monotonic() + self.timeout_seconds
        while not call.done.wait(1.0):
            if self._process is not None and self._process.poll() is not None:
                raise FunctionError(f"the function's process ended\n{self.log[-3000:]}")
            if time.monotonic() > deadline:
                self.stop()
                raise FunctionError(f"no reply within {self.timeout_seconds} s")
        if call.reply is None:
            raise FunctionError(call.error)
        return call.reply

    @property
    def log(self) -> str:
        """What the function has written."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def process_id(self) -> int:
        """The id of the process."""
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """End the process, as Lambda does with an environment that it no longer needs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """End process and server."""
        self.stop()
        self._server.shutdown()
        self._server.server_close()

    def take(self) -> _Call:
        """Wait for a call: the process asks for its next one."""
        self._ready.set()
        self._current = self._calls.get()
        return self._current

    def finish(self, reply: bytes | None, error: str = "") -> None:
        """Hand the reply to the caller, or the reason for its absence."""
        call = self._current
        assert call is not None
        call.reply, call.error = reply, error
        call.done.set()

    def _variables(self) -> dict[str, str]:
        version = self._code.environment.get("AWS_EXECUTION_ENV", "AWS_Lambda_python3.13")
        return {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(self._code.runtime),
            "LAMBDA_TASK_ROOT": str(self._code.folder),
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_address[1]}",
            "AWS_LAMBDA_FUNCTION_NAME": "stackhold",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_EXECUTION_ENV": version,
            **self._code.environment,
            **self._more,
        }


class Server(ThreadingHTTPServer):
    """A server for which a client that goes away is no news."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says what went wrong, unless the client merely went away."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _server(environment: Environment) -> ThreadingHTTPServer:
    class Handler(_Handler):
        owner = environment

    return Server(("127.0.0.1", 0), Handler)


class _Handler(BaseHTTPRequestHandler):
    """The runtime interface. Replies go out in one packet, or they would wait 40 ms for an acknowledgement."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    owner: Environment

    def do_GET(self) -> None:
        """Serve `next`; a snapshot is taken, and at once restored, on `restore/next`."""
        if self.path == f"{_PREFIX}restore/next":
            self._answer(200, b"", {})
            return
        assert self.path == f"{_PREFIX}invocation/next"
        call = self.owner.take()
        self._answer(
            200,
            call.event,
            {
                "Content-Type": "application/json",
                "Lambda-Runtime-Aws-Request-Id": call.id,
                "Lambda-Runtime-Deadline-Ms": str(int((time.time() + self.owner.timeout_seconds) * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-west-1:123456789012:function:stackhold:live",
                "Lambda-Runtime-Trace-Id": self.owner.trace,
            },
        )

    def do_POST(self) -> None:
        """Serve `response` and `error`."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == f"{_PREFIX}init/error":
            self.owner.init_error = body.decode(errors="replace")
            self._answer(_ACCEPTED, b"{}", {})
        elif self.path.endswith("/error"):
            self._answer(_ACCEPTED, b"{}", {})
            self.owner.finish(None, body.decode(errors="replace"))
        elif len(body) > REPLY_LIMIT_BYTES:
            self._answer(_TOO_LARGE, b'{"errorType":"RequestEntityTooLarge"}', {})
            self.owner.finish(None, f"Function.ResponseSizeTooLarge: {len(body)} bytes")
        else:
            self._answer(_ACCEPTED, b"{}", {})
            self.owner.finish(body)

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_arguments: object) -> None:
        """Stays silent."""
