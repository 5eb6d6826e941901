"""Roles on pages: created, their rules edited by a form and as JSON, deleted; and answers to who may do what."""

import pytest

from common.backend import Backend
from common.people.roles.model import Purpose
from common.people.roles.service import roles
from common.rights import built_in
from common.rights.caller import Caller
from common.rights.org_settings import OrgSettings
from common.rights.permissions import Permission, StackLevel
from common.stacks.model import StackPath
from common.stacks.steps import load_stack, may_on_stack
from tests.counting import Counter
from tests.factories.grants import grant
from tests.factories.orgs import set_settings, suspend
from tests.factories.people import caller_of, make_user
from tests.factories.roles import hold, make_role, tagged
from tests.factories.stacks import make_stack
from tests.factories.teams import make_team
from tests.pages.org_pages import SETTINGS, make_full_organization
from tests.pages.visiting import Visit, location, shown, values

pytestmark = pytest.mark.dialects("sqlite")
ROLES, CHECK = f"{SETTINGS}/roles", f"{SETTINGS}/check-access"
VERSION = r'name="version" value="([^"]*)"'


@pytest.fixture
def role(member: Visit) -> str:
    """The address of a new role."""
    created = member.submit(ROLES, on=ROLES, name="Deployer", description="Runs updates", kind="role")
    return location(created).partition("?")[0]


def stored(backend: Backend, admin: Caller, address: str) -> str:
    """The rules of a role."""
    return roles.get_role(backend, admin, "acme", address.rpartition("/")[2]).details


class TestList:
    def test_has_built_in_and_custom_records(self, backend: Backend, member: Visit) -> None:
        """Roles and permission sets are listed with their kind; the address narrows them."""
        make_role(backend, Permission.STACK_READ, name="Reader")
        make_role(backend, Permission.STACK_READ, name="Look", purpose="set")
        text = shown(member.open(ROLES))
        sets, found = member.open(ROLES, kind="set"), member.open(ROLES, q="READER")

        assert "Admin Built in Role" in text
        assert "Member Built in For new members Role" in text
        assert "Look" in shown(sets)
        assert "Reader" not in shown(sets)
        assert "1 role" in shown(found)
        assert "No roles match" in shown(member.open(ROLES, q="%"))

    def test_refuses_a_name_that_is_taken(self, member: Visit, role: str) -> None:
        """The page says what is wrong."""
        assert role
        again = member.submit(ROLES, on=ROLES, name="Deployer", kind="role")

        assert 409 == again.status_code
        assert "There is a problem" in shown(again)


class TestRules:
    def test_are_added_and_removed(self, backend: Backend, admin: Caller, member: Visit, role: str) -> None:
        """Permissions hold everywhere or on stacks with a tag; each part can be removed."""
        member.submit(f"{role}/parts", on=role, permission="stack:create")
        member.submit(f"{role}/parts", on=role, permission="stack:write", tag="env", value="test")
        text = shown(member.open(role))
        version = next(values(member.open(role), VERSION))
        removed = member.submit(f"{role}/parts/remove", on=role, number="0", version=version)
        stale = member.submit(f"{role}/parts/remove", on=role, number="0", version=version)

        assert "Everywhere stack:create" in text
        assert "Where stack has tag env = test stack:write" in text
        assert f"{role}?done=saved" == location(removed)
        assert "stack:create" not in stored(backend, admin, role)
        assert 400 == stale.status_code

    def test_take_several_permissions_and_a_set(self, backend: Backend, admin: Caller, member: Visit, role: str) -> None:
        """Every box that was ticked counts, and a permission set comes along by its id."""
        set_id = make_role(backend, Permission.STACK_READ, name="Look", purpose="set")
        key = next(values(member.open(role), r'name="form_key" value="([^"]*)"'))
        body = f"form_key={key}&permission=stack%3Acreate&permission=team%3Acreate&set={set_id}&tag=env"
        headers = {"Accept": "text/html", "Content-Type": "application/x-www-form-urlencoded"}
        assert 303 == member.client.post(f"{role}/parts", content=body, headers=headers).status_code
        text = shown(member.open(role))

        assert "Where stack has tag env All of Look stack:create team:create" in text
        assert set_id in stored(backend, admin, role)

    def test_need_something_to_allow(self, member: Visit, role: str) -> None:
        """A form without permissions is a problem, and so is one with unknown ones."""
        assert [400, 400] == [member.submit(f"{role}/parts", on=role, permission=name).status_code for name in ("", "stack:fly")]

    def test_are_written_as_json(self, backend: Backend, admin: Caller, member: Visit, role: str) -> None:
        """What the form cannot make is written as JSON; what is no rule is a problem on the page."""
        rules = '{"__type":"PermissionDescriptorAllow","permissions":["stack:delete"]}'
        saved = member.submit(f"{role}/rules", on=role, details=rules)
        refused = member.submit(f"{role}/rules", on=role, details="{}")

        assert 303 == saved.status_code
        assert rules == stored(backend, admin, role)
        assert 400 == refused.status_code

    def test_give_no_more_than_one_has(self, backend: Backend, role: str) -> None:
        """Someone who may edit roles gives permissions that they have themselves, and no others."""
        carol = Visit(backend)
        carol.sign_in(make_user(backend, "carol", org="acme"))
        editor = (Permission.ROLE_READ, Permission.ROLE_UPDATE)
        hold(backend, "carol", make_role(backend, *editor, name="editor"))
        refused = carol.submit(f"{role}/parts", on=role, permission="organization:delete")

        assert 403 == refused.status_code
        assert "organization:delete" in shown(refused)


class TestRole:
    def test_is_renamed_made_the_default_and_deleted(self, backend: Backend, admin: Caller, member: Visit, role: str) -> None:
        """A role in use is deleted only where that was ticked."""
        member.submit(f"{role}/texts", on=role, name="Releaser", description="")
        member.submit(f"{role}/default", on=role)
        text = shown(member.open(role))
        refused = member.submit(f"{role}/delete", on=role)
        deleted = member.submit(f"{role}/delete", on=role, force="yes")

        assert "Releaser" in text
        assert "For new members" in text
        assert 409 == refused.status_code
        assert f"{ROLES}?done=deleted" == location(deleted)
        assert [] == [record for record in roles.list_roles(backend, admin, "acme", Purpose.ROLE) if not record.is_built_in]

    def test_that_is_built_in_has_no_forms(self, member: Visit) -> None:
        """A built-in role is shown and cannot be changed."""
        text = shown(member.open(f"{ROLES}/{built_in.STACK_READ.id}"))

        assert "stack:export" in text
        assert "Add permissions" not in text
        assert "Delete role" not in text


class TestCheckAccess:
    @pytest.fixture
    def path(self, backend: Backend, admin: Caller) -> StackPath:
        """Stack acme/shop/prod, which has a tag, and members who have it by something else each."""
        set_settings(backend, "acme", OrgSettings(default_stack_permission=StackLevel.READ))
        path = make_stack(backend, admin, "prod", tags={"env": "prod"})
        for login in ("alice", "bob", "carol", "dave", "erin"):
            make_user(backend, login, org="acme")
        grant(backend, path, "bob", StackLevel.ADMIN)
        hold(backend, "carol", make_role(backend, name="Releaser", rules=tagged("env", "prod", "stack:write")))
        team_id = make_team(backend, "ops", members=["dave"])
        grant(backend, path, team_id, StackLevel.WRITE, is_team=True)
        suspend(backend, "erin")
        return path

    @pytest.mark.parametrize(
        ("login", "answer"),
        [
            ("admin", "Yes stack:write Admin is an admin of acme, and admins may do everything"),
            ("alice", "No stack:write Nothing gives alice the permission stack:write"),
            ("bob", "Yes stack:write Bob was given admin on the stack"),
            ("carol", "Yes stack:write Role Releaser allows it"),
            ("dave", "Yes stack:write Team ops, which dave belongs to, was given write on the stack"),
            ("erin", "No stack:write Erin is suspended"),
        ],
    )
    def test_says_why(self, member: Visit, path: StackPath, login: str, answer: str) -> None:
        """May alice destroy shop/prod? That is answered with what allows it, or with what the member has instead."""
        page = member.open(CHECK, login=login, action="destroy", stack=f"{path.project}/{path.name}")

        assert answer in shown(page)
        assert f"May {login} destroy acme/shop/prod?" in shown(page)

    def test_says_what_members_have(self, member: Visit, path: StackPath) -> None:
        """A refusal names the role and the settings."""
        text = shown(member.open(CHECK, login="alice", action="up", stack=str(path)))

        assert "Alice has the built-in role member" in text
        assert "The settings of acme give members read on every stack" in text

    def test_is_what_the_members_own_request_gets(self, backend: Backend, member: Visit, path: StackPath) -> None:
        """For every permission and member the answer is that of the check that requests pass."""
        tokens = {login: make_user(backend, login, org="acme") for login in ("fay", "gus", "hal")}
        hold(backend, "gus", make_role(backend, name="Looker", rules=tagged("env", "prod", "stack:read", "stack:delete")))
        grant(backend, path, "hal", StackLevel.WRITE)
        for login, token in tokens.items():
            caller = caller_of(backend, token)
            with backend.db.connect() as connection:
                stack = load_stack(connection, caller, path, Permission.STACK_READ)
            for permission in sorted(built_in.STACK_ADMIN.permissions)[:12]:
                text = shown(member.open(CHECK, login=login, action=permission, stack=str(path)))
                assert ("Yes" if may_on_stack(caller, stack, permission) else "No") + f" {permission}" in text, login

    @pytest.mark.usefixtures("path")
    def test_of_the_organization_itself(self, member: Visit) -> None:
        """Without a stack the question is about the organization."""
        yes = shown(member.open(CHECK, login="alice", action="stack:create"))
        no = shown(member.open(CHECK, login="alice", action="audit_logs:read"))

        assert "Yes stack:create The built-in role member, with the settings of acme, allows it" in yes
        assert "No audit_logs:read" in no

    @pytest.mark.usefixtures("path")
    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ({"login": "nina", "action": "up", "stack": "shop/prod"}, 404),
            ({"login": "alice", "action": "up", "stack": "shop/gone"}, 404),
            ({"login": "alice", "action": "up", "stack": "shop"}, 400),
            ({"login": "alice", "action": "up", "stack": ""}, 400),
            ({"login": "alice", "action": "fly", "stack": "shop/prod"}, 400),
        ],
    )
    def test_names_what_is_wrong(self, member: Visit, query: dict[str, str], status: int) -> None:
        """An unknown member, stack or action is a problem on the page."""
        page = member.open(CHECK, **query)

        assert status == page.status_code
        assert "There is a problem" in shown(page)


@pytest.mark.parametrize("address", [ROLES, f"{ROLES}/{{role_id}}", f"{CHECK}?login=olga&action=destroy&stack=shop/dev"])
def test_costs_few_statements(backend: Backend, admin: Caller, member: Visit, counter: Counter, address: str) -> None:
    """However many roles there are, a page is at most six statements."""
    at = make_full_organization(backend, admin, make_stack(backend, admin))
    address = address.replace("{role_id}", at["role_id"])
    member.open(address)
    counter.reset()
    page = member.open(address)

    assert 200 == page.status_code
    assert (6, 0, 0, 0) >= counter.cost
