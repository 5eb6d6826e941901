"""How many requests the first view of a stack takes, once a browser has the scripts and styles."""

from __future__ import annotations

from pathlib import Path

from httpx2 import Client

from tests.browser.chromium import Browser
from tests.e2e.cli import Server
from tests.stacks.engine.builders import make_resource, make_state
from tests.wire import begin, create_stack, import_state

# With what the browser has kept, the page itself; nothing else may be needed to read it.
LIMIT = 2
_REQUESTS = """
const sent = performance.getEntriesByType("resource").filter((entry) => entry.transferSize > 0);
return sent.map((entry) => entry.name).concat(location.href);
"""


def requests_of_first_view(server: Server, profile: Path) -> list[str]:
    """Return the addresses that a browser asks for when it opens a stack for the first time, after the sign-in."""
    with Client(base_url=server.url, headers={"Authorization": f"token {server.token}"}, timeout=60) as client:
        stack = create_stack(client, "first", project="view", org=server.org)
        import_state(client, stack, make_state(make_resource("a"), make_resource("b")))
        begin(client, stack).complete()
    browser = Browser(profile)
    try:
        browser.open(f"{server.url}/signin")
        if not browser.find("input[name=token]").is_displayed():
            browser.press("With an access token")
        browser.fill("token", server.token)
        browser.press("Sign in with the token")
        browser.await_address("/settings")
        browser.open(f"{server.url}/{server.org}/view/first")
        assert "first" == browser.find("h1").text, f"{browser.address}: {browser.text[:500]}"
        assert "Update 2" in browser.text
        return list(browser.driver.execute_script(_REQUESTS))
    finally:
        browser.close()
