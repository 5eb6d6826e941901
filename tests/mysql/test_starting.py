"""Starts against a MySQL server that wants TLS, is read-only or grants too little, and the migrations container."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from common.config.settings import Settings
from common.core.errors import StartUpError
from common.db.explaining import TLS_ADVICE
from common.ports.keys.local import create_key
from functions.server import startup
from tests.hosts.certificate import Certificate
from tests.mysql.shared import HOST, SharedServer
from tests.mysql.tls import execute, running_tls_server
from tests.server.server_process import Served, contents, run
from tools.mysql import PASSWORD, USER, Server

COMMANDS = (("serve", "--port", "0"), ("migrate",), ("doctor",))
FOREIGN = "svc"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """The server's."""
    return Certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def tls_server(certificate: Certificate) -> Iterator[Server]:
    """A server with a database that accepts connections over TLS only."""
    with running_tls_server(certificate) as running:
        execute(running, "CREATE DATABASE acme")
        yield running


def settings_of(server: Server, **more: str) -> dict[str, str]:
    """The four settings of the database, and more."""
    return {
        "PULUMI_DATABASE_ENDPOINT": f"{HOST}:{server.port}",
        "PULUMI_DATABASE_NAME": "acme",
        "PULUMI_DATABASE_USER_NAME": USER,
        "PULUMI_DATABASE_USER_PASSWORD": PASSWORD,
        **more,
    }


def said_by(folder: Path, arguments: tuple[str, ...], settings: dict[str, str]) -> str:
    """The one line in which a command that fails says why."""
    ended = run(folder, *arguments, **settings)
    assert 1 == ended.returncode
    return next(line for line in (ended.stdout + ended.stderr).splitlines() if "the database cannot be used" in line)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
class TestServerThatWantsTls:
    def test_is_told_with_both_settings(self, tls_server: Server, command: tuple[str, ...], tmp_path: Path) -> None:
        """Without TLS, one sentence names both settings."""
        said = said_by(tmp_path, command, settings_of(tls_server))

        assert f"the MySQL server at {HOST}:{tls_server.port} accepts connections over TLS only: {TLS_ADVICE}" in said
        assert "DATABASE_MIN_TLS_VERSION" in said
        assert "DATABASE_CA_CERTIFICATE" in said

    def test_with_a_certificate_that_is_not_trusted_is_told_with_the_authority(
        self, tls_server: Server, command: tuple[str, ...], tmp_path: Path
    ) -> None:
        """TLS with this machine's authorities, or with a foreign one: the sentence names DATABASE_CA_CERTIFICATE."""
        foreign = Certificate(tmp_path / "foreign").certificate.read_text()
        public = said_by(tmp_path, command, settings_of(tls_server, DATABASE_MIN_TLS_VERSION="1.2"))
        other = said_by(tmp_path, command, settings_of(tls_server, DATABASE_CA_CERTIFICATE=foreign))

        for said in (public, other):
            assert (
                f"the certificate of the MySQL server at {HOST}:{tls_server.port} is not trusted: set DATABASE_CA_CERTIFICATE"
                in said
            )

    def test_for_one_user_only_is_told_with_both_settings(
        self, tls_server: Server, command: tuple[str, ...], tmp_path: Path
    ) -> None:
        """A user who may sign in over TLS only is told apart from a wrong password by naming the settings as well."""
        execute(
            tls_server,
            "SET GLOBAL require_secure_transport = OFF",
            f"CREATE USER IF NOT EXISTS secure@'%' IDENTIFIED BY '{PASSWORD}' REQUIRE SSL",
            "GRANT ALL ON acme.* TO secure@'%'",
        )
        try:
            said = said_by(tmp_path, command, settings_of(tls_server, PULUMI_DATABASE_USER_NAME="secure"))
        finally:
            execute(tls_server, "SET GLOBAL require_secure_transport = ON")

        assert "PULUMI_DATABASE_USER_PASSWORD; if the user must sign in over TLS, set DATABASE_MIN_TLS_VERSION" in said


def test_the_right_authority_lets_a_server_start_that_wants_tls(
    tls_server: Server, certificate: Certificate, tmp_path: Path
) -> None:
    """With the authority of the server everything works."""
    settings = settings_of(tls_server, DATABASE_CA_CERTIFICATE=certificate.certificate.read_text())

    assert 0 == run(tmp_path, "migrate", **settings).returncode
    assert 0 == run(tmp_path, "doctor", **settings).returncode


class TestTrials:
    @pytest.mark.parametrize(
        ("rights", "migrates"), [("SELECT", True), ("SELECT, INSERT, UPDATE, DELETE", True), ("SELECT", False)]
    )
    def test_find_rights_that_are_missing(
        self, mysql_server: SharedServer, tmp_path: Path, rights: str, *, migrates: bool
    ) -> None:
        """A user who may not write what is to be written is named before anything is written, by serve and by doctor."""
        with mysql_server.fresh() if migrates else mysql_server.migrated() as name, user(mysql_server, name, rights) as login:
            settings = {**mysql_server.settings(name), **login, "STACKHOLD_DATA": str(tmp_path / "data")}
            with pytest.raises(StartUpError, match=f"denied .*: grant all privileges on the database {name} to the user"):
                startup.start(Settings(settings), may_migrate=True)
            examined = run(tmp_path, "doctor", **settings)

            assert "grant all privileges" in examined.stdout
            assert not (tmp_path / "data").exists()

    def test_pass_without_rights_on_tables_where_nothing_is_to_migrate(self, mysql_server: SharedServer, tmp_path: Path) -> None:
        """With a migrations container, a user who may change rows alone is enough, and a trial leaves nothing."""
        with mysql_server.migrated() as name, user(mysql_server, name, "SELECT, INSERT, UPDATE, DELETE") as login:
            settings = {**mysql_server.settings(name), **login, "STACKHOLD_DATA": str(tmp_path / "data")}
            startup.start(Settings(settings), may_migrate=True).close()

            assert [("probe",)] == mysql_server.run("SELECT name FROM service_keys", database=name)

    def test_find_a_server_that_is_read_only(self, tls_server: Server, certificate: Certificate, tmp_path: Path) -> None:
        """A replica is told by its address, before anything is written."""
        authority = certificate.certificate.read_text()
        settings = settings_of(
            tls_server,
            DATABASE_CA_CERTIFICATE=authority,
            PULUMI_DATABASE_USER_NAME="reader",
            STACKHOLD_DATA=str(tmp_path / "data"),
        )
        execute(
            tls_server,
            f"CREATE USER IF NOT EXISTS reader@'%' IDENTIFIED BY '{PASSWORD}'",
            "GRANT ALL ON acme.* TO reader@'%'",
            "SET GLOBAL read_only = ON",
        )
        try:
            with pytest.raises(StartUpError, match=r"PULUMI_DATABASE_ENDPOINT .* must lead to a server that accepts writes"):
                startup.start(Settings(settings), may_migrate=True)
        finally:
            execute(tls_server, "SET GLOBAL read_only = OFF")
        assert not (tmp_path / "data").exists()


class TestMigrationsContainer:
    def test_needs_its_documented_settings_only_and_leaves_the_key_to_the_server(
        self, mysql_server: SharedServer, tmp_path: Path
    ) -> None:
        """Root, endpoint and ping address make the tables; the server starts afterwards elsewhere, with its own key and user."""
        with mysql_server.fresh() as name:
            endpoint = f"{HOST}:{mysql_server.port}"
            migrations = {
                "PULUMI_DATABASE_ENDPOINT": endpoint,
                "PULUMI_DATABASE_NAME": name,
                "PULUMI_DATABASE_PING_ENDPOINT": endpoint,
                "MYSQL_ROOT_USERNAME": USER,
                "MYSQL_ROOT_PASSWORD": PASSWORD,
                "RUN_MIGRATIONS_EXTERNALLY": "true",
            }
            container, server = tmp_path / "container", tmp_path / "server"
            container.mkdir()
            server.mkdir()
            done = run(container, "migrate", **migrations)
            rows = mysql_server.run("SELECT COUNT(*) FROM service_keys", database=name)
            key = create_key(tmp_path / "keys")

            assert (0, "The database was updated to this release.") == (done.returncode, done.stdout.splitlines()[-1])
            assert {} == contents(container)
            assert [(0,)] == rows
            with Served(server, **mysql_server.settings(name), PULUMI_LOCAL_KEYS=str(key)) as running:
                assert 200 == running.call("/api/status")[0]

    def test_creates_the_user_of_the_original_by_default(self, mysql_server: SharedServer, tmp_path: Path) -> None:
        """With the application's password beside root's, its user is created under the original's name, and can serve."""
        with mysql_server.fresh() as name:
            database = {
                "PULUMI_DATABASE_ENDPOINT": f"{HOST}:{mysql_server.port}",
                "PULUMI_DATABASE_NAME": name,
                "PULUMI_DATABASE_USER_PASSWORD": "correct horse battery",
            }
            root = {"MYSQL_ROOT_USERNAME": USER, "MYSQL_ROOT_PASSWORD": PASSWORD}
            mysql_server.run("DROP USER IF EXISTS pulumi_service@'%'")
            try:
                assert 0 == run(tmp_path, "migrate", **database, **root).returncode
                with Served(tmp_path, **database) as running:
                    assert 200 == running.call("/api/status")[0]
            finally:
                mysql_server.run("DROP USER IF EXISTS pulumi_service@'%'")


@contextmanager
def user(server: SharedServer, database: str, rights: str) -> Iterator[dict[str, str]]:
    """Yield the login of a user with some rights on a database."""
    name = f"u{database[-20:]}"
    server.run(f"CREATE USER {name}@'%' IDENTIFIED BY '{PASSWORD}'", f"GRANT {rights} ON {database}.* TO {name}@'%'")
    try:
        yield {"PULUMI_DATABASE_USER_NAME": name, "PULUMI_DATABASE_USER_PASSWORD": PASSWORD}
    finally:
        server.run(f"DROP USER {name}@'%'")
