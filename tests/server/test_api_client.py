"""The client of an API that may answer anything: each error is one line for the operator."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from common.core.errors import StartUpError
from functions.server.api_client import ApiClient


@contextmanager
def service(*replies: tuple[int, dict[str, str], bytes]) -> Iterator[ApiClient]:
    """Yield a client of a service that gives these replies, one after the other."""
    left = list(replies)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = left.pop(0)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield ApiClient.connected(f"http://127.0.0.1:{server.server_address[1]}", "secret-token", attempts=2)
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, b"<html>", "200 without JSON"),
        (200, b"[" * 200_000, "200 without JSON"),
        (200, b"\xff", "200 without JSON"),
        (500, b"no", "500 without JSON"),
        (404, b'{"message": "no such\\nstack"}', "no such stack"),
        (404, b"[]", "the server answered 404"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_bad_answer_is_an_error_for_the_operator(status: int, body: bytes, words: str) -> None:
    """It has no token in it."""
    with service((status, {}, body)) as client, pytest.raises(StartUpError, match=words) as error:
        client.get("/api/user")
    assert "secret-token" not in str(error.value)


def test_a_text_keeps_its_bytes() -> None:
    """Whatever the server says about its characters; what is no UTF-8 is an error, not another text."""
    text = '{"name": "é\\ud83d", "size": 1.0}'
    latin = {"Content-Type": "application/json; charset=latin-1"}
    with service((200, latin, text.encode()), (200, {}, b'"\xff"')) as client:
        assert text == client.get_text("/api/state")
        with pytest.raises(StartUpError, match="not UTF-8"):
            client.get_text("/api/state")


def test_a_busy_service_is_asked_again_whatever_pause_it_names() -> None:
    """A pause that is not a number counts as if it were missing."""
    with service((503, {"Retry-After": "²"}, b"{}"), (200, {}, b"[1]")) as client:
        assert [1] == client.get("/api/user")
