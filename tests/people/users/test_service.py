import pytest

from common.backend import Backend
from common.core.errors import BadRequest, NotFound
from common.people.users import service as users
from common.people.users import steps as user_steps
from common.rights.caller import Caller
from tests.factories.people import caller_of, make_user


class TestDefaultOrganization:
    def test_is_the_own_namespace_when_none_was_chosen(self, backend: Backend, admin: Caller) -> None:
        """A user who chose nothing works in their own namespace, also as a member of others."""
        alice = caller_of(backend, make_user(backend, "alice", org="acme"))

        assert "alice" == users.default_organization(alice)

    def test_is_the_chosen_one(self, backend: Backend, admin: Caller) -> None:
        """The choice counts from the next call on, and may be changed back."""
        token = make_user(backend, "alice", org="acme")
        users.set_default_organization(backend, caller_of(backend, token), "acme")
        chosen = users.default_organization(caller_of(backend, token))
        users.set_default_organization(backend, caller_of(backend, token), "alice")

        assert ("acme", "alice") == (chosen, users.default_organization(caller_of(backend, token)))

    def test_ends_with_the_membership(self, backend: Backend, admin: Caller) -> None:
        """A choice of an organization that the user has left counts for nothing."""
        from sqlalchemy import delete

        from common.db.tables.people import members

        token = make_user(backend, "alice", org="acme")
        alice = caller_of(backend, token)
        users.set_default_organization(backend, alice, "acme")
        with backend.db.begin() as tx:
            acme = alice.membership("acme")
            assert acme is not None
            tx.execute(delete(members).where(members.c.org_id == acme.org_id, members.c.user_id == alice.user_id))

        assert "alice" == users.default_organization(caller_of(backend, token))


class TestSetDefaultOrganization:
    @pytest.mark.parametrize("org", ["acme", "nothing", "", "x" * 500, "é"])
    def test_refuses_what_is_not_the_callers(self, backend: Backend, admin: Caller, org: str) -> None:
        """An organization of others and one that does not exist are both not found."""
        stranger = caller_of(backend, make_user(backend, "mallory"))

        with pytest.raises(NotFound):
            users.set_default_organization(backend, stranger, org)


class TestAdd:
    def test_refuses_a_bad_login(self, backend: Backend) -> None:
        """A login that clients could not put into an address is refused."""
        with backend.db.begin() as tx, pytest.raises(BadRequest):
            user_steps.create(tx, login="a/b", name="", email="", site_admin=False, now=backend.clock.now())
