"""An organization that requires its own SAML provider: what the command line says, and how people get in again."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import update

from common.backend import open_backend
from common.config.settings import Settings
from common.db.tables.people import members
from common.rights.permissions import Role
from tests.e2e.cli import Cli, Server
from tests.e2e.project import UP, ProjectFactory, stash
from tests.e2e.server import ServerProcess
from tests.e2e.test_machine_tokens import send
from tests.factories.people import make_user
from tests.peers.saml_idp import Answer, make_pair
from tests.peers.saml_server import SamlServer
from tests.reporting import missing_tool
from tests.sign_in.saml.browser import Browser

CliFactory = Callable[[Server], Cli]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
LIMIT_SECONDS = 60


class Company:
    """A server of its own, organization acme with a provider, and alice, a member."""

    def __init__(self, process: ServerProcess, provider: SamlServer, data: Path) -> None:
        self.server, self.provider, self._data = process.server, provider, data
        with closing(open_backend(Settings({"STACKHOLD_DATA": str(data)}))) as backend:
            self.alice = Server(self.server.url, make_user(backend, "alice", org="acme", role=Role.ADMIN), "acme")

    def configure(self, **change: Any) -> None:
        """Change the provider, as alice does."""
        send(self.alice, "PATCH", "/api/orgs/acme/saml", **change)

    def forget_sign_ins(self, hours: int | None) -> None:
        """Lets all sign-ins be so long ago, or never have been."""
        then = int(time.time() * 1000) - hours * 3_600_000 if hours is not None else None
        with closing(open_backend(Settings({"STACKHOLD_DATA": str(self._data)}))) as backend, backend.db.begin() as tx:
            tx.execute(update(members).values(saml_at=then).where(members.c.saml_at.is_not(None)))

    def sign_in(self, address: str = "/signin/sso/acme") -> str:
        """Sign alice in through the provider and return the page that the browser reaches."""
        with httpx2.Client(base_url=self.server.url) as client, httpx2.Client(base_url=self.server.url) as bare:
            browser = Browser(client, bare, self.provider.pair, self.server.url)
            asked = browser.begin(reauth=address.endswith("/reauth"))
            answer = Answer(asked.acs, asked.issuer, in_response_to=asked.id, issuer=f"{self.provider.url}/metadata")
            return str(browser.follow(browser.answer(answer, asked.state)).headers["Location"])


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    """A company whose provider has been set up and not been used."""
    if Settings.from_env().is_set(Settings.database_endpoint):
        pytest.skip("what one organization requires of all would stand in the way of other tests on a shared database")
    monkeypatch.setenv("STACKHOLD_OUTBOUND_ALLOW", "localhost")
    with SamlServer(make_pair("provider")) as provider:
        process = ServerProcess(tmp_path / "data")
        process.start()
        try:
            company = Company(process, provider, tmp_path / "data")
            company.configure(newIdpSsoDescriptor=provider.metadata)
            yield company
        finally:
            process.stop()


@pytest.mark.newest_cli_only
def test_the_command_line_leads_to_the_sign_in(make_cli: CliFactory, company: Company, make_project: ProjectFactory) -> None:
    """Without a sign-in, and when it was too long ago, the command line prints where to sign in; after it, it works."""
    domain = company.server.url.removeprefix("http://")
    cli = make_cli(company.alice)
    cli.environment["PULUMI_CONSOLE_DOMAIN"] = domain
    cli.login()
    project = make_project(cli)
    project.write({"note": stash("blue")})
    project.run("stack", "init", "acme/dev")
    company.sign_in()
    company.configure(required=True, sessionHours=8)

    at_first = project.run("stack", "ls", "-o", "acme")
    company.forget_sign_ins(hours=9)
    too_late = [project.run(*command, ok=False) for command in (("stack", "ls", "-o", "acme"), UP)]
    company.sign_in("/signin/sso/acme/reauth")
    again = project.run(*UP)
    company.forget_sign_ins(hours=None)
    never = [project.run(*command, ok=False) for command in (("stack", "ls", "-o", "acme"), UP)]
    elsewhere = project.run("stack", "ls", "--all")

    assert "dev" in at_first.stdout
    for refused in (*too_late, *never):
        assert re.search(rf"https?://{re.escape(domain)}/signin/sso/acme/reauth", refused.text), refused.text
    assert again.changes()
    assert "acme" not in elsewhere.stdout


def test_in_a_real_browser(company: Company, tmp_path: Path) -> None:
    """The provider's form comes from another site, without our cookies; the hop after it finds them, and alice is signed in."""
    program = next((found for found in map(shutil.which, BROWSERS) if found), None)
    if program is None:
        missing_tool("no Chromium")

    shown = subprocess.run(
        [
            program,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--no-first-run",
            "--no-proxy-server",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--virtual-time-budget=20000",
            "--dump-dom",
            f"{company.server.url}/signin/sso/acme?return_to=/settings",
        ],
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )

    assert "<title>Profile" in shown.stdout, shown.stdout + shown.stderr[-2000:]
    assert "alice" in shown.stdout
    assert 1 == len(company.provider.asked)
    assert company.server.url in company.provider.asked[0].acs
