"""Pages about an organization in a browser: nothing keeps people from using them, and no text of anyone runs."""

from __future__ import annotations

from typing import Any

import pytest
from httpx2 import Client

from tests.browser.chromium import DESKTOP, Browser
from tests.browser.conftest import TOKEN, Site, sign_in
from tests.browser.console_data import console_client
from tests.browser.policy_data import fill_policies
from tests.browser.test_pages import check
from tests.pages.payloads import PAYLOADS
from tests.peers.workload_issuer import published
from tests.wire import create_stack

SETTINGS = "/acme/settings"
PAGES = {
    "members": f"{SETTINGS}/members",
    "member": f"{SETTINGS}/members/{{login}}",
    "members-none": f"{SETTINGS}/members?q=nothing",
    "invitations": f"{SETTINGS}/invitations",
    "teams": f"{SETTINGS}/teams",
    "team": f"{SETTINGS}/teams/payments",
    "team-stacks": f"{SETTINGS}/teams/payments/stacks",
    "team-tokens": f"{SETTINGS}/teams/payments/tokens",
    "team-settings": f"{SETTINGS}/teams/payments/settings",
    "roles": f"{SETTINGS}/roles",
    "role": f"{SETTINGS}/roles/{{role}}",
    "check-access": f"{SETTINGS}/check-access?login={{login}}&action=destroy&stack=orders/prod",
    "org-tokens": f"{SETTINGS}/tokens",
    "issuers": f"{SETTINGS}/issuers",
    "issuer": f"{SETTINGS}/issuers/{{issuer}}",
    "issuer-wizard": f"{SETTINGS}/issuers/new/github",
    "saml": f"{SETTINGS}/saml",
    "scim": f"{SETTINGS}/scim",
    "general": f"{SETTINGS}/general",
    "policy-compliance": f"{SETTINGS}/policies/compliance",
    "policy-compliance-by-policy": f"{SETTINGS}/policies/compliance?by=policy",
    "policy-issues": f"{SETTINGS}/policies/issues",
    "policy-issues-none": f"{SETTINGS}/policies/issues?status=fixed",
    "policy-issue": f"{SETTINGS}/policies/issues/{{policy_issue}}",
    "policy-exceptions": f"{SETTINGS}/policies/exceptions",
    "policy-exception": f"{SETTINGS}/policies/exceptions/EXC-1",
    "policy-packs": f"{SETTINGS}/policies/packs",
    "policy-pack": f"{SETTINGS}/policies/packs/guard",
    "policy-groups": f"{SETTINGS}/policies/groups",
    "policy-group": f"{SETTINGS}/policies/groups/prod",
    "stack-policies": "/acme/orders/prod/policies",
}
TAGGED = {
    "__type": "PermissionDescriptorCondition",
    "condition": {
        "__type": "PermissionExpressionEqual",
        "left": {"__type": "PermissionExpressionTag", "context": {"__type": "PermissionExpressionStack"}, "key": "env"},
        "right": {"__type": "PermissionLiteralExpressionString", "value": "test"},
    },
    "subNode": {"__type": "PermissionDescriptorAllow", "permissions": ["stack:read", "stack:write", "stack:delete"]},
}


def make_people(site: Site, client: Client, *names: str) -> list[str]:
    """Make members as a directory does, and return their logins."""
    directory = call(client, "POST", "/api/orgs/acme/scim/token")
    headers = {"Authorization": f"Bearer {directory['tokenValue']}", "Content-Type": "application/scim+json"}
    for name in names:
        user = {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": f"{name.lower()}@example.com",
            "displayName": f"{name} Example",
            "active": True,
        }
        assert 201 == Client(base_url=site.url).post("/scim/v2/acme/Users", json=user, headers=headers).status_code
    members = call(client, "GET", "/api/orgs/acme/members")["members"]
    return [member["user"]["githubLogin"] for member in members if member["user"]["githubLogin"] != "admin"]


def call(client: Client, method: str, path: str, body: object = None) -> dict[str, Any]:
    """Call the API, and return the reply."""
    reply = client.request(method, path, json=body)
    assert reply.status_code < 300, reply.text
    return dict(reply.json()) if reply.content else {}


@pytest.fixture(scope="session")
def places(site: Site) -> dict[str, str]:
    """An organization with people, teams, roles, tokens and an issuer; the parts of the addresses of its pages."""
    org = "/api/orgs/acme"
    with console_client(site.url, TOKEN) as client:
        logins = make_people(site, client, "Alice", "Olga", "Paul")
        create_stack(client, "prod", project="orders", tags={"env": "prod"})
        for name, text in (("payments", "Who takes money"), ("platform", "Who keeps things running")):
            call(client, "POST", f"{org}/teams/pulumi", {"name": name, "displayName": name.title(), "description": text})
        for login in logins[:2]:
            call(client, "PATCH", f"{org}/teams/payments", {"memberAction": "add", "member": login})
        grant = {"projectName": "orders", "stackName": "prod", "permission": 102}
        call(client, "PATCH", f"{org}/teams/payments", {"addStackPermission": grant})
        call(client, "POST", f"{org}/teams/payments/tokens", {"name": "payments-ci", "description": "Deploys", "expires": 0})
        call(
            client, "POST", f"{org}/tokens", {"name": "nightly", "description": "Checks for drift", "expires": 0, "admin": False}
        )
        role = {"name": "Tester", "description": "Runs what is on test", "uxPurpose": "role", "resourceType": "global"}
        role_id = call(client, "POST", f"{org}/roles", {**role, "details": TAGGED})["id"]
        call(client, "POST", f"{org}/invites/batch", {"invites": [{"email": "rita@example.com", "role": "member"}]})
        call(client, "POST", f"{org}/invites/link", {"role": "member"})
        keys = {"keys": [published(1)]}
        issuer = call(
            client, "POST", f"{org}/oidc/issuers", {"name": "GitLab", "url": "https://gitlab.example.com", "jwks": keys}
        )
        rule = {
            "decision": "allow",
            "tokenType": "team",
            "teamName": "payments",
            "rules": {"aud": "urn:pulumi:org:acme", "sub": "project_path:acme/orders:ref_type:branch:ref:main"},
        }
        policy = call(client, "GET", f"{org}/auth/policies/oidcissuers/{issuer['id']}")["id"]
        call(client, "PATCH", f"{org}/auth/policies/{policy}", {"policies": [rule]})
        issue = fill_policies(client, "/api/stacks/acme/orders/prod")
    return {"login": logins[0], "role": str(role_id), "issuer": str(issuer["id"]), "policy_issue": issue}


@pytest.fixture(autouse=True)
def signed_in(browser: Browser, site: Site, places: dict[str, str]) -> None:
    """The administrator, on a desktop in the light."""
    assert places
    browser.resize(DESKTOP)
    browser.prefer("light")
    sign_in(browser, site)


@pytest.mark.parametrize("name", PAGES)
def test_page_can_be_used(browser: Browser, site: Site, places: dict[str, str], name: str) -> None:
    """A page has no serious fault, in the light and the dark, on every width."""
    browser.open(site.url + PAGES[name].format(**places))
    assert 200 == browser.status

    check(browser, f"org-{name}")


@pytest.mark.parametrize("name", PAGES)
def test_page_can_be_read_without_script(browser: Browser, site: Site, places: dict[str, str], name: str) -> None:
    """The same page says what it has to say when scripts are off."""
    browser.allow_script(allowed=False)
    try:
        browser.open(site.url + PAGES[name].format(**places))
        text = browser.find("main").text
    finally:
        browser.allow_script(allowed=True)

    assert len(text) > 40


def test_token_is_shown_once(browser: Browser, site: Site) -> None:
    """A token that is created on the page is shown, with a button to copy it."""
    browser.open(f"{site.url}{SETTINGS}/tokens")
    browser.fill("name", "one-more")
    browser.press("Create access token")
    token = browser.find("#new-token").get_attribute("value") or ""
    check(browser, "org-token-created")
    status, _ = site.served.call("/api/user", token=token)

    assert 200 == status
    assert browser.find("[data-copy=new-token]").is_displayed()


def test_no_text_runs(browser: Browser, site: Site, places: dict[str, str]) -> None:
    """More than a hundred payloads in names and descriptions of teams, roles, tokens and filters: none has run."""
    with console_client(site.url, TOKEN) as client:
        for number, payload in enumerate(PAYLOADS):
            team = {"name": f"x{number}", "displayName": payload[:100], "description": payload}
            call(client, "POST", "/api/orgs/acme/teams/pulumi", team)
            role = {"name": f"{number}{payload}"[:200], "description": payload, "uxPurpose": "set", "resourceType": "stack"}
            details = {"__type": "PermissionDescriptorAllow", "permissions": ["stack:read"]}
            call(client, "POST", "/api/orgs/acme/roles", {**role, "details": details})
        call(
            client, "POST", "/api/orgs/acme/tokens", {"name": "hostile", "description": PAYLOADS[0], "expires": 0, "admin": False}
        )
    pages = ("teams", "teams?page=2", "teams/x0/settings", "roles?kind=set", f"roles/{places['role']}", "tokens", "check-access")
    for page in pages:
        browser.open(f"{site.url}{SETTINGS}/{page}")
        assert 200 == browser.status, page
        browser.driver.execute_script("for (const item of document.querySelectorAll('details')) item.open = true")
        assert browser.driver.execute_script("return window.pwned === undefined"), page
