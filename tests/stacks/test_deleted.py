"""Bringing deleted stacks back."""

import pytest
from sqlalchemy import delete as delete_from
from sqlalchemy import func, select, update

from common.backend import Backend
from common.core.errors import BadRequest, Conflict, Forbidden, NotFound
from common.core.ids import new_id
from common.db.tables import access, people
from common.db.tables import stacks as core_tables
from common.people.orgs import steps as orgs
from common.people.orgs.members import directory
from common.rights.caller import Caller
from common.rights.permissions import Permission, Role, StackLevel
from common.stacks import steps as stacks
from common.stacks.model import Kind, StackPath, Status
from common.stacks.service import deleted, lifecycle, secrets
from common.stacks.updates.service import history
from common.stacks.updates.service.history import Page
from tests.clocks import FrozenClock
from tests.counting import Counter
from tests.factories.grants import grant
from tests.factories.orgs import org_id_of
from tests.factories.people import caller_of, make_org, make_user
from tests.factories.roles import make_role
from tests.factories.stacks import exported, exported_names, make_ciphertext, make_running, make_stack, make_version
from tests.factories.teams import make_team
from tests.interleaving import Crash, crash, interleaved
from tests.stacks.engine.builders import make_resource, make_state

DEV, PROD = StackPath("acme", "shop", "dev"), StackPath("acme", "shop", "prod")
DAY = 86_400


def make_deleted(backend: Backend, caller: Caller, name: str = "dev") -> str:
    """Create a stack with a resource, deletes it, and returns its id."""
    path = make_stack(backend, caller, name, tags={"env": "prod"}, state=make_state(make_resource("a")))
    return delete(backend, caller, path)


def delete(backend: Backend, caller: Caller, path: StackPath) -> str:
    """Delete a stack and return its id."""
    stack_id = stacks.get_stack(backend, caller, path, Permission.STACK_READ).id
    lifecycle.delete(backend, caller, path, force=True)
    return stack_id


def all_grants(backend: Backend) -> set[tuple[str, str, bool, int, str | None]]:
    """Return all grants on stacks."""
    columns = access.stack_grants.c
    query = select(columns.stack_id, columns.principal_id, columns.is_team, columns.permission, columns.set_id)
    with backend.db.connect() as connection:
        return {(row[0], row[1], bool(row[2]), row[3], row[4]) for row in connection.execute(query)}


def leave(backend: Backend, user_id: str) -> None:
    """End a membership in acme."""
    with backend.db.begin() as tx:
        directory.remove(tx, org_id_of(tx, "acme"), user_id)


def join(backend: Backend, user_id: str) -> None:
    """Make a user a member of acme."""
    with backend.db.begin() as tx:
        orgs.add_member(tx, org_id=org_id_of(tx, "acme"), user_id=user_id, role=Role.MEMBER, now=backend.clock.now())


def bring_back(backend: Backend, caller: Caller, stack_id: str, name: str = "") -> None:
    """Restores a stack of acme."""
    deleted.restore(backend, caller, "acme", stack_id, name)


class TestListDeleted:
    def test_tells_the_last_update(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """A deleted stack is shown with its last version before the deletion, and when it was deleted."""
        make_stack(backend, admin)
        make_version(backend, admin, DEV, "a", "b")
        updated_at = int(clock.now().timestamp() * 1000)
        clock.pass_seconds(60)
        stack_id = delete(backend, admin, DEV)
        (found,) = deleted.list_deleted(backend, admin, "acme")

        assert (stack_id, "shop", "dev", 1, Status.SUCCEEDED, 2) == (
            found.id,
            found.project,
            found.name,
            found.version,
            found.status,
            found.resource_count,
        )
        assert (updated_at, updated_at + 60_000) == (found.ended_at, found.deleted_at)

    def test_is_the_newest_first(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """The list has as many stacks as upstream's, the last deleted first, and no live stacks."""
        names = [f"s{number}" for number in range(26)]
        for name in names:
            make_deleted(backend, admin, name)
            clock.pass_seconds(1)
        make_stack(backend, admin, "live")

        assert names[:0:-1] == [stack.name for stack in deleted.list_deleted(backend, admin, "acme")]

    def test_is_of_one_organization(self, backend: Backend, admin: Caller) -> None:
        """Another organization's are not shown, and are missing to whom they do not belong."""
        make_deleted(backend, admin)

        assert [] == deleted.list_deleted(backend, admin, "admin")
        with pytest.raises(NotFound):
            deleted.list_deleted(backend, caller_of(backend, make_user(backend, "bob")), "acme")

    def test_is_for_admins(self, backend: Backend, admin: Caller) -> None:
        """Members do not see what was deleted."""
        make_deleted(backend, admin)
        bob = caller_of(backend, make_user(backend, "bob", org="acme"))

        with pytest.raises(Forbidden):
            deleted.list_deleted(backend, bob, "acme")

    def test_costs_one_statement(self, backend: Backend, admin: Caller, counter: Counter) -> None:
        """However many there are."""
        for name in "ab":
            make_deleted(backend, admin, name)
        counter.reset()
        deleted.list_deleted(backend, admin, "acme")

        assert 1 == counter.statements


class TestRestore:
    def test_brings_everything_back(self, backend: Backend, admin: Caller) -> None:
        """State, former versions, tags and secrets are what they were; the restoring is a version of its own."""
        make_stack(backend, admin, tags={"env": "prod"}, state=make_state(make_resource("a")))
        make_version(backend, admin, DEV, "b")
        value, state = make_ciphertext(backend, admin, DEV), exported(backend, admin, DEV)
        bring_back(backend, admin, delete(backend, admin, DEV))
        found = stacks.get_stack(backend, admin, DEV, Permission.STACK_READ)

        assert ({"env": "prod"}, 3, Kind.IMPORT, 2) == (
            found.tags,
            found.latest.version,
            found.latest.kind,
            found.latest.resource_count,
        )
        assert state == exported(backend, admin, DEV) == exported(backend, admin, DEV, 1)
        assert b"x" == secrets.decrypt(backend, admin, DEV, value)
        assert [] == deleted.list_deleted(backend, admin, "acme")

    def test_hides_the_deletion_in_the_history(self, backend: Backend, admin: Caller) -> None:
        """Clients know no deletion as an update, so its number is passed over."""
        make_stack(backend, admin)
        make_version(backend, admin, DEV, "a")
        bring_back(backend, admin, delete(backend, admin, DEV))
        make_version(backend, admin, DEV, "b")

        assert [4, 3, 1] == [entry.version for entry in history.page_updates(backend, admin, DEV, Page(None))[1]]
        with pytest.raises(NotFound):
            history.get_version(backend, admin, DEV, 2)
        assert {"a", "b"} == set(exported_names(backend, admin, DEV))

    def test_keeps_the_order_of_the_resources(self, backend: Backend, admin: Caller) -> None:
        """A state with an order of its own is restored in that order, also under another name."""
        make_stack(backend, admin, state=make_state(make_resource("a"), make_resource("b")))
        with backend.db.begin() as tx:
            tx.execute(update(core_tables.updates).values(resource_order="[1,0]"))
        for name, path in (("", DEV), ("prod", PROD)):
            bring_back(backend, admin, delete(backend, admin, DEV), name)
            assert ["b", "a"] == exported_names(backend, admin, path)

    def test_can_be_deleted_and_brought_back_again(self, backend: Backend, admin: Caller) -> None:
        """Each time takes two numbers."""
        stack_id = make_deleted(backend, admin)
        bring_back(backend, admin, stack_id)
        delete(backend, admin, DEV)
        bring_back(backend, admin, stack_id)

        assert 4 == stacks.get_stack(backend, admin, DEV, Permission.STACK_READ).latest.version
        make_running(backend, admin, DEV)

    def test_restores_the_grants(self, backend: Backend, admin: Caller) -> None:
        """Teams and users have what they had, by level and by permission set; no one has any while it is deleted."""
        make_stack(backend, admin)
        bob = caller_of(backend, make_user(backend, "bob", org="acme"))
        carol = caller_of(backend, make_user(backend, "carol", org="acme"))
        team_id = make_team(backend, "ops")
        set_id = make_role(backend, Permission.STACK_READ, name="readers", purpose="set")
        grant(backend, DEV, bob.user_id, StackLevel.ADMIN)
        grant(backend, DEV, carol.user_id, StackLevel.NONE, set_id=set_id)
        grant(backend, DEV, team_id, StackLevel.WRITE, is_team=True)
        before = all_grants(backend)
        stack_id = delete(backend, admin, DEV)

        assert all_grants(backend) == set()

        bring_back(backend, admin, stack_id)

        assert before == all_grants(backend)
        assert len(before) == 3

    def test_leaves_out_the_grants_of_who_is_gone(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """Teams and sets that were deleted, users who left, and those who left and are members again."""
        make_stack(backend, admin)
        ids = {
            login: caller_of(backend, make_user(backend, login, org="acme")).user_id for login in ("bob", "carol", "dan", "eve")
        }
        set_id = make_role(backend, Permission.STACK_READ, name="readers", purpose="set")
        kept_team, gone_team = make_team(backend, "ops"), make_team(backend, "gone")
        for login in ("bob", "carol", "eve"):
            grant(backend, DEV, ids[login], StackLevel.READ)
        grant(backend, DEV, ids["dan"], StackLevel.NONE, set_id=set_id)
        for team_id in (kept_team, gone_team):
            grant(backend, DEV, team_id, StackLevel.READ, is_team=True)
        stack_id = delete(backend, admin, DEV)
        clock.pass_seconds(60)
        for login in ("carol", "eve"):
            leave(backend, ids[login])
        join(backend, ids["eve"])
        with backend.db.begin() as tx:
            tx.execute(delete_from(people.teams).where(people.teams.c.id == gone_team))
            tx.execute(delete_from(access.roles).where(access.roles.c.id == set_id))
        bring_back(backend, admin, stack_id)

        assert {principal for _stack, principal, *_rest in all_grants(backend)} == {ids["bob"], kept_team}

    def test_refuses_a_name_that_is_taken(self, backend: Backend, admin: Caller) -> None:
        """A new stack of that name stays; the deleted one can still come back under another name."""
        make_stack(backend, admin, state=make_state(make_resource("old")))
        value = make_ciphertext(backend, admin, DEV)
        stack_id = delete(backend, admin, DEV)
        make_stack(backend, admin, state=make_state(make_resource("new")))

        for name in ("", "dev"):
            with pytest.raises(Conflict) as caught:
                bring_back(backend, admin, stack_id, name)
            assert "Conflict: Stack 'acme/shop/dev' already exists" == caught.value.message
        assert b"new-id" in exported(backend, admin, DEV)
        bring_back(backend, admin, stack_id, "prod")
        assert b"urn:pulumi:prod::shop::test:m:Res::old" in exported(backend, admin, PROD)
        assert b"x" == secrets.decrypt(backend, admin, PROD, value)
        with pytest.raises(BadRequest):
            secrets.decrypt(backend, admin, DEV, value)

    def test_remembers_the_name_it_gave_up(self, backend: Backend, admin: Caller) -> None:
        """Under another name it is found for decryption by its old one, as after a rename."""
        make_stack(backend, admin)
        value = make_ciphertext(backend, admin, DEV)
        bring_back(backend, admin, delete(backend, admin, DEV), "prod")

        assert b"x" == secrets.decrypt(backend, admin, DEV, value)

    @pytest.mark.parametrize("name", ["a/b", ".", "é", "x" * 101])
    def test_refuses_a_bad_name(self, backend: Backend, admin: Caller, name: str) -> None:
        """A name that no stack may have is refused, and the stack stays deleted."""
        stack_id = make_deleted(backend, admin)

        with pytest.raises(BadRequest):
            bring_back(backend, admin, stack_id, name)
        assert 1 == len(deleted.list_deleted(backend, admin, "acme"))

    def test_knows_only_what_is_deleted_there(self, backend: Backend, admin: Caller) -> None:
        """An invalid id, the id of a live stack and one of another organization have the same 404."""
        make_org(backend, "beta", admin)
        live = stacks.get_stack(backend, admin, make_stack(backend, admin, "live"), Permission.STACK_READ).id
        other = make_stack(backend, admin, org="admin")

        for stack_id in ("", "x", "é\x00", new_id(), live, delete(backend, admin, other)):
            with pytest.raises(NotFound):
                bring_back(backend, admin, stack_id)

    @pytest.mark.parametrize("role", [Role.MEMBER, Role.BILLING_MANAGER])
    def test_is_for_admins(self, backend: Backend, admin: Caller, role: Role) -> None:
        """Members cannot, not even what they made themselves."""
        bob = caller_of(backend, make_user(backend, "bob", org="acme", role=role))
        stack_id = make_deleted(backend, admin)

        with pytest.raises(Forbidden):
            bring_back(backend, bob, stack_id)

    def test_crash_leaves_it_deleted(self, backend: Backend, admin: Caller) -> None:
        """A restoring that dies half-way has done nothing, and can be repeated."""
        stack_id = make_deleted(backend, admin)
        for statement in ("UPDATE stacks", "INSERT INTO updates"):
            with interleaved(backend, statement, crash), pytest.raises(Crash):
                bring_back(backend, admin, stack_id)
        bring_back(backend, admin, stack_id)

        assert b"a-id" in exported(backend, admin, DEV)

    def test_happens_once(self, backend: Backend, admin: Caller) -> None:
        """Of two at the same moment the second finds nothing to bring back."""
        stack_id = make_deleted(backend, admin)
        with interleaved(backend, "BEGIN", lambda: bring_back(backend, admin, stack_id)), pytest.raises(NotFound):
            bring_back(backend, admin, stack_id)

        assert 2 == stacks.get_stack(backend, admin, DEV, Permission.STACK_READ).latest.version


class TestRestoreAgainstThePurge:
    @pytest.fixture
    def stack_id(self, backend: Backend, admin: Caller, clock: FrozenClock) -> str:
        """A stack that was deleted longer ago than it is kept."""
        stack_id = make_deleted(backend, admin)
        clock.pass_seconds(31 * DAY)
        return stack_id

    def test_works_until_the_purge_begins(self, backend: Backend, admin: Caller, stack_id: str) -> None:
        """An expired stack that still has its rows can be restored completely, and is then not purged."""
        bring_back(backend, admin, stack_id)

        assert 0 == deleted.purge_deleted(backend)
        assert b"a-id" in exported(backend, admin, DEV)

    def test_is_over_when_the_purge_begins(self, backend: Backend, admin: Caller, stack_id: str) -> None:
        """The purge takes several steps; after the first one the stack is gone for good, and the rest follows."""
        assert 1 == deleted.purge_deleted(backend, updates_per_step=1)

        assert [] == deleted.list_deleted(backend, admin, "acme")
        with pytest.raises(NotFound):
            bring_back(backend, admin, stack_id)
        while deleted.purge_deleted(backend):
            pass
        with backend.db.connect() as connection:
            assert 0 == connection.scalar(select(func.count()).select_from(core_tables.stacks))

    def test_that_begins_meanwhile(self, backend: Backend, admin: Caller, stack_id: str) -> None:
        """A restoring that read the stack before the purge began finds nothing to bring back."""
        with interleaved(backend, "BEGIN", lambda: deleted.purge_deleted(backend)), pytest.raises(NotFound):
            bring_back(backend, admin, stack_id)

    @pytest.mark.dialects("mysql")  # SQLite lets only one of them write at all
    def test_that_looked_before(self, backend: Backend, admin: Caller, stack_id: str) -> None:
        """A purge that found the stack while it was deleted leaves it alone once it is back."""
        with interleaved(backend, "UPDATE stacks SET deleted_at", lambda: bring_back(backend, admin, stack_id)):
            assert 0 == deleted.purge_deleted(backend)

        assert b"a-id" in exported(backend, admin, DEV)
