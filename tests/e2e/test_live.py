"""An update is watched in a browser while the command line runs it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from selenium.webdriver.support.wait import WebDriverWait

from tests.browser.chromium import Browser, label
from tests.e2e.project import UP, Project, part

_VIEW_LIVE = re.compile(r"View (?:Live|in Browser)[^\n]*?(https?://\S+/updates/\d+)")
LIMIT_SECONDS = 30
# With the stack itself and the part that waits there are 61 steps, which one page shows.
BEFORE, AFTER = [f"a{number:02}" for number in range(30)], [f"b{number:02}" for number in range(29)]


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """A browser that has never been here."""
    opened = Browser(tmp_path / "profile")
    yield opened
    opened.close()


def sign_in(browser: Browser, project: Project) -> None:
    """Sign in with the token of the command line."""
    browser.open(f"{project.cli.server.url}/signin")
    if not browser.find("input[name=token]").is_displayed():
        browser.press("With an access token")
    browser.fill("token", project.cli.server.token)
    browser.press("Sign in with the token")
    browser.await_address("/settings")


def states(browser: Browser) -> dict[str, str]:
    """Return the state of each step on the page, by the name of its resource."""
    rows = browser.driver.find_elements("css selector", "[aria-labelledby=steps] tbody tr")
    texts = [[label(cell) for cell in row.find_elements("css selector", "td")] for row in rows]
    return {cells[1].split(" ")[0]: cells[2] for cells in texts}


@pytest.mark.newest_cli_only
def test_update_is_watched_live(project: Project, browser: Browser) -> None:
    """The link that the command line prints opens the page of the update, which follows 60 resources to their end by itself."""
    if os.environ.get("STACKHOLD_E2E_URL"):
        pytest.skip("a browser keeps the session of a server that was not started here only over HTTPS")
    console = {"PULUMI_CONSOLE_DOMAIN": urlsplit(project.cli.server.url).netloc}
    hold = project.file("hold")
    hold.touch()
    resources = {name: part(value=name) for name in BEFORE}
    resources["gate"] = {**part(hold=str(hold)), "options": {"dependsOn": [f"${{{name}}}" for name in BEFORE]}}
    resources |= {name: part(value=name, after="gate") for name in AFTER}
    project.write(resources)
    project.init()
    sign_in(browser, project)
    with project.start(*UP, env=console) as up:
        project.held(up, "hold")
        link = _VIEW_LIVE.search(up.text)
        assert link is not None, up.text
        browser.open(link[1])
        wait = WebDriverWait(browser.driver, LIMIT_SECONDS)
        wait.until(lambda _driver: states(browser).get("gate") == "Running")
        assert f"/{project.stack()}/updates/1" == urlsplit(browser.address).path
        assert {"Succeeded"} == {states(browser)[name] for name in BEFORE}
        assert "b00" not in states(browser)
        browser.driver.execute_script("window.isSamePage = true")
        hold.unlink()
        wait.until(lambda _driver: "Finished at" in label(browser.find("#progress-note")))
        assert 0 == up.wait().code
    found = states(browser)

    assert {"Succeeded"} == {found[name] for name in ("gate", *BEFORE, *AFTER)}
    assert "Succeeded" in browser.find("#progress").text
    assert browser.driver.execute_script("return window.isSamePage")
