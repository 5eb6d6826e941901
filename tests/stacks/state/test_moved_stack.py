"""A stack that moves to another organization."""

import json

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from common.access import grants
from common.backend import Backend
from common.core.ids import new_id
from common.db.tables.access import stack_grants
from common.rights.caller import Caller
from common.rights.permissions import StackLevel
from tests.factories.people import caller_of, make_org, make_user
from tests.stacks.engine.builders import ROOT, make_state
from tests.wire import begin, create_stack, error_of, export, import_state

ACME, BETA = "/api/stacks/acme/shop/dev", "/api/stacks/beta/shop/dev"
PLAIN = "aHVudGVyMg=="
SIGNATURE = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}


def sealed(client: TestClient, stack: str, plain: str = PLAIN) -> str:
    """Return a value encrypted for a stack."""
    return str(client.post(f"{stack}/encrypt", json={"plaintext": plain}).json()["ciphertext"])


def secret_state(owner: str, ciphertext: str) -> bytes:
    """Return a state with one secret output, encrypted by the service for shop/dev of an owner."""
    root = {
        "urn": ROOT,
        "custom": False,
        "type": "pulumi:pulumi:Stack",
        "outputs": {"pw": {**SIGNATURE, "ciphertext": ciphertext}},
    }
    place = {"url": "http://testserver", "owner": owner, "project": "shop", "stack": "dev"}
    return make_state(root, secrets_providers={"type": "service", "state": place})


def owner_of(container: bytes) -> str:
    """Return the organization in which a state's secrets are decrypted."""
    return str(json.loads(container)["deployment"]["secrets_providers"]["state"]["owner"])


class TestMoveToAnotherOrganization:
    @pytest.fixture
    def ciphertext(self, client: TestClient, backend: Backend, admin: Caller) -> str:
        """A value of stack acme/shop/dev, which has three versions that hold it; organization beta is there."""
        make_org(backend, "beta", admin)
        create_stack(client, tags={"env": "prod"})
        value = sealed(client, ACME)
        for _ in range(3):
            import_state(client, ACME, secret_state("acme", value))
        return value

    @pytest.fixture
    def moved(self, client: TestClient, ciphertext: str) -> str:
        """The value, after the stack moved to beta."""
        assert 204 == client.post(f"{ACME}/transfer", json={"toOrg": "beta"}).status_code
        return ciphertext

    def test_every_version_names_the_new_owner(self, client: TestClient, moved: str) -> None:
        """The client decrypts where the state says, so each version that can be exported says the new place."""
        found = [export(client, BETA), *(export(client, BETA, version) for version in (1, 2, 3, 4))]

        assert ["beta"] * 5 == [*map(owner_of, found)]
        assert all(moved.encode() in text for text in found)
        assert 404 == client.get(f"{ACME}/export").status_code

    def test_secrets_stay_readable(self, client: TestClient, moved: str) -> None:
        """A value in an old state or configuration file stays good, at the new place and at the old one."""
        for stack in (BETA, ACME):
            assert PLAIN == client.post(f"{stack}/decrypt", json={"ciphertext": moved}).json()["plaintext"]

    def test_old_place_is_nothing_to_those_without_rights(self, client: TestClient, backend: Backend, moved: str) -> None:
        """Who belongs only to the old organization gets the answer for a stack that never was, and no word of the new place."""
        bob = {"Authorization": f"token {make_user(backend, 'bob', org='acme')}"}
        found = error_of(client.post(f"{ACME}/decrypt", json={"ciphertext": moved}, headers=bob))

        assert (404, 404, "Not Found: Stack 'acme/shop/dev' not found") == found

    def test_a_new_stack_there_is_another_one(self, client: TestClient, moved: str) -> None:
        """Neither stack opens what was encrypted for the other, though they had the same name."""
        create_stack(client)
        fresh = sealed(client, ACME)

        assert (400, 400) == error_of(client.post(f"{ACME}/decrypt", json={"ciphertext": moved}))[:2]
        assert (400, 400) == error_of(client.post(f"{BETA}/decrypt", json={"ciphertext": fresh}))[:2]
        assert PLAIN == client.post(f"{ACME}/decrypt", json={"ciphertext": fresh}).json()["plaintext"]
        assert PLAIN == client.post(f"{BETA}/decrypt", json={"ciphertext": moved}).json()["plaintext"]

    def test_keeps_tags_and_history(self, client: TestClient, moved: str) -> None:
        """The move is a version of its own after the three that were there."""
        assert moved
        history = client.get(f"{BETA}/updates?pageSize=10&page=1").json()["updates"]

        assert {"env": "prod"} == client.get(BETA).json()["tags"]
        assert ["rename", "import", "import", "import"] == [one["kind"] for one in history]
        assert [4, 3, 2, 1] == [one["version"] for one in history]

    def test_grants_of_the_old_organization_do_not_survive(self, client: TestClient, backend: Backend, ciphertext: str) -> None:
        """What people and teams were given on the stack in the old organization is gone in the new one."""
        assert ciphertext
        bob = caller_of(backend, make_user(backend, "bob", org="acme"))
        stack_id = client.get(ACME).json()["id"]
        with backend.db.begin() as tx:
            for principal, is_team in ((bob.user_id, False), (new_id(), True)):
                grants.replace(tx, stack_id, principal, is_team=is_team, level=StackLevel.ADMIN, now=backend.clock.now())
        client.post(f"{ACME}/transfer", json={"toOrg": "beta"})

        assert 0 == grant_count(backend)

    def test_waits_for_nobody(self, client: TestClient, ciphertext: str) -> None:
        """While an update runs the stack stays where it is."""
        update = begin(client, ACME)

        assert (409, 409) == error_of(client.post(f"{ACME}/transfer", json={"toOrg": "beta"}))[:2]
        assert update.complete().is_success
        assert ("acme", 404) == (owner_of(export(client, ACME)), client.get(BETA).status_code)
        assert PLAIN == client.post(f"{ACME}/decrypt", json={"ciphertext": ciphertext}).json()["plaintext"]


def grant_count(backend: Backend) -> int:
    """Return how many grants there are."""
    with backend.db.connect() as connection:
        return connection.scalar(select(func.count()).select_from(stack_grants)) or 0
