import pytest
from sqlalchemy.exc import IntegrityError

from common.access.permissions import Role
from common.backend import Backend
from common.errors import BadRequest
from common.orgs import service as orgs
from tests.people import caller_of, make_admin, make_user


class TestAddShared:
    def test_makes_its_maker_an_admin(self, backend: Backend) -> None:
        """Whoever an organization is made for is its admin."""
        token = make_user(backend, "alice")
        with backend.db.begin() as tx:
            orgs.add_shared(tx, login="globex", admin_user_id=caller_of(backend, token).user_id, now=backend.clock.now())
        found = caller_of(backend, token).membership("globex")

        assert found is not None
        assert (Role.ADMIN, False) == (found.role, found.is_personal)

    @pytest.mark.parametrize("login", ["", "a", "a b", "../x", "x" * 41])
    def test_refuses_a_bad_name(self, backend: Backend, login: str) -> None:
        """A name that clients could not put into an address is refused."""
        with backend.db.begin() as tx, pytest.raises(BadRequest):
            orgs.add_shared(tx, login=login, admin_user_id="u", now=backend.clock.now())

    def test_refuses_a_name_that_is_taken(self, backend: Backend) -> None:
        """A user's name is the name of their namespace, so no organization can have it."""
        make_user(backend, "alice")
        with pytest.raises(IntegrityError), backend.db.begin() as tx:
            orgs.add_shared(tx, login="alice", admin_user_id="u", now=backend.clock.now())


class TestAddMember:
    def test_is_seen_at_the_next_call(self, backend: Backend) -> None:
        """A new member has the role from their next call on."""
        make_admin(backend)
        found = caller_of(backend, make_user(backend, "alice", org="acme", role=Role.BILLING_MANAGER)).membership("acme")

        assert found is not None
        assert Role.BILLING_MANAGER == found.role
