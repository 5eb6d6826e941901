"""What a start proves before it changes anything, and that it opens each thing once."""

import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from common.config.settings import Settings
from common.core.errors import StartUpError
from common.stacks.blob_keys import new_checkpoint_key
from functions.server import startup
from tests.hosts.keyvault import KeyVault
from tests.server.server_process import LIMIT_SECONDS, contents, environment, run

# Runs the real command line, and counts how often what a process needs once is made.
COUNTING = """
import atexit, json, sys
from pathlib import Path
from common.ports.blobs.files import Files
from common.ports.keys.data_keys import DataKeys
from common.db.engine import Database
from common.ports.keys import KeyService
from common.ports.mail import Mailer
from common.ports.outbound import Outbound

counts = {}
def count(kind):
    begin = kind.__init__
    def counted(self, *arguments, **options):
        counts[kind.__name__] = counts.get(kind.__name__, 0) + 1
        begin(self, *arguments, **options)
    kind.__init__ = counted
for kind in (Files, DataKeys, Database, KeyService, Mailer, Outbound):
    count(kind)
atexit.register(lambda: Path("counts.json").write_text(json.dumps(counts)))
from functions.server.cli import main
sys.argv = ["stackhold", "serve", "--port", "0"]
main()
"""
ONCE = {"Files": 1, "DataKeys": 1, "Database": 1, "KeyService": 1, "Mailer": 1, "Outbound": 1}


def counts_of_a_start(folder: Path) -> dict[str, int]:
    """How often each thing was opened by a server that started, served and ended."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-c", COUNTING], cwd=folder, env=environment(), stdout=log, stderr=log)
        deadline = time.monotonic() + LIMIT_SECONDS
        while not re.search(r"serving http", (folder / "log").read_text()):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        process.wait(LIMIT_SECONDS)
    counts: dict[str, int] = json.loads((folder / "counts.json").read_text())
    return counts


class TestServe:
    def test_opens_each_thing_once(self, tmp_path: Path) -> None:
        """The first start and every other one open database, stores, key and mailer once, checks included."""
        first, second = counts_of_a_start(tmp_path), counts_of_a_start(tmp_path)

        assert ONCE == first
        assert ONCE == second

    def test_says_where_a_new_installation_is(self, tmp_path: Path) -> None:
        """The first start says that it is one, and where; the second one does not."""
        counts_of_a_start(tmp_path)
        first = (tmp_path / "log").read_text()
        counts_of_a_start(tmp_path)

        assert f"new installation in {tmp_path}/.stackhold" in first
        assert "new installation" not in (tmp_path / "log").read_text()


class TestLostDatabase:
    @pytest.mark.parametrize("lost", ["empty file", "no file", "empty tables"])
    def test_beside_states_is_refused(self, tmp_path: Path, lost: str) -> None:
        """A database of no bytes beside states is no first start, whose sweep would delete the states after a day."""
        data = tmp_path / ".stackhold"
        settings = Settings({"STACKHOLD_DATA": str(data)})
        with closing(startup.start(settings, may_migrate=True)) as backend:
            backend.checkpoints.put(new_checkpoint_key("stack"), b"{}")
        database = data / "stackhold.db"
        if lost == "empty tables":
            with closing(sqlite3.connect(database)) as connection:
                connection.execute("DELETE FROM service_keys")
                connection.commit()
        else:
            for path in data.glob("stackhold.db*"):
                path.unlink()
        if lost == "empty file":
            database.touch(0o600)
        before = contents(data)
        ended = run(tmp_path, "serve", "--port", "0")

        assert 1 == ended.returncode
        assert 1 == len(ended.stderr.splitlines())
        assert f"the database has never been used, but folder {data}/objects (PULUMI_LOCAL_OBJECTS) holds states" in ended.stderr
        assert before == contents(data)

    def test_beside_an_empty_folder_is_a_first_start(self, tmp_path: Path) -> None:
        """Folders and a key that were made in advance are no installation yet."""
        settings = Settings({"STACKHOLD_DATA": str(tmp_path / "data")})
        startup.start(settings, may_migrate=True).close()
        for path in (tmp_path / "data").glob("stackhold.db*"):
            path.unlink()

        startup.start(settings, may_migrate=True).close()


class TestTrials:
    def test_find_a_folder_that_keeps_nothing(self, tmp_path: Path) -> None:
        """A folder for objects in which nothing can be stored is found before anything is written elsewhere."""
        (tmp_path / "objects").mkdir()
        (tmp_path / "objects" / "probe").write_text("a file where the trial's folder would be")
        ended = run(tmp_path, "serve", "--port", "0", PULUMI_LOCAL_OBJECTS=str(tmp_path / "objects"))

        assert 1 == ended.returncode
        assert f"PULUMI_LOCAL_OBJECTS: folder {tmp_path}/objects cannot be used" in ended.stderr
        assert not (tmp_path / ".stackhold").exists()

    @pytest.mark.parametrize("permissions", [{"get"}, {"get", "encrypt"}])
    def test_of_a_vault_come_before_anything_is_written(self, vault: KeyVault, tmp_path: Path, permissions: set[str]) -> None:
        """An identity that could not decrypt is found before there is a database, and doctor finds it as well."""
        vault.rotate("master")
        vault.permissions = permissions
        settings = {
            "PULUMI_AZURE_KV_URI": vault.url,
            "PULUMI_AZURE_KV_KEY_NAME": "master",
            "STACKHOLD_DATA": str(tmp_path / "data"),
        }
        with pytest.raises(StartUpError, match="Get, Encrypt and Decrypt"):
            startup.start(Settings(settings), may_migrate=True)
        examined = run(tmp_path, "doctor", **settings)

        assert "Get, Encrypt and Decrypt" in examined.stdout
        assert 1 == examined.returncode
        assert not (tmp_path / "data").exists()

    def test_of_a_vault_pass_with_the_documented_rights(self, vault: KeyVault, tmp_path: Path) -> None:
        """A start with exactly Get, Encrypt and Decrypt succeeds, and so does the next one."""
        vault.rotate("master")
        vault.permissions = {"get", "encrypt", "decrypt"}
        settings = {
            "PULUMI_AZURE_KV_URI": vault.url,
            "PULUMI_AZURE_KV_KEY_NAME": "master",
            "STACKHOLD_DATA": str(tmp_path / "data"),
        }
        for _ in range(2):
            startup.start(Settings(settings), may_migrate=True).close()


class TestDoctor:
    def test_counts_what_each_master_key_wraps(self, vault: KeyVault, tmp_path: Path) -> None:
        """After a rotation it names the version in use, and those that data keys still need."""
        old = vault.rotate("master")
        settings = {
            "PULUMI_AZURE_KV_URI": vault.url,
            "PULUMI_AZURE_KV_KEY_NAME": "master",
            "STACKHOLD_DATA": str(tmp_path / "data"),
        }
        startup.start(Settings(settings), may_migrate=True).close()
        new = vault.rotate("master")
        lines = run(tmp_path, "doctor", **settings).stdout.splitlines()

        assert f"  key in use: master/{new}" in lines
        assert f"  wrapped by master/{old}: 1 data key; keep it enabled" in lines
