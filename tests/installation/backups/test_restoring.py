from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import inspect, select
from starlette.testclient import TestClient

from common.audit.archives import service as exports
from common.audit.archives.model import Destination, Kind
from common.backend import Backend, open_backend
from common.config.settings import Settings
from common.core.errors import StartUpError
from common.db import migrate
from common.db.tables.outbox import outbox
from common.db.tables.sign_in import mails
from common.installation.backups import model
from common.installation.backups.model import Manifest, TableDump
from common.installation.backups.place import Place
from common.installation.backups.service.restoring import Restoration
from common.mailing import steps as mailing
from common.mailing.model import NewMail, Purpose
from common.outbox.model import State
from common.rights.caller import Caller
from common.stacks.updates.service import completion
from functions.hosts import function_host
from functions.server import startup
from tests.factories.audit_exports import ROLE
from tests.factories.clients import make_client
from tests.factories.installations import fill
from tests.factories.messages import Receiver, deliver_messages, queue_messages
from tests.factories.stacks import import_state, make_stack
from tests.installation.backups.commands import back_up, place_at, restore, rows_in
from tests.installation.backups.test_creation import container
from tests.stacks.engine.builders import entry, make_resource
from tests.wire import begin, create_stack, export, resources_of

pytestmark = pytest.mark.dialects("sqlite")


@pytest.fixture
def address(backend: Backend, admin: Caller, tmp_path: Path) -> str:
    """A backup of an installation with a stack of three versions."""
    path = make_stack(backend, admin)
    for name in "abc":
        import_state(backend, admin, path, container(name))
    back_up(backend.settings, str(tmp_path / "backup"))
    return str(tmp_path / "backup")


@pytest.fixture
def target(tmp_path: Path) -> Settings:
    """An empty installation with the same key."""
    return Settings({"STACKHOLD_DATA": str(tmp_path / "target"), "PULUMI_LOCAL_KEYS": str(tmp_path / "data" / "keys")})


class TestRestore:
    def test_refuses_an_installation_in_use(self, backend: Backend, address: str, target: Settings) -> None:
        """A backup is restored into an empty installation only, and never into the one that it is of."""
        restore(target, address)
        for settings in (backend.settings, target):
            with pytest.raises(StartUpError, match="not empty"):
                restore(settings, address)

    def test_refuses_without_the_key(self, address: str, tmp_path: Path) -> None:
        """Without the key that wrapped the data keys nothing is restored, and the message names it and the setting."""
        other = Settings({"STACKHOLD_DATA": str(tmp_path / "other")})
        with pytest.raises(StartUpError, match=r"wrapped by [0-9a-f]{16}: name that key in STACKHOLD_UNWRAP_KEYS"):
            restore(other, address)

        assert not list((tmp_path / "other" / "objects").iterdir())

    def test_takes_the_key_of_the_backup(self, backend: Backend, client: TestClient, admin: Caller, tmp_path: Path) -> None:
        """With the key in the backup none is needed: a new one is made, and wraps the data keys."""
        fill(backend, client, admin)
        back_up(backend.settings, str(tmp_path / "keyed"), include_key=True)
        lines = restore(Settings({"STACKHOLD_DATA": str(tmp_path / "other")}), str(tmp_path / "keyed"))

        assert "0 data keys" not in lines[0]
        assert "verified" in lines[0]

    def test_refuses_a_damaged_file(self, address: str, target: Settings) -> None:
        """A file that was changed is named, also a document; nothing of it is taken."""
        for path in (Path(address) / "tables").rglob("*"):
            if path.is_file() and path.parent.name == "users":
                path.write_bytes(path.read_bytes()[:-1] + b"x")
        with pytest.raises(StartUpError, match=r"tables/.*/users/000001 in .* is damaged"):
            restore(target, address)

    def test_refuses_an_unknown_backup(self, address: str, target: Settings, tmp_path: Path) -> None:
        """An id that the place does not have, and a place without backups, are refused."""
        with pytest.raises(StartUpError, match="there is no backup 'nope'"):
            restore(target, address, "nope")
        with pytest.raises(StartUpError, match="no complete backup"):
            restore(target, str(tmp_path / "empty"))

    def test_refuses_a_newer_backup(self, address: str, target: Settings) -> None:
        """A backup of a later release is refused."""
        [manifest] = (Path(address) / "manifests").iterdir()
        manifest.write_bytes(manifest.read_bytes().replace(f'"revision": "{migrate.HEAD}"'.encode(), b'"revision": "9999"'))
        with pytest.raises(StartUpError, match="newer than this one"):
            restore(target, address)

    def test_takes_an_older_backup(self, address: str, target: Settings, tmp_path: Path) -> None:
        """Tables are made as they were in the backup's release, filled, and brought to this one."""
        with closing(startup.open_empty(target)) as backend:
            _of_revision(backend, place_at(target, address), "0012")
        restore(target, address)
        startup.start(target, may_migrate=False).close()


class TestSending:
    @pytest.fixture
    def waiting(self, backend: Backend, admin: Caller, tmp_path: Path) -> str:
        """A backup of an installation with an hourly export, a message that waits, and a mail that waits."""
        destination = Destination(Kind.S3, bucket="audit-of-acme", access=ROLE)
        exports.update(backend, admin, "acme", destination, is_enabled=True)
        queue_messages(backend, "message")
        with backend.db.begin() as tx:
            mailing.queue(tx, backend, [NewMail(Purpose.RESET, "alice@example.com")])
        back_up(backend.settings, str(tmp_path / "waiting"))
        return str(tmp_path / "waiting")

    def test_of_audit_logs_is_off(self, waiting: str, target: Settings, admin: Caller) -> None:
        """The copy would write over hours that were exported after the backup, so its exports are off, and say why."""
        restore(target, waiting)
        with closing(open_backend(target)) as restored:
            export = exports.get_export(restored, admin, "acme")

        assert not export.is_enabled
        assert export.result is not None
        assert "turned off when backup " in export.result.message

    @pytest.mark.parametrize(("is_rehearsal", "sent"), [(False, 1), (True, 0)])
    def test_of_what_waited_is_left_to_the_original(
        self, waiting: str, target: Settings, *, is_rehearsal: bool, sent: int
    ) -> None:
        """A rehearsal gives up messages and mails that wait: the original sends them. Another restore sends them."""
        restore(target, waiting, is_rehearsal=is_rehearsal)
        receiver = Receiver()
        with closing(open_backend(target)) as restored:
            deliver_messages(restored, receiver)
            with restored.db.connect() as connection:
                problems = {
                    *connection.scalars(select(outbox.c.problem).where(outbox.c.state == State.FAILED)),
                    *connection.scalars(select(mails.c.problem).where(mails.c.due_at.is_(None))),
                }

        assert sent == len(receiver.messages)
        assert [is_rehearsal] * len(problems) == ["was restored as a rehearsal" in problem for problem in problems]
        assert bool(problems) == is_rehearsal


class TestInterruption:
    @pytest.fixture(params=["document", "table organizations", "table stacks", "table updates", "table users"])
    def stopped_at(self, request: pytest.FixtureRequest) -> str:
        """Where a run ends."""
        return str(request.param)

    def test_is_continued_by_the_next_run(self, backend: Backend, address: str, target: Settings, stopped_at: str) -> None:
        """A restore that ended anywhere is finished by the same command; no server starts before that."""

        def stop(text: str) -> None:
            if text.startswith(stopped_at):
                raise KeyboardInterrupt

        place = place_at(target, address)
        with closing(startup.open_empty(target)) as opened:
            restoration = Restoration(opened, place, place.get_manifest(None), stop)
            restoration.check()
            migrate.migrate(opened.db)
            with pytest.raises(KeyboardInterrupt):
                restoration.run()
        for change in (lambda: startup.start(target, may_migrate=True), lambda: startup.migrate(target)):
            with pytest.raises(StartUpError, match="is not restored completely: continue with `stackhold restore --backup"):
                change()
        lines = restore(target, address)

        assert "verified" in lines[0]
        back_up(target, f"{address}-again")
        assert rows_in(target, address) == rows_in(target, f"{address}-again")

    def test_of_the_last_steps_is_continued(self, address: str, target: Settings) -> None:
        """A run that ended after the rows, with tables of this release already, is finished; a server starts only then."""
        place = place_at(target, address)
        with closing(startup.open_empty(target)) as opened:
            restoration = Restoration(opened, place, _of_revision(opened, place, "0012"))
            restoration.check()
            migrate.migrate(opened.db, to="0012")
            restoration.run()
            migrate.migrate(opened.db)
        with pytest.raises(StartUpError, match="is not restored completely"):
            startup.start(target, may_migrate=False)
        lines = restore(target, address)

        assert "  verified: rows, documents and data keys" in lines[0]
        startup.start(target, may_migrate=False).close()

    def test_keeps_a_function_from_serving(self, address: str, target: Settings) -> None:
        """A function refuses requests and does not prepare the installation while its backup is half restored."""
        place = place_at(target, address)
        with closing(startup.open_empty(target)) as opened:
            migrate.migrate(opened.db)
            with pytest.raises(KeyboardInterrupt):
                Restoration(opened, place, place.get_manifest(None), _stop).run()
            for refuse in (
                function_host._prepare,
                lambda backend: function_host._check_tables(function_host._Opened({}, backend)),
            ):
                with pytest.raises(StartUpError, match="is not restored completely"):
                    refuse(opened)

    def test_leads_to_the_same_backup_only(self, backend: Backend, address: str, target: Settings) -> None:
        """While one backup is half restored, another one is refused."""
        place = place_at(target, address)
        with closing(startup.open_empty(target)) as opened:
            restoration = Restoration(opened, place, place.get_manifest(None), _stop)
            migrate.migrate(opened.db)
            with pytest.raises(KeyboardInterrupt):
                restoration.run()
        first = place.list_backups()
        back_up(backend.settings, address)
        [second] = set(place.list_backups()) - set(first)
        with pytest.raises(StartUpError, match=r"was being restored here: continue with --backup"):
            restore(target, address, second)


def test_a_running_update_ends_with_what_it_had_recorded(
    backend: Backend, client: TestClient, admin: Caller, target: Settings, tmp_path: Path
) -> None:
    """The lease of an update is not restored: batches after the backup are lost, so its client must not go on."""
    stack = create_stack(client)
    update = begin(client, stack)
    recorded = [
        entry(1, 0, 1, operation={"resource": make_resource("a"), "type": "creating"}),
        entry(2, 1, 1, state=make_resource("a")),
    ]
    assert update.journal(*recorded).status_code < 300
    back_up(backend.settings, str(tmp_path / "backup"))
    restore(target, str(tmp_path / "backup"))
    with closing(open_backend(target, clock=backend.clock)) as restored, make_client(restored) as there:
        refused = there.request(
            "POST",
            f"{update.url}/renew_lease",
            content=b'{"token":"","duration":300}',
            headers={"Authorization": f"update-token {update.token}"},
        )
        completion.expire_leases(restored, 20)

        assert refused.status_code in (401, 403)
        assert ["a"] == [resource["urn"].rpartition("::")[2] for resource in resources_of(export(there, stack))]


def _stop(_text: str) -> None:
    raise KeyboardInterrupt


def _of_revision(backend: Backend, place: Place, revision: str) -> Manifest:
    """Make a backup one of an older release, and return its manifest."""
    migrate.migrate(backend.db, to=revision)
    manifest = place.get_manifest(None)
    with backend.db.connect() as connection:
        tables = inspect(connection)
        older = [
            _with_columns(place, table, {column["name"] for column in tables.get_columns(table.name)})
            for table in manifest.tables
            if tables.has_table(table.name)
        ]
    place.put_manifest(msgspec.structs.replace(manifest, revision=revision, tables=older))
    return place.get_manifest(None)


def _with_columns(place: Place, table: TableDump, names: set[str]) -> TableDump:
    """Return a table with those columns only."""
    columns = [column for column in table.columns if column.name in names]
    if columns == table.columns:
        return table
    rows = [model.decode_row(line, table.columns) for part in table.parts for line in place.get_lines(part)]
    lines = [model.encode_row(tuple(row[column.name] for column in columns)) for row in rows]
    return TableDump(table.name, columns, place.put_lines(f"{model.TABLES}older/{table.name}", lines))
