"""Changes of one team by several at once: each happens or is refused, and nothing is left of what went away."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager

import pytest
from sqlalchemy import ColumnElement, Table, exists, func, select

from common.backend import Backend
from common.core.errors import BackendError
from common.db.tables.access import stack_grants
from common.db.tables.people import members, team_entities, team_members, teams
from common.db.tables.stacks import stacks
from common.people.teams import service
from common.people.teams.model import EnvironmentChange, MemberAction, MemberChange, StackChange, TeamChange
from common.rights.caller import Caller
from common.rights.permissions import StackLevel
from common.stacks.service import deleted, lifecycle, sharing
from common.stacks.service.lifecycle import NewStack
from tests.factories.grants import grant
from tests.factories.people import make_user
from tests.factories.stacks import make_stack, stack_id_of
from tests.interleaving import interleaved
from tests.server.serving import LIMIT_SECONDS, at_once

LEVELS = (StackLevel.READ, StackLevel.WRITE, StackLevel.ADMIN, StackLevel.CREATOR)
ROUNDS = range(4)
# How long the other one is waited for, who is done by then unless a lock stops it.
HEAD_START_SECONDS = 0.5
ADD_BOB = TeamChange(member=MemberChange(MemberAction.ADD, "bob"))


@pytest.fixture(autouse=True)
def team(backend: Backend, admin: Caller) -> None:
    """Team ops without members but its maker, and bob, who belongs to acme."""
    make_user(backend, "bob", org="acme")
    service.create_team(backend, admin, "acme", "ops")


@pytest.fixture
def change(backend: Backend, admin: Caller) -> Callable[[TeamChange], None]:
    """Change team ops."""
    return lambda wanted: sharing.update_team(backend, admin, "acme", "ops", wanted)


def outcomes(*works: Callable[[], object]) -> Counter[str]:
    """Return how often each outcome came of works that begin in the same instant: `done`, or the error's name."""

    def attempt(number: int) -> str:
        try:
            works[number]()
        except BackendError as error:
            return type(error).__name__
        return "done"

    return Counter(at_once(len(works), attempt))


def orphans(backend: Backend) -> int:
    """Return how many rows hang on a team, a stack or a member that is not there."""
    no_team = [~exists().where(teams.c.id == column) for column in (team_members.c.team_id, team_entities.c.team_id)]
    no_member = ~exists().where(members.c.org_id == team_members.c.org_id, members.c.user_id == team_members.c.user_id)
    no_stack = ~exists().where(stacks.c.id == stack_grants.c.stack_id, stacks.c.live == 1)
    no_principal = ~exists().where(teams.c.id == stack_grants.c.principal_id)
    found: list[tuple[Table, ColumnElement[bool]]] = [
        (team_members, no_team[0]),
        (team_members, no_member),
        (team_entities, no_team[1]),
        (stack_grants, no_stack),
        (stack_grants, no_principal),
    ]
    with backend.db.connect() as connection:
        counts = [connection.scalar(select(func.count()).select_from(table).where(condition)) for table, condition in found]
        return sum(count or 0 for count in counts)


@contextmanager
def overtaken(backend: Backend, before: str, other: Callable[[], object]) -> Iterator[None]:
    """Let something else begin just before a statement that begins with a text; it may be done first, or have to wait."""
    with ThreadPoolExecutor(1) as pool:
        begun: list[Future[object]] = []

        def begin() -> None:
            begun.append(pool.submit(other))
            wait(begun, timeout=HEAD_START_SECONDS)

        with interleaved(backend, before, begin):
            yield
        begun[0].result(LIMIT_SECONDS)


class TestOneTeam:
    def test_takes_a_member_once(self, backend: Backend, admin: Caller, change: Callable[[TeamChange], None]) -> None:
        """Of several who add the same person one does, and the others are told that they are in."""
        found = outcomes(*[lambda: change(ADD_BOB)] * 4)

        assert Counter(done=1, Conflict=3) == found
        assert 2 == len(sharing.get_team(backend, admin, "acme", "ops").members)

    def test_has_one_level_on_a_stack(self, backend: Backend, admin: Caller, change: Callable[[TeamChange], None]) -> None:
        """Of several levels that are given at once the last one stays, whichever came last; no one is refused."""
        make_stack(backend, admin)
        wanted = [TeamChange(stacks=(StackChange("shop", "dev", level),)) for level in LEVELS]
        found = outcomes(*[lambda one=one: change(one) for one in wanted])
        [grant] = sharing.get_team(backend, admin, "acme", "ops").stacks

        assert Counter(done=4) == found
        assert grant.level in LEVELS

    def test_has_one_level_on_an_environment(self, backend: Backend, admin: Caller, change: Callable[[TeamChange], None]) -> None:
        """The same entry that is added by several is there once."""
        found = outcomes(*[lambda: change(TeamChange(environments=(EnvironmentChange("p", "dev", "open"),)))] * 4)

        assert Counter(done=4) == found
        assert 1 == len(sharing.get_team(backend, admin, "acme", "ops").environments)

    def test_is_made_once(self, backend: Backend, admin: Caller) -> None:
        """Of several who make a team of one name one does."""
        found = outcomes(*[lambda: service.create_team(backend, admin, "acme", "web")] * 4)

        assert Counter(done=1, Conflict=3) == found

    def test_is_deleted_once(self, backend: Backend, admin: Caller) -> None:
        """Of several who delete a team one does, and the others find none."""
        found = outcomes(*[lambda: service.delete_team(backend, admin, "acme", "ops")] * 4)

        assert Counter(done=1, NotFound=3) == found


class TestNothingIsLeft:
    @pytest.mark.parametrize("_round", ROUNDS)
    def test_of_a_team_that_is_deleted_meanwhile(
        self, backend: Backend, admin: Caller, change: Callable[[TeamChange], None], _round: int
    ) -> None:
        """What is added to a team while it is deleted goes with it, or is refused."""
        make_stack(backend, admin)
        found = outcomes(
            lambda: change(ADD_BOB),
            lambda: change(TeamChange(stacks=(StackChange("shop", "dev", StackLevel.READ),))),
            lambda: service.delete_team(backend, admin, "acme", "ops"),
            lambda: change(TeamChange(environments=(EnvironmentChange("p", "dev", "open"),))),
            lambda: lifecycle.create(backend, admin, "acme", "shop", NewStack("new", {}, teams=("ops",))),
        )

        assert {"done", "NotFound"} >= found.keys()
        assert 0 == orphans(backend)

    @pytest.mark.parametrize("_round", ROUNDS)
    def test_of_a_stack_that_is_deleted_meanwhile(
        self, backend: Backend, admin: Caller, change: Callable[[TeamChange], None], _round: int
    ) -> None:
        """What is given on a stack while it is deleted goes with it, or is refused."""
        path = make_stack(backend, admin)
        found = outcomes(
            lambda: change(TeamChange(stacks=(StackChange("shop", "dev", StackLevel.READ),))),
            lambda: lifecycle.delete(backend, admin, path, force=False),
            lambda: sharing.update_team_grant(backend, admin, path, "ops", StackLevel.WRITE),
        )

        assert {"done", "NotFound"} >= found.keys()
        assert 0 == orphans(backend)

    @pytest.mark.parametrize("_round", ROUNDS)
    def test_of_a_member_who_leaves_meanwhile(
        self, backend: Backend, admin: Caller, change: Callable[[TeamChange], None], _round: int
    ) -> None:
        """A user who is added to a team while they leave the organization is in neither."""
        found = outcomes(
            lambda: change(ADD_BOB),
            lambda: service.remove_member(backend, admin, "acme", "bob"),
        )

        assert {"done", "NotFound"} >= found.keys()
        assert 0 == orphans(backend)
        assert {"admin"} == {member.person.login for member in sharing.get_team(backend, admin, "acme", "ops").members}


class TestWaits:
    """At the one moment when a check was made and nothing is written yet, a user who takes away what was checked has to wait."""

    def test_for_a_grant(self, backend: Backend, admin: Caller, change: Callable[[TeamChange], None]) -> None:
        """A stack is deleted after what is being given on it, and takes that along."""
        path = make_stack(backend, admin)
        with overtaken(backend, "INSERT INTO stack_grants", lambda: lifecycle.delete(backend, admin, path, force=False)):
            change(TeamChange(stacks=(StackChange("shop", "dev", StackLevel.READ),)))

        assert 0 == orphans(backend)

    def test_for_a_new_member(self, backend: Backend, admin: Caller, change: Callable[[TeamChange], None]) -> None:
        """Someone leaves the organization after they came into a team, and leaves that too."""
        with overtaken(backend, "INSERT INTO team_members", lambda: service.remove_member(backend, admin, "acme", "bob")):
            change(ADD_BOB)

        assert 0 == orphans(backend)

    def test_before_a_team_goes(self, backend: Backend, admin: Caller, change: Callable[[TeamChange], None]) -> None:
        """A team is deleted after what is being added to it."""
        make_stack(backend, admin)
        wanted = TeamChange(
            member=ADD_BOB.member,
            stacks=(StackChange("shop", "dev", StackLevel.READ),),
            environments=(EnvironmentChange("p", "dev", "open"),),
        )
        with overtaken(backend, "INSERT INTO team_members", lambda: service.delete_team(backend, admin, "acme", "ops")):
            change(wanted)

        assert 0 == orphans(backend)

    def test_for_a_new_stack(self, backend: Backend, admin: Caller) -> None:
        """A team is deleted after a stack was made for it."""
        new = NewStack("dev", {}, teams=("ops",))
        with overtaken(backend, "INSERT INTO stack_grants", lambda: service.delete_team(backend, admin, "acme", "ops")):
            lifecycle.create(backend, admin, "acme", "shop", new)

        assert 0 == orphans(backend)

    @pytest.mark.parametrize("leaves", [service.delete_team, service.remove_member])
    def test_for_a_restored_stack(self, backend: Backend, admin: Caller, leaves: Callable[..., object]) -> None:
        """A team is deleted, or a member leaves, after a stack was restored with their grant on it."""
        path, name = make_stack(backend, admin), "ops" if leaves is service.delete_team else "bob"
        team_id = sharing.get_team(backend, admin, "acme", "ops").team.id
        grant(backend, path, team_id if name == "ops" else name, is_team=name == "ops")
        stack_id = stack_id_of(backend, path.name)
        lifecycle.delete(backend, admin, path, force=False)
        with overtaken(backend, "INSERT INTO stack_grants", lambda: leaves(backend, admin, "acme", name)):
            deleted.restore(backend, admin, "acme", stack_id, "")
        with backend.db.connect() as connection:
            assert connection.scalar(select(func.count()).select_from(stack_grants)) == 0
