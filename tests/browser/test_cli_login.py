"""`pulumi login` through a browser: the real command line, a real browser, a real server."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.browser.chromium import LIMIT_SECONDS, Browser
from tests.browser.conftest import Site, fill_token
from tests.browser.terminal import Terminal
from tests.e2e import toolchain
from tests.reporting import missing_tool
from tools.client_versions import CLI_VERSIONS

PASSWORD = "correct horse battery staple"
VERSION = CLI_VERSIONS[0]
pytestmark = pytest.mark.e2e
# What the command line starts to open a browser: this one writes the address down instead.
OPENERS = ("xdg-open", "x-www-browser", "www-browser", "open")


class Computer:
    """A user's computer: a home folder, the command line, and a browser opener that only notes what it is to open."""

    def __init__(self, folder: Path, pulumi: Path, site: Site) -> None:
        self.folder, self._site = folder, site
        self._notes = folder / "opened"
        tools = folder / "bin"
        tools.mkdir()
        (tools / "pulumi").symlink_to(pulumi)
        for name in OPENERS:
            opener = tools / name
            opener.write_text(f'#!/bin/sh\nprintf "%s\\n" "$1" >> "{self._notes}"\n', encoding="utf-8")
            opener.chmod(0o700)
        self.environment = {
            "PATH": f"{tools}{os.pathsep}/usr/bin{os.pathsep}/bin",
            "HOME": str(folder),
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_CONSOLE_DOMAIN": site.domain,
            "DISPLAY": ":0",
            "TERM": "xterm",
            "NO_COLOR": "1",
        }

    def login(self) -> Terminal:
        """Start to sign in, in a terminal, and choose the browser."""
        terminal = Terminal(["pulumi", "login", self._site.url], self.folder, self.environment)
        terminal.await_text("/user/settings/tokens:")
        terminal.type("\r")
        return terminal

    def opened(self) -> str:
        """The address that the command line opened last, as soon as it has; each is told once."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while time.monotonic() < deadline:
            if self._notes.exists() and (lines := self._notes.read_text().splitlines()):
                self._notes.unlink()
                return lines[-1]
            time.sleep(0.05)
        raise AssertionError("no browser was opened")

    @property
    def token(self) -> str:
        """The token that the command line keeps for the server."""
        kept = json.loads((self.folder / "home" / "credentials.json").read_text())
        return str(kept["accessTokens"][self._site.url])

    def run(self, *arguments: str) -> str:
        """What a command prints."""
        ended = subprocess.run(
            ["pulumi", *arguments], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert 0 == ended.returncode, ended.stderr
        return ended.stdout.strip()


@pytest.fixture
def computer(tmp_path: Path, site: Site) -> Computer:
    """A computer with the newest command line, signed in nowhere."""
    try:
        pulumi = toolchain.toolset(VERSION).pulumi
    except toolchain.ToolUnavailableError as error:
        missing_tool(str(error))
    return Computer(tmp_path, pulumi, site)


def test_login_with_a_password(browser: Browser, computer: Computer, site: Site) -> None:
    """The command line opens the sign-in page; a new user makes an account there and confirms, signs out and in again."""
    with computer.login() as terminal:
        browser.open(computer.opened())
        browser.press("Create account")
        browser.await_address("/signup")
        for name, value in {"login": "newcomer", "email": "newcomer@example.com", "password": PASSWORD}.items():
            browser.fill(name, value)
        browser.press("Create account")
        browser.await_address("/cli-login")
        asked = browser.text
        browser.press("Sign in the command line")
        browser.await_address("/welcome/cli")
        code = terminal.wait()
    first = computer.run("whoami")
    computer.run("logout", "--all")
    browser.find("details.menu.right summary").click()
    browser.press("Sign out")
    browser.await_address("/signin")
    with computer.login() as again:
        browser.open(computer.opened())
        browser.fill("name", "newcomer@example.com")
        browser.fill("password", PASSWORD)
        browser.press("Sign in")
        browser.await_address("/cli-login")
        browser.press("Sign in the command line")
        browser.await_address("/welcome/cli")
        code_again = again.wait()

    assert (0, "newcomer") == (code, first), terminal.text
    assert (0, "newcomer") == (code_again, computer.run("whoami")), again.text
    assert "The Pulumi command line on this computer wants to sign in as newcomer" in asked


def test_token_can_be_seen_and_revoked(browser: Browser, computer: Computer, site: Site) -> None:
    """What the command line got is listed under what it said of itself; revoked there, it is good no more."""
    with computer.login() as terminal:
        browser.open(computer.opened())
        fill_token(browser)
        browser.await_address("/cli-login")
        browser.press("Sign in the command line")
        browser.await_address("/welcome/cli")
        code = terminal.wait()
    before = computer.run("whoami")
    browser.press("Access tokens")
    browser.await_address("/settings/tokens")
    browser.press("Revoke Generated by pulumi login on")
    browser.press("Revoke now: Generated by pulumi login on")
    browser.await_address("revoked")
    status, _ = site.served.call("/api/user", token=computer.token)

    assert (0, "admin") == (code, before), terminal.text
    assert 401 == status


def test_login_again_while_signed_in(browser: Browser, computer: Computer, site: Site) -> None:
    """Anyone who is signed in confirms and is done; the server's log knows nothing of the token."""
    browser.open(f"{site.url}/signin")
    fill_token(browser)
    browser.await_address("/settings")

    with computer.login() as terminal:
        browser.open(computer.opened())
        browser.press("Sign in the command line")
        browser.await_address("/welcome/cli")
        code = terminal.wait()

    assert 0 == code, terminal.text
    assert "admin" == computer.run("whoami")
    assert computer.token.startswith("pul-")
    assert computer.token not in site.served.log


def test_cancel_makes_no_token(browser: Browser, computer: Computer, site: Site) -> None:
    """Without the confirmation nothing is made, and the command line goes on waiting."""
    with computer.login() as terminal:
        browser.open(computer.opened())
        fill_token(browser)
        browser.await_address("/cli-login")
        browser.press("Cancel")
        browser.await_address("/settings/tokens")

        assert "Logged in" not in terminal.text
