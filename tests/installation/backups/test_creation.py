import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary
from starlette.testclient import TestClient

from common.audit import integrity
from common.audit.integrity import HEADS_PREFIX
from common.backend import Backend
from common.config.settings import Settings
from common.core.errors import StartUpError, Unavailable
from common.crypto import repository as crypto
from common.db.tables.metadata import METADATA
from common.installation.backups import documents, model
from common.installation.backups.repository import rows
from common.installation.backups.service import creation
from common.installation.backups.service.creation import create_backup
from common.ports.blobs import Bucket, StoreError
from common.ports.blobs.files import Files
from common.ports.keys.local import create_key
from common.rights.caller import Caller
from common.stacks.blob_keys import CHECKPOINTS
from functions.server import backup_commands, startup
from tests.factories.installations import fill
from tests.factories.stacks import import_state, make_stack
from tests.installation.backups.commands import back_up, place_at, restore, rows_in
from tests.stacks.engine.builders import dump, make_resource
from tests.wire import begin, create_stack


def quiet(_text: str) -> None:
    """Show nothing."""


def container(*names: str) -> bytes:
    """A state."""
    return dump({"version": 3, "deployment": {"manifest": {}, "resources": [make_resource(name) for name in names]}})


class FailingFiles(Files):
    """A folder that refuses after so many files."""

    def __init__(self, root: Path, left: int) -> None:
        super().__init__(root)
        self.left = left

    def put_file(self, key: str, stored: bytes) -> None:
        """Store a file, unless it is one too many."""
        if key.startswith(model.DOCUMENTS):
            self.left -= 1
            if self.left < 0:
                raise StoreError("the disk is full")
        super().put_file(key, stored)


class TestBackup:
    def test_has_every_document_of_the_installation(
        self, backend: Backend, client: TestClient, admin: Caller, tmp_path: Path
    ) -> None:
        """What the object stores have is in the backup: states, batches, large configuration, policy packs, signed heads."""
        fill(backend, client, admin)
        back_up(backend.settings, str(tmp_path / "backup"))
        place = place_at(backend.settings, str(tmp_path / "backup"))
        stored = {
            key
            for prefix in documents.PREFIXES
            for keys in documents.iterate_stored(documents.bucket_of(backend, prefix), prefix)
            for key in keys
        }

        assert len({key.partition("/")[0] for key in stored}) == len(documents.PREFIXES)
        assert stored == {entry.key for entries in place.iterate_entries(place.get_manifest(None)) for entry in entries}

    def test_copies_only_what_is_new(self, backend: Backend, client: TestClient, admin: Caller, tmp_path: Path) -> None:
        """A second backup copies the documents that were made since, and says so."""
        address, path = str(tmp_path / "backup"), make_stack(backend, admin)
        import_state(backend, admin, path, container("a"))
        first = back_up(backend.settings, address)
        import_state(backend, admin, path, container("a", "b"))
        second, third = back_up(backend.settings, address), back_up(backend.settings, address)

        assert ["1 were copied now", "1 were copied now", "0 were copied now"] == [
            lines[0].splitlines()[2].rpartition("; ")[2] for lines in (first, second, third)
        ]

    def test_goes_on_where_it_was_interrupted(self, backend: Backend, admin: Caller, tmp_path: Path) -> None:
        """What an interrupted backup copied is not copied again, and it left no backup that could be restored."""
        path = make_stack(backend, admin)
        for number in range(6):
            import_state(backend, admin, path, container(f"r{number}"))
        folder = tmp_path / "backup"
        folder.mkdir()
        place = place_at(backend.settings, str(folder))
        place._bucket = Bucket(FailingFiles(folder, 4))
        with pytest.raises(Unavailable, match="the disk is full"):
            create_backup(backend, place, release="1", show=quiet)

        with pytest.raises(StartUpError, match="no complete backup"):
            place_at(backend.settings, str(folder)).get_manifest(None)
        made = create_backup(backend, place_at(backend.settings, str(folder)), release="1", show=quiet)
        assert 6 == made.manifest.document_count
        assert not list((folder / "unfinished").glob("*"))

    def test_names_documents_that_the_installation_lost(self, backend: Backend, admin: Caller, tmp_path: Path) -> None:
        """A document that a row names and the store does not have is reported; the rest is in the backup."""
        path = make_stack(backend, admin)
        for name in "ab":
            import_state(backend, admin, path, container(name))
        lost = max((tmp_path / "data" / "objects" / "checkpoints").rglob("*"))
        lost.unlink()
        lines = list[str]()
        is_whole = backup_commands.backup(
            backend.settings, str(tmp_path / "backup"), release="1", include_key=False, as_json=True, report=lines.append
        )
        report = json.loads(lines[0])

        assert not is_whole
        assert [f"checkpoints/{lost.parent.name}/{lost.name}"] == report["problems"]
        assert 1 == report["documents"]

    def test_is_of_one_moment(self, backend: Backend, client: TestClient, admin: Caller, tmp_path: Path) -> None:
        """What is written while the backup runs is in none of its tables, and a state that is replaced meanwhile is in it."""
        update = begin(client, create_stack(client), journal=0)
        assert update.checkpoint(container("first")).status_code < 300
        place = place_at(backend.settings, str(tmp_path / "backup"))

        def write(text: str) -> None:
            if text == "table access_tokens":
                for number in range(40):
                    assert update.checkpoint(container(f"r{number}")).status_code < 300
                assert update.complete().status_code < 300
                create_stack(client, "later")

        made = create_backup(backend, place, release="1", show=write)
        tables = rows_in(backend.settings, str(tmp_path / "backup"))
        [row] = [row for row in tables["updates"] if row["id"] == update.id]

        assert ["dev"] == [stack["name"] for stack in tables["stacks"]]
        assert "running" == row["status"]
        assert [] == made.manifest.missing
        assert row["checkpoint"] in {entry.key for entries in place.iterate_entries(made.manifest) for entry in entries}

    def test_has_the_signed_heads_of_its_records_only(
        self, backend: Backend, client: TestClient, admin: Caller, tmp_path: Path
    ) -> None:
        """A head that is signed while the backup runs is of a longer log: a restored log would seem to be cut off."""
        create_stack(client)
        integrity.sign_heads(backend, "")
        [signed] = documents.iterate_stored(backend.metadata, HEADS_PREFIX)

        def sign(text: str) -> None:
            if text == "table access_tokens":
                create_stack(client, "later")
                integrity.sign_heads(backend, "")

        made = create_backup(backend, place_at(backend.settings, str(tmp_path / "backup")), release="1", show=sign)
        entries = place_at(backend.settings, str(tmp_path / "backup")).iterate_entries(made.manifest)
        heads = {entry.key for page in entries for entry in page if entry.key.startswith(HEADS_PREFIX)}
        [now] = documents.iterate_stored(backend.metadata, HEADS_PREFIX)

        assert set(signed) == heads < set(now)

    def test_is_not_disturbed_by_other_files(self, backend: Backend, admin: Caller, tmp_path: Path) -> None:
        """A file among the manifests that is not named as one is not taken for the newest backup."""
        address = str(tmp_path / "backup")
        back_up(backend.settings, address)
        [made] = place_at(backend.settings, address).list_backups()
        (tmp_path / "backup" / "manifests" / "notes.txt").write_text("ours")
        back_up(backend.settings, address)

        assert made in place_at(backend.settings, address).list_backups()
        assert 2 == len(place_at(backend.settings, address).list_backups())

    def test_names_any_number_of_lost_documents(self, backend: Backend, admin: Caller, tmp_path: Path) -> None:
        """They are looked for page by page: a database takes a bounded number of values in a statement."""
        keys = [f"{CHECKPOINTS}stack/{number}" for number in range(70_000)]

        assert creation._lost(backend, []) == []
        assert creation._lost(backend, keys) is None

    def test_has_no_key_unless_the_operator_asks(self, backend: Backend, admin: Caller, tmp_path: Path) -> None:
        """The master key is in no file of a backup; with the option it is, and the report warns."""
        key = (tmp_path / "data" / "keys" / "master.key").read_bytes()
        plain = back_up(backend.settings, str(tmp_path / "plain"))
        keyed = back_up(backend.settings, str(tmp_path / "keyed"), include_key=True)

        def holds(name: str) -> bool:
            return any(key in path.read_bytes() for path in (tmp_path / name).rglob("*") if path.is_file())

        assert (False, True) == (holds("plain"), holds("keyed"))
        assert "keep a copy of the key" in plain[0]
        assert "anyone who can read the backup can read every secret" in keyed[0]


class TestMasterKeys:
    @pytest.fixture
    def rotating(self, backend: Backend, admin: Caller, tmp_path: Path) -> Iterator[Backend]:
        """An installation with a new key, whose stacks still need the one before."""
        make_stack(backend, admin)
        path = create_key(tmp_path / "new")
        settings = backend.settings.replaced(
            PULUMI_LOCAL_KEYS=str(path), STACKHOLD_UNWRAP_KEYS=f"file://{tmp_path}/data/keys/master.key"
        )
        with closing(startup.start(settings, may_migrate=True)) as opened:
            yield opened

    def test_are_all_named(self, rotating: Backend, tmp_path: Path) -> None:
        """The report names each key that data keys of the backup need, with their number."""
        lines = back_up(rotating.settings, str(tmp_path / "backup"))[0].splitlines()
        place = place_at(rotating.settings, str(tmp_path / "backup"))

        assert 2 == len([line for line in lines if line.startswith("  needs master key ")])
        assert 2 == len(place.get_manifest(None).master_keys)

    def test_are_not_included_in_part(self, rotating: Backend, tmp_path: Path) -> None:
        """With one of two keys in it a backup could not be restored, so it is refused."""
        with pytest.raises(StartUpError, match=r"the backup needs more than the key .*: [0-9a-f]{16}\. Run `stackhold keys"):
            back_up(rotating.settings, str(tmp_path / "backup"), include_key=True)

    def test_are_needed_to_restore(self, rotating: Backend, tmp_path: Path) -> None:
        """The service's keys open with the new key alone; stacks need the old one, and nothing is restored without it."""
        address, other = str(tmp_path / "backup"), {"PULUMI_LOCAL_KEYS": str(tmp_path / "new")}
        back_up(rotating.settings, address)
        target = Settings({"STACKHOLD_DATA": str(tmp_path / "target"), **other})
        with pytest.raises(StartUpError, match=r"data keys of the backup do not open. They were wrapped by [0-9a-f]{16}: name"):
            restore(target, address)
        lines = list[str]()
        is_whole = backup_commands.restore(target, address, None, as_json=False, report=lines.append, allows_lost_keys=True)

        assert not is_whole
        assert "1 problems" in lines[0]


class TestTables:
    def test_are_all_in_a_backup_or_left_out_for_a_reason(self) -> None:
        """Every table is one or the other, and every column has a type that JSON can carry."""
        listed = {table.name for table in rows.list_tables()}

        assert set(METADATA.tables) == listed | set(model.LEFT_OUT)
        assert {column.type for table in rows.list_tables() for column in rows.columns_of(table)} <= model.TYPES

    def test_with_wrapped_keys_are_known(self) -> None:
        """A column with a wrapped key is found by its name: it is verified, wrapped anew by a restore and by a change of key."""
        columns = {
            table.name
            for table in METADATA.tables.values()
            for column in table.columns
            if "wrapped" in column.name and isinstance(column.type, LargeBinary)
        }

        assert columns == set(crypto.TABLES)

    def test_are_read_in_pages(self, backend: Backend, admin: Caller) -> None:
        """Rows come in the order of their primary key, each once, however many pages it takes."""
        for number in range(45):
            make_stack(backend, admin, f"s{number}", tags={"a": "1", "b": "2"})
        [table] = [table for table in rows.list_tables() if table.name == "stack_tags"]
        with backend.db.snapshot() as connection:
            lines = list(rows.iterate_lines(connection, table))

        assert 90 == len(lines)
        assert lines == sorted(set(lines))


class TestDecodeRow:
    def test_gives_back_every_type(self) -> None:
        """Bytes, decimals, dates, flags, numbers beyond 2^53, any character and NULL come back as they were."""
        from datetime import UTC, datetime
        from decimal import Decimal

        values = {
            "bytes": b"\x00\xff\n",
            "decimal": Decimal("0.10"),
            "time": datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
            "boolean": True,
            "integer": (1 << 62) + 1,
            "float": 0.1,
            "text": "é🦉\u0000\n\r\u2028",
        }
        columns = [model.Column(kind, kind) for kind in values]
        line = model.encode_row(tuple(values.values()))

        assert values == model.decode_row(line, columns)
        assert b"\n" not in line
        assert dict.fromkeys(values) == model.decode_row(model.encode_row((None,) * len(values)), columns)
        assert set(values) == model.TYPES


def test_a_place_that_cannot_be_written_is_refused(backend: Backend, tmp_path: Path) -> None:
    """A path that is a file is named before anything is read."""
    (tmp_path / "file").write_text("")
    with closing(backend), pytest.raises(StartUpError, match="cannot be used for backups"):
        back_up(backend.settings, str(tmp_path / "file"))
