"""An organization's provider as its administrators set it up, and what a required sign-in does to its members."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.rights.caller import Caller
from common.rights.permissions import Role
from tests.clocks import FrozenClock
from tests.factories.people import ADMIN_TOKEN, make_org, make_user
from tests.factories.saml import has_saml_admin, set_provider
from tests.factories.tokens import create, signed
from tests.peers.saml_idp import ENTITY, SSO, Pair, make_pair, metadata
from tests.sign_in.saml.browser import Browser
from tests.wire import create_stack, error_of

SAML = "/api/orgs/acme/saml"
DESCRIPTOR = "newIdpSsoDescriptor"


def patch(client: TestClient, **members: Any) -> Any:
    """Change the provider, which must succeed, and return what is told."""
    found = client.patch(SAML, json=members)
    assert 200 == found.status_code, found.text
    return found.json()


class TestGet:
    def test_without_a_provider(self, client: TestClient) -> None:
        """An organization without a provider is told with an empty descriptor, and without a complaint."""
        found = client.get(SAML)

        assert 200 == found.status_code
        assert {"organization", "idpSsoDescriptor", "required", "sessionHours"} == set(found.json())
        assert ("acme", "") == (found.json()["organization"]["githubLogin"], found.json()["idpSsoDescriptor"])

    def test_tells_what_the_metadata_says(self, client: TestClient, pair: Pair) -> None:
        """The metadata comes back as it was sent, with what it says."""
        text = metadata(pair, valid_until="2027-01-01T01:00:00+01:00")
        patch(client, **{DESCRIPTOR: text})

        found = client.get(SAML).json()

        assert (text, ENTITY, SSO) == (found["idpSsoDescriptor"], found["entityId"], found["ssoUrl"])
        assert "2027-01-01T00:00:00Z" == found["validUntil"]
        assert found["nameIdFormat"].endswith("emailAddress")
        assert "validationError" not in found

    def test_is_for_members(self, client: TestClient, backend: Backend) -> None:
        """Every member may look, no one else."""
        inside, outside = make_user(backend, "alice", org="acme"), make_user(backend, "bob")

        assert 200 == client.get(SAML, headers=signed(inside)).status_code
        assert 404 == client.get(SAML, headers=signed(outside)).status_code
        assert (403, 403) == error_of(client.patch(SAML, json={DESCRIPTOR: "x"}, headers=signed(inside)))[:2]


class TestUpdate:
    def test_tells_what_is_wrong(self, client: TestClient) -> None:
        """Metadata that cannot be used is kept, as clients expect, and what is wrong with it is told."""
        found = patch(client, **{DESCRIPTOR: "<a/>"})

        assert ("<a/>", True) == (found["idpSsoDescriptor"], "exactly one identity provider" in found["validationError"])
        assert found == client.get(SAML).json()

    def test_takes_away(self, client: TestClient, pair: Pair) -> None:
        """An empty text takes the provider away."""
        patch(client, **{DESCRIPTOR: metadata(pair)})
        patch(client, **{DESCRIPTOR: ""})

        assert "" == client.get(SAML).json()["idpSsoDescriptor"]
        assert 404 == client.get("/signin/sso/acme").status_code

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {DESCRIPTOR: None},
            {DESCRIPTOR: "x" * 300_000},
            {"sessionHours": -1},
            {"sessionHours": 8761},
            {DESCRIPTOR: 5},
            {"required": "yes"},
            {"sessionHours": 1.5},
            [],
            {"required": True},
        ],
    )
    def test_refuses(self, client: TestClient, body: Any) -> None:
        """What changes nothing, is too long or of another form is a bad request, and so is to require what is not there."""
        assert (400, 400) == error_of(client.patch(SAML, json=body))[:2]
        assert "" == client.get(SAML).json()["idpSsoDescriptor"]

    def test_is_not_for_personal_organizations(self, client: TestClient, pair: Pair) -> None:
        """A personal organization has no other member whom a provider could name."""
        found = client.patch("/api/orgs/admin/saml", json={DESCRIPTOR: metadata(pair)})

        assert (400, 400) == error_of(found)[:2]

    def test_keeps_what_is_not_sent(self, client: TestClient, pair: Pair) -> None:
        """Each member stays as it is unless it is sent."""
        patch(client, **{DESCRIPTOR: metadata(pair)})
        patch(client, sessionHours=8)

        found = patch(client, required=False)

        assert (metadata(pair), 8, False) == (found["idpSsoDescriptor"], found["sessionHours"], found["required"])


class TestRequire:
    def test_needs_a_sign_in_first(self, client: TestClient, browser: Browser) -> None:
        """Nothing can be required that no one has signed in through."""
        refused = error_of(client.patch(SAML, json={"required": True}))

        assert 400 == refused[0]
        assert "/signin/sso/acme" in refused[2]
        assert not browser.is_signed_in

    def test_needs_a_way_for_its_author(self, client: TestClient, backend: Backend, browser: Browser) -> None:
        """Who has not come through the provider themselves locks no one out: they come first, or name a SAML admin."""
        make_user(backend, "alice", org="acme")
        browser.sign_in()

        refused = error_of(client.patch(SAML, json={"required": True}))
        assert 204 == client.post(f"{SAML}/admins/admin").status_code
        found = patch(client, required=True)

        assert (400, True) == (refused[0], "name a SAML admin" in refused[2])
        assert found["required"]
        assert 200 == client.get(SAML).status_code

    def test_is_enough_to_have_come(self, client: TestClient, backend: Backend, browser: Browser) -> None:
        """An administrator who came through the provider may require it."""
        token = make_user(backend, "alice", org="acme", role=Role.ADMIN)
        browser.sign_in()

        found = client.patch(SAML, json={"required": True}, headers=signed(token))

        assert 200 == found.status_code
        assert not has_saml_admin(backend)
        assert 401 == client.get(SAML).status_code
        assert 200 == client.get(SAML, headers=signed(token)).status_code

    def test_needs_it_shown_for_these_metadata(
        self,
        client: TestClient,
        backend: Backend,
        browser: Browser,
        clock: FrozenClock,
        pair: Pair,
    ) -> None:
        """Other metadata have to be shown to work anew; the same ones once more do not."""
        token = make_user(backend, "alice", org="acme", role=Role.ADMIN)
        browser.sign_in()
        clock.pass_seconds(60)
        patch(client, **{DESCRIPTOR: metadata(pair, make_pair("following"))})

        assert 400 == client.patch(SAML, json={"required": True}, headers=signed(token)).status_code
        browser.sign_in()
        clock.pass_seconds(60)
        patch(client, **{DESCRIPTOR: metadata(pair, make_pair("following"))})
        assert 200 == client.patch(SAML, json={"required": True}, headers=signed(token)).status_code

    def test_keeps_what_works(self, client: TestClient, backend: Backend, browser: Browser, pair: Pair) -> None:
        """While it is required the provider can be changed, but not into one that cannot be used, and not taken away."""
        make_user(backend, "alice", org="acme")
        browser.sign_in()
        client.post(f"{SAML}/admins/admin")
        patch(client, required=True)

        assert 400 == client.patch(SAML, json={DESCRIPTOR: ""}).status_code
        assert 400 == client.patch(SAML, json={DESCRIPTOR: "<a/>"}).status_code
        assert metadata(pair) == client.get(SAML).json()["idpSsoDescriptor"]
        patch(client, **{DESCRIPTOR: metadata(make_pair("following"))})
        patch(client, **{"required": False, DESCRIPTOR: ""})


class TestAdmins:
    def test_one_at_a_time(self, client: TestClient, backend: Backend) -> None:
        """There is one, and naming another takes their place."""
        make_user(backend, "alice", org="acme", role=Role.ADMIN)
        nobody = client.get(f"{SAML}/admins").json()
        for login in ("admin", "alice"):
            assert (204, b"") == ((found := client.post(f"{SAML}/admins/{login}")).status_code, found.content)

        listed = client.get(f"{SAML}/admins").json()["samlAdmins"]

        assert {"samlAdmins": []} == nobody
        assert [("alice", "Alice", "alice@example.com")] == [(one["githubLogin"], one["name"], one["email"]) for one in listed]

    def test_refuses(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """No one who belongs to other organizations, is no admin, or no member."""
        make_user(backend, "alice", org="acme")
        make_org(backend, "annex", admin)

        assert [400, 400, 404] == [client.post(f"{SAML}/admins/{one}").status_code for one in ("admin", "alice", "bob")]

    def test_who_left_is_none(self, client: TestClient, backend: Backend) -> None:
        """Who was removed is not listed any more."""
        make_user(backend, "alice", org="acme", role=Role.ADMIN)
        client.post(f"{SAML}/admins/alice")
        client.delete("/api/orgs/acme/members/alice")

        assert {"samlAdmins": []} == client.get(f"{SAML}/admins").json()


class TestMembers:
    @pytest.fixture
    def alice(self, client: TestClient, backend: Backend, browser: Browser) -> str:
        """A member of acme, which requires a sign-in that alice has not made, and has a stack."""
        make_user(backend, "bob", org="acme")
        browser.sign_in(subject="bob@example.com")
        client.post(f"{SAML}/admins/admin")
        create_stack(client)
        patch(client, required=True, sessionHours=1)
        return make_user(backend, "alice", org="acme")

    def test_are_asked_to_sign_in(
        self,
        client: TestClient,
        backend: Backend,
        clock: FrozenClock,
        alice: str,
        browser: Browser,
    ) -> None:
        """A member is refused until they sign in, and again when that was too long ago, in the words that clients know."""
        seen = [self.problem(client, alice)]
        browser.sign_in()
        seen.append(self.problem(client, alice))
        clock.pass_seconds(3601)
        seen.append(self.problem(client, alice))
        browser.sign_in(reauth=True)
        seen.append(self.problem(client, alice))

        assert ["saml_login_required", "", "saml_reauth_required", ""] == seen

    def test_are_refused_everywhere(self, client: TestClient, alice: str) -> None:
        """Every call about the organization says so, with its name."""
        for method, path in (
            ("GET", "/api/orgs/acme"),
            ("GET", "/api/orgs/acme/members"),
            ("GET", SAML),
            ("GET", "/api/stacks/acme/shop/dev"),
            ("POST", "/api/stacks/acme/shop"),
            ("GET", "/api/user/stacks?organization=acme"),
            ("GET", "/api/orgs/acme/tokens"),
        ):
            found = client.request(method, path, headers=signed(alice), json={"stackName": "x"} if method == "POST" else None)
            assert (401, "acme") == (found.status_code, found.json()["errors"][0]["attribute"]), path

    def test_lists_leave_it_out(self, client: TestClient, alice: str) -> None:
        """What is about all organizations goes on without this one."""
        create_stack(client, "own", org="admin")
        own = client.post("/api/stacks/alice/shop", json={"stackName": "mine"}, headers=signed(alice))
        listed = client.get("/api/user/stacks", headers=signed(alice)).json()["stacks"]

        assert 200 == own.status_code
        assert [("alice", "mine")] == [(one["orgName"], one["stackName"]) for one in listed]
        for path in ("/api/user", "/api/user/organizations/default", "/api/user/pending-invites", "/api/user/tokens"):
            assert 200 == client.get(path, headers=signed(alice)).status_code, path

    def test_machines_go_on(self, client: TestClient, alice: str) -> None:
        """An organization's tokens are no one who could sign in: they work as before."""
        token = create(client, "/api/orgs/acme/tokens", name="ci", admin=False)["tokenValue"]

        assert 200 == client.get("/api/stacks/acme/shop/dev", headers=signed(token)).status_code
        assert alice

    def test_saml_admin_goes_on(self, client: TestClient, alice: str) -> None:
        """The SAML admin signs in without the provider, to repair it."""
        assert 200 == client.get("/api/stacks/acme/shop/dev", headers=signed(ADMIN_TOKEN)).status_code
        assert alice

    @staticmethod
    def problem(client: TestClient, token: str) -> str:
        """Return what keeps a member from a stack."""
        found = client.get("/api/stacks/acme/shop/dev", headers=signed(token))
        if found.status_code == 200:
            return ""
        assert 401 == found.status_code
        errors = found.json()["errors"]
        assert ["acme"] == [one["attribute"] for one in errors]
        return str(errors[0]["errorType"])


class TestTwoAtOnce:
    def test_organizations(self, client: TestClient, backend: Backend, admin: Caller, pair: Pair) -> None:
        """Each organization has its own provider."""
        make_org(backend, "annex", admin)
        set_provider(backend, admin, metadata(pair), "annex")

        assert "" == client.get(SAML).json()["idpSsoDescriptor"]
        assert metadata(pair) == client.get("/api/orgs/annex/saml").json()["idpSsoDescriptor"]
