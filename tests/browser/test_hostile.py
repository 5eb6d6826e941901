"""Hostile texts in a real browser: none of them runs on any page of a stack."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.chromium import DESKTOP, Browser
from tests.browser.conftest import TOKEN, Site, sign_in
from tests.browser.console_data import SECRET, console_client
from tests.pages.payloads import PAYLOADS
from tests.stacks.engine.builders import ROOT, make_resource, make_state, urn
from tests.wire import begin, create_stack, import_state

STACK = "/acme/hostile/dev"
PAGES = (
    "/acme/stacks?project=hostile",
    STACK,
    f"{STACK}/updates",
    f"{STACK}/updates/2",
    f"{STACK}/updates/2?view=log",
    f"{STACK}/updates/2?view=details",
    f"{STACK}/resources",
    f"{STACK}/resource?urn={urn('a')}",
    f"{STACK}/config",
    f"{STACK}/compare",
)


@pytest.fixture(scope="session")
def hostile(site: Site) -> str:
    """A stack whose every text is a payload, each by itself."""
    with console_client(site.url, TOKEN) as client:
        stack = create_stack(client, project="hostile", tags={"note": PAYLOADS[0], "more": PAYLOADS[4]})
        outputs = {"readme": "\n\n".join(PAYLOADS), **{payload: payload for payload in PAYLOADS}, "x": {SECRET: "other"}}
        root = {"urn": ROOT, "custom": False, "type": "pulumi:pulumi:Stack", "outputs": outputs}
        child = make_resource("a", id=PAYLOADS[0], inputs={payload: payload for payload in PAYLOADS})
        import_state(client, stack, make_state(root, child))
        environment = {payload: payload for payload in PAYLOADS}
        config = {payload: {"string": payload, "secret": False} for payload in PAYLOADS}
        update = begin(client, stack, metadata={"message": PAYLOADS[4], "environment": environment}, config=config)
        old = {"inputs": dict.fromkeys(PAYLOADS, "before")}
        new = {"inputs": {payload: payload for payload in PAYLOADS}}
        step = {"op": "update", "urn": urn("a"), "type": PAYLOADS[0], "old": old, "new": new, "provider": ""}
        lines = [{"diagnosticEvent": {"message": payload, "severity": "warning", "color": "raw"}} for payload in PAYLOADS]
        events: list[dict[str, Any]] = [{"resourcePreEvent": {"metadata": step}}, {"resOutputsEvent": {"metadata": step}}, *lines]
        update.events(*({"sequence": number, "timestamp": 1, **event} for number, event in enumerate(events, 1)))
        update.complete()
    return STACK


def test_none_runs(browser: Browser, site: Site, hostile: str) -> None:
    """More than a hundred payloads in every place of every page: nothing of them has run."""
    assert hostile == STACK
    browser.resize(DESKTOP)
    sign_in(browser, site)
    for page in PAGES:
        browser.open(site.url + page)
        assert 200 == browser.status, page
        assert "window.pwned" in browser.driver.page_source, page
        browser.driver.execute_script("for (const item of document.querySelectorAll('details')) item.open = true")
        browser.driver.execute_script(
            "for (const item of document.querySelectorAll('main a')) item.dispatchEvent(new Event('mouseover'))"
        )
        assert browser.driver.execute_script("return window.pwned === undefined"), page
        assert site.url + page == browser.address
