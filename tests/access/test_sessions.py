"""Browsers' sessions, what was given for identity tokens, and organizations with a SAML provider of their own."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from common.access import authentication as access
from common.access import tokens
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import SignInProblem, SignInRequired, Unauthorized
from common.db.tables.people import members
from common.people.orgs.steps import update_settings
from common.rights.caller import TokenKind
from common.rights.org_settings import OrgSettings
from common.rights.permissions import Permission, Role
from common.sign_in.sessions import service as sessions
from common.sign_in.sessions import steps as session_steps
from tests.clocks import FrozenClock
from tests.counting import Counter
from tests.factories.people import caller_of, make_admin, make_user


def signed_in(backend: Backend, login: str) -> str:
    """Return the cookie of a fresh session of a member of acme."""
    make_admin(backend)
    caller = caller_of(backend, make_user(backend, login, org="acme"))
    with backend.db.begin() as tx:
        secret = session_steps.start(tx, backend, caller.user_id, provider="password")
    return sessions.cookie(backend, secret)


class TestSession:
    def test_is_its_owner(self, backend: Backend, counter: Counter) -> None:
        """A session's cookie leads to the person with all memberships, in one statement once its use was noted."""
        cookie = signed_in(backend, "alice")
        caller = sessions.authenticate(backend, cookie)
        counter.reset()
        sessions.authenticate(backend, cookie)

        assert ("alice", TokenKind.SESSION, True, True) == (
            caller.login,
            caller.token_kind,
            caller.is_person,
            caller.is_themselves,
        )
        assert {"acme", "alice"} == {found.login for found in caller.memberships}
        assert 1 == counter.statements

    def test_is_no_token(self, backend: Backend) -> None:
        """The secret of a session opens nothing in an Authorization header, and a token is no cookie."""
        cookie = signed_in(backend, "alice")
        token = make_user(backend, "bob")
        with pytest.raises(Unauthorized):
            access.authenticate(backend, f"token {cookie.partition('.')[0]}")
        with pytest.raises(Unauthorized):
            access.authenticate_session(backend, token)

    @pytest.mark.parametrize("change", ["", "x", "{0}x", "{0}", "{1}.{0}", ".{1}", "{0}.", "{0}.\udcff", "pul-zz.{1}"])
    def test_forged_is_refused_without_a_query(self, backend: Backend, counter: Counter, change: str) -> None:
        """A user who makes cookies up costs the database nothing."""
        cookie = signed_in(backend, "alice")
        sessions.authenticate(backend, cookie)
        counter.reset()
        with pytest.raises(Unauthorized):
            sessions.authenticate(backend, change.format(*cookie.split(".")))

        assert 0 == counter.statements

    def test_ends_with_its_time(self, backend: Backend, clock: FrozenClock) -> None:
        """After the hours of the setting the browser has to sign in again."""
        cookie = signed_in(backend, "alice")
        clock.pass_seconds(timedelta(hours=12, seconds=-1).total_seconds())
        sessions.authenticate(backend, cookie)
        clock.pass_seconds(timedelta(seconds=2).total_seconds())
        with pytest.raises(Unauthorized):
            sessions.authenticate(backend, cookie)

    def test_ends_everywhere_at_once(self, backend: Backend) -> None:
        """A sign-out ends one session, and what revokes a person's sessions all of them, but no token."""
        first, token = signed_in(backend, "alice"), None
        alice = sessions.authenticate(backend, first)
        with backend.db.begin() as tx:
            secrets = [session_steps.start(tx, backend, alice.user_id, provider="token") for _ in range(2)]
            token = tokens.issue_token(
                tx,
                access.TokenOwner(alice.user_id),
                name="laptop",
                description="",
                created_by=alice.user_id,
                now=backend.clock.now(),
            )
        second, third = (sessions.cookie(backend, secret) for secret in secrets)
        sessions.end(backend, alice)
        sessions.end(backend, alice)
        with pytest.raises(Unauthorized):
            sessions.authenticate(backend, first)
        assert "alice" == sessions.authenticate(backend, second).login

        with backend.db.begin() as tx:
            tokens.revoke_sessions(tx, alice.user_id, backend.clock.now())
        for cookie in (second, third):
            with pytest.raises(Unauthorized):
                sessions.authenticate(backend, cookie)
        assert "alice" == caller_of(backend, token.text).login


class TestTokenForAnIdentityToken:
    def test_of_a_person_is_good_in_one_organization(self, backend: Backend) -> None:
        """An organization's issuer lets a job act as a member there, and nowhere else; it makes no tokens of its own."""
        make_admin(backend)
        alice = caller_of(backend, make_user(backend, "alice", org="acme"))
        (acme,) = [found for found in alice.memberships if found.login == "acme"]
        owner = access.TokenOwner(alice.user_id, acme.org_id, issuer_id="issuer", is_personal=True)
        with backend.db.begin() as tx:
            issued = tokens.issue_token(tx, owner, name="ci 1", description="", created_by=alice.user_id, now=backend.clock.now())
        caller = caller_of(backend, issued.text)

        assert ["acme"] == [found.login for found in caller.memberships]
        assert (TokenKind.PERSONAL, True, False) == (caller.token_kind, caller.is_person, caller.is_themselves)
        with backend.db.begin() as tx:
            tokens.revoke_tokens_of_issuer(tx, "issuer", backend.clock.now())
        with pytest.raises(Unauthorized):
            caller_of(backend, issued.text)


class TestSAML:
    def require(self, backend: Backend, org_id: str, **settings: object) -> None:
        """Create an organization ask for a sign-in through its own provider."""
        with backend.db.begin() as tx:
            update_settings(tx, org_id, lambda _: OrgSettings(saml_required=True, **settings))  # type: ignore[arg-type]

    def test_bars_who_has_not_signed_in_through_it(self, backend: Backend, clock: FrozenClock) -> None:
        """A member needs a sign-in through the provider, and again when it is too long ago; the one who set it up does not."""
        admin = make_admin(backend)
        token = make_user(backend, "alice", org="acme", role=Role.ADMIN)
        alice = caller_of(backend, token)
        (acme,) = [found for found in alice.memberships if found.login == "acme"]
        self.require(backend, acme.org_id, saml_session_hours=8, saml_admin_id=admin.user_id)
        with pytest.raises(SignInRequired) as refused:
            caller_of(backend, token).require(Permission.STACK_CREATE, "acme", missing="x")
        assert (SignInProblem.LOGIN, "acme") == (refused.value.problem, refused.value.org_login)
        assert not caller_of(backend, token).may(Permission.STACK_CREATE, "acme")
        caller_of(backend, token).require(Permission.STACK_CREATE, "alice", missing="x")
        make_admin(backend).require(Permission.STACK_CREATE, "acme", missing="x")

        with backend.db.begin() as tx:
            tx.execute(update(members).values(saml_at=unix_millis(clock.now())).where(members.c.user_id == alice.user_id))
        caller_of(backend, token).require(Permission.STACK_CREATE, "acme", missing="x")
        clock.pass_seconds(timedelta(hours=8, seconds=1).total_seconds())
        with pytest.raises(SignInRequired) as refused:
            caller_of(backend, token).require(Permission.STACK_CREATE, "acme", missing="x")
        assert SignInProblem.REAUTH is refused.value.problem
