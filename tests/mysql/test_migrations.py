"""Migrations that are cut off, run together, or meet a server that cannot be used yet."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from common.config import database
from common.config.settings import Settings
from common.core.errors import StartUpError
from common.db import migrate as module
from common.db.engine import open_database
from common.db.migrate import migrate
from common.db.migrations import REVISIONS
from common.db.provision import await_server
from tests.mysql.shared import HOST, SharedServer, connect
from tests.server.server_process import PROGRAM, Served, environment, run
from tools.mysql import PASSWORD, USER


@pytest.fixture
def name(mysql_server: SharedServer) -> Iterator[str]:
    """An empty database."""
    with mysql_server.fresh() as made:
        yield made


def dump(server: SharedServer, name: str) -> list[tuple[object, ...]]:
    """What a database's tables are, and its revision."""
    columns = server.run(
        "SELECT table_name, column_name, column_type, is_nullable, collation_name, ordinal_position FROM information_schema.columns"
        f" WHERE table_schema = '{name}' ORDER BY table_name, ordinal_position"
    )
    indexes = server.run(
        "SELECT table_name, index_name, non_unique, seq_in_index, column_name FROM information_schema.statistics"
        f" WHERE table_schema = '{name}' ORDER BY table_name, index_name, seq_in_index"
    )
    return [*columns, *indexes, *server.run("SELECT version_num FROM alembic_version", database=name)]


@pytest.fixture(scope="module")
def clean(mysql_server: SharedServer) -> list[tuple[object, ...]]:
    """What an undisturbed migration makes."""
    with mysql_server.migrated() as made:
        return dump(mysql_server, made)


class TestMigrateCommand:
    def test_killed_at_any_moment_goes_on_next_time(
        self, mysql_server: SharedServer, name: str, clean: list[tuple[object, ...]], tmp_path: Path
    ) -> None:
        """A process that dies between two tables leaves what the next run completes."""
        settings = mysql_server.settings(name)
        done = 0
        for tables in range(0, 14, 2):
            process = subprocess.Popen(
                [PROGRAM, "migrate"],
                cwd=tmp_path,
                env=environment(**settings),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            while process.poll() is None:
                ((done,),) = mysql_server.run(f"SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '{name}'")  # type: ignore[assignment]
                if done > tables:
                    process.send_signal(signal.SIGKILL)
            process.wait()
        ended = run(tmp_path, "migrate", **settings)

        assert 0 == ended.returncode, ended.stderr
        assert done
        assert clean == dump(mysql_server, name)

    def test_after_the_mark_was_set_back_finds_everything_there(
        self, mysql_server: SharedServer, name: str, clean: list[tuple[object, ...]], tmp_path: Path
    ) -> None:
        """Steps that were done already are no error."""
        settings = mysql_server.settings(name)
        run(tmp_path, "migrate", **settings)
        mysql_server.run("DELETE FROM alembic_version", database=name)
        ended = run(tmp_path, "migrate", **settings)

        assert 0 == ended.returncode, ended.stderr
        assert clean == dump(mysql_server, name)

    def test_three_at_once_wait_for_one_another(
        self, mysql_server: SharedServer, name: str, clean: list[tuple[object, ...]], tmp_path: Path
    ) -> None:
        """All succeed, and the tables are as one run makes them."""
        (tmp_path / "data").mkdir()
        (tmp_path / "key").write_bytes(os.urandom(32))
        (tmp_path / "key").chmod(0o600)
        settings = {
            **mysql_server.settings(name),
            "PULUMI_LOCAL_KEYS": str(tmp_path / "key"),
            "STACKHOLD_DATA": str(tmp_path / "data"),
        }
        processes = [
            subprocess.Popen(
                [PROGRAM, "migrate"], cwd=tmp_path, env=environment(**settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            for _ in range(3)
        ]
        ended = [(process.communicate(timeout=60), process.returncode) for process in processes]

        assert [0, 0, 0] == [code for _, code in ended], ended
        assert clean == dump(mysql_server, name)

    def test_of_a_newer_database_is_refused_and_so_is_serving(
        self, mysql_server: SharedServer, name: str, tmp_path: Path
    ) -> None:
        """Both revisions are named and nothing is written."""
        settings = mysql_server.settings(name)
        run(tmp_path, "migrate", **settings)
        mysql_server.run("UPDATE alembic_version SET version_num = '0999'", database=name)
        before = dump(mysql_server, name)
        for command in ("migrate", "serve"):
            ended = run(tmp_path, command, **settings, STACKHOLD_PORT="0")
            assert 1 == ended.returncode
            assert f"at revision 0999, newer than this program, which knows {REVISIONS[-1]}" in ended.stderr

        assert before == dump(mysql_server, name)


class TestLock:
    def test_held_for_too_long_is_told(self, mysql_server: SharedServer, name: str) -> None:
        """A run that finds another one at work waits a while and then says so."""
        with closing(open_database(mysql_server.place(name), pool_size=1)) as opened:
            with opened.connect() as connection:
                lock = module._lock_name(connection)
            with closing(connect(mysql_server.port)) as other, other.cursor() as cursor:
                cursor.execute("SELECT GET_LOCK(%s, 0)", (lock,))
                with pytest.raises(StartUpError, match="another migration of this database is still running after 0 seconds"):
                    migrate(opened, wait_seconds=0)
            for _ in range(100):  # The server frees it when it notices that the connection is gone.
                if mysql_server.run(f"SELECT IS_FREE_LOCK('{lock}')") == [(1,)]:
                    break
            assert migrate(opened) is True

    def test_that_fails_names_revision_and_statement(self, mysql_server: SharedServer, name: str) -> None:
        """Anyone who may not make tables is told where it stopped and how to go on."""
        mysql_server.run(
            f"CREATE USER reader_{name[:8]}@'%' IDENTIFIED BY 'x'", f"GRANT SELECT ON {name}.* TO reader_{name[:8]}@'%'"
        )
        place = mysql_server.place(name)
        reader = type(place)(place.host, place.port, name, f"reader_{name[:8]}", "x")
        try:
            with (
                closing(open_database(reader, pool_size=1)) as opened,
                pytest.raises(
                    StartUpError,
                    match=rf"to revision {REVISIONS[-1]} stopped at `CREATE TABLE .*denied.*run `stackhold migrate` again",
                ),
            ):
                migrate(opened)
        finally:
            mysql_server.run(f"DROP USER reader_{name[:8]}@'%'")


class TestCreation:
    @pytest.fixture
    def settings(self, mysql_server: SharedServer) -> Iterator[dict[str, str]]:
        """Settings of a database and a user that are not there yet, with names that a careless statement would trip over."""
        database_name, user = f"it's `new`_{os.getpid()}", f"app'user%{os.getpid()}"
        yield {
            "PULUMI_DATABASE_ENDPOINT": f"{HOST}:{mysql_server.port}",
            "PULUMI_DATABASE_NAME": database_name,
            "PULUMI_DATABASE_USER_NAME": user,
            "PULUMI_DATABASE_USER_PASSWORD": "pä'ss:word",
            "MYSQL_ROOT_USERNAME": USER,
            "MYSQL_ROOT_PASSWORD": PASSWORD,
        }
        with closing(connect(mysql_server.port)) as connection, connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS `{database_name.replace('`', '``')}`")
            cursor.execute("DROP USER IF EXISTS %s@'%%'", (user,))

    def test_makes_database_and_user_and_may_be_repeated(self, settings: dict[str, str], tmp_path: Path) -> None:
        """With the root password, `migrate` needs nothing but a server."""
        first, second = (
            run(tmp_path, "migrate", **settings, PULUMI_DATABASE_PING_ENDPOINT=settings["PULUMI_DATABASE_ENDPOINT"])
            for _ in range(2)
        )
        without = {name: value for name, value in settings.items() if not name.startswith("MYSQL_")}

        assert (0, 0) == (first.returncode, second.returncode), first.stderr + second.stderr
        assert "" == first.stderr
        with Served(tmp_path, **without) as served:
            assert served.url

    def test_gives_no_right_to_other_databases(self, settings: dict[str, str], mysql_server: SharedServer) -> None:
        """The name is no pattern: a database that a wildcard would match stays closed."""
        database.prepare_server(Settings(settings))
        place = database.database_place(Settings(settings))
        with closing(open_database(place, pool_size=1)) as opened, opened.connect() as connection:
            grants = [row[0] for row in connection.exec_driver_sql("SHOW GRANTS")]

        assert 2 == len(grants)
        assert r"it's ``new``\_" in grants[1]

    def test_of_the_user_can_be_left_out(self, settings: dict[str, str], mysql_server: SharedServer) -> None:
        """Where the user is made by others, only the database is made."""
        database.prepare_server(Settings({**settings, "SKIP_CREATE_DB_USER": "true"}))

        assert [] == [
            row for row in mysql_server.run("SELECT user FROM mysql.user") if row[0] == settings["PULUMI_DATABASE_USER_NAME"]
        ]
        assert [row for row in mysql_server.run("SHOW DATABASES") if row[0] == settings["PULUMI_DATABASE_NAME"]]

    def test_with_a_wrong_root_password_is_one_line(self, settings: dict[str, str], tmp_path: Path) -> None:
        """The line names the user and no password."""
        ended = run(tmp_path, "migrate", **{**settings, "MYSQL_ROOT_PASSWORD": "hunter2"})

        assert 1 == ended.returncode
        assert 1 == len(ended.stderr.splitlines())
        assert "MYSQL_ROOT_USERNAME" in ended.stderr
        assert "hunter2" not in ended.stderr


class TestPing:
    def test_waits_for_a_server_that_comes_later(self) -> None:
        """A port that opens after a while, and speaks first as MySQL does, is waited for."""
        with socket.create_server((HOST, 0)) as found:
            port = found.getsockname()[1]

        def serve_later() -> None:
            time.sleep(0.2)  # The first look must fail.
            with socket.create_server((HOST, port)) as late:
                late.accept()[0].sendall(b"J")

        thread = threading.Thread(target=serve_later)
        thread.start()
        await_server(HOST, port, seconds=30)
        thread.join()

    def test_gives_up_in_words(self) -> None:
        """An address where nothing answers ends in one line with its name."""
        with socket.create_server((HOST, 0)) as found:
            port = found.getsockname()[1]
        with pytest.raises(StartUpError, match=rf"no MySQL server answered at 127.0.0.1:{port} within 0 seconds"):
            await_server(HOST, port, seconds=0)
