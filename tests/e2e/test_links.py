"""Every link that the command line prints leads to a page in a browser, after a sign-in."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from httpx2 import Client

from tests.e2e.cli import Cli, Server
from tests.e2e.project import UP, Project, stash
from tests.server.server_process import Served

_LINK = re.compile(r"https?://[^\s)\"]+")
HTML = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}


@pytest.mark.newest_cli_only
def test_lead_to_pages(project: Project) -> None:
    """Links of an update, a preview, the stack, the list of stacks and the signed-in user, each with what it is about."""
    server = project.cli.server
    if os.environ.get("STACKHOLD_E2E_URL"):
        pytest.skip("a browser keeps the session of a server that was not started here only over HTTPS")
    console = {"PULUMI_CONSOLE_DOMAIN": urlsplit(server.url).netloc}
    project.write({"a": stash("1")})
    project.init()
    texts = [
        project.run(*command, env=console).text
        for command in (("preview",), UP, ("stack",), ("whoami", "-v"), ("stack", "ls", "--all", "--json"))
    ]
    links = {link for text in texts for link in _LINK.findall(text) if link.startswith(server.url)}
    paths = {urlsplit(link).path for link in links}

    assert {f"/{project.stack()}", f"/{project.stack()}/updates/1"} <= paths
    assert any("/previews/" in path for path in paths)
    with Client(base_url=server.url, headers=HTML) as browser:
        for path in paths - {""}:
            assert browser.get(path).headers["location"].startswith("/signin"), path
        key = re.search(r'name="form_key" value="([0-9a-f]+)"', browser.get("/signin").text)
        assert key is not None
        browser.post("/signin/token", data={"form_key": key[1], "token": server.token})
        for path in paths - {""}:
            page = browser.get(path)
            assert (200, "text/html; charset=utf-8") == (page.status_code, page.headers["content-type"]), path
            assert path.strip("/").split("/")[0] in page.text, path
        assert "succeeded" in browser.get(f"/{project.stack()}/updates/1").text


@pytest.mark.newest_cli_only
@pytest.mark.parametrize("workers", ["1", "2"])
def test_view_live_works_without_any_setting(make_cli: Callable[[Server], Cli], tmp_path: Path, workers: str) -> None:
    """A server at `localhost:8080` is found at port 3000 too, where the command line takes its pages to be."""
    if any(is_taken(port) for port in (8080, 3000)):
        pytest.skip("another program uses port 8080 or 3000 of this machine")
    server = Server("http://localhost:8080", "pul-" + "5e" * 20, "acme")
    settings = {"STACKHOLD_BOOTSTRAP_TOKEN": server.token, "STACKHOLD_BOOTSTRAP_ORG": server.org}
    with Served(tmp_path, "--port", "8080", "--workers", workers, **settings):
        project = Project(make_cli(server), tmp_path / "shop", "shop")
        project.cli.login()
        project.write({"a": stash("1")})
        project.init()
        (link,) = {link for link in _LINK.findall(project.run(*UP).text) if "/updates/" in link}
        with Client(headers=HTML) as browser:
            key = re.search(r'name="form_key" value="([0-9a-f]+)"', browser.get(f"{server.url}/signin").text)
            assert key is not None
            # A browser keeps cookies for a host, whatever the port is: a sign-in at one address is one at both.
            browser.post(f"{server.url}/signin/token", data={"form_key": key[1], "token": server.token})
            page = browser.get(link)

    assert "http://localhost:3000/acme/shop/dev/updates/1" == link
    assert 200 == page.status_code
    assert "Succeeded" in page.text


def is_taken(port: int) -> bool:
    """Whether a program listens on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
