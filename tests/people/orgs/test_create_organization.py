"""Making an organization by oneself."""

from dataclasses import replace

import pytest

from common.backend import Backend
from common.core.errors import BadRequest, Conflict, Forbidden
from common.people.orgs import service as orgs
from common.rights.caller import Caller
from tests.factories.orgs import people_of
from tests.factories.people import caller_of, make_user


def allowing(backend: Backend, who: str) -> Backend:
    """Return a server with a word on who makes organizations."""
    return replace(backend, settings=backend.settings.replaced(STACKHOLD_ORGANIZATIONS_BY_ANYONE=who))


class TestFound:
    def test_makes_the_caller_its_admin(self, backend: Backend, admin: Caller) -> None:
        """A user who makes an organization administers it."""
        assert admin.login == "admin"
        token = make_user(backend, "bob")
        orgs.create_organization(allowing(backend, "true"), caller_of(backend, token), "widgets")

        assert {"bob": ("admin", None)} == people_of(backend, "widgets")
        assert caller_of(backend, token).membership("widgets") is not None

    @pytest.mark.parametrize(
        ("settings", "may"),
        [
            ({}, True),
            ({"STACKHOLD_ORGANIZATIONS_BY_ANYONE": "false"}, False),
            ({"PULUMI_API_DOMAIN": "api.example.com"}, False),
            ({"PULUMI_API_DOMAIN": "api.example.com", "STACKHOLD_ORGANIZATIONS_BY_ANYONE": "true"}, True),
        ],
    )
    def test_is_for_whom_the_settings_let(
        self,
        backend: Backend,
        admin: Caller,
        dialect: str,
        settings: dict[str, str],
        may: bool,
    ) -> None:
        """Everyone on a laptop or where the operator says so, else administrators of the installation alone."""
        server = replace(backend, settings=backend.settings.replaced(**settings))
        bob = caller_of(backend, make_user(backend, "bob"))
        is_laptop = dialect == "sqlite"

        assert orgs.can_create_organization(server.settings, admin)
        assert (may and (is_laptop or bool(settings))) == orgs.can_create_organization(server.settings, bob)

    @pytest.mark.parametrize("login", ["ACME", "Bob", "bOB", "Admin"])
    def test_refuses_a_name_that_differs_in_the_case_of_letters_alone(self, backend: Backend, admin: Caller, login: str) -> None:
        """`Acme` beside `acme` would be taken for it; a name is kept as it was typed."""
        assert admin.login == "admin"
        caller = caller_of(backend, make_user(backend, "bob"))
        with pytest.raises(Conflict, match="is taken, by a user or an organization"):
            orgs.create_organization(allowing(backend, "true"), caller, login)
        orgs.create_organization(allowing(backend, "true"), caller, "Widgets")

        assert {"bob": ("admin", None)} == people_of(backend, "Widgets")

    def test_refuses_others(self, backend: Backend, admin: Caller) -> None:
        """Someone else makes none."""
        assert admin.login == "admin"
        bob = caller_of(backend, make_user(backend, "bob"))

        with pytest.raises(Forbidden):
            orgs.create_organization(allowing(backend, "false"), bob, "widgets")
        assert {} == people_of(backend, "widgets")

    @pytest.mark.parametrize(
        ("name", "refusal"), [("acme", Conflict), ("bob", Conflict), ("a b", BadRequest), ("x" * 41, BadRequest)]
    )
    def test_refuses_a_name_that_cannot_be(self, backend: Backend, admin: Caller, name: str, refusal: type[Exception]) -> None:
        """A name that an organization or a user has, or that none may have, is refused."""
        make_user(backend, "bob")

        with pytest.raises(refusal):
            orgs.create_organization(backend, admin, name)

    def test_has_a_limit(self, backend: Backend, admin: Caller) -> None:
        """No one makes more organizations than a request can load."""
        member_of_many = replace(admin, memberships=admin.memberships[:1] * orgs.MEMBERSHIP_LIMIT)

        with pytest.raises(BadRequest, match="a member of 100 organizations"):
            orgs.create_organization(backend, member_of_many, "widgets")
