"""Large states over slow connections, in miniature, against a real server."""

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.client import HTTPResponse
from urllib.parse import urlsplit

import pytest
from httpx2 import Client

from tests.factories.people import ADMIN_TOKEN
from tests.server.server_process import Served
from tests.server.serving import client_of, serving
from tests.stacks.engine.builders import dump, make_resource
from tests.wire import create_stack, export, resources_of

COUNT, PARTS, PAUSE_SECONDS = 9000, 20, 0.1


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server."""
    with serving(tmp_path_factory.mktemp("slow"), 1) as found:
        yield found


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    """The administrator's client."""
    with client_of(served) as found:
        yield found


def large_state() -> bytes:
    """Return a state of fourteen megabytes that compresses very well, as honest states do."""
    text = "lorem ipsum dolor " * 75
    resources = [make_resource(f"r{number}", inputs={"text": text}) for number in range(COUNT)]
    return dump({"version": 3, "deployment": {"manifest": {"time": "", "magic": "", "version": ""}, "resources": resources}})


class TestSlowConnection:
    def test_arrive_and_are_not_taken_for_a_bomb(self, served: Served, client: Client) -> None:
        """An upload that takes its time succeeds, whatever its ratio, and no one else is slowed by it."""
        stack = create_stack(client)
        state = large_state()
        packed = gzip.compress(state, 9)
        done, waits = threading.Event(), list[float]()

        def others() -> None:
            with client_of(served) as other:
                while not done.is_set():
                    began = time.monotonic()
                    assert other.get("/api/user").status_code == 200
                    waits.append(time.monotonic() - began)
                    done.wait(0.02)

        def slowly() -> Iterator[bytes]:
            size = len(packed) // PARTS + 1
            for at in range(0, len(packed), size):
                time.sleep(PAUSE_SECONDS)
                yield packed[at : at + size]

        watcher = threading.Thread(target=others)
        watcher.start()
        reply = client.post(f"{stack}/import", content=slowly(), headers={"Content-Encoding": "gzip"})
        done.set()
        watcher.join(30)
        status = client.get(f"{stack}/update/{reply.json()['updateId']}").json()

        assert len(state) > 50 * len(packed)
        assert (200, "succeeded") == (reply.status_code, status["status"])
        assert COUNT == len(resources_of(export(client, stack)))
        assert len(waits) > PARTS
        assert sorted(waits)[len(waits) // 2] < PARTS * PAUSE_SECONDS / 2

    @pytest.mark.parametrize(("token", "stack", "status"), [("pul-" + "0" * 40, "dev", 401), (ADMIN_TOKEN, "none", 404)])
    def test_are_refused_before_they_have_arrived(self, served: Served, token: str, stack: str, status: int) -> None:
        """Who may not import learns it while most of their upload is still to come."""
        head = (
            f"POST /api/stacks/acme/shop/{stack}/import HTTP/1.1\r\nHost: x\r\nAuthorization: token {token}\r\n"
            "Content-Type: application/json\r\nContent-Length: 15000000\r\n\r\n"
        )
        address = urlsplit(served.url)
        with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
            connection.sendall(head.encode() + b'{"version":3,')
            answer = HTTPResponse(connection)
            answer.begin()
            body = json.loads(answer.read())

        assert (status, status) == (answer.status, body["code"])
