from datetime import UTC, datetime
from types import SimpleNamespace
from urllib.parse import parse_qsl

import pytest

from common.core.errors import StartUpError, Unavailable
from common.db.login_tokens import ENTRA_SCOPE, Credentials, EntraToken, RdsToken, RdsUser, rds_region, sign
from common.ports import aws
from common.ports.aws import Access
from tests.reporting import missing_tool

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
APP = RdsUser("db.acme.example.com", 3306, "app", "eu-west-1")


class TestSign:
    def test_gives_the_address_of_a_request_to_connect(self) -> None:
        """The token is the server's address with a signed query, without a scheme."""
        token = sign(APP, Credentials("AKIDEXAMPLE", SECRET, "tok/+=en=="), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
        address, _, query = token.partition("/?")

        assert "db.acme.example.com:3306" == address
        assert {
            "Action": "connect",
            "DBUser": "app",
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": "AKIDEXAMPLE/20260102/eu-west-1/rds-db/aws4_request",
            "X-Amz-Date": "20260102T030405Z",
            "X-Amz-Expires": "900",
            "X-Amz-Security-Token": "tok/+=en==",
            "X-Amz-SignedHeaders": "host",
            "X-Amz-Signature": "09beeb57d81a1b59156d15bd5789da4179978b24cc906a681175024458989bd1",
        } == dict(parse_qsl(query))

    @pytest.mark.parametrize("session", ["", "tok/+=en=="])
    @pytest.mark.parametrize("user", ["app", "odd user+x@é"])
    def test_gives_what_the_sdk_gives(self, session: str, user: str) -> None:
        """The signature is the one that AWS's own library makes."""
        try:
            from botocore.session import Session
        except ImportError:
            missing_tool("botocore is not installed, so signatures cannot be compared with those of the SDK")
        sdk = Session()
        sdk.set_credentials("AKIDEXAMPLE", SECRET, session or None)
        client = sdk.create_client("rds", region_name="eu-west-1")
        theirs = dict(parse_qsl(client.generate_db_auth_token(APP.host, APP.port, user).partition("/?")[2]))
        now = datetime.strptime(theirs["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        ours = sign(RdsUser(APP.host, APP.port, user, "eu-west-1"), Credentials("AKIDEXAMPLE", SECRET, session), now)

        assert theirs == dict(parse_qsl(ours.partition("/?")[2]))


class TestRdsToken:
    def test_is_signed_anew_with_the_credentials_of_the_moment(self) -> None:
        """Credentials that were replaced are in the next token."""
        keys = iter(["FIRST", "SECOND"])
        token = RdsToken(APP, lambda: Credentials(next(keys), SECRET))

        assert ["FIRST%2F" in token.current(), "SECOND%2F" in token.current()] == [True, True]

    def test_shows_no_secret(self) -> None:
        """Neither key nor session token is in what a log could show."""
        shown = repr(Credentials("AKIDEXAMPLE", SECRET, "session-token"))

        assert SECRET not in shown
        assert "session-token" not in shown


class TestRdsRegion:
    def test_is_in_the_name_of_the_server(self) -> None:
        """The name wins over the setting: a function may run elsewhere than its database."""
        assert "eu-central-1" == rds_region("db.c1.eu-central-1.rds.amazonaws.com", "us-east-1")
        assert "cn-north-1" == rds_region("db.c1.cn-north-1.rds.amazonaws.com.cn", "")
        assert "us-east-1" == rds_region("db.example.com", "us-east-1")

    def test_must_be_known(self) -> None:
        """A name of one's own needs the setting."""
        with pytest.raises(StartUpError, match="AWS_REGION must be set"):
            rds_region("db.example.com", "")


class TestEntraToken:
    def test_asks_for_the_databases_scope_with_one_credential(self) -> None:
        """The credential is made on first use and kept, as it keeps the token."""
        made: list[list[str]] = []

        def get_token(scope: str) -> object:
            made[-1].append(scope)
            return SimpleNamespace(token=f"token-{len(made)}")

        def make() -> object:
            made.append([])
            return SimpleNamespace(get_token=get_token)

        token = EntraToken(make)
        assert [] == made
        assert ["token-1", "token-1"] == [token.current(), token.current()]
        token.forget()

        assert "token-2" == token.current()
        assert [[ENTRA_SCOPE, ENTRA_SCOPE], [ENTRA_SCOPE]] == made

    def test_that_cannot_be_had_is_told(self) -> None:
        """A failure of Azure is a passing one, and its words, which may hold a secret, are not repeated."""

        def get_token(_scope: str) -> object:
            raise RuntimeError("secret detail")

        with pytest.raises(Unavailable, match="Azure did not issue a token for the database: RuntimeError") as caught:
            EntraToken(lambda: SimpleNamespace(get_token=get_token)).current()

        assert "secret detail" not in caught.value.message


class TestCredentialSource:
    def test_reads_the_sdks_own_chain(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What the SDK finds is what signs; it is looked up at the first login and not before."""
        pytest.importorskip("botocore")
        for name in ("AWS_PROFILE", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"):
            monkeypatch.delenv(name, raising=False)
        source = aws.credential_source(Access("eu-west-1"))
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        monkeypatch.setenv("AWS_SESSION_TOKEN", "session")

        assert ("AKIDEXAMPLE", SECRET, "session") == source()

    def test_says_when_there_are_none(self, monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
        """A machine without credentials is told so in one line."""
        pytest.importorskip("botocore")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            monkeypatch.setenv(name, f"{tmp_path}/none")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

        with pytest.raises(Unavailable, match="no AWS credentials"):
            aws.credential_source(Access("eu-west-1"))()
