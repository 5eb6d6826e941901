import json
from typing import Any

import pytest
from sqlalchemy import func, select

from common.backend import Backend
from common.core.errors import BadRequest, Conflict, Forbidden, NotFound, Unauthorized
from common.core.ids import new_id
from common.db.tables.access import role_references, stack_grants
from common.db.tables.people import organizations
from common.people.roles.model import DETAILS_LIMIT_BYTES, RECORD_LIMIT, Purpose, RoleChange
from common.people.roles.service import roles as role_service
from common.people.roles.service import teams
from common.rights.built_in import ADMIN, BILLING_MANAGER, BUILT_INS, MEMBER, STACK_READ, STACK_WRITE
from common.rights.caller import Caller
from common.rights.permissions import Permission, Role, StackLevel
from tests.clocks import FrozenClock
from tests.factories.grants import grant
from tests.factories.people import ADMIN_TOKEN, ORG, caller_of, make_user
from tests.factories.roles import (
    allow,
    compose,
    create_role,
    group,
    hold,
    make_holder,
    make_machine,
    make_records,
    new_record,
    stored_rules,
)
from tests.factories.stacks import make_stack
from tests.factories.teams import make_team

READ = allow("stack:read")
MANAGE = (Permission.ROLE_CREATE, Permission.ROLE_READ, Permission.ROLE_UPDATE, Permission.ROLE_DELETE)


def permissions_of(backend: Backend, role_id: str) -> set[str]:
    """Return the effective permissions of a record, with the records that it composes."""
    return {found for found in Permission if json.dumps(found.value) in stored_rules(backend, role_id)}


class TestCreateRole:
    def test_keeps_details_to_the_byte(self, backend: Backend, admin: Caller) -> None:
        """Order, blanks, spelling and nulls of a descriptor come back as they were sent."""
        text = '{"permissions" : ["stack:read"],\n "constraints":null, "__type":"PermissionDescriptorAllow", "note":1e400}'
        text = text.replace("1e400", '"\\u00e9 \U0001f989"')
        made = create_role(backend, admin, "readers", text, description="who reads")
        found = role_service.get_role(backend, admin, ORG, made.id)

        assert made == found
        assert (text, "who reads", Purpose.ROLE, "global", 1) == (
            found.details,
            found.description,
            found.purpose,
            found.resource_type,
            found.version,
        )

    def test_puts_in_what_is_composed(self, backend: Backend, admin: Caller) -> None:
        """Built-in sets and the organization's own records are resolved, at any depth."""
        low = create_role(backend, admin, "low", allow("stack:delete"), Purpose.SET)
        middle = create_role(backend, admin, "middle", group(compose(low.id), allow("team:create")), Purpose.SET)
        top = create_role(backend, admin, "top", compose(middle.id, STACK_READ.id))

        assert {*STACK_READ.permissions, "stack:delete", "team:create"} == permissions_of(backend, top.id)
        assert "Compose" not in stored_rules(backend, top.id)

    @pytest.mark.parametrize(
        "details",
        [
            "{}",
            "[]",
            '"x"',
            json.dumps(allow("stack:fly")),
            json.dumps(compose("nope")),
            json.dumps(compose(new_id())),
            json.dumps(group(*[allow()] * 2001)),
            json.dumps(allow()).ljust((1 << 20) + 1),
        ],
        ids=lambda text: text[:50],
    )
    def test_refuses_what_is_no_descriptor(self, backend: Backend, admin: Caller, details: str) -> None:
        """What cannot be read, is too large, or composes what is not there is refused and stores nothing."""
        with pytest.raises(BadRequest):
            create_role(backend, admin, "bad", details)
        assert len(BUILT_INS) == len(role_service.list_roles(backend, admin, ORG, None))

    def test_refuses_what_becomes_too_large(self, backend: Backend, admin: Caller) -> None:
        """A small text that composes a large record many times is counted in full."""
        large = create_role(backend, admin, "large", group(*[allow("stack:read")] * 2000), Purpose.SET)

        with pytest.raises(BadRequest, match="with the records that it composes"):
            create_role(backend, admin, "huge", group(*[compose(large.id)] * 50))

    def test_refuses_what_becomes_too_deep(self, backend: Backend, admin: Caller) -> None:
        """Two trees that may stand alone may be too deep within each other."""
        deep = create_role(backend, admin, "deep", nested(READ), Purpose.SET)
        outer = nested(compose(deep.id))

        with pytest.raises(BadRequest, match="64 deep"):
            create_role(backend, admin, "deeper", outer)

    def test_takes_a_name_once_for_each_purpose(self, backend: Backend, admin: Caller) -> None:
        """A role and a set may share a name; two roles may not, and names are exact."""
        create_role(backend, admin, "ops", READ)
        create_role(backend, admin, "ops", READ, Purpose.SET)
        create_role(backend, admin, "Ops", READ)

        with pytest.raises(Conflict, match="'ops' already exists"):
            create_role(backend, admin, "ops", READ)

    def test_does_not_see_another_organizations_records(self, backend: Backend, admin: Caller) -> None:
        """A record of another organization cannot be composed, as if it did not exist."""
        foreign = role_service.create_role(backend, admin, "admin", new_record("own", READ, Purpose.SET), with_policy=False)

        with pytest.raises(BadRequest, match="not found"):
            create_role(backend, admin, "thief", compose(foreign.id))
        with pytest.raises(NotFound):
            role_service.get_role(backend, admin, ORG, foreign.id)

    def test_gives_nobody_more_than_its_maker_has(self, backend: Backend, admin: Caller) -> None:
        """Who is not an admin may make a role of what they hold, on any condition and by reference, and of nothing else."""
        bob = make_holder(backend, "bob", *MANAGE, Permission.STACK_READ)
        create_role(backend, bob, "fine", READ)
        strong = create_role(backend, admin, "strong", allow("stack:delete"), Purpose.SET)

        for details in (allow("stack:delete"), compose(strong.id), compose(ADMIN.id), compose(STACK_WRITE.id)):
            with pytest.raises(Forbidden, match="permissions that you do not have"):
                create_role(backend, bob, "more", details)

    def test_makes_the_policy_too(self, backend: Backend, admin: Caller) -> None:
        """With its policy, a role composes a record of the same name that allows what was asked for."""
        made = role_service.create_role(backend, admin, ORG, new_record("ops", READ), with_policy=True)
        policy = next(found for found in role_service.list_roles(backend, admin, ORG, Purpose.POLICY) if found.name == "ops")

        assert (Purpose.ROLE, "ops") == (made.purpose, made.name)
        assert json.dumps(READ) == policy.details
        assert [policy.id] == json.loads(made.details)["permissionDescriptors"]
        assert {"stack:read"} == permissions_of(backend, made.id)

    def test_makes_neither_when_one_is_taken(self, backend: Backend, admin: Caller) -> None:
        """A role with a name that is taken leaves no policy behind."""
        create_role(backend, admin, "ops", READ)

        with pytest.raises(Conflict):
            role_service.create_role(backend, admin, ORG, new_record("ops", READ), with_policy=True)
        assert [] == [found for found in role_service.list_roles(backend, admin, ORG, Purpose.POLICY) if not found.is_built_in]

    def test_bounds_how_many_there_are(self, backend: Backend, admin: Caller) -> None:
        """An organization has room for a number of records and an amount of text."""
        first = create_role(backend, admin, "a", READ)
        make_records(backend, RECORD_LIMIT - 2, size_bytes=DETAILS_LIMIT_BYTES // RECORD_LIMIT)
        create_role(backend, admin, "b", READ)
        with pytest.raises(BadRequest, match="1,000 roles"):
            create_role(backend, admin, "c", READ)
        with pytest.raises(BadRequest, match="16,777,216 bytes"):
            role_service.update_role(backend, admin, ORG, first.id, RoleChange(details=json.dumps(READ).ljust(60_000)))


class TestUpdateRole:
    def test_changes_what_is_given_and_counts(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """Each change is a version; what is not given stays."""
        made = create_role(backend, admin, "ops", READ, description="d")
        clock.pass_seconds(5)
        renamed = role_service.update_role(backend, admin, ORG, made.id, RoleChange(name="new"))
        changed = role_service.update_role(
            backend, admin, ORG, made.id, RoleChange(description="", details=json.dumps(allow("team:create")))
        )

        assert ("new", "d", json.dumps(READ), 2) == (renamed.name, renamed.description, renamed.details, renamed.version)
        assert ("new", "", 3) == (changed.name, changed.description, changed.version)
        assert made.created_at == changed.created_at == changed.modified_at - 5_000
        assert {"team:create"} == permissions_of(backend, made.id)

    def test_reaches_all_that_compose_it(self, backend: Backend, admin: Caller) -> None:
        """A changed set counts at once for every role that composes it, directly or through others, on several ways."""
        low = create_role(backend, admin, "low", READ, Purpose.SET)
        left = create_role(backend, admin, "left", compose(low.id), Purpose.SET)
        right = create_role(backend, admin, "right", group(compose(low.id, left.id), allow("team:create")), Purpose.SET)
        top = create_role(backend, admin, "top", compose(right.id, left.id, STACK_READ.id))
        apart = create_role(backend, admin, "apart", READ)
        bob = make_user(backend, "bob", org=ORG)
        hold(backend, "bob", top.id)
        role_service.update_role(
            backend, admin, ORG, low.id, RoleChange(details=json.dumps(allow("stack:delete", "stack:create")))
        )

        assert {"stack:delete", "stack:create"} == permissions_of(backend, left.id)
        assert {"stack:delete", "stack:create", "team:create"} == permissions_of(backend, right.id)
        assert {*STACK_READ.permissions, "stack:delete", "stack:create", "team:create"} == permissions_of(backend, top.id)
        assert {"stack:read"} == permissions_of(backend, apart.id)
        assert caller_of(backend, bob).may(Permission.STACK_CREATE, ORG)
        assert 1 == role_service.get_role(backend, admin, ORG, top.id).version

    def test_refuses_a_circle(self, backend: Backend, admin: Caller) -> None:
        """Nothing composes itself, directly or through others."""
        low = create_role(backend, admin, "low", READ, Purpose.SET)
        top = create_role(backend, admin, "top", compose(low.id), Purpose.SET)

        for target in (low.id, top.id):
            with pytest.raises(BadRequest, match="may not compose itself"):
                role_service.update_role(backend, admin, ORG, low.id, RoleChange(details=json.dumps(compose(target))))
        assert {"stack:read"} == permissions_of(backend, low.id)

    def test_refuses_what_makes_a_composer_too_large(self, backend: Backend, admin: Caller) -> None:
        """A set may not grow beyond what the roles that compose it can carry; then nothing changes."""
        low = create_role(backend, admin, "low", READ, Purpose.SET)
        top = create_role(backend, admin, "top", group(*[compose(low.id)] * 50))
        before = stored_rules(backend, top.id)

        with pytest.raises(BadRequest, match="'top', which composes this one"):
            role_service.update_role(backend, admin, ORG, low.id, RoleChange(details=json.dumps(group(*[READ] * 2000))))
        assert before == stored_rules(backend, top.id)
        assert 1 == role_service.get_role(backend, admin, ORG, low.id).version

    def test_refuses_a_taken_name_and_built_in_records(self, backend: Backend, admin: Caller) -> None:
        """A name stays another's, and what is built in stays what it is."""
        create_role(backend, admin, "a", READ)
        second = create_role(backend, admin, "b", READ)

        with pytest.raises(Conflict):
            role_service.update_role(backend, admin, ORG, second.id, RoleChange(name="a"))
        with pytest.raises(BadRequest, match="built in"):
            role_service.update_role(backend, admin, ORG, MEMBER.id, RoleChange(name="x"))

    def test_gives_nobody_more_than_its_changer_has(self, backend: Backend, admin: Caller) -> None:
        """A role that one holds oneself cannot be made larger by oneself, nor a set that it composes."""
        low = create_role(backend, admin, "low", READ, Purpose.SET)
        own = create_role(backend, admin, "own", group(compose(low.id), allow(*MANAGE)))
        token = make_user(backend, "bob", org=ORG)
        hold(backend, "bob", own.id)
        bob = caller_of(backend, token)

        for target in (own, low):
            with pytest.raises(Forbidden, match="stack:delete"):
                role_service.update_role(backend, bob, ORG, target.id, RoleChange(details=json.dumps(allow("stack:delete"))))
        assert "renamed" == role_service.update_role(backend, bob, ORG, own.id, RoleChange(name="renamed")).name


class TestDeleteRole:
    def test_deletes_what_nobody_holds(self, backend: Backend, admin: Caller) -> None:
        """A free record goes, with what says what it composes."""
        low = create_role(backend, admin, "low", READ, Purpose.SET)
        top = create_role(backend, admin, "top", compose(low.id))
        role_service.delete_role(backend, admin, ORG, top.id, force=False)
        role_service.delete_role(backend, admin, ORG, low.id, force=False)

        with pytest.raises(NotFound):
            role_service.get_role(backend, admin, ORG, low.id)
        with pytest.raises(NotFound):
            role_service.delete_role(backend, admin, ORG, low.id, force=False)
        with backend.db.connect() as connection:
            assert 0 == connection.scalar(select(func.count()).select_from(role_references))

    @pytest.mark.parametrize("record", [ADMIN, STACK_READ])
    def test_keeps_built_in_records(self, backend: Backend, admin: Caller, record: Any) -> None:
        """What is built in cannot be deleted, even by force."""
        with pytest.raises(BadRequest, match="built in"):
            role_service.delete_role(backend, admin, ORG, record.id, force=True)

    def test_refuses_while_a_member_holds_it(self, backend: Backend, admin: Caller) -> None:
        """Without force no one loses anything."""
        make_holder(backend, "bob", Permission.STACK_READ)
        role = role_service.list_roles(backend, admin, ORG, Purpose.ROLE)[-1]

        with pytest.raises(Conflict, match="in use: 1 member;"):
            role_service.delete_role(backend, admin, ORG, role.id, force=False)

    def test_takes_it_from_everybody_by_force(self, backend: Backend, admin: Caller) -> None:
        """Members become plain members, teams and stacks lose it, its tokens end, composers give the rest."""
        make_stack(backend, admin)
        shared = create_role(backend, admin, "shared", allow("stack:delete"), Purpose.SET, resource_type="stack")
        top = create_role(backend, admin, "top", group(compose(shared.id), READ))
        bob, carol = make_user(backend, "bob", org=ORG), make_user(backend, "carol", org=ORG)
        hold(backend, "bob", shared.id)
        team_id = make_team(backend, "ops", members=["carol"])
        grant(backend, "dev", team_id, StackLevel.NONE, set_id=shared.id, is_team=True)
        machine = make_machine(backend, admin, shared.id)
        service_token = caller_of(backend, machine)
        assert "acme/robot" == service_token.login
        with pytest.raises(Conflict, match="1 member, 1 access token, 1 grant on a stack, 1 record that composes it"):
            role_service.delete_role(backend, admin, ORG, shared.id, force=False)
        assert role_service.get_role(backend, admin, ORG, shared.id).name == "shared"
        role_service.delete_role(backend, admin, ORG, shared.id, force=True)

        assert Role.MEMBER is membership(caller_of(backend, bob)).role
        assert membership(caller_of(backend, bob)).custom_role_id is None
        assert caller_of(backend, carol).may(Permission.TEAM_LIST, ORG)
        with pytest.raises(Unauthorized):
            caller_of(backend, machine)
        assert {"stack:read"} == permissions_of(backend, top.id)
        with backend.db.connect() as connection:
            assert 0 == connection.scalar(select(func.count()).select_from(stack_grants))
            assert 0 == connection.scalar(select(func.count()).select_from(role_references))

    def test_takes_it_from_teams_and_from_the_default(self, backend: Backend, admin: Caller) -> None:
        """A role of teams, and the default of new members, go the same way."""
        role = create_role(backend, admin, "ops", READ)
        make_team(backend, "ops")
        teams.add_team_role(backend, admin, ORG, "ops", role.id)
        role_service.set_default_role(backend, admin, ORG, role.id)

        with pytest.raises(Conflict, match="1 team, the organization's default"):
            role_service.delete_role(backend, admin, ORG, role.id, force=False)
        role_service.delete_role(backend, admin, ORG, role.id, force=True)
        assert [] == teams.list_team_roles(backend, admin, ORG, "ops")
        assert [MEMBER.id] == [found.id for found in role_service.list_roles(backend, admin, ORG, None) if found.is_default]

    def test_leaves_composers_that_still_change(self, backend: Backend, admin: Caller) -> None:
        """A role that names what is gone keeps working when another set that it composes changes."""
        gone = create_role(backend, admin, "gone", READ, Purpose.SET)
        kept = create_role(backend, admin, "kept", READ, Purpose.SET)
        top = create_role(backend, admin, "top", compose(gone.id, kept.id))
        role_service.delete_role(backend, admin, ORG, gone.id, force=True)
        role_service.update_role(backend, admin, ORG, kept.id, RoleChange(details=json.dumps(allow("stack:delete"))))

        assert {"stack:delete"} == permissions_of(backend, top.id)


class TestSetDefaultRole:
    def test_marks_the_role(self, backend: Backend, admin: Caller) -> None:
        """Before anyone chooses, new members get the built-in Member role."""
        role = create_role(backend, admin, "ops", READ)
        before = [found.id for found in role_service.list_roles(backend, admin, ORG, None) if found.is_default]
        role_service.set_default_role(backend, admin, ORG, role.id)
        after = [found.id for found in role_service.list_roles(backend, refreshed(backend), ORG, None) if found.is_default]

        assert ([MEMBER.id], [role.id]) == (before, after)
        with backend.db.connect() as connection:
            text = connection.scalar(select(organizations.c.settings).where(organizations.c.login == ORG))
        assert {"defaultRoleId": role.id} == json.loads(str(text))

    def test_refuses_what_no_member_can_be(self, backend: Backend, admin: Caller) -> None:
        """A permission set is no role, and an organization does not make everyone its admin."""
        some = create_role(backend, admin, "some", READ, Purpose.SET)

        for role_id in (some.id, STACK_READ.id, ADMIN.id):
            with pytest.raises(BadRequest, match="cannot be the role of new members"):
                role_service.set_default_role(backend, admin, ORG, role_id)
        with pytest.raises(NotFound):
            role_service.set_default_role(backend, admin, ORG, new_id())


class TestListRoles:
    def test_shows_built_in_and_own_records(self, backend: Backend, admin: Caller) -> None:
        """Everything comes without a purpose, and one purpose with it; built-in records stand first."""
        create_role(backend, admin, "b", READ)
        create_role(backend, admin, "a", READ)
        create_role(backend, admin, "s", READ, Purpose.SET)

        assert [*(record.name for record in BUILT_INS), "a", "b", "s"] == names(
            role_service.list_roles(backend, admin, ORG, None)
        )
        assert ["Admin", "Member", "Billing Manager", "a", "b"] == names(
            role_service.list_roles(backend, admin, ORG, Purpose.ROLE)
        )
        assert [] == names(role_service.list_roles(backend, admin, ORG, Purpose.ROLE_TEMPORARY))

    def test_is_for_whoever_may_read_roles(self, backend: Backend, admin: Caller) -> None:
        """A plain member sees only their own."""
        bob = caller_of(backend, make_user(backend, "bob", org=ORG))

        with pytest.raises(Forbidden):
            role_service.list_roles(backend, bob, ORG, None)
        assert ["Member"] == names(role_service.list_own_roles(backend, bob, ORG, None))


class TestListOwnRoles:
    def test_shows_what_is_held_in_person_and_by_teams(self, backend: Backend, admin: Caller) -> None:
        """Each role once, whatever gave it."""
        own, shared = create_role(backend, admin, "own", READ), create_role(backend, admin, "shared", READ)
        token = make_user(backend, "bob", org=ORG)
        hold(backend, "bob", own.id)
        make_team(backend, "ops", members=["bob"])
        make_team(backend, "dev", members=["bob"])
        for team, role_id in (("ops", shared.id), ("dev", shared.id), ("ops", own.id), ("ops", BILLING_MANAGER.id)):
            teams.add_team_role(backend, admin, ORG, team, role_id)
        bob = caller_of(backend, token)

        assert ["Billing Manager", "own", "shared"] == names(role_service.list_own_roles(backend, bob, ORG, None))
        assert [] == role_service.list_own_roles(backend, bob, ORG, Purpose.SET)
        assert ["Admin"] == names(role_service.list_own_roles(backend, admin, ORG, None))


def nested(details: dict[str, Any]) -> dict[str, Any]:
    """Return a descriptor within forty groups."""
    for _ in range(40):
        details = group(details)
    return details


def names(found: list[Any]) -> list[str]:
    """Return the names of records."""
    return [record.name for record in found]


def membership(caller: Caller) -> Any:
    """Return the caller's place in acme."""
    return caller.membership(ORG)


def refreshed(backend: Backend) -> Caller:
    """Return the administrator as a new request sees them."""
    return caller_of(backend, ADMIN_TOKEN)
