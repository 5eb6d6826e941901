import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import insert

from common.backend import Backend
from common.config.settings import Settings
from common.core.clock import unix_millis
from common.core.errors import BadRequest, Conflict, Forbidden, NotFound
from common.core.ids import new_id
from common.db.tables.people import invites as invite_rows
from common.people.orgs.invites import service as invites
from common.people.orgs.members import service as members
from common.people.orgs.model import Invite, InviteFilter, NewInvite, RequestedRole
from common.people.orgs.repository import members as member_rows
from common.rights import built_in
from common.rights.caller import Caller
from common.rights.permissions import Permission
from tests.clocks import FrozenClock
from tests.factories.orgs import make_default, org_id_of, people_of, suspend
from tests.factories.people import caller_of, make_user
from tests.factories.roles import make_holder, make_role
from tests.interleaving import Crash, crash, interleaved

DAY_SECONDS = 86_400
MEMBER = RequestedRole("member")


def invite(backend: Backend, caller: Caller, *emails: str, wanted: RequestedRole = MEMBER) -> list[Invite]:
    """Invite people to acme, and returns the invitations."""
    made, failed = invites.create_invites(backend, caller, "acme", [NewInvite(email, wanted) for email in emails])
    assert [] == failed
    return made


def make_invites(backend: Backend, caller: Caller, number: int) -> None:
    """Store many invitations to acme at once."""
    now = unix_millis(backend.clock.now())
    row = {"role": "member", "role_id": None, "sent_by": caller.user_id, "sent_at": now, "expires_at": now + 1_000_000}
    with backend.db.begin() as tx:
        row["org_id"] = org_id_of(tx, "acme")
        tx.execute(insert(invite_rows), [{**row, "id": new_id(), "email": f"p{place}@example.com"} for place in range(number)])


def link(backend: Backend, caller: Caller, wanted: RequestedRole = MEMBER) -> str:
    """Create a link to acme and returns its id."""
    return invites.create_link(backend, caller, "acme", NewInvite("", wanted)).id


def guest(backend: Backend, login: str) -> Caller:
    """Create a user who belongs nowhere."""
    return caller_of(backend, make_user(backend, login))


def addresses(backend: Backend, caller: Caller) -> list[str]:
    """Return the addresses in the list of acme's invitations, by name."""
    return sorted(found.email for found in invites.list_invites(backend, caller, "acme"))


class TestInvitePeople:
    def test_makes_one_for_each(self, backend: Backend, admin: Caller) -> None:
        """Each address gets an invitation with an id that cannot be guessed, in the order in which they were named."""
        made = invite(backend, admin, "carol@example.com", "Bob.B+x@Sub.Example.com", "x@localhost")

        assert ["carol@example.com", "bob.b+x@sub.example.com", "x@localhost"] == [one.email for one in made]
        assert all(re.fullmatch("[0-9a-f]{32}", one.id) for one in made)
        assert len({one.id for one in made}) == 3

    def test_leaves_out_what_cannot_be(self, backend: Backend, admin: Caller) -> None:
        """Bad addresses, members and those with an open invitation are told, whatever their case; the others are invited."""
        make_user(backend, "bob", org="acme")
        make_user(backend, "dave", org="acme")
        suspend(backend, "dave")
        invite(backend, admin, "open@example.com")
        bad = [
            "",
            "x",
            "@example.com",
            "a@",
            "a b@example.com",
            "a@b@c",
            "a@-x",
            "a@x..y",
            f"{'x' * 65}@example.com",
            f"a@{'x' * 300}",
            "é@example.com",
            "a@example.com\r\nBcc: b@example.com",
            "BOB@example.com",
            "dave@example.com",
            "Open@Example.com",
        ]
        asked = [NewInvite(email, MEMBER) for email in [*bad, "new@example.com", "x@example.com", "NEW@example.com"]]
        made, failed = invites.create_invites(backend, admin, "acme", asked)

        assert ["new@example.com", "x@example.com"] == [one.email for one in made]
        assert [*bad, "NEW@example.com"] == [one.email for one in failed]
        assert ["new@example.com", "open@example.com", "x@example.com"] == addresses(backend, admin)

    def test_takes_the_place_of_an_expired_one(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """An invitation that has expired is no reason to invite no one, and makes way for the new one."""
        invite(backend, admin, "bob@example.com", "old@example.com")
        clock.pass_seconds(7 * DAY_SECONDS)
        invite(backend, admin, "bob@example.com")
        assert ["bob@example.com", "old@example.com"] == addresses(backend, admin)
        clock.pass_seconds(31 * DAY_SECONDS)
        invite(backend, admin, "new@example.com")

        assert ["bob@example.com", "new@example.com"] == addresses(backend, admin)

    def test_refuses_bad_roles_and_crowds(self, backend: Backend, admin: Caller) -> None:
        """A role that is invalid, and more than a hundred at once: no one is invited."""
        many = [NewInvite(f"a{number}@example.com", MEMBER) for number in range(invites.BATCH_LIMIT + 1)]
        some = [NewInvite("a@example.com", MEMBER)]
        for asked in (
            many,
            [*some, NewInvite("b@example.com", RequestedRole("reader"))],
            [*some, NewInvite("", RequestedRole(None, "x"))],
        ):
            with pytest.raises(BadRequest):
                invites.create_invites(backend, admin, "acme", asked)
        assert [] == addresses(backend, admin)

        made, _ = invites.create_invites(backend, admin, "acme", many[1:])
        assert len(made) == invites.BATCH_LIMIT

    def test_has_a_limit(self, backend: Backend, admin: Caller) -> None:
        """An organization has no more than so many invitations; links count too."""
        link(backend, admin)
        make_invites(backend, admin, invites.ORG_LIMIT - 2)
        with pytest.raises(BadRequest, match="revoke some"):
            invite(backend, admin, "a@example.com", "b@example.com")
        invite(backend, admin, "a@example.com")
        with pytest.raises(BadRequest, match="revoke some"):
            link(backend, admin)

        assert invites.ORG_LIMIT == len(addresses(backend, admin))

    def test_asks_once_of_two(self, backend: Backend, admin: Caller) -> None:
        """Two who invite the same address at once make one invitation."""
        with interleaved(backend, "BEGIN", lambda: invite(backend, admin, "bob@example.com")):
            made, failed = invites.create_invites(backend, admin, "acme", [NewInvite("bob@example.com", MEMBER)])

        assert ([], ["bob@example.com"]) == (made, [one.email for one in failed])

    def test_gives_nothing_that_its_sender_lacks(self, backend: Backend, admin: Caller) -> None:
        """Anyone who is no admin invites neither an admin nor a user with a role that holds more; a plain member no one."""
        sender = make_holder(backend, "carol", Permission.INVITES_CREATE, Permission.STACK_READ)
        plain = caller_of(backend, make_user(backend, "dave", org="acme"))
        fit, over = make_role(backend, Permission.STACK_READ, name="fit"), make_role(backend, Permission.ROLE_UPDATE, name="over")
        for wanted in (RequestedRole("admin"), RequestedRole("member", built_in.ADMIN.id), RequestedRole("member", over)):
            for call in (
                lambda wanted=wanted: invite(backend, sender, "x@example.com", wanted=wanted),
                lambda wanted=wanted: link(backend, sender, wanted),
            ):
                with pytest.raises(Forbidden):
                    call()
        with pytest.raises(Forbidden, match="invites:create"):
            invite(backend, plain, "x@example.com")
        invite(backend, sender, "x@example.com", wanted=RequestedRole("member", fit))

        assert ["x@example.com"] == addresses(backend, admin)

    def test_is_not_for_personal_organizations(self, backend: Backend, admin: Caller) -> None:
        """No one is invited to a personal organization."""
        with pytest.raises(BadRequest, match="personal"):
            invites.create_invites(backend, admin, "admin", [NewInvite("x@example.com", MEMBER)])
        with pytest.raises(BadRequest, match="personal"):
            invites.create_link(backend, admin, "admin", NewInvite("", MEMBER))


class TestListInvites:
    def test_lists_the_oldest_first(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """Invitations come in the order in which they were sent."""
        for email in ("b@example.com", "c@example.com", "a@example.com"):
            invite(backend, admin, email)
            clock.pass_seconds(1)
        found = [one.email for one in invites.list_invites(backend, admin, "acme")]

        assert ["b@example.com", "c@example.com", "a@example.com"] == found

    def test_hides_links_of_others(self, backend: Backend, admin: Caller) -> None:
        """A link is as good as its role for anyone who sees it, so only admins and its sender do."""
        sender = make_holder(backend, "carol", Permission.INVITES_CREATE, Permission.INVITES_READ)
        of_admin, of_sender = link(backend, admin, RequestedRole("admin")), link(backend, sender)
        invite(backend, admin, "x@example.com")

        def ids(caller: Caller) -> set[str]:
            return {found.id for found in invites.list_invites(backend, caller, "acme") if not found.email}

        assert ({of_admin, of_sender}, {of_sender}) == (ids(admin), ids(sender))
        assert ["", "x@example.com"] == addresses(backend, sender)
        with pytest.raises(Forbidden, match="invites:read"):
            addresses(backend, caller_of(backend, make_user(backend, "dave", org="acme")))


class TestGetInvite:
    def test_is_for_its_guest(self, backend: Backend, admin: Caller) -> None:
        """An invitation to an address is only for the user with that address, in any case; a link is for everyone."""
        bob, eve = guest(backend, "bob"), guest(backend, "eve")
        made = invite(backend, admin, "BOB@Example.COM")[0]
        open_to_all = link(backend, admin)

        assert ("acme", made.role) == (
            invites.get_invite(backend, bob, "acme", made.id).org_login,
            invites.get_invite(backend, bob, "acme", made.id).role,
        )
        assert open_to_all == invites.get_invite(backend, eve, "acme", open_to_all).id
        asked = [
            (eve, "acme", made.id),
            (admin, "acme", made.id),
            (bob, "bob", made.id),
            (bob, "acme", "0" * 32),
            (bob, "acme", "x"),
        ]
        for caller, org, invite_id in asked:
            with pytest.raises(NotFound):
                invites.get_invite(backend, caller, org, invite_id)

    def test_ends_after_a_week(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """An invitation is open for seven days, and again for seven from when it is sent again."""
        bob, invite_id = guest(backend, "bob"), link(backend, admin)
        clock.pass_seconds(7 * DAY_SECONDS - 1)
        assert invite_id == invites.get_invite(backend, bob, "acme", invite_id).id
        clock.pass_seconds(1)
        for call in (invites.get_invite, invites.accept_invite):
            with pytest.raises(NotFound):
                call(backend, bob, "acme", invite_id)
        invites.resend_invite(backend, admin, "acme", invite_id)
        clock.pass_seconds(7 * DAY_SECONDS - 1)
        invites.accept_invite(backend, bob, "acme", invite_id)

        assert ("member", None) == people_of(backend)["bob"]


class TestAccept:
    def test_gives_what_was_promised(self, backend: Backend, admin: Caller) -> None:
        """Built-in and custom roles are given as named; a plain member gets the default role as it is then."""
        role_id, default_id = make_role(backend, Permission.STACK_READ), make_role(backend, Permission.STACK_LIST, name="usual")
        asked = {
            "bob": RequestedRole("admin"),
            "carol": RequestedRole("member", role_id),
            "dave": MEMBER,
            "erin": RequestedRole("billing-manager"),
        }
        ids = {login: link(backend, admin, wanted) for login, wanted in asked.items()}
        make_default(backend, default_id)
        for login, invite_id in ids.items():
            invites.accept_invite(backend, guest(backend, login), "acme", invite_id)

        assert {
            "admin": ("admin", None),
            "bob": ("admin", None),
            "carol": ("member", role_id),
            "dave": ("member", default_id),
            "erin": ("billing-manager", None),
        } == people_of(backend)

    def test_gives_the_built_in_role_when_the_custom_one_is_gone(self, backend: Backend, admin: Caller) -> None:
        """A user who was invited with a role that was deleted since becomes a plain member."""
        role_id = make_role(backend, Permission.STACK_READ)
        invite_id = link(backend, admin, RequestedRole("member", role_id))
        with backend.db.begin() as tx:
            member_rows.clear_role(tx, org_id_of(tx, "acme"), role_id)
        invites.accept_invite(backend, guest(backend, "bob"), "acme", invite_id)

        assert ("member", None) == people_of(backend)["bob"]

    def test_uses_it_up(self, backend: Backend, admin: Caller) -> None:
        """An invitation is good for one; who repeats the call is told that they are a member, and keeps no one else's."""
        bob, carol, invite_id = make_user(backend, "bob"), guest(backend, "carol"), link(backend, admin)
        invites.accept_invite(backend, caller_of(backend, bob), "acme", invite_id)
        with pytest.raises(Conflict, match="already a member"):
            invites.accept_invite(backend, caller_of(backend, bob), "acme", invite_id)
        with pytest.raises(NotFound):
            invites.accept_invite(backend, carol, "acme", invite_id)

    def test_leaves_it_to_others_when_its_guest_is_a_member(self, backend: Backend, admin: Caller) -> None:
        """A member, also a suspended one, cannot use an invitation up."""
        token = make_user(backend, "bob", org="acme")
        suspend(backend, "bob")
        invite_id = link(backend, admin)
        for caller in (admin, caller_of(backend, token)):
            with pytest.raises(Conflict, match="already a member"):
                invites.accept_invite(backend, caller, "acme", invite_id)
        invites.accept_invite(backend, guest(backend, "carol"), "acme", invite_id)

        assert {"admin", "bob", "carol"} == {*people_of(backend)}

    def test_has_a_winner_of_two(self, backend: Backend, admin: Caller) -> None:
        """Of two who use a link at once, the second user finds it used."""
        bob, carol, invite_id = guest(backend, "bob"), guest(backend, "carol"), link(backend, admin)
        with (
            interleaved(backend, "BEGIN", lambda: invites.accept_invite(backend, carol, "acme", invite_id)),
            pytest.raises(NotFound),
        ):
            invites.accept_invite(backend, bob, "acme", invite_id)

        assert {"admin", "carol"} == {*people_of(backend)}

    def test_has_a_winner_of_many(self, backend: Backend, admin: Caller) -> None:
        """Also when they really come together."""
        callers = [guest(backend, f"guest{number}") for number in range(4)]
        invite_id = link(backend, admin)

        def try_it(caller: Caller) -> bool:
            try:
                invites.accept_invite(backend, caller, "acme", invite_id)
            except NotFound:
                return False
            return True

        with ThreadPoolExecutor(4) as pool:
            assert 1 == [*pool.map(try_it, callers)].count(True)
        assert len(people_of(backend)) == 2

    def test_meets_an_addition(self, backend: Backend, admin: Caller) -> None:
        """Who is made a member while they accept is told so, and the invitation stays."""
        bob, invite_id = guest(backend, "bob"), link(backend, admin)
        with (
            interleaved(backend, "BEGIN", lambda: members.add_member(backend, admin, "acme", "bob", "billing-manager")),
            pytest.raises(Conflict),
        ):
            invites.accept_invite(backend, bob, "acme", invite_id)

        assert ("billing-manager", None) == people_of(backend)["bob"]
        assert [""] == addresses(backend, admin)

    def test_is_all_or_nothing(self, backend: Backend, admin: Caller) -> None:
        """A crash in the middle leaves the invitation good."""
        bob, invite_id = guest(backend, "bob"), link(backend, admin)
        with interleaved(backend, "INSERT INTO members", crash), pytest.raises(Crash):
            invites.accept_invite(backend, bob, "acme", invite_id)
        invites.accept_invite(backend, bob, "acme", invite_id)

        assert "bob" in people_of(backend)


class TestCancelAndResend:
    def test_are_for_those_who_invite(self, backend: Backend, admin: Caller) -> None:
        """Only with the permission, and only an invitation of the same organization."""
        plain, invite_id = caller_of(backend, make_user(backend, "dave", org="acme")), link(backend, admin)
        for call in (invites.cancel_invite, invites.resend_invite):
            with pytest.raises(Forbidden, match="invites:create"):
                call(backend, plain, "acme", invite_id)
            for org, asked in (("acme", "0" * 32), ("acme", ""), ("admin", invite_id)):
                with pytest.raises(NotFound):
                    call(backend, admin, org, asked)
            with pytest.raises(NotFound):
                call(backend, guest(backend, f"eve{call.__name__}"), "acme", invite_id)
        assert [""] == addresses(backend, admin)

        invites.resend_invite(backend, admin, "acme", invite_id)
        invites.resend_invite(backend, admin, "acme", invite_id)
        invites.cancel_invite(backend, admin, "acme", invite_id)
        assert [] == addresses(backend, admin)

    def test_ends_it_for_its_guest(self, backend: Backend, admin: Caller) -> None:
        """What is cancelled while someone accepts it lets no one in."""
        bob, invite_id = guest(backend, "bob"), link(backend, admin)
        with (
            interleaved(backend, "BEGIN", lambda: invites.cancel_invite(backend, admin, "acme", invite_id)),
            pytest.raises(NotFound),
        ):
            invites.accept_invite(backend, bob, "acme", invite_id)

        assert ["admin"] == [*people_of(backend)]


class TestListPending:
    def test_lists_the_callers_own(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """A user sees the open invitations to their address, in whatever case, and no links."""
        bob, eve = guest(backend, "bob"), guest(backend, "eve")
        link(backend, admin)
        made = invite(backend, admin, "Bob@example.com", "carol@example.com")

        assert [made[0].id] == [found.id for found in invites.list_pending_invites(backend, bob)]
        assert [] == invites.list_pending_invites(backend, eve)
        assert [] == invites.list_pending_invites(backend, admin)
        clock.pass_seconds(7 * DAY_SECONDS)
        assert [] == invites.list_pending_invites(backend, bob)


class TestAcceptUrl:
    @pytest.mark.parametrize(
        ("settings", "start"),
        [
            ({}, "http://127.0.0.1:8080/invites/acme/"),
            ({"PULUMI_API_DOMAIN": "api.example.com"}, "https://api.example.com/invites/acme/"),
            (
                {"PULUMI_API_DOMAIN": "api.example.com", "PULUMI_CONSOLE_DOMAIN": "app.example.com"},
                "https://app.example.com/invites/acme/",
            ),
        ],
    )
    def test_leads_to_it(self, backend: Backend, admin: Caller, settings: dict[str, str], start: str) -> None:
        """A link leads to the page that accepts it, by the names that are set."""
        made = invite(backend, admin, "bob@example.com")[0]
        named = replace(backend, settings=Settings(settings))

        assert start + made.id == invites.accept_url(named, made)


class TestSearchInvites:
    def test_finds_by_text_and_state(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """An address or a sender is found, in upper or lower case; links are for admins and their senders."""
        invite(backend, admin, "old@example.com")
        clock.pass_seconds(8 * DAY_SECONDS)
        invite(backend, admin, "new@example.com")
        clock.pass_seconds(1)
        link(backend, admin)
        greeter = make_holder(backend, "greeter", Permission.INVITES_READ)

        def found(caller: Caller, narrowed: InviteFilter) -> tuple[list[str], int]:
            rows, total = invites.search_invites(backend, caller, "acme", narrowed, size=2, number=1)
            return [row.email for row in rows], total

        assert (["old@example.com", "new@example.com"], 3) == found(admin, InviteFilter())
        assert (["old@example.com", "new@example.com"], 2) == found(greeter, InviteFilter())
        assert (["new@example.com"], 1) == found(admin, InviteFilter("NEW@"))
        assert (["old@example.com"], 1) == found(admin, InviteFilter("Admin", expired=True))
        assert ([], 0) == found(admin, InviteFilter("%"))
