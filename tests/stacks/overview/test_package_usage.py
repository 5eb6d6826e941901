"""Which stacks use a package."""

from typing import Any

from starlette.testclient import TestClient

from common.backend import Backend
from common.rights.caller import Caller
from tests.counting import Counter
from tests.factories.people import make_user
from tests.factories.stacks import complete, import_state, make_running, make_stack, record
from tests.stacks.engine.builders import entry, make_resource, make_state, urn

USAGE = "/api/orgs/acme/packages/usage"
AWS = "pulumi:providers:aws"


def provider(version: str, name: str = "default") -> dict[str, Any]:
    """Return a provider of the package aws."""
    return make_resource(name, urn=urn(name, AWS), type=AWS, inputs={"version": version})


def fill(backend: Backend, admin: Caller, **versions: str) -> None:
    """Make a stack for each version."""
    for name, version in versions.items():
        import_state(backend, admin, make_stack(backend, admin, name), make_state(provider(version)))


def uses(client: TestClient, **query: Any) -> list[tuple[str, str]]:
    """Return stack and version of each use of aws."""
    reply = client.get(USAGE, params={"packageName": "aws", **query}).json()
    return [(entry["stackName"], entry["version"]) for entry in reply["stacks"]]


def test_names_stacks_with_their_versions(backend: Backend, admin: Caller, client: TestClient) -> None:
    """A use has the stack, the package's version, the provider's URN, and the stack's newest version with its time."""
    fill(backend, admin, dev="5.0.0", prod="6.1.0")
    import_state(backend, admin, make_stack(backend, admin, "other"), make_state(make_resource("a")))
    reply = client.get(USAGE, params={"packageName": "aws"}).json()
    first = reply["stacks"][0]

    assert (2, "aws", False) == (reply["totalStacks"], reply["packageName"], "continuationToken" in reply)
    assert [("dev", "5.0.0"), ("prod", "6.1.0")] == uses(client)
    assert [("prod", "6.1.0")] == uses(client, version="6.1.0")
    assert ("shop", f"urn:pulumi:dev::shop::{AWS}::default", 1) == (
        first["projectName"],
        first["providerUrn"],
        first["lastUpdate"]["version"],
    )
    assert first["lastUpdate"]["time"].endswith("Z")


def test_follows_updates(backend: Backend, admin: Caller, client: TestClient) -> None:
    """An update that creates a provider adds its use, and one that changes nothing keeps it."""
    path = make_stack(backend, admin)
    update = make_running(backend, admin, path)
    record(backend, update, entry(1, 0, 1, newState=None), entry(2, 1, 1, state=provider("6.1.0")))
    complete(backend, update)
    before = uses(client)
    complete(backend, make_running(backend, admin, path))

    assert [("dev", "6.1.0")] == before == uses(client)


def test_pages(backend: Backend, admin: Caller, client: TestClient) -> None:
    """A token leads to the next page; the total is that of all pages, and a token of another listing is refused."""
    fill(backend, admin, a="1.0.0", b="1.0.0", c="1.0.0")
    first = client.get(USAGE, params={"packageName": "aws", "limit": 2}).json()
    token = first["continuationToken"]
    wrong = client.get(USAGE, params={"packageName": "gcp", "continuationToken": token})

    assert (["a", "b"], 3) == ([entry["stackName"] for entry in first["stacks"]], first["totalStacks"])
    assert [("c", "1.0.0")] == uses(client, limit=2, continuationToken=token)
    assert (400, 400) == (wrong.status_code, client.get(USAGE).status_code)


def test_shows_what_the_caller_may_see(backend: Backend, admin: Caller, client: TestClient) -> None:
    """A stranger gets the answer of an organization that does not exist."""
    fill(backend, admin, dev="5.0.0")
    stranger = {"Authorization": f"token {make_user(backend, 'eve')}"}

    assert 404 == client.get(USAGE, params={"packageName": "aws"}, headers=stranger).status_code


def test_costs_two_statements(backend: Backend, admin: Caller, client: TestClient, counter: Counter) -> None:
    """The caller, and the stacks, however many there are."""
    fill(backend, admin, a="1.0.0", b="1.0.0")
    uses(client)
    counter.reset()
    uses(client)

    assert (2, 0, 0, 0) == counter.cost
