"""Every link that the command line prints leads to a page in a browser, after a sign-in."""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit

import pytest
from httpx2 import Client

from tests.e2e.project import UP, Project, stash

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
