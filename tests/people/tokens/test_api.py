"""Tokens as clients make, see and revoke them."""

import logging

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from common.backend import Backend
from common.core.ids import new_id
from common.db.tables.access import access_tokens
from common.db.tables.people import users
from common.rights import built_in
from common.rights.permissions import Permission
from tests.clocks import FrozenClock
from tests.factories.people import ADMIN_TOKEN, make_admin, make_user
from tests.factories.roles import make_role
from tests.factories.teams import make_team
from tests.factories.tokens import OPS, OWN, TOKENS, create, in_days, listed, signed
from tests.wire import error_of

PLAIN = {"description": "", "expires": 0}


@pytest.fixture(autouse=True)
def team(backend: Backend, client: TestClient) -> str:
    """The team ops of acme."""
    return make_team(backend)


class TestCreate:
    @pytest.mark.parametrize("path", [OWN, TOKENS, OPS])
    def test_tells_the_text_once(self, client: TestClient, path: str) -> None:
        """The reply to the creation has the token's id and text; no list ever has the text, and the token works."""
        found = client.post(path, json={**PLAIN, "name": "ci"}, params={"reason": "for the pipeline"})

        assert (200, {"id", "tokenValue"}) == (found.status_code, set(found.json()))
        assert 200 == client.get("/api/user", headers=signed(found.json()["tokenValue"])).status_code
        assert found.json()["tokenValue"] not in client.get(path).text

    def test_keeps_what_was_asked_for(self, client: TestClient, backend: Backend, clock: FrozenClock) -> None:
        """An organization's token is listed with all members that clients insist on."""
        expires = in_days(backend, 30)
        made = create(client, TOKENS, name="ci", description="the pipeline", expires=expires, admin=True)

        assert {
            "tokens": [
                {
                    "id": made["id"],
                    "name": "ci",
                    "description": "the pipeline",
                    "created": "2026-01-02T03:04:05Z",
                    "lastUsed": 0,
                    "expires": expires,
                    "admin": True,
                    "createdBy": "admin",
                    "type": "organization",
                    "role": {"id": built_in.ADMIN.id, "name": "Admin", "defaultIdentifier": "admin"},
                }
            ],
        } == client.get(TOKENS).json()

    @pytest.mark.parametrize(("path", "kind"), [(OWN, "personal"), (OPS, "team")])
    def test_shows_no_role_where_none_is_chosen(self, client: TestClient, path: str, kind: str) -> None:
        """People's and teams' tokens have no role of their own."""
        made = create(client, path, name="ci")
        (found,) = [token for token in client.get(path).json()["tokens"] if token["id"] == made["id"]]

        assert (kind, False, 0) == (found["type"], found["admin"], found["expires"])
        assert "role" not in found

    def test_takes_null_for_absent(self, client: TestClient) -> None:
        """The vendor's SDK sends null for every member that is not set."""
        nothing = {"description": None, "expires": None, "admin": None, "roleID": None}

        assert 200 == client.post(TOKENS, json={**nothing, "name": "a"}).status_code
        assert 200 == client.post(OPS, json={**nothing, "name": "b"}).status_code
        assert 200 == client.post(OWN, json=nothing).status_code
        assert ["a"] == listed(client, TOKENS)

    @pytest.mark.parametrize("path", [OWN, TOKENS, OPS])
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"[]",
            b"null",
            b"{",
            b'{"description":7}',
            b'{"name":"x","expires":"soon"}',
            b'{"name":"x","expires":1.5}',
            b'{"name":"x","expires":1}',
            b'{"name":"x","expires":-1}',
            b'{"name":"x","expires":99999999999999999999}',
            b'{"name":"x","expires":1799999999999}',
            b'{"name":"x","expires":true}',
            b'{"name":"x","description":"' + b"d" * 1025 + b'"}',
            b'{"name":"x","description":"\\ud83d"}',
        ],
    )
    def test_refuses_bad_input(self, client: TestClient, path: str, body: bytes) -> None:
        """What is not of the call's form, or asks for an impossible expiry, is 400 and makes nothing."""
        before = client.get(path, params={"filter": "all"}).json()

        assert (400, 400) == error_of(client.post(path, content=body))[:2]
        assert before == client.get(path, params={"filter": "all"}).json()

    def test_reserves_names_for_ever(self, client: TestClient, backend: Backend) -> None:
        """A name is taken in the organization by its tokens and its teams', also by revoked ones, but not in another one."""
        make_admin(backend)
        make_team(backend, "dev")
        taken = create(client, OPS, name="ci")
        client.delete(f"{OPS}/{taken['id']}")

        for path in (TOKENS, OPS, "/api/orgs/acme/teams/dev/tokens"):
            assert (409, 409, "Conflict: token name already exists") == error_of(client.post(path, json={**PLAIN, "name": "ci"}))
        assert 200 == client.post(TOKENS, json={**PLAIN, "name": "CI"}).status_code
        assert 200 == client.post("/api/orgs/admin/tokens", json={**PLAIN, "name": "ci"}).status_code

    def test_leaves_no_machine_behind_a_conflict(self, client: TestClient, backend: Backend) -> None:
        """A name that is taken makes neither a token nor a machine; a token that is made has one machine, unlike any person."""
        create(client, TOKENS, name="ci")
        client.post(TOKENS, json={**PLAIN, "name": "ci"})
        client.post(OPS, json={**PLAIN, "name": "ci"})
        with backend.db.connect() as connection:
            machines = connection.execute(select(users.c.login).where(users.c.is_machine.is_(True))).scalars().all()

        assert ["acme/ci"] == machines

    def test_lets_people_repeat_themselves(self, client: TestClient) -> None:
        """Personal tokens have no name, so two with the same description are two tokens."""
        first, second = create(client, OWN, description="laptop"), create(client, OWN, description="laptop")

        assert first["tokenValue"] != second["tokenValue"]
        assert 2 == listed(client, OWN, search="laptop").count("laptop")


class TestRoleOfToken:
    @pytest.mark.parametrize("role", [built_in.MEMBER, built_in.ADMIN, built_in.BILLING_MANAGER])
    def test_may_be_built_in(self, client: TestClient, role: built_in.BuiltIn) -> None:
        """A token with a built-in role acts with that role; `admin` stays as it was sent."""
        made = create(client, TOKENS, name="ci", admin=False, roleID=role.id)
        (found,) = client.get(TOKENS).json()["tokens"]
        (org,) = client.get("/api/user", headers=signed(made["tokenValue"])).json()["organizations"]

        assert {"id": role.id, "name": role.name, "defaultIdentifier": role.identifier} == found["role"]
        assert (False, role.identifier) == (found["admin"], org["role"])

    def test_may_be_custom(self, client: TestClient, backend: Backend) -> None:
        """A token with a custom role holds that role alone; lists leave the role out, since strict clients take built-in ones only."""
        role_id = make_role(backend, Permission.ORG_TOKEN_READ)
        made = create(client, TOKENS, name="ci", roleID=role_id)
        (found,) = client.get(TOKENS, headers=signed(made["tokenValue"])).json()["tokens"]

        assert ("ci", False) == (found["name"], "role" in found)
        assert 403 == client.post(TOKENS, json={**PLAIN, "name": "x"}, headers=signed(made["tokenValue"])).status_code

    def test_must_exist_here(self, client: TestClient, backend: Backend) -> None:
        """A role of no one, of another organization, a permission set and rubbish are refused alike, and make nothing."""
        make_user(backend, "bob")
        foreign = make_role(backend, org="bob")
        a_set = make_role(backend, name="some", purpose="set")

        for role_id in (new_id(), foreign, a_set, built_in.STACK_READ.id, "x", "\x00"):
            status, code, message = error_of(client.post(TOKENS, json={**PLAIN, "name": "ci", "roleID": role_id}))
            assert (400, 400) == (status, code)
            assert "not found in organization acme" in message
        assert [] == listed(client, TOKENS)

    def test_is_one(self, client: TestClient) -> None:
        """Admin and a role together are refused, even if the role is the same."""
        for role in (built_in.MEMBER, built_in.ADMIN):
            body = {**PLAIN, "name": "ci", "admin": True, "roleID": role.id}

            assert (400, 400) == error_of(client.post(TOKENS, json=body))[:2]

    def test_survives_that_the_role_is_gone(self, client: TestClient, backend: Backend) -> None:
        """A token with a deleted custom role is listed without one and may do nothing."""
        made = create(client, TOKENS, name="ci", roleID=make_role(backend))
        with backend.db.begin() as tx:
            tx.execute(access_tokens.update().values(role_id=new_id()).where(access_tokens.c.id == made["id"]))

        assert "role" not in client.get(TOKENS).json()["tokens"][0]
        assert 403 == client.get(TOKENS, headers=signed(made["tokenValue"])).status_code


class TestDelete:
    @pytest.mark.parametrize("path", [OWN, TOKENS, OPS])
    def test_counts_at_once(self, client: TestClient, path: str) -> None:
        """A revoked token is refused from the next call on, is in no list, and cannot be revoked again."""
        made = create(client, path, name="ci", description="ci")
        found = client.delete(f"{path}/{made['id']}", params={"reason": "leaked"})

        assert (204, b"") == (found.status_code, found.content)
        assert 401 == client.get("/api/user", headers=signed(made["tokenValue"])).status_code
        for shown in ("active", "expired", "all"):
            assert "ci" not in listed(client, path, filter=shown)
        assert (404, 404) == error_of(client.delete(f"{path}/{made['id']}"))[:2]

    @pytest.mark.parametrize("token_id", ["x", "00000000-0000-7000-8000-000000000000", "a" * 4000, "%2e%2e", "%00", "%ff"])
    @pytest.mark.parametrize("path", [OWN, TOKENS, OPS])
    def test_does_not_find_what_is_not_there(self, client: TestClient, path: str, token_id: str) -> None:
        """An id of nothing and rubbish are 404."""
        assert (404, 404) == error_of(client.delete(f"{path}/{token_id}"))[:2]

    def test_reaches_only_its_own(self, client: TestClient, backend: Backend) -> None:
        """A token is revoked at the address of its owner only: not another person's, team's or organization's, not another kind."""
        make_team(backend, "dev")
        paths = (OWN, TOKENS, OPS, "/api/orgs/acme/teams/dev/tokens", "/api/orgs/admin/tokens")
        made = {path: create(client, path, name=f"t{number}") for number, path in enumerate(paths)}
        stranger = signed(make_user(backend, "bob", org="acme"))

        for at in paths:
            for of in paths:
                if at != of:
                    assert 404 == client.delete(f"{at}/{made[of]['id']}").status_code, (at, of)
        assert 404 == client.delete(f"{OWN}/{made[OWN]['id']}", headers=stranger).status_code
        for token in made.values():
            assert 200 == client.get("/api/user", headers=signed(token["tokenValue"])).status_code

    def test_of_an_expired_token(self, client: TestClient, backend: Backend, clock: FrozenClock) -> None:
        """A token that has expired is still there to be taken away."""
        made = create(client, TOKENS, name="ci", expires=in_days(backend, 1))
        clock.pass_seconds(2 * 86_400)

        assert ["ci"] == listed(client, TOKENS, filter="expired")
        assert 204 == client.delete(f"{TOKENS}/{made['id']}").status_code
        assert [] == listed(client, TOKENS, filter="expired")

    def test_of_the_token_in_use(self, client: TestClient) -> None:
        """A token may revoke itself, as its last act."""
        made = create(client, OWN)
        mine = signed(made["tokenValue"])

        assert 204 == client.delete(f"{OWN}/{made['id']}", headers=mine).status_code
        assert 401 == client.get(OWN, headers=mine).status_code


class TestExpiry:
    @pytest.mark.parametrize("path", [OWN, TOKENS, OPS])
    def test_ends_a_token(self, client: TestClient, backend: Backend, clock: FrozenClock, path: str) -> None:
        """A token is good until the second that was asked for, and not after it."""
        made = create(client, path, name="ci", expires=in_days(backend, 1))
        clock.pass_seconds(86_399)
        before = client.get("/api/user", headers=signed(made["tokenValue"])).status_code
        clock.pass_seconds(1)

        assert (200, 401) == (before, client.get("/api/user", headers=signed(made["tokenValue"])).status_code)


class TestSecrecy:
    def test_of_the_text(self, client: TestClient, backend: Backend, caplog: pytest.LogCaptureFixture) -> None:
        """Neither the log nor the database nor any later reply holds the text of a token."""
        caplog.set_level(logging.DEBUG)
        caplog.set_level(logging.WARNING, "httpx2")  # the client of these tests, which logs addresses
        made = [create(client, path, name=f"t{number}") for number, path in enumerate((OWN, TOKENS, OPS))]
        refusals = [client.delete(f"{TOKENS}/{token['tokenValue']}").text for token in made]
        refusals += [client.get("/api/orgs/none/tokens", headers=signed(token["tokenValue"])).text for token in made]
        with backend.db.connect() as connection:
            rows = str(connection.execute(select(access_tokens)).all()) + str(connection.execute(select(users)).all())
        lists = "".join(client.get(path).text for path in (OWN, TOKENS, OPS))

        for secret in [*(token["tokenValue"] for token in made), ADMIN_TOKEN]:
            assert secret not in caplog.text + rows + lists
            assert secret[4:] not in rows
        assert not any("pul-" in text for text in refusals)
