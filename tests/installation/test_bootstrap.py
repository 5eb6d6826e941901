from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import delete, func, select, update

from common.access import authentication as access
from common.access import tokens
from common.backend import Backend
from common.core.errors import StartUpError, Unauthorized
from common.db.tables.access import access_tokens
from common.db.tables.people import members, organizations, owner_names, users
from common.installation.bootstrap import BootstrapResult, bootstrap, is_fresh
from common.people.users import service as user_service
from common.rights.caller import TokenKind
from tests.factories.people import caller_of, make_user

ONE, TWO = "pul-" + "1a" * 20, "pul-" + "2b" * 20


def counts(backend: Backend) -> tuple[int, ...]:
    """Return how many users, organizations, memberships and tokens there are."""
    with backend.db.connect() as connection:
        tables = (users, organizations, members, access_tokens)
        return tuple(connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables)


class TestBootstrap:
    def test_makes_administrator_namespace_and_organization(self, backend: Backend) -> None:
        """The first start gives an administrator with a namespace of their own and the named organization as default."""
        result = bootstrap(backend, token=ONE, org="acme")
        admin = caller_of(backend, ONE)

        assert BootstrapResult("admin", administrator_made=True, token_added=True) == result
        assert ("admin", True) == (admin.login, admin.site_admin)
        assert [("acme", "admin"), ("admin", "admin")] == [(found.login, found.role) for found in admin.memberships]
        assert "acme" == user_service.default_organization(admin)

    def test_invents_a_token_once(self, backend: Backend) -> None:
        """Without a given token the first start invents one and tells it once; later starts invent none."""
        first, second = bootstrap(backend, token=None, org=None), bootstrap(backend, token=None, org=None)

        assert first.token is not None
        assert "admin" == caller_of(backend, first.token).login
        assert first.token not in repr(first)
        assert BootstrapResult("admin", administrator_made=False, token_added=False) == second

    def test_changes_nothing_when_repeated(self, backend: Backend) -> None:
        """A restart with the same settings is a no-op."""
        bootstrap(backend, token=ONE, org="acme")
        before = counts(backend)
        result = bootstrap(backend, token=ONE, org="acme")

        assert (1, 2, 2, 1) == before == counts(backend)
        assert not result.administrator_made
        assert not result.token_added

    def test_adds_another_token_and_says_so(self, backend: Backend) -> None:
        """A start with a new token adds it, and the old one stays good."""
        bootstrap(backend, token=ONE, org=None)
        result = bootstrap(backend, token=TWO, org=None)

        assert result.token_added
        assert not result.administrator_made
        assert {"admin"} == {caller_of(backend, token).login for token in (ONE, TWO)}

    def test_says_that_the_token_before_goes_on_and_how_to_end_it(self, backend: Backend) -> None:
        """The start that adds another token warns once, with the ids of those that stay good."""
        bootstrap(backend, token=ONE, org=None)
        first, second = (bootstrap(backend, token=TWO, org=None).warnings for _ in range(2))

        assert 1 == len(first)
        assert caller_of(backend, ONE).token_id in first[0]
        assert "DELETE /api/user/tokens/<id>" in first[0]
        assert () == second
        assert not any(token in first[0] for token in (ONE, TWO))

    @pytest.mark.parametrize("end", ["revoked", "expired"])
    def test_does_not_bring_a_token_back_that_was_ended(self, backend: Backend, end: str) -> None:
        """A token that the administrator revoked, or that has expired, opens nothing after any further start; each start warns."""
        bootstrap(backend, token=ONE, org=None)
        admin = caller_of(backend, ONE)
        with backend.db.begin() as tx:
            now = backend.clock.now()
            if end == "revoked":
                assert tokens.revoke_token(tx, admin.token_id, TokenKind.PERSONAL, admin.user_id, now)
            else:
                tx.execute(update(access_tokens).values(expires_at=1))
        results = [bootstrap(backend, token=ONE, org=None) for _ in range(2)]

        assert [False, False] == [result.token_added for result in results]
        assert all("revoked or has expired" in result.warnings[0] and ONE not in result.warnings[0] for result in results)
        with pytest.raises(Unauthorized):
            caller_of(backend, ONE)
        assert bootstrap(backend, token=TWO, org=None).token_added
        assert "admin" == caller_of(backend, TWO).login

    def test_does_not_make_an_organization_again_that_is_gone(self, backend: Backend) -> None:
        """An organization that a start made and a user deleted stays away; the start says so."""
        bootstrap(backend, token=ONE, org="acme")
        with backend.db.begin() as tx:
            tx.execute(delete(organizations).where(organizations.c.login == "acme"))
        result = bootstrap(backend, token=ONE, org="acme")

        assert "organization acme has been deleted and is not created again" in result.warnings[0]
        assert caller_of(backend, ONE).membership("acme") is None

    def test_does_not_make_an_administrator_again_who_is_gone(self, backend: Backend) -> None:
        """Without its administrator an installation is no fresh one; only a token that it has never known makes a new one."""
        bootstrap(backend, token=ONE, org=None)
        with backend.db.begin() as tx:
            for table in (access_tokens, users, organizations, owner_names):
                tx.execute(delete(table))
        before = bootstrap(backend, token=ONE, org=None), bootstrap(backend, token=None, org=None)

        assert not is_fresh(backend)
        assert all(not result.administrator_made and "has been deleted" in result.warnings[0] for result in before)
        assert bootstrap(backend, token=TWO, org=None).administrator_made

    def test_refuses_an_organization_that_differs_in_capital_letters(self, backend: Backend) -> None:
        """`Acme` beside `acme` would be taken for it."""
        bootstrap(backend, token=ONE, org="acme")
        with pytest.raises(StartUpError, match="STACKHOLD_BOOTSTRAP_ORG: the name Acme is taken: another name"):
            bootstrap(backend, token=ONE, org="Acme")

    def test_adds_an_organization_later(self, backend: Backend) -> None:
        """An organization that is first named on a later start is made then."""
        bootstrap(backend, token=ONE, org=None)
        bootstrap(backend, token=ONE, org="acme")

        assert caller_of(backend, ONE).membership("acme") is not None

    def test_keeps_the_administrators_own_choice(self, backend: Backend) -> None:
        """A default organization that the administrator chose survives restarts."""
        bootstrap(backend, token=ONE, org="acme")
        user_service.set_default_organization(backend, caller_of(backend, ONE), "admin")
        bootstrap(backend, token=ONE, org="acme")

        assert "admin" == user_service.default_organization(caller_of(backend, ONE))

    def test_may_name_the_administrators_namespace(self, backend: Backend) -> None:
        """Naming the administrator's own namespace asks for nothing more."""
        bootstrap(backend, token=ONE, org="admin")

        assert (1, 1, 1, 1) == counts(backend)

    def test_is_safe_in_several_processes_at_once(self, backend: Backend) -> None:
        """Processes that start together make everything once and all succeed."""
        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(lambda _: bootstrap(backend, token=ONE, org="acme"), range(16)))

        assert (1, 2, 2, 1) == counts(backend)
        assert 1 == sum(result.administrator_made for result in results) == sum(result.token_added for result in results)

    @pytest.mark.parametrize("token", ["", "pul-", "secret-value", ONE[:-1], ONE + "0", "pul-" + "z" * 40, ONE + "\n", " " + ONE])
    def test_refuses_a_token_of_another_form(self, backend: Backend, token: str) -> None:
        """A token that clients or this server would not take is refused, unseen, before anything is made."""
        with pytest.raises(StartUpError) as caught:
            bootstrap(backend, token=token, org=None)

        assert "STACKHOLD_BOOTSTRAP_TOKEN must be `pul-` and 40 hexadecimal digits" == str(caught.value)
        assert (0, 0, 0, 0) == counts(backend)

    @pytest.mark.parametrize("org", ["", "a/b", "-", "x" * 41, "é"])
    def test_refuses_a_bad_organization(self, backend: Backend, org: str) -> None:
        """A name that no organization can have is refused with the setting's name, before anything is made."""
        with pytest.raises(StartUpError, match="STACKHOLD_BOOTSTRAP_ORG: invalid owner name"):
            bootstrap(backend, token=ONE, org=org)

        assert (0, 0, 0, 0) == counts(backend)

    def test_refuses_the_token_of_somebody_else(self, backend: Backend) -> None:
        """A token that belongs to another user is not made the administrator's."""
        alices = make_user(backend, "alice")
        with pytest.raises(StartUpError, match="token of another user") as caught:
            bootstrap(backend, token=alices, org=None)

        assert alices not in str(caught.value)
        assert access.authenticate(backend, f"token {alices}").login == "alice"
        assert is_fresh(backend)


class TestIsFresh:
    def test_tells_whether_there_is_an_administrator(self, backend: Backend) -> None:
        """An installation is fresh until its administrator was made."""
        before = is_fresh(backend)
        bootstrap(backend, token=None, org=None)

        assert (True, False) == (before, is_fresh(backend))
