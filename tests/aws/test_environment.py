"""What the functions read their settings from."""

import pytest

from aws.environment import environment
from common.errors import StartUpError


class TestEnvironment:
    def test_takes_further_settings_from_one_text(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A secret may hold settings that the template cannot name; what the template gives itself is not replaced."""
        monkeypatch.setenv("PULUMI_API_DOMAIN", "api.example.com")
        monkeypatch.setenv(
            "STACKHOLD_SETTINGS", '{"SMTP_SERVER": "mail.example.com:587", "PULUMI_API_DOMAIN": "evil.example.com"}'
        )
        found = environment()

        assert "mail.example.com:587" == found["SMTP_SERVER"]
        assert "api.example.com" == found["PULUMI_API_DOMAIN"]
        assert "STACKHOLD_SETTINGS" not in found

    @pytest.mark.parametrize("text", ["{", "[]", '{"SMTP_SERVER": 3}', '"hush"'])
    def test_refuses_another_text(self, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
        """The start ends with one line, which does not repeat the text: it is a secret."""
        monkeypatch.setenv("STACKHOLD_SETTINGS", text)
        with pytest.raises(StartUpError, match="STACKHOLD_SETTINGS") as refused:
            environment()

        assert "hush" not in str(refused.value)
