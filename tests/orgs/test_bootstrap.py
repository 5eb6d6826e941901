from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from common.access import service as access
from common.backend import Backend
from common.db.tables import access_tokens, members, organizations, users
from common.errors import StartUpError
from common.orgs.bootstrap import BootstrapResult, bootstrap, is_fresh
from common.users import service as user_service
from tests.people import caller_of, make_user

ONE, TWO = "pul-" + "1a" * 20, "pul-" + "2b" * 20


def counts(backend: Backend) -> tuple[int, ...]:
    """Returns how many users, organizations, memberships and tokens there are."""
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
        assert "acme" == user_service.default_organization(admin).GitHubLogin

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

        assert "admin" == user_service.default_organization(caller_of(backend, ONE)).GitHubLogin

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
