"""The rotator of PostgreSQL against a real server."""

import socket
import uuid
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

import pg8000.native
import pytest
from pg8000.exceptions import DatabaseError

from common.backend import Backend
from common.environments.language.interfaces import WorldError
from common.ports.outbound import Outbound
from common.rights.caller import Caller
from tests.environments.providers.opening import SECRET, revealed, shown
from tests.environments.rotators.test_rotators import rotated
from tests.reporting import missing_tool
from tools.debian import ProgramUnavailableError
from tools.postgres import PASSWORD, USER, Server, temporary_server

HOST = "127.0.0.1"
# One server serves the tests of both databases.
pytestmark = pytest.mark.dialects("sqlite")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A PostgreSQL server."""
    try:
        with temporary_server() as running:
            yield running
    except ProgramUnavailableError as error:
        missing_tool(str(error))


def connect(server: Server, user: str, password: str) -> Any:
    """Return a connection."""
    return pg8000.native.Connection(user, HOST, "postgres", server.port, password, ssl_context=False)


def can_log_in(server: Server, login: dict[str, str]) -> bool:
    """Return whether a user and a password are good."""
    with suppress(DatabaseError), closing(connect(server, login["username"], login["password"])):
        return True
    return False


@pytest.fixture
def users(server: Server) -> tuple[str, str]:
    """Two users of the server, with names that must be quoted."""
    names = (f'a"{uuid.uuid4().hex[:12]}', f"B {uuid.uuid4().hex[:12]}")
    with closing(connect(server, USER, PASSWORD)) as connection:
        for name in names:
            connection.run(f"CREATE ROLE {pg8000.native.identifier(name)} LOGIN PASSWORD '{SECRET}'")
    return names


@pytest.fixture
def inputs(server: Server, users: tuple[str, str]) -> dict[str, Any]:
    """The inputs of the rotator."""
    managing = {"username": USER, "password": PASSWORD}
    database = {"host": HOST, "port": server.port, "database": "postgres", "managingUser": managing}
    return {"database": database, "rotateUsers": {"username1": users[0], "username2": users[1]}}


@pytest.fixture
def listed(backend: Backend) -> Backend:
    """A backend that may call the server."""
    return replace(backend, outbound=Outbound(HOST))


class CutSocket(socket.socket):
    """A connection that ends once it has sent so many times."""

    sends_left = 0

    def send(self, data: Any, flags: int = 0) -> int:
        """Send, then end the connection if it was the last time."""
        if self.sends_left <= 0:
            raise ConnectionResetError
        self.sends_left -= 1
        sent = super().send(data, flags)
        if self.sends_left == 0:
            self.shutdown(socket.SHUT_RDWR)
        return sent

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send at once: what is sent here is short."""
        self.send(data, flags)

    def recv(self, *arguments: Any) -> bytes:
        """Receive nothing any more once the connection has ended."""
        return super().recv(*arguments) if self.sends_left else b""

    def recv_into(self, *arguments: Any) -> int:
        """Receive nothing any more once the connection has ended."""
        return super().recv_into(*arguments) if self.sends_left else 0


class CutOutbound(Outbound):
    """Makes connections that end once they have sent so many times."""

    sends = 0

    def connect(self, host: str, port: int, seconds: float | None = None) -> socket.socket:
        """Return such a connection."""
        cut = CutSocket(fileno=super().connect(host, port, seconds).detach())
        cut.sends_left = self.sends
        return cut


class TestPostgresUsers:
    def test_lets_two_users_take_turns(
        self, listed: Backend, admin: Caller, server: Server, inputs: dict[str, Any], users: tuple[str, str]
    ) -> None:
        """The current and the previous user can log in, also after a rotation whose result was lost."""
        first = rotated(listed, admin, "postgres", inputs)
        second = rotated(listed, admin, "postgres", inputs, first)
        assert [revealed(state)["current"]["username"] for state in (first, second)] == list(users)
        assert all(can_log_in(server, login) for login in revealed(second).values())
        # Its result is not saved: the current user of the second state is left alone.
        rotated(listed, admin, "postgres", inputs, second)

        assert can_log_in(server, revealed(second)["current"])
        third = rotated(listed, admin, "postgres", inputs, second)
        assert all(can_log_in(server, login) for login in revealed(third).values())
        assert shown(third)["current"] == {"username": users[0], "password": "[secret]"}
        assert not can_log_in(server, {"username": users[0], "password": SECRET})

    def test_loses_no_password_wherever_it_ends(
        self, backend: Backend, admin: Caller, server: Server, inputs: dict[str, Any], listed: Backend
    ) -> None:
        """A connection that ends after any of its messages leaves the current user alone, and a further rotation succeeds."""
        outbound = CutOutbound(HOST)
        cut, state = replace(backend, outbound=outbound), rotated(listed, admin, "postgres", inputs)
        for outbound.sends in range(6):
            with pytest.raises(WorldError, match=HOST):
                rotated(cut, admin, "postgres", inputs, state)
            assert can_log_in(server, revealed(state)["current"])
        # The request for TLS, the user, two messages of the password, the statement, and the end of the session.
        outbound.sends = 6
        state = rotated(cut, admin, "postgres", inputs, state)

        assert all(can_log_in(server, login) for login in revealed(state).values())

    def test_names_what_is_wrong(self, listed: Backend, admin: Caller, inputs: dict[str, Any]) -> None:
        """A refusal is named by its code, without passwords."""
        database = {**inputs["database"], "managingUser": {"username": USER, "password": SECRET}}
        with pytest.raises(WorldError, match=r"it refuses the managing user \(28P01\)") as error:
            rotated(listed, admin, "postgres", {**inputs, "database": database})
        assert SECRET not in str(error.value)
        with pytest.raises(WorldError, match=r"may not change this user, or it does not exist \(42704\)"):
            rotated(listed, admin, "postgres", {**inputs, "rotateUsers": {"username1": "nobody", "username2": "x"}})
        with pytest.raises(WorldError, match="error 3D000"):
            rotated(listed, admin, "postgres", {**inputs, "database": {**inputs["database"], "database": "none"}})

    def test_refuses_private_addresses(self, backend: Backend, admin: Caller, inputs: dict[str, Any]) -> None:
        """A server of the private network is called only if the operator lists it."""
        with pytest.raises(WorldError, match="not a public address"):
            rotated(backend, admin, "postgres", inputs)

    def test_does_not_take_connectors(self, listed: Backend, admin: Caller, inputs: dict[str, Any]) -> None:
        """What cannot be used is named before anything is sent."""
        with pytest.raises(WorldError, match="connectors are not available"):
            rotated(listed, admin, "postgres", {**inputs, "database": {**inputs["database"], "connector": {}}})
