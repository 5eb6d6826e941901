"""Where the command line's links lead for a server that was started without any settings."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from common.config.settings import Settings
from functions.server.listener import CONSOLE_PORTS, bind, bind_console, login_address, login_url
from tests.e2e.server import free_port


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A listener of a server on any port of loopback."""
    with closing(bind(Settings({"STACKHOLD_PORT": "0"}))) as opened:
        yield opened


def test_is_what_the_command_line_derives() -> None:
    """`localhost:8080` becomes `localhost:3000` in its source, and nothing else does."""
    assert {8080: 3000} == CONSOLE_PORTS
    assert "http://localhost:8080" == login_url("http://127.0.0.1:8080") == login_address(Settings({}))
    for url in ("http://127.0.0.1:9000", "https://127.0.0.1:8080", "http://127.0.0.1:80800", "http://[::1]:8080"):
        assert url == login_url(url)


def test_is_served_too(listener: socket.socket) -> None:
    """A second listener stands at the derived port, on loopback."""
    port = free_port()
    found = bind_console(Settings({}), listener, {listener.getsockname()[1]: port})

    assert found is not None
    with closing(found):
        assert ("127.0.0.1", port) == found.getsockname()


def test_that_is_taken_is_left_alone(listener: socket.socket, caplog: pytest.LogCaptureFixture) -> None:
    """The server starts all the same, and says how links lead to it."""
    with closing(bind(Settings({"STACKHOLD_PORT": "0"}))) as other:
        found = bind_console(Settings({}), listener, {listener.getsockname()[1]: other.getsockname()[1]})

    assert found is None
    assert "export PULUMI_CONSOLE_DOMAIN=localhost:" in caplog.text


def test_is_for_the_default_alone(listener: socket.socket) -> None:
    """No second port on another port, with pages at an address of their own, or for servers that others reach."""
    ports = {listener.getsockname()[1]: free_port()}

    assert bind_console(Settings({}), listener) is None
    assert bind_console(Settings({"PULUMI_CONSOLE_DOMAIN": "app.example.com"}), listener, ports) is None
    with closing(bind(Settings({"STACKHOLD_HOST": "0.0.0.0", "STACKHOLD_PORT": "0"}))) as everywhere:
        assert bind_console(Settings({}), everywhere, {everywhere.getsockname()[1]: free_port()}) is None
