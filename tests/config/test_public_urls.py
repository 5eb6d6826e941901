"""Where an installation is reached, and whether it is one person's own."""

import pytest

from common.config.public_urls import api_url, base_url, is_laptop, is_secure
from common.config.settings import Settings


class TestBaseUrl:
    @pytest.mark.parametrize(
        ("values", "pages", "api"),
        [
            ({}, "http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ({"STACKHOLD_PORT": "9000", "STACKHOLD_HOST": "::1"}, "http://[::1]:9000", "http://[::1]:9000"),
            ({"PULUMI_API_DOMAIN": "api.example.com"}, "https://api.example.com", "https://api.example.com"),
            (
                {"PULUMI_API_DOMAIN": "api.example.com", "PULUMI_CONSOLE_DOMAIN": "app.example.com"},
                "https://app.example.com",
                "https://api.example.com",
            ),
            ({"PULUMI_API_DOMAIN": "localhost:8080"}, "http://localhost:8080", "http://localhost:8080"),
            ({"PULUMI_API_DOMAIN": "[::1]:8080"}, "http://[::1]:8080", "http://[::1]:8080"),
            (
                {"PULUMI_API_DOMAIN": "127.0.0.1:8443", "API_TLS_CERTIFICATE": "x"},
                "https://127.0.0.1:8443",
                "https://127.0.0.1:8443",
            ),
            ({"API_TLS_CERTIFICATE": "x", "STACKHOLD_PORT": "9443"}, "https://127.0.0.1:9443", "https://127.0.0.1:9443"),
            ({"API_TLS_CERTIFICATE": "x"}, "https://127.0.0.1:8443", "https://127.0.0.1:8443"),
        ],
    )
    def test_is_https_but_for_loopback(self, values: dict[str, str], pages: str, api: str) -> None:
        """The public names are reached over HTTPS; only loopback may be plain."""
        settings = Settings(values)

        assert (pages, api) == (base_url(settings), api_url(settings))
        assert pages.startswith("https") is is_secure(settings)


class TestIsLaptop:
    def test_is_the_embedded_default(self) -> None:
        """Database and key in the data folder, and no one else reaches the server."""
        assert is_laptop(Settings({}))
        assert is_laptop(Settings({"PULUMI_API_DOMAIN": "localhost:8080"}))

    @pytest.mark.parametrize(
        "values",
        [
            {"PULUMI_DATABASE_ENDPOINT": "db:3306"},
            {"PULUMI_KMS_KEY": "arn:aws:kms:eu-west-1:1:key/x"},
            {"STACKHOLD_HOST": "0.0.0.0"},
            {"PULUMI_API_DOMAIN": "api.example.com"},
            {"PULUMI_CONSOLE_DOMAIN": "app.example.com"},
        ],
    )
    def test_is_nothing_that_others_reach(self, values: dict[str, str]) -> None:
        """A database of its own, a cloud's key, another address or a public name: then sign-up is not open by itself."""
        assert not is_laptop(Settings(values))
