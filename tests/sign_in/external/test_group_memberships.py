from collections.abc import Iterator

import pytest
from msgspec import structs
from sqlalchemy import insert, select, update

from common.backend import Backend
from common.db.tables.access import roles
from common.db.tables.people import members, organizations, team_members, teams, users
from common.db.tables.sign_in import scim_tokens
from common.people.orgs.steps import update_settings
from common.rights.caller import Caller
from common.rights.permissions import Permission, Role
from common.sign_in.external import group_memberships
from tests.clocks import FrozenClock
from tests.counting import Counter
from tests.factories.people import caller_of, make_org, make_user
from tests.factories.roles import make_role
from tests.factories.teams import make_team
from tests.peers.openid import OpenID
from tests.sign_in.browser import Browser, installed

SETTING = "STACKHOLD_OIDC_GROUP_TEAMS"


@pytest.fixture
def peer(clock: FrozenClock) -> Iterator[OpenID]:
    """A provider."""
    with OpenID(clock.now) as peer:
        yield peer


def places(backend: Backend, login: str = "alice") -> set[str]:
    """The memberships of a user: organizations except their own, and teams as organization/team."""
    with backend.db.connect() as connection:
        user_id = connection.scalar(select(users.c.id).where(users.c.login == login))
        of_orgs = (
            select(organizations.c.login)
            .join(members, members.c.org_id == organizations.c.id)
            .where(members.c.user_id == user_id)
        )
        of_teams = (
            select(organizations.c.login, teams.c.name)
            .join(teams, teams.c.org_id == organizations.c.id)
            .join(team_members, team_members.c.team_id == teams.c.id)
            .where(team_members.c.user_id == user_id)
        )
        found = set(connection.scalars(of_orgs)) - {login}
        return found | {f"{row.login}/{row.name}" for row in connection.execute(of_teams)}


def sign_in(backend: Backend, peer: OpenID, setting: str, *groups: str) -> int:
    """Sign alice in with these groups and return the status."""
    peer.claims = {"groups": list(groups)}
    return Browser(installed(backend, **{SETTING: setting}, **peer.settings())).sign_in("oidc").status_code


class TestFollow:
    def test_lets_into_organizations_and_teams(self, backend: Backend, admin: Caller, peer: OpenID) -> None:
        """Each group of a user leads to the organizations and teams of the setting, as a plain member."""
        make_org(backend, "beta", admin)
        make_team(backend, "ops")
        make_team(backend, "dev", org="beta")
        sign_in(backend, peer, "staff=acme, ops=acme/ops,ops=beta/dev,root=beta", "staff", "ops", "other")

        assert {"acme", "acme/ops", "beta", "beta/dev"} == places(backend)
        with backend.db.connect() as connection:
            held = connection.scalars(
                select(members.c.role).join(users, users.c.id == members.c.user_id).where(users.c.login == "alice")
            )
            assert {"admin", "member"} == set(held)

    def test_takes_out_of_teams_whose_groups_are_left(self, backend: Backend, admin: Caller, peer: OpenID) -> None:
        """Who is no longer in a group leaves its team, and stays in the organization."""
        make_team(backend, "ops")
        make_team(backend, "dev")
        setting = "ops=acme/ops,dev=acme/dev"
        sign_in(backend, peer, setting, "ops", "dev")
        sign_in(backend, peer, setting, "dev")

        assert {"acme", "acme/dev"} == places(backend)

    def test_keeps_a_team_while_one_group_leads_there(self, backend: Backend, admin: Caller, peer: OpenID) -> None:
        """Several groups may lead to one team."""
        make_team(backend, "ops")
        sign_in(backend, peer, "a=acme/ops,b=acme/ops", "a", "b")
        sign_in(backend, peer, "a=acme/ops,b=acme/ops", "b")

        assert {"acme", "acme/ops"} == places(backend)

    def test_touches_no_other_place(self, backend: Backend, admin: Caller, peer: OpenID) -> None:
        """What the setting does not name was given by hand and stays, of the same name in another organization too."""
        make_user(backend, "alice", org="acme", role=Role.ADMIN)
        make_org(backend, "beta", caller_of(backend, make_user(backend, "bob")), admin)
        make_team(backend, "ops", admins=["alice"])
        make_team(backend, "ops", org="beta", members=["alice"])
        make_team(backend, "own", members=["alice"])
        sign_in(backend, peer, "ops=acme/ops", "nothing")

        assert {"acme", "acme/own", "beta/ops"} == places(backend)
        with backend.db.connect() as connection:
            query = (
                select(members.c.role)
                .join(users, users.c.id == members.c.user_id)
                .join(organizations, organizations.c.id == members.c.org_id)
            )
            assert "admin" == connection.scalar(query.where(users.c.login == "alice", organizations.c.login == "acme"))

    def test_goes_on_without_what_is_not_there(
        self, backend: Backend, admin: Caller, peer: OpenID, caplog: pytest.LogCaptureFixture
    ) -> None:
        """An unknown or personal organization, or an unknown team, is logged; the sign-in goes on."""
        make_team(backend, "ops")
        status = sign_in(backend, peer, "g=nowhere,g=acme/none,g=acme/ops,g=admin", "g")

        assert (303, {"acme", "acme/ops"}) == (status, places(backend))
        assert all(text in caplog.text for text in ("organization nowhere", "acme has no team none", "shared organization admin"))

    def test_gives_what_newcomers_get(self, backend: Backend, admin: Caller, peer: OpenID) -> None:
        """An organization may have chosen a role for its newcomers."""
        role_id = make_role(backend, Permission.STACK_READ)
        with backend.db.begin() as tx:
            org_id = tx.scalar(select(organizations.c.id).where(organizations.c.login == "acme"))
            assert org_id is not None
            update_settings(tx, org_id, lambda old: structs.replace(old, default_role_id=role_id))
        sign_in(backend, peer, "g=acme", "g")

        with backend.db.connect() as connection:
            query = (
                select(roles.c.name).join(members, members.c.role_id == roles.c.id).join(users, users.c.id == members.c.user_id)
            )
            assert "auditor" == connection.scalar(query.where(users.c.login == "alice"))

    def test_leaves_a_suspended_member_suspended(self, backend: Backend, admin: Caller, peer: OpenID) -> None:
        """A group does not bring back a member who was suspended by an administrator."""
        make_user(backend, "alice", org="acme")
        with backend.db.begin() as tx:
            user_id = tx.scalar(select(users.c.id).where(users.c.login == "alice"))
            tx.execute(update(members).values(suspended=True).where(members.c.user_id == user_id))
        sign_in(backend, peer, "g=acme", "g")

        with backend.db.connect() as connection:
            query = select(members.c.suspended).join(organizations, organizations.c.id == members.c.org_id)
            assert connection.scalar(query.where(members.c.user_id == user_id, organizations.c.login == "acme"))

    def test_leaves_the_directorys_teams_alone(self, backend: Backend, admin: Caller, peer: OpenID) -> None:
        """A group of the organization's own directory has whom the directory puts there."""
        make_user(backend, "alice", org="acme")
        for name in ("ops", "dev"):
            make_team(backend, name, members=["alice"] if name == "dev" else [])
        with backend.db.begin() as tx:
            tx.execute(update(teams).values(kind="scim"))
            org_id = tx.scalar(select(organizations.c.id).where(organizations.c.login == "acme"))
            tx.execute(insert(scim_tokens).values(org_id=org_id, token_hash="x", created_by=admin.user_id, created_at=1))
        sign_in(backend, peer, "g=acme/ops,h=acme/dev", "g")

        assert {"acme", "acme/dev"} == places(backend)

    def test_costs_one_statement_when_nothing_changes(self, backend: Backend, admin: Caller, counter: Counter) -> None:
        """Who is where they belong already costs a look."""
        alice = caller_of(backend, make_user(backend, "alice", org="acme"))
        make_team(backend, "ops", members=["alice"])
        site = installed(backend, **{SETTING: "g=acme,g=acme/ops,h=acme/none"})
        with backend.db.begin() as tx:
            before = counter.statements
            group_memberships.update(tx, site, alice.user_id, frozenset({"g"}))
            spent = counter.statements - before

        assert 1 == spent
