import logging
import os
import shutil
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from common.config.settings import Settings
from common.db.migrate import HEAD
from common.ports.keys.local import create_key
from functions.server import cli, startup
from tests.server.server_process import contents, environment, run

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
Refused = Callable[..., str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the operator stands."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.fixture
def refused(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Refused]:
    """Run a command that must fail, in this process, and return the one line it prints."""
    root, mask = logging.getLogger(), os.umask(0o022)
    handlers, level = root.handlers[:], root.level

    def call(*arguments: str, **settings: str) -> str:
        monkeypatch.setattr(sys, "argv", ["stackhold", *arguments])
        monkeypatch.setattr(os, "environ", environment(**settings))
        before = contents(folder)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        assert ended.value.code not in (0, None)
        assert printed.out == ""
        assert contents(folder) == before, "something was changed"
        lines = printed.err.splitlines()
        assert len(lines) == 1, lines
        assert lines[0].startswith("stackhold: ")
        return lines[0]

    yield call
    root.handlers[:] = handlers
    root.setLevel(level)
    os.umask(mask)


@pytest.fixture
def installed(folder: Path) -> Path:
    """A data folder as a first start leaves it, but for the administrator."""
    data = folder / ".stackhold"
    startup.start(Settings({"STACKHOLD_DATA": str(data)}), may_migrate=True).close()
    return data


class TestServe:
    def test_refuses_a_busy_port_before_anything_else(self, folder: Path) -> None:
        """A port that a user listens on is named, and no data folder appears."""
        with socket.create_server(("127.0.0.1", 0)) as busy:
            port = str(busy.getsockname()[1])
            ended = run(folder, "serve", "--port", port)

        assert 1 == ended.returncode
        assert (
            f"stackhold: cannot listen on 127.0.0.1 port {port}: address already in use (STACKHOLD_PORT or --port)\n"
            == ended.stderr
        )
        assert "" == ended.stdout
        assert {} == contents(folder)

    def test_refuses_an_address_of_another_machine(self, refused: Refused) -> None:
        """An address that cannot be listened on is named."""
        assert "cannot listen on 203.0.113.7" in refused("serve", "--port", "0", "--host", "203.0.113.7")
        assert "cannot listen on 'no such host'" in refused("serve", "--port", "0", "--host", "no such host")

    @pytest.mark.parametrize(
        ("settings", "line"),
        [
            ({"STACKHOLD_PORT": "http"}, "STACKHOLD_PORT must be a whole number from 0 to 65535"),
            ({"STACKHOLD_PORT": "65536"}, "STACKHOLD_PORT must be a whole number from 0 to 65535"),
            ({"STACKHOLD_WORKERS": "0"}, "STACKHOLD_WORKERS must be a whole number from 1 to 256"),
            ({"STACKHOLD_THREADS": "-1"}, "STACKHOLD_THREADS must be a whole number from 1 to 1024"),
            ({"STACKHOLD_MIGRATE_AT_START": "maybe"}, "STACKHOLD_MIGRATE_AT_START must be true or false"),
            ({"STACKHOLD_BOOTSTRAP_TOKEN": "secret"}, "STACKHOLD_BOOTSTRAP_TOKEN must be "),
            ({"STACKHOLD_BOOTSTRAP_ORG": "a/b"}, "STACKHOLD_BOOTSTRAP_ORG: "),
            ({"PULUMI_KMS_KEY": "arn:aws:s3:::example"}, "PULUMI_KMS_KEY must be the ARN"),
            (
                {"PULUMI_AZURE_KV_URI": "https://acme.vault.azure.net"},
                "PULUMI_AZURE_KV_KEY_NAME must be set with PULUMI_AZURE_KV_URI",
            ),
            ({"PULUMI_KMS_KEY": "arn", "PULUMI_LOCAL_KEYS": "keys"}, "PULUMI_LOCAL_KEYS and PULUMI_KMS_KEY are both set"),
            ({"PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT": "s3://states?frobnicate=1"}, "unknown option 'frobnicate'"),
            ({"PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT": "azblob://states"}, "set AZURE_STORAGE_ACCOUNT"),
            ({"PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT": "/states"}, "must begin with s3:// or azblob://"),
            (
                {"PULUMI_DATABASE_ENDPOINT": "db:http", "PULUMI_DATABASE_USER_NAME": "svc"},
                "PULUMI_DATABASE_ENDPOINT must be host:port",
            ),
            ({"PULUMI_LOCAL_KEYS": "nowhere"}, "PULUMI_LOCAL_KEYS must be the path of a key file"),
            ({"API_TLS_CERTIFICATE": PEM}, "API_TLS_PRIVATE_KEY must be set with API_TLS_CERTIFICATE"),
            ({"API_TLS_PRIVATE_KEY": "key.pem"}, "API_TLS_CERTIFICATE must be set with API_TLS_PRIVATE_KEY"),
            (
                {"API_TLS_CERTIFICATE": "cert.pem", "API_TLS_PRIVATE_KEY": "key.pem"},
                "API_TLS_CERTIFICATE must be PEM text, base64 of PEM text, or the path",
            ),
            ({"API_TLS_CERTIFICATE": PEM, "API_TLS_PRIVATE_KEY": PEM}, "cannot be used together"),
            ({"STACKHOLD_MIGRATE_AT_START": "false"}, "run `stackhold migrate`"),
        ],
    )
    def test_refuses_settings_that_cannot_be(self, refused: Refused, settings: dict[str, str], line: str) -> None:
        """A bad setting is named in one line, without its value if that may be a secret."""
        said = refused("serve", **{"STACKHOLD_PORT": "0", **settings})

        assert line in said
        assert "secret" not in said

    def test_refuses_a_path_that_is_a_file(self, folder: Path, refused: Refused) -> None:
        """A data folder that is a file, or lies below one, is named."""
        (folder / "file").write_text("")

        assert f"{folder}/file is a file, not a folder (STACKHOLD_DATA)" in refused("serve", "--port", "0", "--data", "file")
        assert f"{folder}/file is a file, not a folder (STACKHOLD_DATA)" in refused("serve", "--port", "0", "--data", "file/data")

    def test_refuses_a_folder_that_it_cannot_write_to(self, folder: Path, refused: Refused) -> None:
        """A folder without the right to write is named; where the administrator has all rights, one that no one can make."""
        if os.geteuid() == 0:
            assert "/proc/stackhold cannot be used" in refused("serve", "--port", "0", "--data", "/proc/stackhold")
            return
        (folder / "closed").mkdir(mode=0o500)
        assert "closed is not writable (STACKHOLD_DATA)" in refused("serve", "--port", "0", "--data", "closed")

    def test_refuses_a_newer_database(self, installed: Path, refused: Refused) -> None:
        """A database of a later release is left alone; both revisions are named."""
        database = sqlite3.connect(installed / "stackhold.db")
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
        database.close()

        said = refused("serve", "--port", "0")
        assert f"the database is at revision 9999, newer than this program, which knows {HEAD}" in said
        assert said == refused("migrate")

    def test_refuses_a_file_that_is_no_database(self, installed: Path, refused: Refused) -> None:
        """Rubbish in the database's place is named as such."""
        (installed / "stackhold.db").write_bytes(b"rubbish" * 1000)

        assert "the database cannot be used: file is not a database" in refused("serve", "--port", "0")

    def test_refuses_to_go_on_without_its_key(self, installed: Path, refused: Refused) -> None:
        """An existing installation whose key is gone does not get a fresh one: its secrets would be lost."""
        shutil.rmtree(installed / "keys")

        assert "is missing, and this installation's secrets were encrypted with it" in refused("serve", "--port", "0")

    def test_refuses_the_key_of_another_installation(self, installed: Path, refused: Refused) -> None:
        """A wrong key is noticed before anything is encrypted with it."""
        (installed / "keys" / "master.key").unlink()
        create_key(installed / "keys")

        assert "is not the one this installation was created with" in refused("serve", "--port", "0")

    @pytest.mark.parametrize(
        ("mode", "content", "line"), [(0o644, bytes(32), "by others"), (0o600, bytes(31), "exactly 32 random bytes")]
    )
    def test_refuses_a_key_that_is_unfit(self, folder: Path, refused: Refused, mode: int, content: bytes, line: str) -> None:
        """A key that others can read, or that is not 32 bytes, is refused."""
        (folder / "key").write_bytes(content)
        (folder / "key").chmod(mode)

        assert line in refused("serve", "--port", "0", PULUMI_LOCAL_KEYS="key")


class TestMigrate:
    def test_makes_the_tables_and_then_has_nothing_to_do(self, folder: Path) -> None:
        """The command can be repeated, and what it makes is what `serve` needs."""
        first, second = run(folder, "migrate"), run(folder, "migrate")

        assert (0, "") == (first.returncode, first.stderr)
        assert (0, "The database is up to date.\n") == (second.returncode, second.stdout)
        startup.check(Settings({"STACKHOLD_DATA": str(folder / ".stackhold")}), may_migrate=False)

    def test_refuses_a_bad_setting_of_the_database(self, refused: Refused) -> None:
        """Checks come first here too."""
        assert "PULUMI_DATABASE_ENDPOINT must be host:port" in refused("migrate", PULUMI_DATABASE_ENDPOINT="db:http")

    def test_touches_neither_key_nor_stores(self, folder: Path) -> None:
        """The command makes tables and nothing else: a migrations container has neither key nor stores."""
        ended = run(folder, "migrate", PULUMI_KMS_KEY="alias/none", PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT="s3://nowhere")

        assert (0, "") == (ended.returncode, ended.stderr)
        assert {".stackhold/.gitignore", ".stackhold/stackhold.db"} == {
            name for name, content in contents(folder).items() if content is not None
        }


class TestDoctor:
    def test_finds_nothing_wrong_with_an_installation(self, installed: Path) -> None:
        """It names the drivers in use and the revision, and ends well."""
        ended = run(installed.parent, "doctor")

        assert (0, "") == (ended.returncode, ended.stderr)
        assert f"database: SQLite, {installed}/stackhold.db, revision {HEAD} (this release: {HEAD}, current)" in ended.stdout
        assert "Problems\n  none\n" in ended.stdout

    def test_lists_only_what_was_set(self, installed: Path) -> None:
        """The data folder that the program finds by itself is not a setting that a user has to look for."""
        unset, named = (run(installed.parent, "doctor", STACKHOLD_DATA=data).stdout for data in ("", str(installed)))

        assert "Settings that are set\n  none: everything is at its default\n" in unset
        assert f"Settings that are set\n  STACKHOLD_DATA = {installed}\n" in named
        assert unset.split("In use")[1].count(str(installed)) == named.split("In use")[1].count(str(installed))

    def test_names_the_port_of_https(self, folder: Path) -> None:
        """With a certificate and a key the port is 8443 unless another one is set."""
        ended = run(folder, "doctor", API_TLS_CERTIFICATE="cert.pem", API_TLS_PRIVATE_KEY="key.pem")

        assert "address: https://127.0.0.1:8443" in ended.stdout

    def test_changes_nothing_before_the_first_start(self, folder: Path) -> None:
        """It makes no folder, and a missing folder is no problem."""
        ended = run(folder, "doctor")

        assert 0 == ended.returncode, ended.stdout
        assert {} == contents(folder)

    def test_shows_problems_and_no_secrets(self, installed: Path) -> None:
        """It ends with an error, names every problem it can find, and shows which secrets are set without their values."""
        (installed / "keys" / "master.key").chmod(0o644)
        ended = run(
            installed.parent,
            "doctor",
            STACKHOLD_BOOTSTRAP_TOKEN="pul-" + "ab" * 20,
            API_TLS_PRIVATE_KEY="k",
            SMTP_PASSWORD="hush",
            METRICS_WEBHOOK_SECRET="hush",
        )

        assert 1 == ended.returncode
        assert "STACKHOLD_BOOTSTRAP_TOKEN = (set, not shown)" in ended.stdout
        assert "SMTP_PASSWORD = (set, not shown)" in ended.stdout
        assert "METRICS_WEBHOOK_SECRET = (set, not shown)" in ended.stdout
        assert "API_TLS_CERTIFICATE must be set with API_TLS_PRIVATE_KEY" in ended.stdout
        assert "by others" in ended.stdout
        assert not any(secret in ended.stdout + ended.stderr for secret in ("abab", "hush"))


class TestNotices:
    def test_say_what_has_no_effect(self, folder: Path) -> None:
        """Every setting that is set and does nothing gets one line, and unknown names of ours get one together."""
        ended = run(folder, "doctor", PULUMI_LICENSE_KEY="x", STACKHOLD_PROT="1", SLACK_TOKEN="x")

        assert [
            "stackhold: PULUMI_LICENSE_KEY is set but ignored: no licence is needed",
            "stackhold: SLACK_TOKEN is set but ignored: there is no Slack application; a webhook does the same",
            "stackhold: STACKHOLD_PROT: not a setting of this release; did you mean STACKHOLD_PORT?",
        ] == ended.stderr.splitlines()


class TestVersion:
    def test_is_shown(self, folder: Path) -> None:
        """The command prints the version and nothing else."""
        assert "0.1.0\n" == run(folder, "version").stdout
