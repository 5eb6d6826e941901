"""Who may make, see and revoke tokens; limits on how long they live; what happens at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from common.access import authentication as access
from common.access import tokens as token_steps
from common.backend import Backend, open_backend
from common.core.errors import BackendError, BadRequest, Conflict, Forbidden, NotFound, Unauthorized
from common.db.tables.access import access_tokens
from common.db.tables.people import teams, users
from common.people.tokens import service as tokens
from common.people.tokens.model import NewToken, TokenQuery
from common.people.tokens.service import Page
from common.rights import built_in
from common.rights.caller import Caller
from common.rights.permissions import ROLES, STACK_WRITE, Permission, Role
from tests.clocks import FrozenClock
from tests.factories.people import caller_of, make_user
from tests.factories.roles import make_role
from tests.factories.teams import make_team
from tests.factories.tokens import in_days, limit_days

PLAIN = NewToken("", 0, "ci")
ADMIN = NewToken("", 0, "ci", is_admin=True)
# What members hold while no one has changed the settings.
OF_MEMBERS = ROLES[Role.MEMBER] | STACK_WRITE | {Permission.STACK_CREATE, Permission.TEAM_CREATE}


@pytest.fixture
def bob(backend: Backend, admin: Caller) -> Caller:
    """A member of acme."""
    return caller_of(backend, make_user(backend, "bob", org="acme"))


def with_role(backend: Backend, *permissions: Permission) -> Caller:
    """Return a caller who holds a custom role in acme: a token of the organization's."""
    admin = caller_of(backend, make_user(backend, f"root{len(permissions)}", org="acme", role=Role.ADMIN))
    wanted = NewToken("", 0, f"with{len(permissions)}", role_id=make_role(backend, *permissions, name=f"r{len(permissions)}"))
    return caller_of(backend, tokens.create_org_token(backend, admin, "acme", wanted).text)


class TestOfOrg:
    def test_is_for_those_who_hold_the_permissions(self, backend: Backend, admin: Caller, bob: Caller) -> None:
        """A member can neither list nor make nor revoke an organization's tokens; each takes a permission of its own."""
        made = tokens.create_org_token(backend, admin, "acme", PLAIN)

        calls: tuple[Callable[[], object], ...] = (
            lambda: tokens.page_org_tokens(backend, bob, "acme", TokenQuery(), Page()),
            lambda: tokens.create_org_token(backend, bob, "acme", NewToken("", 0, "x")),
            lambda: tokens.revoke_org_token(backend, bob, "acme", made.id),
        )
        for call in calls:
            with pytest.raises(Forbidden, match="lacks the permission org_token:"):
                call()
        assert "ci" == caller_of(backend, made.text).token_name

    def test_is_given_by_single_permissions(self, backend: Backend, admin: Caller) -> None:
        """A custom role with one of the permissions may do that one thing."""
        reader = with_role(backend, Permission.ORG_TOKEN_READ)

        assert 1 == len(tokens.page_org_tokens(backend, reader, "acme", TokenQuery(), Page())[0])
        with pytest.raises(Forbidden):
            tokens.create_org_token(backend, reader, "acme", PLAIN)

    def test_hides_organizations_of_others(self, backend: Backend, admin: Caller, bob: Caller) -> None:
        """An organization that is not the caller's looks like one that does not exist."""
        stranger = caller_of(backend, make_user(backend, "mallory"))
        said = []
        for org in ("acme", "none"):
            with pytest.raises(NotFound) as caught:
                tokens.create_org_token(backend, stranger, org, PLAIN)
            said.append(caught.value.message.replace(org, "…"))

        assert said[0] == said[1]

    @pytest.mark.parametrize("wanted", [ADMIN, NewToken("", 0, "ci", role_id=built_in.ADMIN.id)])
    def test_of_an_admin_is_made_by_admins_alone(self, backend: Backend, admin: Caller, wanted: NewToken) -> None:
        """Who may make tokens without being an admin cannot make an admin of one, in either spelling."""
        maker = with_role(backend, Permission.ORG_TOKEN_CREATE, *OF_MEMBERS)

        with pytest.raises(Forbidden, match="only admins of organization acme can make admin tokens"):
            tokens.create_org_token(backend, maker, "acme", wanted)
        assert caller_of(backend, tokens.create_org_token(backend, admin, "acme", wanted).text).memberships[0].is_admin
        assert (
            not caller_of(backend, tokens.create_org_token(backend, maker, "acme", NewToken("", 0, "plain")).text)
            .memberships[0]
            .is_admin
        )

    def test_of_a_plain_one_is_not_made_by_a_caller_with_less(self, backend: Backend, admin: Caller) -> None:
        """A token without a role may do what members may, so its maker must hold that."""
        maker = with_role(backend, Permission.ORG_TOKEN_CREATE)
        assert admin.is_themselves
        for wanted in (PLAIN, NewToken("", 0, "ci", role_id=built_in.MEMBER.id)):
            with pytest.raises(Forbidden, match="permissions that you do not have"):
                tokens.create_org_token(backend, maker, "acme", wanted)

    def test_of_a_role_holds_no_more_than_its_maker(self, backend: Backend, admin: Caller) -> None:
        """Who makes tokens without being an admin gives them the roles that hold no more than they do themselves."""
        maker = with_role(backend, Permission.ORG_TOKEN_CREATE, Permission.STACK_READ)
        less = make_role(backend, Permission.STACK_READ, name="less")
        more = make_role(backend, Permission.STACK_READ, Permission.STACK_DELETE, name="more")

        tokens.create_org_token(backend, maker, "acme", NewToken("", 0, "less", role_id=less))
        with pytest.raises(Forbidden, match="stack:delete"):
            tokens.create_org_token(backend, maker, "acme", NewToken("", 0, "more", role_id=more))
        tokens.create_org_token(backend, admin, "acme", NewToken("", 0, "more", role_id=more))


class TestOfTeam:
    def test_is_for_team_admins_too(self, backend: Backend, admin: Caller, bob: Caller) -> None:
        """The admin of a team manages that team's tokens, and no other team's; its members do not."""
        make_team(backend, "ops", admins=["bob"])
        make_team(backend, "dev", members=["bob"])
        bob = caller_of(backend, make_token_of(backend, bob))
        made = tokens.create_team_token(backend, bob, "acme", "ops", PLAIN)

        assert [made.id] == [
            found.id for found in tokens.page_team_tokens(backend, bob, "acme", "ops", TokenQuery(), page=Page())[0]
        ]
        tokens.revoke_team_token(backend, bob, "acme", "ops", made.id)
        with pytest.raises(Forbidden, match="team:create_token"):
            tokens.create_team_token(backend, bob, "acme", "dev", NewToken("", 0, "x"))
        with pytest.raises(Forbidden, match="team:list_tokens"):
            tokens.page_team_tokens(backend, bob, "acme", "dev", TokenQuery(), page=Page())
        with pytest.raises(Forbidden, match="team:delete_token"):
            tokens.revoke_team_token(backend, bob, "acme", "dev", made.id)

    def test_needs_a_team(self, backend: Backend, admin: Caller, bob: Caller) -> None:
        """A team that does not exist, or exists in another organization, is not found."""
        make_team(backend, "theirs", org="bob")

        for name in ("theirs", "none", "", "x" * 500, "\x00"):
            with pytest.raises(NotFound):
                tokens.create_team_token(backend, admin, "acme", name, PLAIN)
            with pytest.raises(NotFound):
                tokens.page_team_tokens(backend, bob, "acme", name, TokenQuery(), page=Page())

    def test_tells_the_blind_nothing(self, backend: Backend, admin: Caller) -> None:
        """A user who may not read teams gets the same answer for a team that exists and one that does not."""
        make_team(backend, "ops")
        blind = with_role(backend, Permission.STACK_READ)
        said = set()
        for name in ("ops", "none"):
            with pytest.raises(Forbidden) as caught:
                tokens.page_team_tokens(backend, blind, "acme", name, TokenQuery(), page=Page())
            said.add(caught.value.message)

        assert 1 == len(said)

    def test_makes_no_admin_by_a_detour(self, backend: Backend, admin: Caller) -> None:
        """Who may make the tokens of all teams makes none for a team with the admin role; admins do."""
        make_team(backend, "root", role_ids=[built_in.ADMIN.id])
        make_team(backend, "ops")
        maker = with_role(backend, Permission.TEAM_CREATE_TOKEN)

        tokens.create_team_token(backend, maker, "acme", "ops", PLAIN)
        with pytest.raises(Forbidden, match="admin role"):
            tokens.create_team_token(backend, maker, "acme", "root", NewToken("", 0, "x"))
        tokens.create_team_token(backend, admin, "acme", "root", NewToken("", 0, "x"))

    def test_gives_an_outsider_no_more_than_they_hold(self, backend: Backend, admin: Caller, bob: Caller) -> None:
        """A team's roles come with its token only to admins, to the team's own members, and to those who hold as much."""
        make_team(backend, "ops", admins=["bob"], role_ids=[make_role(backend, Permission.AUDIT_LOGS_READ)])
        outsider = with_role(backend, Permission.TEAM_CREATE_TOKEN)
        auditor = with_role(backend, Permission.TEAM_CREATE_TOKEN, Permission.AUDIT_LOGS_READ)

        with pytest.raises(Forbidden, match="audit_logs:read"):
            tokens.create_team_token(backend, outsider, "acme", "ops", PLAIN)
        tokens.create_team_token(backend, auditor, "acme", "ops", PLAIN)
        tokens.create_team_token(backend, caller_of(backend, make_token_of(backend, bob)), "acme", "ops", NewToken("", 0, "x"))

    def test_is_not_made_for_a_team_that_goes(self, backend: Backend, admin: Caller) -> None:
        """A team that is deleted has no tokens afterwards, and no one can make one more."""
        team_id = make_team(backend, "ops")
        made = tokens.create_team_token(backend, admin, "acme", "ops", PLAIN)
        with backend.db.begin() as tx:
            token_steps.revoke_tokens_of_team(tx, team_id, backend.clock.now())
            tx.execute(teams.delete().where(teams.c.id == team_id))

        with pytest.raises(Unauthorized):
            caller_of(backend, made.text)
        with pytest.raises(NotFound):
            tokens.create_team_token(backend, admin, "acme", "ops", NewToken("", 0, "x"))


class TestPersonal:
    @pytest.mark.parametrize("wanted", [PLAIN, ADMIN])
    def test_is_not_for_machines(self, backend: Backend, admin: Caller, wanted: NewToken) -> None:
        """The token of an organization or a team, an admin's too, cannot turn itself into a person's; it has none to list."""
        make_team(backend, "ops")
        of_org = caller_of(backend, tokens.create_org_token(backend, admin, "acme", wanted).text)
        of_team = caller_of(backend, tokens.create_team_token(backend, admin, "acme", "ops", NewToken("", 0, "t")).text)

        for machine in (of_org, of_team):
            with pytest.raises(Forbidden, match="personal"):
                tokens.create_personal_token(backend, machine, NewToken("", 0))
            assert ([], None) == tokens.page_personal_tokens(backend, machine, TokenQuery(), Page())
            with pytest.raises(NotFound):
                tokens.revoke_personal_token(backend, machine, machine.token_id)


class TestLimitOfDays:
    @pytest.fixture(autouse=True)
    def limit(self, backend: Backend, admin: Caller) -> None:
        """Acme takes tokens that live for thirty days at most."""
        limit_days(backend, 30)
        make_team(backend, "ops")

    @pytest.mark.parametrize("days", [0, 30.5, 400])
    def test_refuses_what_lives_longer(self, backend: Backend, admin: Caller, bob: Caller, days: float) -> None:
        """No one makes a token that the organization would not take: neither its members nor it nor its teams."""
        admin, expires = renewed(backend, admin), in_days(backend, days) if days else 0

        calls: tuple[Callable[[], object], ...] = (
            lambda: tokens.create_personal_token(backend, renewed(backend, bob), NewToken("", expires)),
            lambda: tokens.create_org_token(backend, admin, "acme", NewToken("", expires, "a")),
            lambda: tokens.create_team_token(backend, admin, "acme", "ops", NewToken("", expires, "b")),
        )
        for call in calls:
            with pytest.raises(Forbidden) as caught:
                call()
            assert "organization acme" in caught.value.message
            assert "30 days" in caught.value.message

    def test_takes_what_ends_in_time(self, backend: Backend, admin: Caller, bob: Caller) -> None:
        """Thirty days to the second are thirty days, and the token is of use."""
        expires = in_days(backend, 30)
        admin, bob = renewed(backend, admin), renewed(backend, bob)
        made = [
            tokens.create_personal_token(backend, bob, NewToken("", expires)),
            tokens.create_org_token(backend, admin, "acme", NewToken("", expires, "a")),
            tokens.create_team_token(backend, admin, "acme", "ops", NewToken("", expires, "b")),
        ]

        for token in made:
            assert "acme" == caller_of(backend, token.text).require_member("acme", missing="").login

    def test_is_no_matter_for_others(self, backend: Backend, admin: Caller) -> None:
        """Who is no member of the organization makes tokens as they like."""
        carol = caller_of(backend, make_user(backend, "carol"))

        assert "carol" == caller_of(backend, tokens.create_personal_token(backend, carol, NewToken("", 0)).text).login


class TestAtOnce:
    def test_one_name_is_one_token(self, backend: Backend, admin: Caller) -> None:
        """Of several that ask for the same name in the same moment one gets a token; the others hear that it is taken."""
        make_team(backend, "ops")

        def ask(number: int) -> str:
            try:
                if number % 2:
                    return tokens.create_org_token(backend, admin, "acme", PLAIN).id
                return tokens.create_team_token(backend, admin, "acme", "ops", PLAIN).id
            except BackendError as error:
                return type(error).__name__

        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(ask, range(4)))
        with backend.db.connect() as connection:
            machines = connection.scalar(select(func.count()).select_from(users).where(users.c.is_machine.is_(True)))
            named = connection.scalar(select(func.count()).select_from(access_tokens).where(access_tokens.c.name == "ci"))

        assert (3, 1, 1) == (answers.count("Conflict"), machines, named)

    def test_one_revocation_counts(self, backend: Backend, admin: Caller) -> None:
        """Of several that revoke a token in the same moment one succeeds; the others do not find it."""
        made = tokens.create_org_token(backend, admin, "acme", PLAIN)

        def revoke(_number: int) -> str:
            try:
                tokens.revoke_org_token(backend, admin, "acme", made.id)
            except BackendError as error:
                return type(error).__name__
            return "done"

        with ThreadPoolExecutor(4) as pool:
            answers = sorted(pool.map(revoke, range(4)))

        assert ["NotFound"] * 3 + ["done"] == answers

    def test_revocation_is_known_to_other_processes(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """A process that served a token a moment ago refuses it as soon as another one has revoked it."""
        other = open_backend(backend.settings, clock=clock)
        try:
            made = tokens.create_org_token(backend, admin, "acme", PLAIN)
            assert "ci" == caller_of(other, made.text).token_name
            tokens.revoke_org_token(backend, admin, "acme", made.id)

            with pytest.raises(Unauthorized):
                caller_of(other, made.text)
            with pytest.raises(Conflict):
                tokens.create_org_token(other, admin, "acme", PLAIN)
        finally:
            other.close()

    def test_a_failure_in_the_middle_makes_nothing(self, backend: Backend, admin: Caller) -> None:
        """A token that is refused after its machine was made leaves no machine."""
        with pytest.raises(BadRequest):
            tokens.create_org_token(backend, admin, "acme", NewToken("d" * 2000, 0, "ci"))
        with backend.db.connect() as connection:
            machines = connection.scalar(select(func.count()).select_from(users).where(users.c.is_machine.is_(True)))

        assert 0 == machines
        assert "acme/ci" == caller_of(backend, tokens.create_org_token(backend, admin, "acme", PLAIN).text).login


def make_token_of(backend: Backend, person: Caller) -> str:
    """Return a further token of a person's."""
    return tokens.create_personal_token(backend, person, NewToken("", 0)).text


def renewed(backend: Backend, person: Caller) -> Caller:
    """Return a person as they are now, by a token that lives for a day."""
    with backend.db.begin() as tx:
        now = backend.clock.now()
        owner = access.TokenOwner(person.user_id)
        ends = now.replace(day=now.day + 1)
        token = token_steps.issue_token(tx, owner, name="", description="", created_by=person.user_id, now=now, expires_at=ends)
    return caller_of(backend, token.text)
