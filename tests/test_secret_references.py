import json
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from common.config.secret_references import resolved
from common.config.setting import Kind
from common.config.settings import SETTINGS
from common.core.errors import StartUpError
from functions.server.options import settings_of
from tests.aws.moto_process import CREDENTIALS
from tests.hosts.keyvault import KeyVault

PASSWORD, SECOND = "PULUMI_DATABASE_USER_PASSWORD", "SMTP_PASSWORD"
MISSING = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:absent-AbCdEf"
MISSING_PARAMETER = "arn:aws:ssm:eu-west-1:123456789012:parameter/absent"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Secrets Manager and Systems Manager in this process."""
    for name in ("AWS_PROFILE", "AWS_ROLE_ARN", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield


@pytest.mark.usefixtures("aws")
class TestAws:
    def test_secret_is_read(self) -> None:
        """The ARN of a secret stands for the secret."""
        arn = boto3.client("secretsmanager").create_secret(Name="database", SecretString="correct horse")["ARN"]

        assert "correct horse" == resolved({PASSWORD: arn})[PASSWORD]

    def test_value_of_a_json_object_is_read(self) -> None:
        """The form that task definitions use names one value of an object; settings that are no secrets may refer too."""
        content = json.dumps({"username": "svc", "password": "correct horse"})
        arn = boto3.client("secretsmanager").create_secret(Name="database", SecretString=content)["ARN"]
        found = resolved({PASSWORD: f"{arn}:password::", "PULUMI_DATABASE_USER_NAME": f"{arn}:username:AWSCURRENT:"})

        assert ("correct horse", "svc") == (found[PASSWORD], found["PULUMI_DATABASE_USER_NAME"])
        with pytest.raises(StartUpError, match=f"{PASSWORD}: the secret .* is not a JSON object with the key passwort"):
            resolved({PASSWORD: f"{arn}:passwort::"})

    def test_parameter_is_read(self) -> None:
        """The ARN of a parameter stands for its value, decrypted."""
        boto3.client("ssm").put_parameter(Name="/acme/smtp", Value="correct horse", Type="SecureString")
        arn = boto3.client("ssm").get_parameter(Name="/acme/smtp")["Parameter"]["ARN"]

        assert "correct horse" == resolved({SECOND: arn})[SECOND]

    @pytest.mark.parametrize(
        ("reference", "permission"),
        [(MISSING, "secretsmanager:GetSecretValue"), (MISSING_PARAMETER, "ssm:GetParameter")],
        ids=["secret", "parameter"],
    )
    def test_reference_that_cannot_be_read_is_never_the_password_itself(self, reference: str, permission: str) -> None:
        """The start is refused, with the setting, the reference and the permission to grant."""
        with pytest.raises(StartUpError, match=f"{PASSWORD}: {reference} cannot be read .*{permission}"):
            resolved({PASSWORD: reference})


class TestKeyVault:
    @pytest.mark.parametrize(
        "form", ["{vault}/secrets/smtp", "{vault}/secrets/smtp/", "@Microsoft.KeyVault(SecretUri={vault}/secrets/smtp)"]
    )
    def test_secret_is_read(self, vault: KeyVault, form: str) -> None:
        """The address of a secret stands for it, also in the form of App Service where the platform left it as it is."""
        vault.secrets["smtp"] = "correct horse"

        assert "correct horse" == resolved({SECOND: form.format(vault=vault.url)})[SECOND]

    def test_version_is_read(self, vault: KeyVault) -> None:
        """An address may name a version."""
        vault.secrets |= {"smtp": "new", "smtp/0123456789abcdef": "old"}

        assert "old" == resolved({SECOND: f"{vault.url}/secrets/smtp/0123456789abcdef"})[SECOND]

    def test_secret_is_read_once(self, vault: KeyVault) -> None:
        """Settings that name the same secret cost one call."""
        vault.secrets["both"] = "correct horse"
        found = resolved({PASSWORD: f"{vault.url}/secrets/both", SECOND: f"{vault.url}/secrets/both"})

        assert found[PASSWORD] == found[SECOND] == "correct horse"
        assert 1 == len(vault.log)

    def test_absent_secret_is_named(self, vault: KeyVault) -> None:
        """The setting, the secret, the vault and the permission are named."""
        with pytest.raises(StartUpError, match=f"{SECOND}: the secret smtp of Key Vault {vault.url} cannot be read .*Get"):
            resolved({SECOND: f"{vault.url}/secrets/smtp"})


class TestOtherValues:
    def test_stay_as_they_are(self) -> None:
        """Values that are no references are left alone, unknown names too."""
        values = {PASSWORD: "arn of mine", "PULUMI_KMS_KEY": "arn:aws:kms:eu-west-1:123456789012:key/x", "HOME": "/home/alice"}

        assert values == resolved(values)

    @pytest.mark.parametrize("setting", [s for s in SETTINGS if s.kind is Kind.SECRET], ids=lambda setting: setting.name)
    @pytest.mark.parametrize(
        "value",
        [
            "arn:aws:s3:::acme/password",
            "arn:aws:secretsmanager:eu-west-1:secret:x",
            "{{resolve:secretsmanager:acme:SecretString:password}}",
            "@Microsoft.KeyVault(SecretName=x)",
        ],
    )
    def test_that_look_like_references_are_refused(self, setting: object, value: str) -> None:
        """What looks like a reference and cannot be resolved is refused by the setting's name."""
        name = str(getattr(setting, "name", "")).replace("*", "X")
        if name.endswith("X"):
            return
        with pytest.raises(StartUpError, match=f"{name} looks like a reference"):
            resolved({name: value})

    def test_with_which_secrets_are_read_cannot_be_references(self) -> None:
        """The SDK reads its own credentials before anything could be resolved with them."""
        with pytest.raises(StartUpError, match="AWS_SECRET_ACCESS_KEY must be the secret itself"):
            resolved({"AWS_SECRET_ACCESS_KEY": MISSING})

    def test_are_resolved_for_a_server_of_ones_own(self, vault: KeyVault, monkeypatch: pytest.MonkeyPatch) -> None:
        """The settings of the environment are resolved when they are read."""
        vault.secrets["smtp"] = "correct horse"
        monkeypatch.setenv(SECOND, f"{vault.url}/secrets/smtp")

        assert "correct horse" == settings_of({}).as_env()[SECOND]
