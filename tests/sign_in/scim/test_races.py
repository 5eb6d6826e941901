"""Several calls of a directory at once, and repeats: one of them is done, the others are told so."""

from collections import Counter

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.people.users import steps as user_service
from common.rights.caller import Caller
from common.sign_in.scim.model import Directory, Taken
from common.sign_in.scim.service import groups, tokens, users
from common.sign_in.scim.user_patch import parse_operations
from tests.factories.people import caller_of, make_admin, make_org, make_user
from tests.field_reports.serving import at_once
from tests.interleaving import Crash, crash, interleaved
from tests.sign_in.scim import directory_client
from tests.sign_in.scim.stored_state import login_of, members_of

NUMBER = 4


@pytest.fixture
def acme(backend: Backend, admin: Caller) -> Directory:
    """Acme's directory, as the services know it."""
    return tokens.authenticate(backend, "acme", f"Bearer {tokens.create(backend, admin, 'acme').text}")


def test_one_person_is_made_once(backend: Backend, acme: Directory) -> None:
    """Of several requests for one user name, in any case, one makes the person; the others say that it is taken."""

    def attempt(number: int) -> str:
        try:
            users.create_user(backend, acme, {"userName": "alice@example.com" if number % 2 else "ALICE@example.com"})
        except Taken:
            return "taken"
        return "made"

    assert {"made": 1, "taken": NUMBER - 1} == Counter(at_once(NUMBER, attempt))


def test_one_group_is_made_once(backend: Backend, acme: Directory) -> None:
    """So it is with groups."""

    def attempt(_: int) -> str:
        try:
            groups.create_group(backend, acme, {"displayName": "Ops"})
        except Taken:
            return "taken"
        return "made"

    assert {"made": 1, "taken": NUMBER - 1} == Counter(at_once(NUMBER, attempt))


def test_members_are_added_by_several(backend: Backend, acme: Directory) -> None:
    """Requests that add the same people at once all succeed, and each person is in the group once."""
    people = [users.create_user(backend, acme, {"userName": f"user{number}"}).id for number in range(NUMBER)]
    group = groups.create_group(backend, acme, {"displayName": "Ops"})
    add = parse_operations({"Operations": [{"op": "add", "path": "members", "value": [{"value": one} for one in people]}]})
    at_once(NUMBER, lambda _: groups.patch_group(backend, acme, group.id, add))

    assert NUMBER == members_of(backend, "Ops")


def test_two_directories_make_twenty_people_of_the_same_names(backend: Backend, admin: Caller, acme: Directory) -> None:
    """Different people of one organization, and people of one name in two, are all made: nobody is refused."""
    make_org(backend, "globex", admin)
    other = tokens.authenticate(backend, "globex", f"Bearer {tokens.create(backend, make_admin(backend), 'globex').text}")

    def attempt(number: int) -> str:
        return users.create_user(backend, (acme, other)[number % 2], {"userName": f"user{number // 2}"}).id

    assert 20 == len(set(at_once(20, attempt)))


# On SQLite nobody else writes while somebody does.
@pytest.mark.dialects("mysql")
def test_another_organization_takes_the_login_first(backend: Backend, acme: Directory) -> None:
    """When somebody of the same name is made elsewhere in the same moment, the person gets another login."""
    with interleaved(backend, "INSERT INTO users", lambda: make_user(backend, "alice")):
        made = users.create_user(backend, acme, {"userName": "alice"})

    assert "alice-2" == login_of(backend, {"id": made.id})


def test_a_process_that_dies_leaves_nothing(backend: Backend, acme: Directory) -> None:
    """A crash in the middle of making somebody leaves nobody, and the repeat makes them."""
    with pytest.raises(Crash), interleaved(backend, "INSERT INTO scim_users", crash):
        users.create_user(backend, acme, {"userName": "alice"})
    with backend.db.connect() as connection:
        assert user_service.find_id(connection, "alice") is None

    assert users.create_user(backend, acme, {"userName": "alice"}).active


def test_two_organizations_have_the_same_names(backend: Backend, admin: Caller, client: TestClient) -> None:
    """User names and groups are an organization's own; the people behind them are two."""
    token = make_user(backend, "gina")
    make_org(backend, "globex", caller_of(backend, token))
    both = [
        directory_client.Directory.connect(backend, client, who, org)
        for who, org in ((admin, "acme"), (caller_of(backend, token), "globex"))
    ]
    made = [one.add("alice@example.com") for one in both]
    for one, person in zip(both, made, strict=True):
        one.make("Groups", displayName="Ops", members=[{"value": person["id"]}])

    assert made[0]["id"] != made[1]["id"]
    assert ["alice@example.com"] * 2 == [one["userName"] for one in made]
