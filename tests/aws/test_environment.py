"""What the functions read their settings from."""

import json
import uuid
from typing import Any

import pytest

from aws import environment as place
from aws.environment import environment, has_secrets
from common.core.errors import StartUpError
from tests.aws.fixtures import moto, moto_process
from tests.aws.moto_process import Moto

__all__ = ["moto", "moto_process"]


def make_secret(moto: Moto, text: str) -> str:
    """Make a secret and return its name."""
    name = f"stackhold/{uuid.uuid4().hex}"
    moto.client("secretsmanager").create_secret(Name=name, SecretString=text)
    return name


@pytest.fixture
def secret(moto: Moto, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make secrets and tell the function to read them, in that order."""
    place._client.cache_clear()

    def make(*texts: str) -> list[str]:
        names = [make_secret(moto, text) for text in texts]
        monkeypatch.setenv("STACKHOLD_SETTINGS_SECRETS", ",".join(names))
        return names

    yield make
    place._client.cache_clear()


class TestEnvironment:
    def test_takes_further_settings_from_a_secret(self, secret: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """A secret may hold settings that the template cannot name; what the template gives itself is not replaced."""
        monkeypatch.setenv("PULUMI_API_DOMAIN", "api.example.com")
        secret(json.dumps({"SMTP_SERVER": "mail.example.com:587", "PULUMI_API_DOMAIN": "evil.example.com"}))
        found = environment()

        assert "mail.example.com:587" == found["SMTP_SERVER"]
        assert "api.example.com" == found["PULUMI_API_DOMAIN"]

    def test_takes_an_empty_variable_for_none(self, secret: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """What the template leaves open a secret may set."""
        monkeypatch.setenv("STACKHOLD_BASE_PATH", "")
        secret('{"STACKHOLD_BASE_PATH": "/pulumi"}')

        assert "/pulumi" == environment()["STACKHOLD_BASE_PATH"]

    def test_takes_more_than_an_environment_holds(self, secret: Any) -> None:
        """The certificates of single sign-on with those of a provider and mail are more than four kilobytes, and fit."""
        settings = {"SAML_CERTIFICATE_PUBLIC_KEY": "c" * 6000, "SAML_CERTIFICATE_PRIVATE_KEY": "k" * 6000, "SMTP_PASSWORD": "p"}
        secret(json.dumps(settings))

        assert settings.items() <= environment().items()
        assert "STACKHOLD_SETTINGS_SECRETS" not in environment()

    def test_takes_the_first_of_several(self, secret: Any) -> None:
        """The template's own secret wins over the operator's, and an empty name names no secret."""
        names = secret('{"SMTP_USERNAME": "first"}', '{"SMTP_USERNAME": "second", "SMTP_PASSWORD": "x"}')
        found = environment()

        assert ("first", "x") == (found["SMTP_USERNAME"], found["SMTP_PASSWORD"])
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STACKHOLD_SETTINGS_SECRETS", f",{names[1]},")
            assert "second" == environment()["SMTP_USERNAME"]

    @pytest.mark.parametrize("text", ["{hush", "[]", '{"SMTP_SERVER": 3}', '"hush"', " "])
    def test_refuses_another_text(self, secret: Any, text: str) -> None:
        """The start ends with one line that names the secret and does not repeat its text."""
        (name,) = secret(text)
        with pytest.raises(StartUpError, match="STACKHOLD_SETTINGS_SECRETS") as refused:
            environment()

        assert name in str(refused.value)
        assert "hush" not in str(refused.value)
        assert refused.value.__cause__ is None

    def test_names_a_secret_that_is_not_there(self, moto: Moto, secret: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """What went wrong is said in the service's word for it."""
        del moto
        secret()
        monkeypatch.setenv("STACKHOLD_SETTINGS_SECRETS", "stackhold/absent")
        with pytest.raises(StartUpError, match=r"secret stackhold/absent cannot be read \(ResourceNotFoundException\)"):
            environment()


class TestHasSecrets:
    @pytest.mark.parametrize(("named", "wanted"), [("", False), (",", False), ("a", True), ("a,", True)])
    def test_tells_whether_settings_can_change(self, monkeypatch: pytest.MonkeyPatch, named: str, *, wanted: bool) -> None:
        """The template joins names that may be empty."""
        monkeypatch.setenv("STACKHOLD_SETTINGS_SECRETS", named)

        assert wanted == has_secrets()
