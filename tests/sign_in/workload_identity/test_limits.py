"""How many refusals of identity tokens a client gets written down."""

from dataclasses import replace

from starlette.testclient import TestClient

from common.backend import Backend
from common.sign_in import rate_limits
from functions.http.app import create_app
from tests.factories.sign_in import use_up
from tests.sign_in.workload_identity.token_exchange import SIGNED, Trust


def refusals(trusted: Trust) -> int:
    """Return how many there are in the organization's audit log."""
    query = {"eventFilter": "oidc-issuer-validation-failed"}
    found = trusted.client.get("/api/orgs/acme/auditlogs/v2", params=query, headers=SIGNED)
    assert 200 == found.status_code, found.text
    return len(found.json()["auditLogEvents"])


def test_refusals_are_limited_for_a_client(trusted: Trust, backend: Backend) -> None:
    """Who sends bad tokens again and again cannot fill an organization's audit log; good tokens are exchanged all the same."""
    use_up(backend, rate_limits.REFUSAL_OF_CLIENT, "203.0.113.9", left=3)
    far = replace(trusted, client=TestClient(create_app(backend), client=("203.0.113.9", 50_000)))
    other = trusted.peer.mint(sub="other")
    found = [far.exchange(other) for _ in range(5)]

    assert [400, 400, 400, 429, 429] == [one.status_code for one in found]
    assert "900" == found[-1].headers["retry-after"]
    assert 3 == refusals(trusted)
    assert 200 == far.exchange().status_code
    assert 400 == trusted.exchange(other).status_code
