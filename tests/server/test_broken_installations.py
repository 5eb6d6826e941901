"""Twenty-five broken installations and more: `stackhold doctor` names each in one line, with what to do.

Each test breaks a working installation, or the stand-in of a service that it needs, in one way. docs/operations.md lists them.
"""

import os
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from common.config.settings import Settings
from common.db.engine import open_database
from common.db.migrate import HEAD, migrate
from common.db.migrations import REVISIONS
from common.ports.keys.local import create_key
from functions.server import startup
from functions.server.doctor import examine
from tests.aws.fixtures import moto, moto_process
from tests.aws.moto_process import CREDENTIALS, Moto
from tests.aws.odd_store import Habit, odd_store
from tests.factories.audit_tables import make_table, refusing, schema
from tests.hosts.certificate import Certificate
from tests.hosts.keyvault import KeyVault
from tests.mysql.proxy import relayed
from tests.mysql.shared import HOST, SharedServer

__all__ = ["moto", "moto_process"]
STATES = "PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT"


def lines(data: Path, **settings: str) -> list[str]:
    """What the doctor finds, problems first."""
    environment = {"STACKHOLD_DATA": str(data), **settings}
    finding = examine(Settings(environment), "0", environment)
    return [*finding.problems, *finding.warnings]


def line(data: Path, **settings: str) -> str:
    """The only thing that the doctor finds."""
    (only,) = lines(data, **settings)
    assert "\n" not in only
    return only


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The data folder of an installation that works."""
    data = tmp_path / "data"
    startup.start(Settings({"STACKHOLD_DATA": str(data)}), may_migrate=True).close()
    return data


def free_port() -> int:
    """Return a port at which nothing listens."""
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def test_a_working_installation_has_nothing_to_mend(installed: Path) -> None:
    """No line is said of an installation that works."""
    assert [] == lines(installed)


class TestSettings:
    @pytest.mark.parametrize(
        ("settings", "words"),
        [
            ({"STACKHOLD_PROT": "1"}, "STACKHOLD_PROT: not a setting of this release; did you mean STACKHOLD_PORT?"),
            ({"PULUMI_KMS_KEY": "alias/a", "PULUMI_LOCAL_KEYS": "keys"}, "are both set; exactly one key service"),
            ({"API_TLS_PRIVATE_KEY": "key.pem"}, "API_TLS_CERTIFICATE must be set with API_TLS_PRIVATE_KEY"),
            ({"PULUMI_LICENSE_KEY": "x"}, "PULUMI_LICENSE_KEY is set but ignored: no licence is needed"),
            ({"PULUMI_API_DOMAIN": "pulumi.example.com"}, "set it to the addresses of the balancer"),
        ],
        ids=["1 unknown", "2 contradictory", "3 incomplete", "4 of the original", "5 proxy"],
    )
    def test_are_named(self, installed: Path, settings: dict[str, str], words: str) -> None:
        """A setting that is unknown, contradicts another, lacks another, has no effect, or is missing behind a proxy."""
        assert words in line(installed, **settings)

    def test_6_a_certificate_that_expires_is_named(self, installed: Path, tmp_path: Path) -> None:
        """A certificate with a few days left is named with the date."""
        pair = Certificate(tmp_path / "tls")
        said = line(installed, API_TLS_CERTIFICATE=str(pair.certificate), API_TLS_PRIVATE_KEY=str(pair.key))

        assert "API_TLS_CERTIFICATE: the certificate expires on" in said
        assert "renew it and restart" in said

    def test_7_a_mail_server_that_refuses_is_named(self, installed: Path) -> None:
        """Nothing listens where mail should go."""
        said = line(installed, SMTP_SERVER=f"{HOST}:{free_port()}", SMTP_GENERIC_SENDER="a@example.com")

        assert "SMTP_SERVER: no mail can be sent: 127.0.0.1 cannot be used: connection refused; check the SMTP_ settings" in said

    def test_8_a_folder_that_is_a_file_is_named(self, tmp_path: Path) -> None:
        """The data folder is a file."""
        (tmp_path / "file").write_text("")

        assert "is a file, not a folder (STACKHOLD_DATA)" in line(tmp_path / "file")


class TestTables:
    def change(self, data: Path, revision: str) -> None:
        """Write another revision into the database."""
        with closing(sqlite3.connect(data / "stackhold.db")) as database:
            database.execute("UPDATE alembic_version SET version_num = ?", [revision])
            database.commit()

    def test_9_that_are_too_new_are_named(self, installed: Path) -> None:
        """A later release made them."""
        self.change(installed, "9999")

        assert f"newer than this program, which knows {HEAD}: use the release that made it" in line(installed)

    def test_10_that_are_older_are_named(self, tmp_path: Path) -> None:
        """An earlier release made them: the next start migrates them, unless it must not."""
        older = REVISIONS[REVISIONS.index(HEAD) - 1]
        data = tmp_path / "data"
        data.mkdir()
        with closing(open_database(data / "stackhold.db", pool_size=1)) as database:
            migrate(database, to=older)

        assert f"at revision {older} and this release needs {HEAD}: run `stackhold migrate`" in line(
            data, STACKHOLD_MIGRATE_AT_START="false"
        )

    def test_11_in_a_file_that_is_no_database_are_named(self, installed: Path) -> None:
        """Rubbish is in the database's place."""
        (installed / "stackhold.db").write_bytes(b"rubbish" * 1000)

        assert "the database cannot be used: file is not a database" in line(installed)


class TestMySQL:
    @pytest.fixture
    def database(self, mysql_server: SharedServer) -> Iterator[str]:
        """A database with all tables."""
        with mysql_server.migrated() as name:
            yield name

    @pytest.fixture
    def data(self, tmp_path: Path, mysql_server: SharedServer, database: str) -> Path:
        """The data folder of an installation on MySQL."""
        data = tmp_path / "data"
        settings = {"STACKHOLD_DATA": str(data), **mysql_server.settings(database)}
        startup.start(Settings(settings), may_migrate=True).close()
        return data

    @pytest.mark.parametrize(
        ("sent", "heard", "words"),
        [
            ({}, {}, "MySQL 8.0 or later is needed: upgrade it"),
            ({}, {b"STRICT_": b"strict_"}, "the mode lacks STRICT; connect without the proxy"),
            ({b"@@max_allowed_packet": b"4194304".ljust(20)}, {}, "Set it to 16,777,216 or more"),
            (
                {b"UNIX_TIMESTAMP(NOW(6))": b"UNIX_TIMESTAMP()+03600"},
                {},
                "seconds behind the database's: set both by a time server",
            ),
            ({b"@@character_set_results": b"'latin1'".ljust(23)}, {}, "some texts would be lost; remove init_connect"),
        ],
        ids=["12 version", "13 mode", "14 limit", "15 clock", "16 session's character set"],
    )
    def test_that_differs_is_named(
        self, request: pytest.FixtureRequest, data: Path, sent: dict[bytes, bytes], heard: dict[bytes, bytes], words: str
    ) -> None:
        """A server, or a proxy in front of it, that answers differently: an old version, no strict mode, small packets, a clock."""
        mysql_server, database = request.getfixturevalue("mysql_server"), request.getfixturevalue("database")
        version = mysql_server.version.encode()
        with relayed(mysql_server.port) as wire:
            wire.sent = sent
            wire.heard = heard or {version: version.replace(version[:3], b"7.9")} if not sent else {}
            settings = {**mysql_server.settings(database), "PULUMI_DATABASE_ENDPOINT": f"{HOST}:{wire.port}"}

            assert words in line(data, **settings)

    def test_17_with_a_table_of_another_collation_is_named(self, mysql_server: SharedServer, database: str, data: Path) -> None:
        """A table was converted, so that names which differ in case are one."""
        mysql_server.run("ALTER TABLE teams CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci", database=database)
        said = line(data, **mysql_server.settings(database))

        assert "tables teams are not in utf8mb4_0900_bin" in said
        assert "ALTER TABLE" in said

    def test_18_that_refuses_the_password_is_named(self, mysql_server: SharedServer, database: str, data: Path) -> None:
        """The settings have another password."""
        settings = {**mysql_server.settings(database), "PULUMI_DATABASE_USER_PASSWORD": "correct horse"}

        assert "PULUMI_DATABASE_USER_PASSWORD" in line(data, **settings)

    def test_19_that_does_not_answer_is_named(self, mysql_server: SharedServer, database: str, data: Path) -> None:
        """Nothing listens at the endpoint."""
        settings = {**mysql_server.settings(database), "PULUMI_DATABASE_ENDPOINT": f"{HOST}:{free_port()}"}

        assert "PULUMI_DATABASE_ENDPOINT" in line(data, **settings)


class TestStore:
    def test_20_without_its_bucket_is_named(self, installed: Path, moto: Moto) -> None:
        """The bucket was never made, or its name is wrong."""
        address = f"s3://absent-{os.getpid()}?region=eu-west-1&endpoint={moto.url}&s3ForcePathStyle=true"

        assert "NoSuchBucket; create the bucket, or correct its name" in line(installed, **{STATES: address})

    @pytest.mark.parametrize(
        ("habit", "words"),
        [
            (Habit.FORBIDS, "AccessDenied; allow this program's role s3:GetObject, s3:PutObject"),
            (
                Habit.IS_ELSEWHERE,
                "IllegalLocationConstraintException; the bucket is in another region: set `region` in the address",
            ),
            (Habit.IS_SLOW, "ms, which is slow: a server should be near to what it works with"),
        ],
        ids=["21 rights", "22 region", "23 time to first byte"],
    )
    def test_that_is_odd_is_named(self, installed: Path, monkeypatch: pytest.MonkeyPatch, habit: Habit, words: str) -> None:
        """A store that forbids everything, is in another region, or is slow to send a first byte."""
        for name, value in CREDENTIALS.items():
            monkeypatch.setenv(name, value)
        with odd_store(habit) as store:
            assert words in line(installed, **{STATES: store.address})


class TestKey:
    @pytest.fixture
    def settings(self, tmp_path: Path, moto: Moto) -> dict[str, str]:
        """The settings of an installation with a key in KMS."""
        settings = {"STACKHOLD_DATA": str(tmp_path / "data"), "PULUMI_KMS_KEY": moto.make_key()}
        startup.start(Settings(settings), may_migrate=True).close()
        return {name: value for name, value in settings.items() if name != "STACKHOLD_DATA"}

    @pytest.mark.parametrize(
        ("code", "forbidden", "words"),
        [
            ("DisabledException", {"Encrypt", "Decrypt"}, "(DisabledException): enable the key; nothing is lost"),
            (
                "AccessDeniedException",
                {"Decrypt"},
                "(AccessDeniedException): allow this program's role kms:Encrypt and kms:Decrypt",
            ),
        ],
        ids=["24 disabled", "25 right to decrypt"],
    )
    def test_that_refuses_is_named(self, request: pytest.FixtureRequest, code: str, forbidden: set[str], words: str) -> None:
        """Someone has disabled the key, or the role may encrypt and not decrypt. The stand-in of AWS knows neither by itself."""
        data, settings = request.getfixturevalue("tmp_path") / "data", request.getfixturevalue("settings")
        with refusing(request.getfixturevalue("moto")) as front:
            front.forbidden, front.code = frozenset(forbidden), code
            request.getfixturevalue("monkeypatch").setenv("AWS_ENDPOINT_URL", front.url)

            assert words in line(data, **settings)

    def test_26_that_is_missing_is_named(self, installed: Path) -> None:
        """The folder of the local key is gone."""
        shutil.rmtree(installed / "keys")

        assert "is missing, and this installation's secrets were encrypted with it: restore it from a backup" in line(installed)

    def test_27_of_another_installation_is_named(self, installed: Path) -> None:
        """A key is there, and it is not the one."""
        (installed / "keys" / "master.key").unlink()
        create_key(installed / "keys")

        assert "is not the one this installation was created with" in line(installed)

    def test_28_that_others_can_read_is_named(self, installed: Path) -> None:
        """The key's file is open to everyone on the machine."""
        (installed / "keys" / "master.key").chmod(0o644)

        assert "can be read or changed by others (mode 0644); run chmod 600" in line(installed)

    def test_29_in_a_vault_that_is_disabled_is_named(self, tmp_path: Path, vault: KeyVault) -> None:
        """Someone has disabled the version of the key in Azure."""
        version = vault.rotate("master")
        settings = {"PULUMI_AZURE_KV_URI": vault.url, "PULUMI_AZURE_KV_KEY_NAME": "master"}
        startup.start(Settings({"STACKHOLD_DATA": str(tmp_path / "data"), **settings}), may_migrate=True).close()
        vault.enable("master", version, enabled=False)

        assert "is disabled: enable it" in line(tmp_path / "data", **settings)


class TestAuditTable:
    def test_30_with_other_keys_is_named(self, installed: Path, moto: Moto) -> None:
        """The table lacks the range key of the original's."""
        table = make_table(moto, KeySchema=[{"AttributeName": "org_id", "KeyType": "HASH"}])
        said = line(installed, PULUMI_AUDIT_LOGS_DYNAMO_TABLE=table.name)

        assert "PULUMI_AUDIT_LOGS_DYNAMO_TABLE: " in said
        assert "the table's keys" in said
        assert schema("any")["KeySchema"][1]["AttributeName"] in said
