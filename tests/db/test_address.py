import ssl
from pathlib import Path

import pytest

from common.config.database import database_place, database_tls
from common.config.settings import Settings
from common.core.errors import StartUpError
from common.db.address import MySQL
from common.db.login_tokens import EntraToken, RdsToken
from tests.hosts.certificate import Certificate

SERVER = {"PULUMI_DATABASE_ENDPOINT": "db.c1.eu-west-1.rds.amazonaws.com:3306", "PULUMI_DATABASE_USER_NAME": "app"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A certificate as PEM text."""
    return Certificate(tmp_path_factory.mktemp("authority")).certificate.read_text()


def place(**settings: str) -> MySQL:
    """The server that settings lead to."""
    found = database_place(Settings({**SERVER, **settings}))
    assert isinstance(found, MySQL)
    return found


class TestDatabasePlace:
    def test_is_a_file_without_an_endpoint(self, tmp_path: Path) -> None:
        """SQLite in the data folder is what one gets without any setting."""
        assert tmp_path / "stackhold.db" == database_place(Settings({"STACKHOLD_DATA": str(tmp_path)}))

    @pytest.mark.parametrize(
        ("endpoint", "host", "port"),
        [("db:3307", "db", 3307), ("db", "db", 3306), ("[::1]:3307", "::1", 3307), ("[::1]", "::1", 3306)],
    )
    def test_takes_the_usual_port_by_default(self, endpoint: str, host: str, port: int) -> None:
        """An endpoint is a name or an address, with or without a port."""
        found = place(PULUMI_DATABASE_ENDPOINT=endpoint)
        assert (host, port) == (found.host, found.port)

    @pytest.mark.parametrize("endpoint", [":3306", "db:", "db:0", "db:65536", "db:-1", "db:٣"])
    def test_refuses_what_is_no_address(self, endpoint: str) -> None:
        """A bad endpoint is named at the start."""
        with pytest.raises(StartUpError, match="PULUMI_DATABASE_ENDPOINT must be host:port"):
            place(PULUMI_DATABASE_ENDPOINT=endpoint)

    def test_shows_no_password(self) -> None:
        """What a log could show of the place is who, not with what."""
        assert "hunter2" not in repr(place(PULUMI_DATABASE_USER_PASSWORD="hunter2"))


class TestTls:
    def test_is_off_unless_asked_for(self) -> None:
        """Without its settings the connection is plain: no half-verified TLS that looks like more."""
        assert place().tls is None

    def test_verifies_name_and_authority(self, authority: str) -> None:
        """With an authority the server must show a certificate of it for its own name."""
        found = place(DATABASE_CA_CERTIFICATE=authority).tls

        assert found is not None
        assert found.check_hostname
        assert ssl.CERT_REQUIRED is found.verify_mode
        assert 1 == len(found.get_ca_certs())
        assert ssl.TLSVersion.TLSv1_2 is found.minimum_version

    def test_with_a_version_alone_trusts_what_the_machine_trusts(self) -> None:
        """A lowest version asks for TLS as well; its certificate must be one that browsers would take."""
        found = place(DATABASE_MIN_TLS_VERSION="1.3").tls

        assert found is not None
        assert found.check_hostname
        assert ssl.TLSVersion.TLSv1_3 is found.minimum_version

    def test_is_prepared_once(self, authority: str) -> None:
        """Reading authorities is dear, so a process does it once."""
        settings = Settings({**SERVER, "DATABASE_CA_CERTIFICATE": authority})
        assert database_tls(settings) is database_tls(settings)

    def test_takes_a_text_on_one_line(self, authority: str) -> None:
        """Line ends may be spelled out, where a setting must be one line."""
        assert place(DATABASE_CA_CERTIFICATE=authority.replace("\n", "\\n")).tls is not None

    @pytest.mark.parametrize("text", ["/etc/ca.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"])
    def test_refuses_what_is_no_certificate(self, text: str) -> None:
        """A path, or a damaged text, is told from a certificate."""
        with pytest.raises(StartUpError, match=r"DATABASE_CA_CERTIFICATE (must be PEM text|holds no certificate)"):
            place(DATABASE_CA_CERTIFICATE=text)


class TestLogin:
    def test_by_token_needs_tls(self) -> None:
        """A token travels as it is, so no one but the verified server may see it."""
        for login in ("aws-iam", "entra"):
            with pytest.raises(StartUpError, match="needs verified TLS"):
                place(STACKHOLD_DATABASE_LOGIN=login)

    def test_by_token_is_made_by_the_cloud_that_is_named(self, authority: str) -> None:
        """Each cloud has its own tokens, and none is asked for before the first connection."""
        assert isinstance(place(STACKHOLD_DATABASE_LOGIN="aws-iam", DATABASE_CA_CERTIFICATE=authority).token, RdsToken)
        assert isinstance(place(STACKHOLD_DATABASE_LOGIN="entra", DATABASE_CA_CERTIFICATE=authority).token, EntraToken)
        assert place(DATABASE_CA_CERTIFICATE=authority).token is None

    def test_signs_with_the_credentials_that_are_set(self, authority: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A function's own credentials sign without any SDK."""
        monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
        keys = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
        token = place(STACKHOLD_DATABASE_LOGIN="aws-iam", DATABASE_CA_CERTIFICATE=authority, **keys).token

        assert token is not None
        assert "AKIDEXAMPLE%2F" in token.current()
        assert "%2Feu-west-1%2Frds-db" in token.current()
        assert "X-Amz-Security-Token=session" in token.current()

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"STACKHOLD_DATABASE_LOGIN": "kerberos"}, "must be password, aws-iam or entra"),
            ({"STACKHOLD_DATABASE_LOGIN": "entra", "PULUMI_DATABASE_USER_PASSWORD": "x"}, "unset one of them"),
            ({"STACKHOLD_DATABASE_LOGIN": "aws-iam", "PULUMI_DATABASE_ENDPOINT": "db:3306"}, "AWS_REGION must be set"),
        ],
    )
    def test_that_makes_no_sense_is_refused(self, given: dict[str, str], said: str) -> None:
        """Contradictions are told at the start."""
        with pytest.raises(StartUpError, match=said):
            place(**given)
