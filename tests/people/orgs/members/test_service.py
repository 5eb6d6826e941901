from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting

import pytest
from sqlalchemy import select

from common.backend import Backend
from common.core.errors import BadRequest, Conflict, Forbidden, NotFound
from common.db.tables.audit import audit_events
from common.people.orgs.members import service as members
from common.people.orgs.model import MemberFilter, RequestedRole
from common.people.teams import service as teams
from common.rights import built_in
from common.rights.caller import Caller
from common.rights.permissions import Permission, Role
from tests.counting import Counter
from tests.factories.orgs import admins_of, make_default, make_members, people_of, suspend
from tests.factories.people import caller_of, make_user
from tests.factories.roles import hold, make_holder, make_role
from tests.factories.teams import make_team
from tests.interleaving import interleaved

Attempts = tuple[str, Callable[[], object], Callable[[], object]]
ADMIN, MEMBER, BILLING = RequestedRole("admin"), RequestedRole("member"), RequestedRole("billing-manager")


def logins(backend: Backend, caller: Caller, *, with_suspended: bool = False) -> list[str]:
    """Return the logins on all pages of a list."""
    found: list[str] = []
    token = None
    while True:
        page, token = members.page_members(backend, caller, "acme", with_suspended=with_suspended, token=token)
        found += [member.person.login for member in page]
        if token is None:
            return found


def descriptions(backend: Backend) -> list[str]:
    """Return what the audit log says, the newest first."""
    with backend.db.connect() as connection:
        return list(connection.scalars(select(audit_events.c.description).order_by(audit_events.c.id.desc())))


class TestPageMembers:
    def test_lists_by_login(self, backend: Backend, admin: Caller) -> None:
        """Members come by login, each with the one role that decides: the custom one where there is one."""
        for login in ("carol", "bob"):
            make_user(backend, login, org="acme")
        role_id = make_role(backend, Permission.STACK_READ, name="reader")
        hold(backend, "carol", role_id)
        found, following = members.page_members(backend, admin, "acme", with_suspended=False, token=None)

        expected = [("admin", built_in.ADMIN.id, "Admin"), ("bob", built_in.MEMBER.id, "Member"), ("carol", role_id, "reader")]
        assert expected == [(member.person.login, member.effective.id, member.effective.name) for member in found]
        assert following is None

    def test_goes_on_page_by_page(self, backend: Backend, admin: Caller) -> None:
        """A long list comes in pages, no one twice and no one missing, one statement each; a token is good for its list alone."""
        everyone = ["admin", "bob", *make_members(backend, 2 * members.PAGE_SIZE)]
        token = make_user(backend, "bob", org="acme")
        _, following = members.page_members(backend, admin, "acme", with_suspended=False, token=None)

        assert everyone == logins(backend, admin)
        for caller, with_suspended in ((caller_of(backend, token), False), (admin, True)):
            with pytest.raises(BadRequest):
                members.page_members(backend, caller, "acme", with_suspended=with_suspended, token=following)
        with pytest.raises(BadRequest):
            members.page_members(backend, admin, "acme", with_suspended=False, token="garbage")

    def test_costs_one_statement(self, backend: Backend, admin: Caller, counter: Counter) -> None:
        """A page is one statement."""
        counter.reset()
        members.page_members(backend, admin, "acme", with_suspended=True, token=None)

        assert 1 == counter.statements

    def test_leaves_the_suspended_out_unless_asked(self, backend: Backend, admin: Caller) -> None:
        """Suspended members are listed only for those who ask for them."""
        make_user(backend, "bob", org="acme")
        suspend(backend, "bob")

        assert ["admin"] == logins(backend, admin)
        assert ["admin", "bob"] == logins(backend, admin, with_suspended=True)

    def test_is_for_members(self, backend: Backend, admin: Caller) -> None:
        """A plain member sees the others; a stranger and a suspended member learn nothing; a custom role must say so."""
        bob, eve = caller_of(backend, make_user(backend, "bob", org="acme")), caller_of(backend, make_user(backend, "eve"))
        blind = make_holder(backend, "carol", Permission.STACK_READ)
        token = make_user(backend, "dave", org="acme")
        suspend(backend, "dave")

        assert ["admin", "bob", "carol"] == logins(backend, bob)
        for stranger in (eve, caller_of(backend, token)):
            with pytest.raises(NotFound, match="Organization 'acme' not found"):
                logins(backend, stranger)
        with pytest.raises(Forbidden):
            logins(backend, blind)


class TestSearchMembers:
    @pytest.mark.parametrize(
        ("narrowed", "expected"),
        [
            (MemberFilter(), ["admin", "bob", "carol"]),
            (MemberFilter("BOB@ex"), ["bob"]),
            (MemberFilter("%"), []),
            (MemberFilter(role_id=built_in.MEMBER.id), ["bob"]),
            (MemberFilter(suspended=True), ["carol"]),
            (MemberFilter(suspended=False), ["admin", "bob"]),
        ],
    )
    def test_finds_by_text_role_and_state(
        self, backend: Backend, admin: Caller, narrowed: MemberFilter, expected: list[str]
    ) -> None:
        """A filter narrows the list, by the role that decides; the number is that of all pages."""
        make_user(backend, "bob", org="acme")
        make_user(backend, "carol", org="acme")
        hold(backend, "carol", make_role(backend, Permission.STACK_READ))
        suspend(backend, "carol")
        rows, total = members.search_members(backend, admin, "acme", narrowed, size=2, number=1)
        rest, _ = members.search_members(backend, admin, "acme", narrowed, size=2, number=2)

        assert expected == [member.person.login for member in [*rows, *rest]]
        assert len(expected) == total


class TestSetSuspended:
    def test_ends_access_until_the_member_is_reinstated(self, backend: Backend, admin: Caller) -> None:
        """The member's role stays, and what was done is in the audit log."""
        token = make_user(backend, "bob", org="acme")
        members.set_suspended(backend, admin, "acme", "bob", suspended=True)
        during = caller_of(backend, token).membership("acme")
        members.set_suspended(backend, admin, "acme", "bob", suspended=False)

        assert during is None
        assert caller_of(backend, token).membership("acme") is not None
        assert ["Reinstated bob", "Suspended bob"] == descriptions(backend)[:2]

    def test_keeps_an_admin(self, backend: Backend, admin: Caller) -> None:
        """No one suspends themselves, the last admin, or an admin without being one; a repeat is refused."""
        make_user(backend, "olga", org="acme", role=Role.ADMIN)
        make_user(backend, "bob", org="acme")
        manager = make_holder(backend, "carol", Permission.ORG_MEMBER_UPDATE)
        suspend(backend, "bob")
        for caller, login, error in (
            (admin, "admin", BadRequest),
            (manager, "olga", Forbidden),
            (manager, "carol", BadRequest),
            (admin, "bob", BadRequest),
            (admin, "nina", NotFound),
            (caller_of(backend, make_user(backend, "dave", org="acme")), "olga", Forbidden),
        ):
            with pytest.raises(error):
                members.set_suspended(backend, caller, "acme", login, suspended=True)


class TestSuspended:
    def test_may_do_nothing_there(self, backend: Backend, admin: Caller) -> None:
        """A suspended member's token still works elsewhere; the organization, and the rights of its teams, are gone."""
        token = make_user(backend, "bob", org="acme")
        make_team(backend, members=["bob"], role_ids=[built_in.ADMIN.id])
        assert caller_of(backend, token).membership("acme") is not None
        suspend(backend, "bob")
        bob = caller_of(backend, token)

        assert ["bob"] == [membership.login for membership in bob.memberships]
        assert admin.membership("acme") is not None


class TestAddMember:
    @pytest.mark.parametrize("role", [Role.ADMIN, Role.MEMBER, Role.BILLING_MANAGER])
    def test_adds_with_a_role(self, backend: Backend, admin: Caller, role: Role) -> None:
        """A user becomes a member with the role that was named, at once."""
        token = make_user(backend, "bob")
        added = members.add_member(backend, admin, "acme", "bob", role)
        membership = caller_of(backend, token).membership("acme")

        assert ("bob", "bob@example.com", role, None) == (added.person.login, added.person.email, added.role, added.custom)
        assert membership is not None
        assert role is membership.role

    def test_gives_the_default_role(self, backend: Backend, admin: Caller) -> None:
        """A new plain member gets the organization's default role if it is a custom one; other roles are given as named."""
        role_id = make_role(backend, Permission.STACK_READ)
        make_default(backend, role_id)
        for login, role in (("bob", "member"), ("carol", "billing-manager")):
            make_user(backend, login)
            members.add_member(backend, admin, "acme", login, role)
        make_default(backend, built_in.BILLING_MANAGER.id)
        make_user(backend, "dave")
        members.add_member(backend, admin, "acme", "dave", "member")

        found = people_of(backend)
        assert [("member", role_id), ("billing-manager", None), ("member", None)] == [
            found[login] for login in ("bob", "carol", "dave")
        ]

    @pytest.mark.parametrize("role", [None, "", "none", "reader", "Admin", "x" * 1000])
    def test_refuses_what_is_no_role(self, backend: Backend, admin: Caller, role: str | None) -> None:
        """Only the three built-in roles can be named."""
        make_user(backend, "bob")
        with pytest.raises(BadRequest, match="admin, member, billing-manager"):
            members.add_member(backend, admin, "acme", "bob", role)
        assert ["admin"] == [*people_of(backend)]

    def test_refuses_whom_it_cannot_add(self, backend: Backend, admin: Caller) -> None:
        """An unknown user cannot be added, nor a member, suspended or not."""
        make_user(backend, "bob", org="acme")
        suspend(backend, "bob")
        with pytest.raises(NotFound, match="User 'nobody' not found"):
            members.add_member(backend, admin, "acme", "nobody", "member")
        for login in ("bob", "admin"):
            with pytest.raises(Conflict, match=f"{login} is already a member of acme"):
                members.add_member(backend, admin, "acme", login, "member")

    def test_leaves_admins_to_admins(self, backend: Backend, admin: Caller) -> None:
        """A user who may add members and is no admin cannot add an admin; a plain member can add no one."""
        adder = make_holder(backend, "alice", Permission.ORG_MEMBER_ADD)
        plain = caller_of(backend, make_user(backend, "dave", org="acme"))
        make_user(backend, "bob")
        with pytest.raises(Forbidden, match="only an admin"):
            members.add_member(backend, adder, "acme", "bob", "admin")
        with pytest.raises(Forbidden, match="org_member:add"):
            members.add_member(backend, plain, "acme", "bob", "member")

        assert "bob" == members.add_member(backend, adder, "acme", "bob", "member").person.login

    def test_has_a_winner_of_two(self, backend: Backend, admin: Caller) -> None:
        """Of two who add the same user at once, one is told that the other did."""
        make_user(backend, "bob")
        with (
            interleaved(backend, "BEGIN", lambda: members.add_member(backend, admin, "acme", "bob", "billing-manager")),
            pytest.raises(Conflict),
        ):
            members.add_member(backend, admin, "acme", "bob", "member")

        assert ("billing-manager", None) == people_of(backend)["bob"]


class TestChangeRole:
    def test_takes_names_and_ids(self, backend: Backend, admin: Caller) -> None:
        """A built-in role is given by name or id, a custom one by id; a built-in one takes the place of a custom one."""
        make_user(backend, "bob", org="acme")
        role_id = make_role(backend, Permission.STACK_READ)
        seen = []
        steps = [
            BILLING,
            RequestedRole(None, role_id),
            RequestedRole(None, built_in.ADMIN.id),
            RequestedRole(None, role_id),
            MEMBER,
            ADMIN,
            MEMBER,
        ]
        for wanted in steps:
            members.update_role(backend, admin, "acme", "bob", wanted)
            seen.append(people_of(backend)["bob"])

        custom = ("member", role_id)
        expected = [
            ("billing-manager", None),
            custom,
            ("admin", None),
            custom,
            ("member", None),
            ("admin", None),
            ("member", None),
        ]
        assert expected == seen

    def test_refuses_what_is_no_role(self, backend: Backend, admin: Caller) -> None:
        """A role that is invalid, another organization's, or a permission set; both at once, and neither."""
        make_user(backend, "bob", org="acme")
        foreign = make_role(backend, Permission.STACK_READ, org="admin")
        a_set = make_role(backend, Permission.STACK_READ, name="a set", purpose="set")
        ids = [foreign, a_set, built_in.STACK_READ.id, "x", "x" * 1000]
        for wanted in (
            *(RequestedRole(None, role_id) for role_id in ids),
            RequestedRole("none"),
            RequestedRole(None),
            RequestedRole("member", foreign),
        ):
            with pytest.raises(BadRequest):
                members.update_role(backend, admin, "acme", "bob", wanted)

        assert ("member", None) == people_of(backend)["bob"]

    def test_refuses_strangers(self, backend: Backend, admin: Caller) -> None:
        """Who is no member has no role to change."""
        make_user(backend, "eve")
        for login, words in (("eve", "'eve' is not a member of organization acme"), ("nobody", "User 'nobody' not found")):
            with pytest.raises(NotFound, match=words):
                members.update_role(backend, admin, "acme", login, BILLING)

    def test_gives_nothing_that_its_giver_lacks(self, backend: Backend, admin: Caller) -> None:
        """Anyone who is no admin can neither make one nor give a custom role that holds more than they do, not even to themselves."""
        boss = make_holder(backend, "boss", Permission.ORG_MEMBER_UPDATE, Permission.STACK_READ)
        fit, over = make_role(backend, Permission.STACK_READ, name="fit"), make_role(backend, Permission.ROLE_UPDATE, name="over")
        for wanted in (
            ADMIN,
            MEMBER,
            BILLING,
            RequestedRole(None, built_in.ADMIN.id),
            RequestedRole(None, built_in.MEMBER.id),
            RequestedRole(None, over),
        ):
            with pytest.raises(Forbidden):
                members.update_role(backend, boss, "acme", "boss", wanted)
        members.update_role(backend, boss, "acme", "boss", RequestedRole(None, fit))

        assert ("member", fit) == people_of(backend)["boss"]
        assert ["admin"] == admins_of(backend)
        assert admin.user_id != boss.user_id

    def test_keeps_the_last_admin(self, backend: Backend, admin: Caller) -> None:
        """The last admin who may sign in stays one, whatever the new role; naming the same role again changes nothing."""
        make_user(backend, "bob", org="acme", role=Role.ADMIN)
        suspend(backend, "bob")
        role_id = make_role(backend, Permission.STACK_READ)
        for wanted in (MEMBER, BILLING, RequestedRole(None, built_in.MEMBER.id), RequestedRole(None, role_id)):
            with pytest.raises(BadRequest, match="admin is the last admin of organization acme"):
                members.update_role(backend, admin, "acme", "admin", wanted)
        members.update_role(backend, admin, "acme", "admin", ADMIN)

        assert ["admin", "bob"] == admins_of(backend)


class TestSetSoleAdmin:
    def test_leaves_one(self, backend: Backend, admin: Caller) -> None:
        """One member becomes the only admin, whatever they were; former admins become plain members, others stay what they are."""
        make_user(backend, "bob", org="acme", role=Role.ADMIN)
        make_user(backend, "carol", org="acme")
        make_user(backend, "dave", org="acme", role=Role.BILLING_MANAGER)
        role_id = make_role(backend, Permission.STACK_READ)
        hold(backend, "carol", role_id)
        make_user(backend, "erin", org="acme")
        hold(backend, "erin", role_id)
        members.set_sole_admin(backend, admin, "acme", "carol")

        assert {
            "admin": ("member", None),
            "bob": ("member", None),
            "carol": ("admin", None),
            "dave": ("billing-manager", None),
            "erin": ("member", role_id),
        } == people_of(backend)

    def test_refuses_who_cannot(self, backend: Backend, admin: Caller) -> None:
        """A stranger and a suspended member cannot be the only admin; only an admin can choose one."""
        make_user(backend, "bob", org="acme")
        suspend(backend, "bob")
        maker = make_holder(backend, "carol", Permission.ORG_MEMBER_SET_ADMIN)
        with pytest.raises(NotFound):
            members.set_sole_admin(backend, admin, "acme", "eve")
        with pytest.raises(BadRequest, match="suspended"):
            members.set_sole_admin(backend, admin, "acme", "bob")
        with pytest.raises(Forbidden, match="only an admin"):
            members.set_sole_admin(backend, maker, "acme", "carol")

        assert ["admin"] == admins_of(backend)


class TestPersonalOrganization:
    def test_has_one_member(self, backend: Backend, admin: Caller) -> None:
        """A personal organization takes no members and changes no roles."""
        make_user(backend, "bob")
        calls: list[Callable[[], object]] = [
            lambda: members.add_member(backend, admin, "admin", "bob", "member"),
            lambda: members.update_role(backend, admin, "admin", "admin", MEMBER),
            lambda: members.set_sole_admin(backend, admin, "admin", "admin"),
            lambda: teams.remove_member(backend, admin, "admin", "admin"),
        ]
        for call in calls:
            with pytest.raises(BadRequest, match="personal organization"):
                call()

        assert {"admin": ("admin", None)} == people_of(backend, "admin")


class TestLastTwoAdmins:
    """Two admins act against each other at the same moment: one of them stays an admin."""

    @pytest.fixture
    def bob(self, backend: Backend, admin: Caller) -> Caller:
        """The other admin, as who they are when it begins."""
        assert admin.login == "admin"
        return caller_of(backend, make_user(backend, "bob", org="acme", role=Role.ADMIN))

    @pytest.fixture(params=["removal", "demotion", "both"])
    def attempts(self, backend: Backend, admin: Caller, bob: Caller, request: pytest.FixtureRequest) -> Attempts:
        """What each does to the other, and the statement with which the first does it."""
        removals: list[Callable[[], object]] = [
            lambda: teams.remove_member(backend, admin, "acme", "bob"),
            lambda: teams.remove_member(backend, bob, "acme", "admin"),
        ]
        demotions: list[Callable[[], object]] = [
            lambda: members.update_role(backend, admin, "acme", "bob", MEMBER),
            lambda: members.update_role(backend, bob, "acme", "admin", MEMBER),
        ]
        found: dict[str, Attempts] = {
            "removal": ("DELETE FROM members", removals[0], removals[1]),
            "demotion": ("UPDATE members", demotions[0], demotions[1]),
            "both": ("DELETE FROM members", removals[0], demotions[1]),
        }
        return found[request.param]

    def test_the_second_is_refused(self, backend: Backend, attempts: Attempts) -> None:
        """Who was still an admin when the request came, and is served later, cannot take the last admin."""
        _, first, second = attempts
        with interleaved(backend, "BEGIN", second), pytest.raises(BadRequest, match="bob is the last admin"):
            first()

        assert ["bob"] == admins_of(backend)

    def test_the_second_waits(self, backend: Backend, attempts: Attempts) -> None:
        """Between the look at the other admins and the change no one else decides on an older look."""
        change, first, second = attempts
        with ThreadPoolExecutor(1) as pool:
            others: list[Future[object]] = []

            def begin_second() -> None:
                others.append(pool.submit(second))
                with pytest.raises(StillWaiting):
                    others[0].result(timeout=0.3)

            with interleaved(backend, change, begin_second):
                first()
            with pytest.raises(BadRequest, match="admin is the last admin"):
                others[0].result(timeout=20)

        assert ["admin"] == admins_of(backend)


class TestListTeamsOf:
    def test_tells_names(self, backend: Backend, admin: Caller) -> None:
        """A member's teams come by name; those of other organizations do not."""
        make_user(backend, "bob", org="acme")
        for name in ("ops", "dev"):
            make_team(backend, name, members=["bob"])
        make_team(backend, "own", org="bob", members=["bob"])
        make_team(backend, "empty")

        assert ["dev", "ops"] == members.list_teams_of_member(backend, admin, "acme", "bob")
        assert [] == members.list_teams_of_member(backend, admin, "acme", "admin")
        with pytest.raises(NotFound):
            members.list_teams_of_member(backend, admin, "acme", "eve")
