import py_compile
import re
import sqlite3
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Table, create_mock_engine, insert, inspect, make_url, select

from common.core.errors import StartUpError
from common.db import migrate as module
from common.db.address import MySQL
from common.db.engine import Database, open_database
from common.db.migrate import State, check, migrate, state_of, version
from common.db.migrations import REVISIONS
from common.db.tables.metadata import METADATA
from common.db.tables.people import organizations, owner_names

_ADDED = re.compile(r"ALTER TABLE (\w+) ADD COLUMN (.+)")


def statements(dialect: str) -> set[str]:
    """The statements that all migrations together send to an empty database, each on one line."""
    out = StringIO()
    config = Config(output_buffer=out)
    config.set_main_option("script_location", str(Path(module.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["dialect"] = dialect
    command.upgrade(config, "head", sql=True)
    return normalized(out.getvalue())


def wanted_statements(dialect: str) -> set[str]:
    """The statements that make the tables as they are declared."""
    known = make_url(f"{dialect}://").get_dialect()()
    out: list[str] = []
    engine = create_mock_engine(f"{dialect}://", lambda made, *_args, **_kwargs: out.append(str(made.compile(dialect=known))))
    METADATA.create_all(engine, checkfirst=False)
    return normalized(";".join(out))


def normalized(script: str) -> set[str]:
    """Statements without comments; the parts of a table, a line each, are sorted, as their order means nothing."""
    script = "\n".join(line for line in script.splitlines() if not line.startswith("--"))
    statements = ([line.strip().removesuffix(",") for line in statement.splitlines()] for statement in script.split(";"))
    made, added = dict[str, list[str]](), list[tuple[str, str]]()
    for lines in ([line for line in lines if line] for lines in statements if any(lines)):
        name, column = _ADDED.fullmatch(lines[0]).groups() if _ADDED.fullmatch(lines[0]) else ("", "")  # type: ignore[union-attr]
        if column:
            added.append((name, column))
        else:
            made["\n".join(lines)] = lines
    for name, column in added:  # A column that came later belongs to its table.
        next(lines for lines in made.values() if lines[0] == f"CREATE TABLE {name} (").append(column)
    return {"\n".join(sorted(lines)) for lines in made.values()}


@pytest.fixture
def empty(empty_place: Path | MySQL) -> Iterator[Database]:
    """A database without tables, on each dialect."""
    with closing(open_database(empty_place, pool_size=8)) as opened:
        yield opened


class TestMigrations:
    def test_end_at_the_declared_tables(self, empty: Database) -> None:
        """What the migrations make is what the code was written for."""
        migrate(empty)

        with empty.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
            assert [] == compare_metadata(context, METADATA)
            assert {table.name for table in METADATA.tables.values()} | {"alembic_version"} == set(
                inspect(connection).get_table_names()
            )

    @pytest.mark.parametrize("name", ["sqlite", "mysql"])
    def test_say_the_same_as_the_declared_tables(self, name: str) -> None:
        """Types, lengths, character sets and index names are the same on both dialects, also without a server to ask."""
        assert set() == wanted_statements(name) - statements(name)

    def test_are_numbered_in_the_order_in_which_they_build_on_each_other(self) -> None:
        """The revisions that the files' names give without Alembic are those that Alembic finds, in one line without gaps."""
        scripts = ScriptDirectory(str(Path(module.__file__).parent / "migrations"))

        assert REVISIONS == tuple(reversed([script.revision for script in scripts.walk_revisions()]))
        assert [f"{number:04}" for number in range(1, len(REVISIONS) + 1)] == list(REVISIONS)

    def test_are_found_in_an_archive(self, tmp_path: Path) -> None:
        """The revisions and tables are found by their files' names, also where the program is one zip archive of byte code."""
        folder = Path(module.__file__).parents[2]
        with zipfile.ZipFile(tmp_path / "program.zip", "w") as archive:
            for path in [folder / "common" / "__init__.py", *(folder / "common" / "db").rglob("*.py")]:
                py_compile.compile(str(path), str(tmp_path / "compiled.pyc"))
                archive.write(tmp_path / "compiled.pyc", path.relative_to(folder).with_suffix(".pyc"))
        program = (
            "from common.db.migrations import REVISIONS; from common.db.tables.metadata import METADATA;"
            "print(*REVISIONS, *METADATA.tables)"
        )
        environment = {"PYTHONPATH": str(tmp_path / "program.zip")}
        command = [sys.executable, "-P", "-c", program]
        ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

        assert (0, [*REVISIONS, *METADATA.tables]) == (ran.returncode, ran.stdout.split()), ran.stderr


class TestMigrate:
    def test_is_done_once(self, empty: Database) -> None:
        """A second run has nothing to do."""
        assert migrate(empty) is True
        assert migrate(empty) is False
        assert REVISIONS[-1] == version(empty)

    def test_is_done_once_by_many_at_a_time(self, empty_place: Path | MySQL) -> None:
        """Processes that start at the same time wait for each other."""
        together = threading.Barrier(6)

        def start(_number: int) -> None:
            database = open_database(empty_place, pool_size=1)
            together.wait()
            migrate(database)
            check(database)
            database.close()

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(start, range(6)))

    @pytest.mark.parametrize("made", range(1, len(METADATA.tables), 4))
    def test_goes_on_where_a_crash_left_it(self, empty: Database, made: int) -> None:
        """MySQL keeps the tables that were made before a crash; the next run makes the others."""
        tables: list[Table] = list(METADATA.tables.values())[:made]
        with empty.begin() as connection:
            METADATA.create_all(connection, tables=tables)

        migrate(empty)

        with empty.connect() as connection:
            assert [] == compare_metadata(MigrationContext.configure(connection), METADATA)

    def test_keeps_names_that_differ_in_the_case_of_letters_alone(self, empty: Database) -> None:
        """Organizations of an older release whose names collide stay, and each name is taken from then on."""
        migrate(empty)
        with empty.begin() as connection:
            connection.exec_driver_sql("DROP TABLE owner_names")
            for login in ("Acme", "acme", "Globex"):
                connection.execute(
                    insert(organizations).values(id=login, login=login, name=login, avatar_url="", settings="{}", created_at=1)
                )
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0004'")
        migrate(empty)

        with empty.connect() as connection:
            assert ["acme", "globex"] == sorted(connection.scalars(select(owner_names.c.name)))
            assert 3 == len(connection.execute(select(organizations.c.id)).all())

    def test_leaves_a_table_with_its_rows_alone(self, empty: Database) -> None:
        """A step that finds its table there does not touch what is in it."""
        with empty.begin() as connection:
            METADATA.create_all(connection, tables=[METADATA.tables["jobs"]])
            connection.exec_driver_sql("INSERT INTO jobs (name, due_at) VALUES ('a', 1)")

        migrate(empty)

        with empty.connect() as connection:
            assert [("a",)] == connection.exec_driver_sql("SELECT name FROM jobs").all()


class TestCheck:
    def test_says_the_command_for_a_database_without_tables(self, empty: Database) -> None:
        """Who has not migrated is told how."""
        with pytest.raises(StartUpError, match=r"without tables .* run `stackhold migrate`"):
            check(empty)

    def test_accepts_a_migrated_database(self, empty: Database) -> None:
        """After a migration there is nothing to say."""
        migrate(empty)
        check(empty)

    @pytest.mark.parametrize("call", [check, migrate])
    def test_refuses_a_newer_database(self, tmp_path: Path, empty: Database, call: object) -> None:
        """A later release's database is named with both revisions and not touched."""
        migrate(empty)
        with empty.connect() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0999'")

        assert callable(call)
        with pytest.raises(StartUpError, match=rf"revision 0999, newer than this program, which knows {REVISIONS[-1]}"):
            call(empty)

    def test_explains_a_file_that_is_no_database(self, tmp_path: Path) -> None:
        """The driver's words are passed on in one line."""
        (tmp_path / "rubbish.db").write_bytes(b"rubbish" * 1000)

        with pytest.raises(StartUpError, match="the database cannot be used: file is not a database"):
            check(open_database(tmp_path / "rubbish.db", pool_size=1))

    def test_explains_a_database_that_is_held(self, tmp_path: Path) -> None:
        """A database that another program does not let go of is an error in one line."""
        holder = sqlite3.connect(tmp_path / "held.db", isolation_level=None)
        holder.execute("PRAGMA journal_mode=WAL")
        holder.execute("BEGIN IMMEDIATE")

        with pytest.raises(StartUpError, match="the database cannot be used: database is locked"):
            migrate(open_database(tmp_path / "held.db", pool_size=1, wait_seconds=0))
        holder.close()


class TestStateOf:
    def test_tells_how_a_revision_stands_to_this_release(self) -> None:
        """No revision is an empty database, an unknown one a newer release's."""
        assert State.EMPTY is state_of(None)
        assert State.NEWER is state_of("9999")
        assert State.CURRENT is state_of(REVISIONS[-1])
