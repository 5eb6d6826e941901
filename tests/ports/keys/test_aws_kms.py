"""What is particular about KMS; what holds for every key service is in tests/ports."""

from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber
from moto import mock_aws

from common.core.errors import StartUpError, Unavailable
from common.ports.aws import Access
from common.ports.keys import KeyUnusable
from common.ports.keys.aws_kms import KMS
from tests.aws.moto_process import CREDENTIALS, REGION

PLAIN = bytes(range(32))


@pytest.fixture(autouse=True)
def kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """KMS in this process, and example credentials."""
    for name in ("AWS_PROFILE", "AWS_ROLE_ARN", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield


@pytest.fixture
def arn() -> str:
    """A new key's ARN."""
    return new_key()


def new_key() -> str:
    """Make a symmetric key and return its ARN."""
    return str(boto3.client("kms").create_key()["KeyMetadata"]["Arn"])


def open_kms(key: str) -> KMS:
    """A driver, as a process that has just started has it."""
    return KMS(key, Access(REGION))


class TestKey:
    def test_may_be_named_in_three_ways(self, arn: str) -> None:
        """ARN, id and alias lead to one key, and what was wrapped by one name opens by another."""
        boto3.client("kms").create_alias(AliasName="alias/stackhold", TargetKeyId=arn)
        wrapped = open_kms("alias/stackhold").wrap(PLAIN, "stack")

        for name in (arn, arn.rpartition("/")[2], "alias/stackhold", arn.rpartition(":")[0] + ":alias/stackhold"):
            assert PLAIN == open_kms(name).unwrap(wrapped, "stack")

    def test_is_named_in_the_record(self, arn: str) -> None:
        """After a change of key the older one goes on unwrapping, because the record says which it was."""
        wrapped = open_kms(arn).wrap(PLAIN, "stack")

        assert arn.encode() in wrapped
        assert PLAIN == open_kms(new_key()).unwrap(wrapped, "stack")

    def test_behind_an_alias_is_found_by_the_check(self, arn: str) -> None:
        """The check returns the key that an alias leads to, by its ARN."""
        boto3.client("kms").create_alias(AliasName="alias/stackhold", TargetKeyId=arn)

        assert arn == open_kms("alias/stackhold").check()

    def test_is_current_until_another_is_configured(self, arn: str) -> None:
        """What the configured key wrapped need not be wrapped again; what an older one wrapped should be."""
        wrapped = open_kms(arn).wrap(PLAIN, "stack")

        assert open_kms(arn).is_current(wrapped)
        assert not open_kms(new_key()).is_current(wrapped)

    def test_gives_its_region(self, arn: str) -> None:
        """The region of an ARN counts, whatever the environment says."""
        driver = KMS(arn.replace(REGION, "eu-central-1"), Access(REGION))
        driver.load()

        assert "eu-central-1" == driver._client().meta.region_name

    @pytest.mark.parametrize("name", ["", "arn", "arn:aws:s3:::states", "alias/", "key with blanks", "https://example.com"])
    def test_of_another_form_is_refused(self, name: str) -> None:
        """A setting that cannot be a key is named before anything is asked."""
        with pytest.raises(StartUpError, match="PULUMI_KMS_KEY must be"):
            KMS(name, Access())


class TestReplica:
    def test_opens_what_the_key_in_another_region_wrapped(self, arn: str) -> None:
        """The copies of a multi-Region key have one id; the configured copy is asked, so that another region can take over."""
        wrapped = open_kms(arn).wrap(PLAIN, "stack")
        recorded = arn.replace(REGION, "us-east-1").rpartition("/")[0] + "/mrk-" + "0" * 32
        ours = arn.rpartition("/")[0] + "/mrk-" + "0" * 32
        record = wrapped[:1] + bytes([len(recorded)]) + recorded.encode() + wrapped[2 + wrapped[1] :]
        driver = open_kms(ours)
        with Stubber(driver._client()) as stub:
            stub.add_response(
                "decrypt",
                {"Plaintext": PLAIN, "KeyId": ours},
                {"KeyId": ours, "CiphertextBlob": record[2 + record[1] :], "EncryptionContext": {"stackhold:context": "stack"}},
            )

            assert PLAIN == driver.unwrap(record, "stack")


class TestContext:
    def test_goes_to_kms_as_encryption_context(self, arn: str) -> None:
        """KMS itself binds the record to its stack, and its log says for which stack a key was used."""
        wrapped = open_kms(arn).wrap(PLAIN, "stack-1")
        sealed = wrapped[2 + wrapped[1] :]
        client = boto3.client("kms")

        assert PLAIN == client.decrypt(CiphertextBlob=sealed, EncryptionContext={"stackhold:context": "stack-1"})["Plaintext"]
        with pytest.raises(KeyUnusable, match="belongs to another record"):
            open_kms(arn).unwrap(wrapped, "stack-2")


class TestTrouble:
    @pytest.mark.parametrize(
        ("code", "status"),
        [
            ("ThrottlingException", 400),
            ("LimitExceededException", 400),
            ("KeyUnavailableException", 500),
            ("KMSInternalException", 500),
            ("DependencyTimeoutException", 503),
        ],
    )
    @pytest.mark.parametrize("operation", ["encrypt", "decrypt"])
    def test_that_passes_is_a_503(self, arn: str, operation: str, code: str, status: int) -> None:
        """A busy key service is worth another try, and the client is told so."""
        driver = open_kms(arn)
        wrapped = driver.wrap(PLAIN, "stack")
        with Stubber(driver._client()) as stub:
            stub.add_client_error(operation, code, "no secret here", status)
            with pytest.raises(Unavailable, match=f"busy \\({code}\\) for key {arn}; try again"):
                _ = driver.wrap(PLAIN, "stack") if operation == "encrypt" else driver.unwrap(wrapped, "stack")

    @pytest.mark.parametrize(
        "code", ["AccessDeniedException", "DisabledException", "NotFoundException", "KMSInvalidStateException"]
    )
    def test_of_configuration_is_not_retried_away(self, arn: str, code: str) -> None:
        """A key that is absent, disabled or not allowed is an error that says so."""
        driver = open_kms(arn)
        wrapped = driver.wrap(PLAIN, "stack")
        with Stubber(driver._client()) as stub:
            stub.add_client_error("decrypt", code, "no secret here", 400)
            with pytest.raises(KeyUnusable, match=code) as raised:
                driver.unwrap(wrapped, "stack")

        assert "no secret here" not in str(raised.value)
        assert arn in str(raised.value)

    def test_with_a_disabled_key_names_the_key_and_what_to_do(self, arn: str) -> None:
        """Anyone who reads the error knows which key to enable, and that nothing is lost."""
        driver = open_kms(arn)
        wrapped = driver.wrap(PLAIN, "stack")
        with Stubber(driver._client()) as stub:
            stub.add_client_error("decrypt", "DisabledException", "is disabled", 400)
            with pytest.raises(KeyUnusable, match=f"AWS KMS refuses key {arn} .*: enable the key; nothing is lost"):
                driver.unwrap(wrapped, "stack")

    def test_to_reach_it_is_a_503(self, arn: str) -> None:
        """No one answers: worth another try."""
        driver = KMS(arn, Access(REGION, endpoint="http://127.0.0.1:9"))
        driver._client().meta.events.register("before-send", _fail)
        with pytest.raises(Unavailable, match="does not answer"):
            driver.wrap(PLAIN, "stack")

    def test_stops_the_start(self, arn: str) -> None:
        """The check wraps and unwraps, and names the setting when either fails."""
        open_kms(arn).check()

        with pytest.raises(
            StartUpError, match=r"PULUMI_KMS_KEY: AWS KMS refuses key .*0000 .NotFoundException.: there is no such key"
        ):
            open_kms(arn[:-4] + "0000").check()


def _fail(**_arguments: object) -> None:
    raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")
