"""What was given for an identity token ends with it: updates that were begun with it, and refresh tokens."""

import pytest

from common.access import tokens as access
from common.backend import Backend
from common.stacks.updates.service.revocation import cancel_revoked
from tests.factories.people import caller_of, make_user
from tests.factories.stacks import creation, update_row
from tests.sign_in.workload_identity.token_exchange import ISSUERS, Trust, allow, deny, refused
from tests.wire import begin, create_stack, error_of

S = "/api/stacks/acme/shop/dev"


class TestLease:
    @pytest.mark.parametrize("change", ["issuer", "policy"])
    def test_ends_with_the_issuer_and_its_policy(self, trusted: Trust, backend: Backend, change: str) -> None:
        """An update of a pipeline writes nothing more when its issuer is no longer trusted, and is cancelled."""
        create_stack(trusted.client)
        token = trusted.given()["access_token"]
        found = begin(trusted.client, S, headers={"Authorization": f"token {token}"})
        assert 204 == found.journal(*creation("a", 1)).status_code
        if change == "issuer":
            assert trusted.client.delete(f"{ISSUERS}/{trusted.id}").is_success
        else:
            assert trusted.set_policy(deny()).is_success

        assert 403 == error_of(found.journal(*creation("b", 2)))[0] == error_of(found.renew())[0]
        assert (1, "") == cancel_revoked(backend, "")
        assert "cancelled" == update_row(backend, found.id).status


class TestRefreshToken:
    def test_ends_with_all_that_a_person_can_be_let_in_with(self, trusted: Trust, backend: Backend) -> None:
        """A password that is reset ends what was given on the person's behalf, and the refresh token beside it."""
        make_user(backend, "bob", org="acme")
        assert trusted.set_policy(allow("personal", userLogin="bob")).is_success
        given = trusted.given(scope="user:bob")
        bob = caller_of(backend, given["access_token"])
        with backend.db.begin() as tx:
            access.revoke_all_of_user(tx, bob.user_id, backend.clock.now())

        assert "invalid_grant" == refused(trusted.refresh(given["refresh_token"]))[0]
