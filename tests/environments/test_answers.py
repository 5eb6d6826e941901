"""What an opened environment looks like on the wire: generated SDKs refuse the whole answer if one field is missing (F38)."""

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.rights.caller import Caller
from tests.environments.language.goldens import assert_complete
from tests.factories.environments import ENVIRONMENTS, make_environment

VALUES = """\
values:
  plain: text
  list: [1, {deep: true}]
  hidden: {fn::secret: hunter2}
  here: ${context.pulumi.user.login}
  claims: {fn::open::debug-oidc-claims: {audiencePrefix: aws}}
  object: {b: 2}
"""


@pytest.fixture(autouse=True)
def environments(backend: Backend, admin: Caller) -> None:
    """Environments without values, with all kinds of them, and one that merges two."""
    make_environment(backend, admin, "app/empty")
    make_environment(backend, admin, "app/base", VALUES)
    make_environment(backend, admin, "app/other", "values: {object: {a: 1}}\n")
    make_environment(backend, admin, "app/merged", "imports: [app/base, app/other]\nvalues: {object: {c: 3}}\n")


@pytest.mark.parametrize("name", ["empty", "base", "merged"])
@pytest.mark.parametrize("path", [None, "plain", "list[1]", "list[0]", "hidden", "claims", "object"])
def test_every_range_names_its_environment(client: TestClient, name: str, path: str | None) -> None:
    """Opened as a whole and by property, each range has an environment and each value says where it is defined."""
    address = f"{ENVIRONMENTS}/app/{name}/open"
    session = client.post(address).json()
    reply = client.get(f"{address}/{session['id']}", params={"property": path} if path else {})

    assert "diagnostics" not in session
    if name == "empty" and path:
        assert 404 == reply.status_code
        return
    assert 200 == reply.status_code, reply.text
    assert "json" in reply.headers["content-type"]
    assert_complete(reply.json())


def test_a_document_is_answered_alike(client: TestClient) -> None:
    """So it is for a document that is not stored, as stacks send their list of environments."""
    address = f"{ENVIRONMENTS}/yaml/open"
    session = client.post(address, content="imports: [app/base, app/other]\n").json()["id"]
    reply = client.get(f"{address}/{session}")

    assert {"plain", "object"} <= reply.json()["properties"].keys()
    assert_complete(reply.json())


def test_a_secret_is_read_and_written_as_a_sync_does(client: TestClient) -> None:
    """A program that keeps secrets in step opens, reads one, saves another definition, and reads the new one."""
    address = f"{ENVIRONMENTS}/app/empty"

    def read() -> object:
        session = client.post(f"{address}/open").json()["id"]
        return client.get(f"{address}/open/{session}", params={"property": "pw"}).json()["value"]

    client.patch(address, content="values: {pw: {fn::secret: one}}\n")
    first = read()
    etag = client.get(address).headers["etag"]
    saved = client.patch(address, content="values: {pw: {fn::secret: two}}\n", headers={"If-Match": etag})

    assert (200, "one", "two") == (saved.status_code, first, read())
