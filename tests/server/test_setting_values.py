"""No value of a setting, however wrong, ends in a traceback or shows a secret."""

import base64
import io
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from common.config.setting import Kind, Setting, Status
from common.config.setting_notices import notices
from common.config.settings import SETTINGS, Settings
from common.core.errors import StartUpError
from common.ports.keys.local import create_key
from functions.server.doctor import examine
from functions.server.listener import tls_context
from functions.server.mode import mode_of
from functions.server.startup import check
from tests.hosts.certificate import Certificate
from tests.server.server_process import Served, contents, run

CLOUD = ("AWS_", "AZURE_", "PULUMI_AZURE_", "PULUMI_KMS")
USED = [setting for setting in SETTINGS if setting.status is Status.USED]
PATH_OR_VALUE = [setting for setting in USED if setting.is_pem or setting.name == "PULUMI_LOCAL_KEYS"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate and its key."""
    return Certificate(tmp_path_factory.mktemp("certificate"))


def bad_values() -> dict[str, str]:
    """Values that a user pastes into the wrong place, by kind; each has a text in it that must not come out."""
    pem = "-----BEGIN PRIVATE KEY-----\n" + "\n".join(["S3cretS3cretS3cretS3cret"] * 40) + "\n-----END PRIVATE KEY-----\n"
    return {
        "a PEM key": pem,
        "a PEM key in one line": pem.replace("\n", "\\n"),
        "a PEM key without its first line": pem.partition("\n")[2],
        "base64 of a PEM key": base64.b64encode(pem.encode()).decode(),
        "a random key in base64": base64.b64encode(bytes(range(100, 132))).decode(),
        "a random key in hexadecimal": bytes(range(100, 132)).hex(),
        "a long text": "S3cret" * 2000,
        "a null character": "S3cret\0S3cret",
        "line breaks": "S3cret\nS3cret\r\n S3cret",
        "bytes that are not UTF-8": "S3cret\udcff",
        "an address with a password": "https://alice:S3cretS3cret@[",
    }


def shown(call: Callable[[], object]) -> str:
    """What a call prints, returns or raises for the operator; any other exception passes through and fails the test."""
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        try:
            returned = call()
        except StartUpError as error:
            return f"{said.getvalue()}{error}"
    return f"{said.getvalue()}{returned}"


def parts_of(value: str) -> Iterator[str]:
    """The value, and what would still tell it: its first characters."""
    yield value
    yield value[:24] if not value.startswith("-----BEGIN") else value[28:60].strip()


class TestEverySetting:
    @pytest.mark.parametrize("setting", USED, ids=lambda setting: setting.name)
    def test_with_a_pasted_key_is_refused_or_used_without_showing_it(
        self, setting: Setting[Any], certificate: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each setting of the table with each bad value: no traceback, and no secret in what start and doctor say."""
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("socket.create_connection", _no_connection)
        partners = {"STACKHOLD_PORT": "0", **_partners(setting.name, certificate)}
        for kind, value in bad_values().items():
            given = {**partners, setting.name: value}
            said = shown(partial(_examined, given))

            hidden = setting.kind is Kind.SECRET or setting in PATH_OR_VALUE or "PEM" in kind or len(value) > 1000
            if hidden:
                assert not [part for part in parts_of(value) if part in said], (setting.name, kind)

    @pytest.mark.parametrize("setting", PATH_OR_VALUE, ids=lambda setting: setting.name)
    @pytest.mark.parametrize("command", ["serve", "doctor"])
    def test_with_a_pasted_key_stops_the_real_program_in_one_line(
        self, setting: Setting[Any], command: str, certificate: Certificate, tmp_path: Path
    ) -> None:
        """The real program names the setting, shows no traceback and nothing of the value, and changes nothing."""
        value = bad_values()["a PEM key without its first line" if setting.is_pem else "a random key in base64"]
        arguments = ["serve", "--port", "0"] if command == "serve" else ["doctor"]
        ended = run(tmp_path, *arguments, **{**_partners(setting.name, certificate), setting.name: value})

        said = ended.stdout + ended.stderr
        assert 1 == ended.returncode
        assert setting.name in said
        assert "Traceback" not in said
        assert not [part for part in parts_of(value) if part in said]
        assert {} == contents(tmp_path)

    @pytest.mark.parametrize("command", ["serve", "doctor"])
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("PULUMI_DATABASE_ENDPOINT", "mysql://root:hunter2hunter2@127.0.0.1:1/x"),
            ("PULUMI_DATABASE_ENDPOINT", "root:hunter2/hunter2@127.0.0.1:1"),
            ("PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT", "s3://AKIA:hunter2hunter2@bucket?region=x"),
            ("PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT", "azblob://states?sv=1&sig=hunter2hunter2"),
            ("SMTP_SERVER", "user:hunter2hunter2@mail.example.com"),
            ("PULUMI_API_DOMAIN", "user:hunter2hunter2@example.com"),
        ],
    )
    def test_with_a_password_in_its_address_is_refused_without_showing_it(
        self, command: str, name: str, value: str, tmp_path: Path
    ) -> None:
        """Passwords stand in many an address that people copy; what `doctor` prints is made to be shown to others."""
        ended = run(tmp_path, *(["serve", "--port", "0"] if command == "serve" else ["doctor"]), **{name: value})

        assert 1 == ended.returncode
        assert f"{name} must not contain a user, a password or a signature" in ended.stderr
        assert "hunter2" not in ended.stdout + ended.stderr

    def test_of_no_use_with_a_password_in_its_address_is_not_shown(self, tmp_path: Path) -> None:
        """Also what has no effect is listed."""
        ended = run(tmp_path, "doctor", PULUMI_API="https://user:hunter2hunter2@example.com")
        assert "PULUMI_API = (set, not shown)" in ended.stdout
        assert "hunter2" not in ended.stdout + ended.stderr


class TestTlsPair:
    @pytest.mark.parametrize("wrap", [base64.b64encode, base64.encodebytes], ids=["one line", "lines"])
    def test_is_accepted_in_base64(self, certificate: Certificate, wrap: Callable[[bytes], bytes]) -> None:
        """A Kubernetes secret's base64 of a PEM text is taken as that text."""
        pair = {
            "API_TLS_CERTIFICATE": wrap(certificate.certificate.read_bytes()).decode(),
            "API_TLS_PRIVATE_KEY": wrap(certificate.key.read_bytes()).decode(),
        }

        assert tls_context(Settings(pair)) is not None

    def test_in_base64_serves_https(self, certificate: Certificate, tmp_path: Path) -> None:
        """The real server answers over HTTPS with such a pair."""
        pair = {
            "API_TLS_CERTIFICATE": base64.b64encode(certificate.certificate.read_bytes()).decode(),
            "API_TLS_PRIVATE_KEY": base64.b64encode(certificate.key.read_bytes()).decode(),
        }
        with Served(tmp_path, **pair) as server:
            assert server.url.startswith("https://")


class TestLocalKeys:
    def test_shows_a_path_that_exists(self, tmp_path: Path) -> None:
        """A key file that cannot be used is named by its path."""
        path = create_key(tmp_path / "keys")
        path.chmod(0o666)

        assert str(path) in shown(lambda: check(Settings({"PULUMI_LOCAL_KEYS": str(path)}), may_migrate=True))


def _examined(given: dict[str, str]) -> str:
    said = [*notices(given)]
    settings = Settings(given)
    said += examine(settings, "0").lines
    mode_of(settings)
    return "\n".join(said)


def _partners(name: str, certificate: Certificate) -> dict[str, str]:
    """Settings without which a setting's value is not looked at."""
    pairs = {
        "API_TLS_CERTIFICATE": "API_TLS_PRIVATE_KEY",
        "API_TLS_PRIVATE_KEY": "API_TLS_CERTIFICATE",
        "SAML_CERTIFICATE_PUBLIC_KEY": "SAML_CERTIFICATE_PRIVATE_KEY",
        "SAML_CERTIFICATE_PRIVATE_KEY": "SAML_CERTIFICATE_PUBLIC_KEY",
    }
    if name in pairs:
        return {pairs[name]: str(certificate.key if "PRIVATE" in pairs[name] else certificate.certificate)}
    if name.startswith("DATABASE_"):
        return {"PULUMI_DATABASE_ENDPOINT": "127.0.0.1:9", "PULUMI_DATABASE_USER_NAME": "svc"}
    return {}


def _no_connection(*_arguments: object, **_options: object) -> None:
    raise OSError
