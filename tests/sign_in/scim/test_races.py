"""Several calls of a directory at the same time, and repeated calls: one succeeds, the others are refused."""

from collections import Counter

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.people.users import steps as user_service
from common.rights.caller import Caller
from common.sign_in.scim.documents import parse_user
from common.sign_in.scim.group_patch import group_change
from common.sign_in.scim.model import Directory, GroupProfile, NameConflict, User
from common.sign_in.scim.operations import parse_operations
from common.sign_in.scim.service import groups, tokens, users
from tests.factories.people import caller_of, make_admin, make_org, make_user
from tests.interleaving import Crash, crash, interleaved
from tests.server.serving import at_once
from tests.sign_in.scim import directory_client
from tests.sign_in.scim.stored_state import login_of, members_of

NUMBER = 4


def create_user(backend: Backend, directory: Directory, user_name: str) -> User:
    """Return a new user of a directory."""
    return users.create_user(backend, directory, parse_user({"userName": user_name}))


@pytest.fixture
def acme(backend: Backend, admin: Caller) -> Directory:
    """Acme's directory, as the services know it."""
    return tokens.authenticate(backend, "acme", f"Bearer {tokens.create(backend, admin, 'acme').text}")


def test_one_user_is_created_once(backend: Backend, acme: Directory) -> None:
    """Of several requests with one user name, in any case, one creates the user; the others are refused."""

    def attempt(number: int) -> str:
        try:
            create_user(backend, acme, "alice@example.com" if number % 2 else "ALICE@example.com")
        except NameConflict:
            return "taken"
        return "created"

    assert {"created": 1, "taken": NUMBER - 1} == Counter(at_once(NUMBER, attempt))


def test_one_group_is_created_once(backend: Backend, acme: Directory) -> None:
    """Of several requests for one group, one creates it; the others are refused."""

    def attempt(_: int) -> str:
        try:
            groups.create_group(backend, acme, GroupProfile("Ops", None, None))
        except NameConflict:
            return "taken"
        return "created"

    assert {"created": 1, "taken": NUMBER - 1} == Counter(at_once(NUMBER, attempt))


def test_members_are_added_by_several(backend: Backend, acme: Directory) -> None:
    """Requests that add the same users at the same time all succeed, and each user is in the group once."""
    user_ids = [create_user(backend, acme, f"user{number}").id for number in range(NUMBER)]
    group = groups.create_group(backend, acme, GroupProfile("Ops", None, None))
    add = {"op": "add", "path": "members", "value": [{"value": user_id} for user_id in user_ids]}
    change = group_change(parse_operations({"Operations": [add]}))
    at_once(NUMBER, lambda _: groups.patch_group(backend, acme, group.id, change))

    assert NUMBER == members_of(backend, "Ops")


def test_two_directories_create_users_with_the_same_names(backend: Backend, admin: Caller, acme: Directory) -> None:
    """Different users of one organization, and users with one name in two, are all created."""
    make_org(backend, "globex", admin)
    other = tokens.authenticate(backend, "globex", f"Bearer {tokens.create(backend, make_admin(backend), 'globex').text}")

    def attempt(number: int) -> str:
        return create_user(backend, (acme, other)[number % 2], f"user{number // 2}").id

    assert 20 == len(set(at_once(20, attempt)))


# SQLite has one writer at a time.
@pytest.mark.dialects("mysql")
def test_another_organization_takes_the_login_first(backend: Backend, acme: Directory) -> None:
    """If another request takes the login at the same moment, the user gets another login."""
    with interleaved(backend, "INSERT INTO users", lambda: make_user(backend, "alice")):
        user = create_user(backend, acme, "alice")

    assert "alice-2" == login_of(backend, {"id": user.id})


def test_a_process_that_dies_leaves_nothing(backend: Backend, acme: Directory) -> None:
    """A crash while a user is created leaves no user, and the repeated request creates them."""
    with pytest.raises(Crash), interleaved(backend, "INSERT INTO scim_users", crash):
        create_user(backend, acme, "alice")
    with backend.db.connect() as connection:
        assert user_service.find_id(connection, "alice") is None

    assert create_user(backend, acme, "alice").active


def test_two_organizations_have_the_same_names(backend: Backend, admin: Caller, client: TestClient) -> None:
    """Two organizations may use the same user names and groups, for different users."""
    token = make_user(backend, "gina")
    make_org(backend, "globex", caller_of(backend, token))
    directories = [
        directory_client.Directory.connect(backend, client, caller, org)
        for caller, org in ((admin, "acme"), (caller_of(backend, token), "globex"))
    ]
    created = [directory.add("alice@example.com") for directory in directories]
    for directory, user in zip(directories, created, strict=True):
        directory.make("Groups", displayName="Ops", members=[{"value": user["id"]}])

    assert created[0]["id"] != created[1]["id"]
    assert ["alice@example.com"] * 2 == [user["userName"] for user in created]
