"""A real browser goes through real redirects to providers and back: cookies, policies of pages and the way on all hold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.browser.chromium import Browser
from tests.browser.looks import check
from tests.e2e.server import free_port
from tests.peers.github import GitHub
from tests.peers.gitlab import GitLab
from tests.peers.openid import OpenID
from tests.server.server_process import Served


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """The address of a server that knows three providers."""
    port = free_port()
    settings = {"PULUMI_CONSOLE_DOMAIN": f"127.0.0.1:{port}", "STACKHOLD_OUTBOUND_ALLOW": "127.0.0.1"}
    with OpenID(lambda: datetime.now(UTC)) as openid, GitHub() as github, GitLab() as gitlab:
        github.user["login"] = "alice-archer"
        settings |= openid.settings() | github.settings() | gitlab.settings()
        with Served(tmp_path, "--port", str(port), **settings):
            yield f"http://127.0.0.1:{port}"


class TestProviders:
    def test_sign_in_and_are_linked(self, browser: Browser, url: str) -> None:
        """A button leads to a provider and back, signed in; another button links an account of another provider."""
        browser.open(f"{url}/signin?return_to=/settings/identities")
        browser.press("Continue with Example ID")
        browser.await_address("/settings/identities")
        browser.press("Link GitHub account")
        browser.await_address("news=linked")

        assert "The account was linked." in browser.text
        assert "alice-archer" in browser.text
        check(browser, "identities-linked")
