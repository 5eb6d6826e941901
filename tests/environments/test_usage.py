"""How many secrets the environments of an organization had over time."""

from starlette.testclient import TestClient

from common.backend import Backend
from common.environments.service import definitions
from common.rights.caller import Caller
from tests.clocks import FrozenClock
from tests.factories.environments import make_environment

USAGE = "/api/orgs/acme/secrets/summary"
ONE, TWO = "values:\n  a:\n    fn::secret: x\n", "values:\n  a:\n    fn::secret: x\n  b: {c: {fn::secret: y}}\n"


def summary(client: TestClient) -> list[tuple[int, int]]:
    """Return how many secrets there are, and their hours, in each period."""
    reply = client.get(USAGE, params={"lookbackDays": "2", "granularity": "daily"})
    return [(item["resources"], item["resourceHours"]) for item in reply.json()["summary"]]


def test_counts_the_secrets_of_each_revision(backend: Backend, admin: Caller, client: TestClient, clock: FrozenClock) -> None:
    """A secret counts from the revision that has it on, and until the environment is deleted."""
    path = make_environment(backend, admin, "shop/dev", ONE)
    clock.pass_seconds(3600)
    definitions.update(backend, admin, path, TWO.encode())
    clock.pass_seconds(3600)
    make_environment(backend, admin, "shop/plain", "values:\n  a: ZXN\n")
    before = summary(client)
    definitions.delete(backend, admin, path)
    clock.pass_seconds(3600)

    assert (2, 3) == (before[-1][0], sum(hours for _count, hours in before))
    assert (0, 3) == (summary(client)[-1][0], sum(hours for _count, hours in summary(client)))


def test_of_nothing_has_no_body(client: TestClient) -> None:
    """Without environments there is nothing to sum up; other spans are refused as for resources."""
    assert 204 == client.get(USAGE, params={"lookbackDays": "30"}).status_code
    assert 400 == client.get(USAGE).status_code
