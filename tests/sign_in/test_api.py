"""The calls of accounts over HTTP: what an installer makes first, and one's own address."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.rights.caller import Caller
from common.sign_in.accounts.service import accounts, email_addresses
from functions.http.app import create_app
from tests.factories.orgs import decoded
from tests.factories.sign_in import PASSWORD, again, delivered, opened, sign_up, token_in, verified
from tests.factories.tokens import signed
from tests.wire import error_of

SIGN_UP, SIGN_IN = "/api/console/email/signup", "/api/console/email/login"
NEW_ORG, PENDING, VERIFIED = "/api/console/actions/new-organization", "/api/user/pending-emails", "/api/user/verified-email"
ALICE = {"name": "Alice", "loginName": "alice", "email": "alice@example.com", "password": PASSWORD}
PLAN = {"product": "team", "interval": "monthly", "maxUnits": 1, "idProvider": "Pulumi", "backingOrgName": ""}


@pytest.fixture
def stranger(backend: Backend) -> TestClient:
    """A client without a token, at a server with open sign-up."""
    server, _ = opened(backend, STACKHOLD_ORGANIZATIONS_BY_ANYONE="true")
    return TestClient(create_app(server), raise_server_exceptions=False)


class TestInstaller:
    def test_makes_an_account_and_an_organization(self, stranger: TestClient) -> None:
        """The original installer's first calls work in their order, and the organization can be used at once."""
        made = stranger.post(SIGN_UP, json=ALICE)
        entered = stranger.post(SIGN_IN, json={"email": "alice@example.com", "password": PASSWORD})
        headers = signed(entered.json()["pulumiAccessToken"])
        founded = stranger.post(NEW_ORG, json={"orgName": "widgets", **PLAN}, headers=headers)
        shown = stranger.get("/api/orgs/widgets", headers=headers)
        stack = stranger.post("/api/stacks/widgets/shop", json={"stackName": "dev"}, headers=headers)

        assert [200] * 5 == [one.status_code for one in (made, entered, founded, shown, stack)]
        assert {"pulumiAccessToken"} == {*made.json()} == {*entered.json()}
        assert shown.json() == founded.json()
        user = stranger.get("/api/user", headers=signed(made.json()["pulumiAccessToken"])).json()
        assert ("alice", "Alice", "", False) == (user["githubLogin"], user["name"], user["email"], user["siteAdmin"])
        assert [("alice", "admin"), ("widgets", "admin")] == [(one["githubLogin"], one["role"]) for one in user["organizations"]]

    @pytest.mark.parametrize(
        ("path", "body", "status"),
        [
            (SIGN_UP, {}, 400),
            (SIGN_UP, [], 400),
            (SIGN_UP, None, 400),
            (SIGN_UP, {**ALICE, "password": "short"}, 400),
            (SIGN_UP, {**ALICE, "loginName": None}, 400),
            (SIGN_UP, {**ALICE, "email": "alice"}, 400),
            (SIGN_UP, {**ALICE, "loginName": "a b"}, 400),
            (SIGN_UP, {**ALICE, "token": "x"}, 403),
            (SIGN_IN, {"email": "alice@example.com"}, 400),
            (SIGN_IN, {"email": "a@example.com", "password": PASSWORD}, 401),
            (SIGN_IN, {"email": "alice@example.com", "password": "wrong password"}, 401),
            (NEW_ORG, {"orgName": "x"}, 401),
        ],
    )
    def test_refuses_in_the_wires_words(self, stranger: TestClient, path: str, body: Any, status: int) -> None:
        """What cannot be is refused with the status in the body too."""
        stranger.post(SIGN_UP, json=ALICE | {"loginName": "other", "email": "other@example.com"})

        assert (status, status) == error_of(stranger.post(path, json=body))[:2]

    def test_says_when_to_come_back(self, stranger: TestClient) -> None:
        """After too many tries the header says when the next may be made."""
        replies = [stranger.post(SIGN_IN, json={"email": "alice", "password": "wrong password"}) for _ in range(11)]

        assert [401] * 10 + [429] == [one.status_code for one in replies]
        assert "900" == replies[-1].headers["retry-after"]

    def test_takes_nothing_else_for_null(self, stranger: TestClient) -> None:
        """Null is as if it were not there."""
        body = {**ALICE, "name": None, "token": None}

        assert 200 == stranger.post(SIGN_UP, json=body).status_code

    def test_is_closed_where_it_is_switched_off(self, backend: Backend) -> None:
        """Where sign-up is switched off the call says so, and makes nothing."""
        server, _ = opened(backend, PULUMI_DISABLE_EMAIL_SIGNUP="true")
        client = TestClient(create_app(server), raise_server_exceptions=False)

        assert (403, 403) == error_of(client.post(SIGN_UP, json=ALICE))[:2]
        assert (401, 401) == error_of(client.post(SIGN_IN, json={"email": "alice", "password": PASSWORD}))[:2]


class TestOwnAddress:
    def test_waits_and_is_confirmed(self, backend: Backend) -> None:
        """Until the link is followed the address waits; then it is the user's, and nothing waits."""
        server, box = opened(backend)
        caller = sign_up(server)
        client = TestClient(create_app(server))
        headers = signed(accounts.sign_in_for_token(server, "alice", PASSWORD))
        waiting, before = client.get(PENDING, headers=headers), client.get(VERIFIED, headers=headers)
        email_addresses.verify(server, caller, token_in(delivered(server, box)[0]))
        nothing, after = client.get(PENDING, headers=headers), client.get(VERIFIED, headers=headers)

        assert {"email": "alice@example.com"} == waiting.json()
        assert "alice@example.com" == decoded(waiting.json(), "GetPendingEmailVerificationResponse").email
        assert (False, True, 204, b"") == (before.json(), after.json(), nothing.status_code, nothing.content)

    def test_a_change_is_cancelled(self, backend: Backend) -> None:
        """A change that waits is shown and cancelled; without one there is nothing to cancel."""
        server, box = opened(backend)
        email_addresses.request_change(server, verified(server, box), PASSWORD, "new@example.com")
        client = TestClient(create_app(server), raise_server_exceptions=False)
        headers = signed(accounts.sign_in_for_token(server, "alice", PASSWORD))
        shown = client.get(PENDING, headers=headers)
        cancelled = client.delete(PENDING, headers=headers)

        assert {"email": "new@example.com"} == shown.json()
        assert (204, b"", 204) == (cancelled.status_code, cancelled.content, client.get(PENDING, headers=headers).status_code)
        assert (400, 400) == error_of(client.delete(PENDING, headers=headers))[:2]
        assert "alice@example.com" == again(server, "alice").email

    def test_is_nobodys_without_an_account(self, client: TestClient, admin: Caller) -> None:
        """Who has neither account nor address has nothing that waits."""
        assert "" == admin.email
        assert (204, False) == (client.get(PENDING).status_code, client.get(VERIFIED).json())
        assert (400, 400) == error_of(client.delete(PENDING))[:2]
