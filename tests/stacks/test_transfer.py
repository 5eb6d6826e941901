"""Moving stacks between organizations."""

import json
from collections.abc import Callable
from typing import ClassVar

import pytest
from sqlalchemy import func, select

from common.backend import Backend
from common.core.errors import BadRequest, Conflict, Forbidden, NotFound
from common.db.tables.access import stack_grants
from common.db.tables.stacks import stacks as stacks_table
from common.rights.caller import Caller
from common.rights.org_settings import OrgSettings
from common.rights.permissions import Permission, Role, StackLevel
from common.stacks import steps as stacks
from common.stacks.model import Kind, StackPath
from common.stacks.service import lifecycle, secrets, transfer
from common.stacks.updates.model import InProgress
from tests.clocks import FrozenClock
from tests.factories.grants import grant
from tests.factories.orgs import make_member, set_settings
from tests.factories.people import ADMIN_TOKEN, caller_of, make_org, make_user
from tests.factories.roles import allow, give_role
from tests.factories.stacks import (
    beginning,
    exported,
    import_state,
    make_ciphertext,
    make_running,
    make_stack,
    make_version,
    record,
)
from tests.interleaving import Crash, crash, interleaved
from tests.stacks.engine.builders import inner, make_resource, make_state

DEV, MOVED = StackPath("acme", "shop", "dev"), StackPath("beta", "shop", "dev")


def owner_id(backend: Backend, path: StackPath, caller: Caller) -> str:
    """Return whom a stack belongs to."""
    return stacks.get_stack(backend, caller, path, Permission.STACK_READ).created_by


@pytest.fixture
def admin(backend: Backend, admin: Caller) -> Caller:
    """The administrator, of beta as well."""
    make_org(backend, "beta", admin)
    return caller_of(backend, ADMIN_TOKEN)


class TestTransfer:
    def test_is_one_version_like_a_rename(self, backend: Backend, admin: Caller) -> None:
        """The stack has the next version, with all its resources, and its id stays."""
        make_stack(backend, admin, tags={"pulumi:project": "shop", "env": "x"})
        make_version(backend, admin, DEV, "a", "b")
        before = stacks.get_stack(backend, admin, DEV, Permission.STACK_READ)
        transfer.transfer_stack(backend, admin, DEV, "beta")
        after = stacks.get_stack(backend, admin, MOVED, Permission.STACK_READ)

        assert (before.id, before.tags, before.wrapped_key) == (after.id, after.tags, after.wrapped_key)
        assert (before.latest.version + 1, Kind.RENAME, 2) == (
            after.latest.version,
            after.latest.kind,
            after.latest.resource_count,
        )
        assert inner(exported(backend, admin, MOVED, 1)) == inner(exported(backend, admin, MOVED))

    def test_of_a_stack_without_a_state(self, backend: Backend, admin: Caller) -> None:
        """There is nothing to rewrite, and nothing is invented."""
        make_stack(backend, admin)
        transfer.transfer_stack(backend, admin, DEV, "beta")

        assert stacks.get_stack(backend, admin, MOVED, Permission.STACK_READ).latest.checkpoint is None

    def test_asks_nothing_of_the_resources(self, backend: Backend, admin: Caller) -> None:
        """URNs do not contain the organization, so a state with an invalid URN can move too, and only its owner changes."""
        place = {"url": "http://localhost", "owner": "acme", "project": "shop", "stack": "dev"}
        state = make_state({"urn": "odd", "type": "t"}, secrets_providers={"type": "service", "state": place})
        make_stack(backend, admin, state=state)
        transfer.transfer_stack(backend, admin, DEV, "beta")
        found = json.loads(exported(backend, admin, MOVED))

        assert json.loads(state.replace(b'"owner":"acme"', b'"owner":"beta"')) == found

    def test_can_go_back_and_forth(self, backend: Backend, admin: Caller) -> None:
        """A stack that returns has its old name, and each place it had leads to it for decryption."""
        make_stack(backend, admin, state=make_state(make_resource("a")))
        value = make_ciphertext(backend, admin, DEV)
        for path, org in ((DEV, "beta"), (MOVED, "acme"), (DEV, "beta"), (MOVED, "acme")):
            transfer.transfer_stack(backend, admin, path, org)

        assert 4 == stacks.get_stack(backend, admin, DEV, Permission.STACK_READ).latest.version
        for path in (DEV, MOVED):
            assert b"x" == secrets.decrypt(backend, admin, path, value)

    @pytest.mark.parametrize("org", ["gamma", "", "unknown", "BETA", "b" * 300, "é\x00"])
    def test_needs_an_organization_of_the_caller(self, backend: Backend, admin: Caller, org: str) -> None:
        """One of others is missing like one that does not exist."""
        stranger = caller_of(backend, make_user(backend, "stranger"))
        make_org(backend, "gamma", stranger)
        make_stack(backend, admin)

        with pytest.raises(NotFound) as caught:
            transfer.transfer_stack(backend, admin, DEV, org)
        assert f"Not Found: Organization {org[:100]!a} not found" == caught.value.message

    def test_needs_the_right_to_create_there(self, backend: Backend, admin: Caller) -> None:
        """Who may only read in the other organization cannot bring stacks into it."""
        make_stack(backend, admin)
        token = make_user(backend, "bob", org="acme", role=Role.ADMIN)
        bob = make_member(backend, token, "beta", Role.BILLING_MANAGER)

        with pytest.raises(Forbidden) as caught:
            transfer.transfer_stack(backend, bob, DEV, "beta")
        assert "stack:create" in caught.value.message

    def test_needs_the_right_to_transfer(self, backend: Backend, admin: Caller) -> None:
        """A member who may write to the stack may not give it away."""
        make_stack(backend, admin)
        bob = make_member(backend, make_user(backend, "bob", org="acme"), "beta")

        with pytest.raises(Forbidden) as caught:
            transfer.transfer_stack(backend, bob, DEV, "beta")
        assert "stack:transfer" in caught.value.message

    def test_is_not_a_way_into_the_stack(self, backend: Backend, admin: Caller) -> None:
        """With `stack:transfer` alone a user cannot move a stack to an organization where they could export and decrypt it."""
        make_stack(backend, admin)
        token = make_user(backend, "bob", org="acme")
        give_role(backend, caller_of(backend, token), allow("stack:transfer"))

        with pytest.raises(Forbidden, match="lacks the permission stack:cancel_update"):
            transfer.transfer_stack(backend, caller_of(backend, token), DEV, "bob")
        assert b"{" in exported(backend, admin, DEV)

    @pytest.mark.usefixtures("admin")
    def test_may_be_withheld_from_members(self, backend: Backend) -> None:
        """An organization can keep its members from moving even what they made; otherwise they may."""
        token = make_user(backend, "bob", org="acme")
        bob = make_member(backend, token, "beta")
        make_stack(backend, bob)
        set_settings(backend, "acme", OrgSettings(members_can_transfer_stacks=False))

        with pytest.raises(Forbidden):
            transfer.transfer_stack(backend, caller_of(backend, token), DEV, "beta")
        transfer.transfer_stack(backend, bob, DEV, "beta")
        assert bob.user_id == owner_id(backend, MOVED, bob)

    @pytest.mark.parametrize("org", ["acme", "beta"])
    def test_refuses_a_name_that_is_taken(self, backend: Backend, admin: Caller, org: str) -> None:
        """A stack of that name there stays what it is, and this one where it is; its own place is taken by itself."""
        make_stack(backend, admin, state=make_state(make_resource("mine")))
        make_stack(backend, admin, org="beta", state=make_state(make_resource("theirs")))

        with pytest.raises(Conflict) as caught:
            transfer.transfer_stack(backend, admin, DEV, org)
        assert f"Conflict: Stack '{org}/shop/dev' already exists" == caught.value.message
        assert b"mine" in exported(backend, admin, DEV)
        assert b"theirs" in exported(backend, admin, MOVED)

    def test_waits_for_nobody(self, backend: Backend, admin: Caller) -> None:
        """While an update runs the transfer is refused in the words of a second update."""
        make_stack(backend, admin)
        make_running(backend, admin, DEV)

        with pytest.raises(InProgress):
            transfer.transfer_stack(backend, admin, DEV, "beta")

    def test_ends_an_abandoned_update_first(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """The recorded state of an abandoned update moves along, as a version of its own."""
        make_stack(backend, admin)
        record(backend, make_running(backend, admin, DEV), beginning("half", 1))
        clock.pass_seconds(301)
        transfer.transfer_stack(backend, admin, DEV, "beta")

        assert b"half" in exported(backend, admin, MOVED, 1)
        assert 2 == stacks.get_stack(backend, admin, MOVED, Permission.STACK_READ).latest.version

    def test_takes_away_what_was_given(self, backend: Backend, admin: Caller) -> None:
        """No member of the old organization keeps a grant on the stack, not even on joining the new one later."""
        make_stack(backend, admin)
        token = make_user(backend, "bob", org="acme")
        grant(backend, DEV, caller_of(backend, token).user_id, StackLevel.ADMIN)
        transfer.transfer_stack(backend, admin, DEV, "beta")
        set_settings(backend, "beta", OrgSettings(default_stack_permission=StackLevel.NONE))
        bob = make_member(backend, token, "beta")

        with pytest.raises(NotFound):
            stacks.get_stack(backend, bob, MOVED, Permission.STACK_READ)
        with backend.db.connect() as connection:
            assert 0 == connection.scalar(select(func.count()).select_from(stack_grants))

    def test_leaves_the_owner_who_is_a_member_there(self, backend: Backend, admin: Caller) -> None:
        """Who made the stack owns it in the new organization too, if they belong to it."""
        bob = make_member(backend, make_user(backend, "bob", org="acme"), "beta")
        make_stack(backend, bob)
        transfer.transfer_stack(backend, admin, DEV, "beta")

        assert bob.user_id == owner_id(backend, MOVED, admin)

    def test_makes_the_caller_owner_otherwise(self, backend: Backend, admin: Caller) -> None:
        """An owner whom the new organization does not know would administer the stack again on joining it."""
        token = make_user(backend, "bob", org="acme")
        make_stack(backend, caller_of(backend, token))
        transfer.transfer_stack(backend, admin, DEV, "beta")

        assert admin.user_id == owner_id(backend, MOVED, admin)

    def test_crash_leaves_the_stack_where_it_is(self, backend: Backend, admin: Caller) -> None:
        """Between the stored state and the commit nothing is visible; a repeat does it all."""
        make_stack(backend, admin, state=make_state(make_resource("a")))
        for statement in ("INSERT INTO updates", "UPDATE stacks", "INSERT INTO stack_names", "DELETE FROM stack_grants"):
            with interleaved(backend, statement, crash), pytest.raises(Crash):
                transfer.transfer_stack(backend, admin, DEV, "beta")
            assert 0 == stacks.get_stack(backend, admin, DEV, Permission.STACK_READ).latest.version
        transfer.transfer_stack(backend, admin, DEV, "beta")

        assert b"a-id" in exported(backend, admin, MOVED)


class TestTransferAgainstAnotherChange:
    OTHERS: ClassVar[dict[str, tuple[Callable[[Backend, Caller], object], type[Exception]]]] = {
        "update": (lambda backend, admin: make_running(backend, admin, DEV), InProgress),
        "delete": (lambda backend, admin: lifecycle.delete(backend, admin, DEV, force=True), NotFound),
        "transfer": (lambda backend, admin: transfer.transfer_stack(backend, admin, DEV, "admin"), NotFound),
        "namesake": (lambda backend, admin: make_stack(backend, admin, org="beta"), Conflict),
    }

    @pytest.mark.parametrize("other", OTHERS)
    def test_that_came_first(self, backend: Backend, admin: Caller, other: str) -> None:
        """The faster change wins; the transfer fails, and the stack is in one place."""
        first, refusal = self.OTHERS[other]
        make_stack(backend, admin)
        with interleaved(backend, "BEGIN", lambda: first(backend, admin)), pytest.raises(refusal):
            transfer.transfer_stack(backend, admin, DEV, "beta")

        with backend.db.connect() as connection:
            live = connection.scalar(select(func.count()).select_from(stacks_table).where(stacks_table.c.live == 1))
        assert {"update": 1, "delete": 0, "transfer": 1, "namesake": 2}[other] == live

    def test_that_ended_meanwhile(self, backend: Backend, admin: Caller) -> None:
        """A transfer that lost its number to an import takes the next one, with the imported state."""
        make_stack(backend, admin)
        new = make_state(make_resource("new"))
        with interleaved(backend, "BEGIN", lambda: import_state(backend, admin, DEV, new)):
            transfer.transfer_stack(backend, admin, DEV, "beta")

        assert b"new-id" in exported(backend, admin, MOVED)
        assert 2 == stacks.get_stack(backend, admin, MOVED, Permission.STACK_READ).latest.version


class TestFormerPlace:
    @pytest.fixture
    def value(self, backend: Backend, admin: Caller) -> str:
        """A value of a stack that has moved from acme to beta."""
        make_stack(backend, admin)
        value = make_ciphertext(backend, admin, DEV)
        transfer.transfer_stack(backend, admin, DEV, "beta")
        return value

    def test_is_open_to_members_of_the_new_organization(self, backend: Backend, value: str) -> None:
        """A state or file from before the move still has the old name: callers who may decrypt today can use it."""
        bob = caller_of(backend, make_user(backend, "bob", org="beta"))

        assert b"x" == secrets.decrypt(backend, bob, DEV, value)

    def test_decides_nothing_any_more(self, backend: Backend, value: str) -> None:
        """An admin of the old organization alone has no rights on the stack, and the answer does not name the new place."""
        carol = caller_of(backend, make_user(backend, "carol", org="acme", role=Role.ADMIN))

        for path in (DEV, MOVED):
            with pytest.raises(NotFound) as caught:
                secrets.decrypt(backend, carol, path, value)
            assert f"Not Found: Stack '{path}' not found" == caught.value.message

    @pytest.mark.parametrize("level", [StackLevel.NONE, StackLevel.READ])
    def test_takes_the_rights_of_the_new_organization(self, backend: Backend, value: str, level: StackLevel) -> None:
        """An admin of the old one who is a plain member of the new one may what members may there."""
        token = make_user(backend, "carol", org="acme", role=Role.ADMIN)
        set_settings(backend, "beta", OrgSettings(default_stack_permission=level))
        carol = make_member(backend, token, "beta")

        if level is StackLevel.READ:
            assert b"x" == secrets.decrypt(backend, carol, DEV, value)
        else:
            with pytest.raises(NotFound) as caught:
                secrets.decrypt(backend, carol, DEV, value)
            assert "Not Found: Stack 'acme/shop/dev' not found" == caught.value.message

    def test_never_leads_to_a_new_stack(self, backend: Backend, admin: Caller, value: str) -> None:
        """A new stack at the old place has another key."""
        make_stack(backend, admin)

        with pytest.raises(BadRequest):
            secrets.decrypt(backend, admin, DEV, value)
        assert b"x" == secrets.decrypt(backend, admin, MOVED, value)

    @pytest.mark.parametrize("name", ["", ".", "a/b", "é", "\x00", "x" * 200])
    def test_may_have_any_name_in_an_address(self, backend: Backend, admin: Caller, value: str, name: str) -> None:
        """What can be no name of an organization, project or stack is missing."""
        for path in (StackPath(name, "shop", "dev"), StackPath("acme", name, "dev"), StackPath("acme", "shop", name)):
            with pytest.raises(NotFound):
                secrets.decrypt(backend, admin, path, value)
