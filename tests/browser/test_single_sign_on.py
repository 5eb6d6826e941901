"""Single sign-on in a browser: what a user is asked whom an organization's provider sends here by itself."""

from __future__ import annotations

import httpx2

from tests.browser.chromium import Browser
from tests.browser.conftest import ORG, TOKEN, Site, sign_in
from tests.browser.looks import check
from tests.peers.saml_idp import Answer, Pair, encode, make_pair, metadata, respond


def arrive(site: Site, pair: Pair, subject: str) -> str:
    """Return where a browser is sent after the provider's form was taken."""
    login = f"{site.url}/login/{ORG}/sso/saml"
    answer = Answer(f"{login}/acs", f"{login}/metadata", subject=subject)
    taken = httpx2.post(f"{login}/acs", data={"SAMLResponse": encode(respond(pair, answer)), "RelayState": "/settings"})
    assert 303 == taken.status_code, taken.text
    return str(taken.headers["Location"])


def test_pages_that_ask(browser: Browser, site: Site) -> None:
    """Anyone who comes from the provider is asked first, in words and looks that everyone can use; then they are signed in."""
    pair = make_pair("provider")
    headers = {"Authorization": f"token {TOKEN}"}
    body = {"newIdpSsoDescriptor": metadata(pair)}
    assert 200 == httpx2.patch(f"{site.url}/api/orgs/{ORG}/saml", json=body, headers=headers).status_code

    browser.open(arrive(site, pair, "carol@example.com"))
    assert "Sign in?" in browser.text
    check(browser, "sso-question")
    browser.press("Sign in")
    browser.await_address("/settings")
    assert "carol" in browser.text

    browser.forget()
    sign_in(browser, site)
    browser.open(arrive(site, pair, "dora@example.com"))
    browser.press("Sign in")
    assert "Is this you?" in browser.text
    check(browser, "sso-link")
