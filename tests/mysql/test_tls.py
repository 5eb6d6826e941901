"""A server that takes no one in without TLS, and logins by tokens."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from common.config.database import database_tls
from common.config.settings import Settings
from common.core.errors import Unavailable
from common.db.address import MySQL
from common.db.engine import open_database
from common.db.health import ping
from tests.hosts.certificate import Certificate
from tests.mysql.shared import HOST
from tests.mysql.tls import running_tls_server, tls_options
from tools.mysql import PASSWORD, USER, Server


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """The server's."""
    return Certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def server(certificate: Certificate) -> Iterator[Server]:
    """A server that speaks TLS 1.2 and nothing else."""
    with running_tls_server(certificate, "--tls-version=TLSv1.2") as running:
        yield running


def place(server: Server, authority: Path | None, lowest: str = "1.2", **more: object) -> MySQL:
    """Where it is, and whom we trust."""
    settings = {"DATABASE_CA_CERTIFICATE": authority.read_text(), "DATABASE_MIN_TLS_VERSION": lowest} if authority else {}
    given = {"password": PASSWORD, **more}
    return MySQL(HOST, server.port, "", USER, tls=database_tls(Settings(settings)), **given)  # type: ignore[arg-type]


def version(at: MySQL) -> str:
    """The TLS version of a connection."""
    with closing(open_database(at, pool_size=1)) as database, database.connect() as connection:
        return str(connection.execute(text("SHOW STATUS LIKE 'Ssl_version'")).one()[1])


class TestTls:
    def test_is_verified(self, server: Server, certificate: Certificate) -> None:
        """With the right authority the connection is encrypted."""
        assert "TLSv1.2" == version(place(server, certificate.certificate))

    def test_by_another_authority_is_refused(self, server: Server, tmp_path: Path) -> None:
        """A certificate of another user is no connection."""
        stranger = Certificate(tmp_path / "stranger")
        with pytest.raises(Unavailable) as caught:
            version(place(server, stranger.certificate))

        assert "CERTIFICATE_VERIFY_FAILED" in str(caught.value.__cause__)

    def test_older_than_allowed_is_refused(self, server: Server, certificate: Certificate) -> None:
        """The lowest version counts."""
        with pytest.raises(Unavailable):
            version(place(server, certificate.certificate, "1.3"))

    def test_is_not_begun_unasked(self, server: Server) -> None:
        """Without an authority there is no TLS at all, and a server that demands it says so."""
        with pytest.raises(Unavailable) as caught:
            version(place(server, None))

        assert "insecure transport" in str(caught.value.__cause__)


class Tokens:
    """Gives out tokens in turn."""

    server_plugin = None

    def __init__(self, *tokens: str) -> None:
        self.left = list(tokens)
        self.given = 0
        self.forgotten = 0

    def current(self) -> str:
        self.given += 1
        return self.left[0]

    def forget(self) -> None:
        self.forgotten += 1
        self.left.pop(0)


class TestToken:
    def test_is_asked_for_with_each_connection(self, server: Server, certificate: Certificate) -> None:
        """A pool that grows or replaces a connection gets a token that is good then."""
        tokens = Tokens(PASSWORD)
        with closing(open_database(place(server, certificate.certificate, password="", token=tokens), pool_size=2)) as database:
            ping(database)
            ping(database)
            assert 1 == tokens.given
            with database.connect() as one, database.connect() as two:
                assert 1 == one.scalar(text("SELECT 1")) == two.scalar(text("SELECT 1"))

        assert (2, 0) == (tokens.given, tokens.forgotten)

    def test_that_was_refused_is_replaced_once(self, server: Server, certificate: Certificate) -> None:
        """A token that was kept for too long costs a second attempt and no request."""
        tokens = Tokens("stale", PASSWORD)
        with closing(open_database(place(server, certificate.certificate, password="", token=tokens), pool_size=1)) as database:
            ping(database)

        assert 1 == tokens.forgotten

    def test_that_is_refused_again_is_told(self, server: Server, certificate: Certificate) -> None:
        """There is no third attempt, and the token is in no text."""
        tokens = Tokens("stale-one", "stale-two", PASSWORD)
        with (
            closing(open_database(place(server, certificate.certificate, password="", token=tokens), pool_size=1)) as database,
            pytest.raises(Unavailable) as caught,
        ):
            ping(database)

        assert "stale" not in f"{caught.value}{caught.value.__cause__}"


class TestFailOver:
    def test_leads_to_the_server_that_may_write(self, server: Server, certificate: Certificate) -> None:
        """A connection to a server that has become read-only is given up: the address leads to another one by then."""
        with closing(open_database(place(server, certificate.certificate), pool_size=1)) as database:
            with database.connect() as connection:
                before = connection.scalar(text("SELECT CONNECTION_ID()"))
                connection.execute(text("SET GLOBAL super_read_only = ON"))
            try:
                with pytest.raises(Unavailable), database.connect() as connection:
                    connection.execute(text("CREATE DATABASE refused"))
                with database.connect() as connection:
                    assert before != connection.scalar(text("SELECT CONNECTION_ID()"))
            finally:
                with database.connect() as connection:
                    connection.execute(text("SET GLOBAL read_only = OFF"))


class TestRestart:
    def test_is_survived_by_a_pool(self, server: Server, certificate: Certificate) -> None:
        """After a restart of the server every connection is replaced before it is used, and no request fails."""
        with closing(open_database(place(server, certificate.certificate), pool_size=3)) as database:
            with database.connect() as one, database.connect() as two:
                assert 1 == one.scalar(text("SELECT 1")) == two.scalar(text("SELECT 1"))
            server.stop()
            with pytest.raises(Unavailable):
                ping(database)
            server.start(*tls_options(certificate))
            for _ in range(5):
                with database.connect() as one, database.connect() as two:
                    assert 1 == one.scalar(text("SELECT 1")) == two.scalar(text("SELECT 1"))
