"""Pages about policies in a browser: a rule is tried, a mistake is explained, and no text of a policy runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from httpx2 import Client

from tests.browser.chromium import DESKTOP, Browser
from tests.browser.conftest import TOKEN, Site, sign_in
from tests.browser.console_data import console_client
from tests.browser.looks import check
from tests.browser.policy_data import RESULTS, await_issue
from tests.factories.policies import GROUPS, PACKS, make_group, publish, tag_rule
from tests.pages.payloads import PAYLOADS
from tests.wire import begin, create_stack

POLICIES = "/acme/settings/policies"
PACK, GROUP = "texts", "texts"
URN = "urn:pulumi:dev::texts::a:b:C::{}"


@pytest.fixture(autouse=True)
def signed_in(browser: Browser, site: Site) -> None:
    """The administrator, on a desktop in the light."""
    browser.resize(DESKTOP)
    browser.prefer("light")
    sign_in(browser, site)


@pytest.fixture(scope="session")
def client(site: Site) -> Iterator[Client]:
    """A client with a stack and a group with a pack, of which every text is a payload."""
    with console_client(site.url, TOKEN) as client:
        stack = create_stack(client, project="texts", tags={"env": "texts"})
        policies = [
            {
                "name": payload[:255],
                "displayName": payload,
                "description": payload,
                "message": payload,
                "enforcementLevel": "mandatory",
            }
            for payload in dict.fromkeys(payload[:255] for payload in PAYLOADS)
        ]
        publish(client, PACK, displayName=PAYLOADS[0][:255], policies=policies)
        make_group(client, GROUP, stackMatchRule=tag_rule("env", "texts"))
        assert (
            204
            == client.patch(
                f"{GROUPS}/{GROUP}", json={"addPolicyPack": {"name": PACK, "config": {"all": "advisory"}}}
            ).status_code
        )
        update = begin(client, stack)
        update.events(*(violation(number, payload) for number, payload in enumerate(PAYLOADS, 1)))
        update.complete()
        match = [{"policies": [payload], "targets": [URN.format(payload)]} for payload in PAYLOADS[:90]]
        body = {"policyPack": PACK, "match": match, "reason": "\n".join(PAYLOADS)[:4000]}
        assert 201 == client.post("/api/orgs/acme/policy/exceptions", json=body).status_code
        assert client.get(PACKS).json()["policyPacks"]
        yield client


def violation(number: int, payload: str) -> dict[str, Any]:
    """The event of a violation."""
    event = {
        "resourceUrn": URN.format(payload),
        "message": payload,
        "color": "raw",
        "policyName": payload[:255],
        "policyPackName": PACK,
        "policyPackVersionTag": "1.0.0",
        "enforcementLevel": "mandatory",
        "severity": payload[:20],
    }
    return {"sequence": number, "timestamp": 1, "policyEvent": event}


def test_no_text_runs(browser: Browser, site: Site, client: Client) -> None:
    """More than a hundred payloads in policies, messages, resources, reasons and configuration: none has run."""
    issue = await_issue(client, PACK)
    exception = client.get(f"/api/orgs/acme/policy/exceptions?policyPack={PACK}").json()["exceptions"][0]["id"]
    pages = (
        f"{POLICIES}/packs",
        f"{POLICIES}/packs/{PACK}",
        f"{POLICIES}/groups/{GROUP}",
        f"{POLICIES}/issues?pack={PACK}",
        f"{POLICIES}/issues?pack={PACK}&page=2",
        f"{POLICIES}/issues/{issue}",
        f"{POLICIES}/exceptions",
        f"{POLICIES}/exceptions/{exception}",
        f"{POLICIES}/compliance?by=severity",
        f"{POLICIES}/compliance?by=policy",
        "/acme/texts/dev/policies",
        "/acme/texts/dev/updates/1",
    )
    for page in pages:
        browser.open(site.url + page)
        assert 200 == browser.status, page
        browser.driver.execute_script("for (const item of document.querySelectorAll('details')) item.open = true")
        assert browser.driver.execute_script("return window.pwned === undefined"), page


def test_rule_is_previewed(browser: Browser, site: Site, client: Client) -> None:
    """The stacks that a rule matches are shown before it is stored; the page can be used on every width."""
    make_group(client, "tried")
    browser.open(f"{site.url}{POLICIES}/groups/tried")
    browser.find("#lines").send_keys("env=texts")
    browser.press("Preview")

    assert "texts/dev" in browser.find("main").text
    check(browser, "org-policy-rule")
    browser.press("Save rule")
    assert "stack has tag env = texts" in browser.find("main").text


def test_mistake_is_explained(browser: Browser, site: Site, client: Client) -> None:
    """A configuration that does not fit comes back with the reason, and with what was written."""
    assert client.get(f"{RESULTS}/metadata").status_code == 200
    browser.open(f"{site.url}{POLICIES}/packs/{PACK}")
    browser.driver.execute_script("document.querySelector('#config').closest('details').open = true")
    browser.find("#config").send_keys('{"none": "advisory"}')
    browser.press("Enable")

    assert "the pack has no policy 'none'" in browser.find("[role=alert]").text
    assert '{"none": "advisory"}' == browser.find("#config").get_attribute("value")
    check(browser, "org-policy-mistake")
