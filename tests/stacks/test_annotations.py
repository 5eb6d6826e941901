"""Documents that clients keep with a stack."""

from starlette.testclient import TestClient

from common.backend import Backend
from common.rights.caller import Caller
from common.stacks.model import AnnotationName, StackPath
from common.stacks.service import annotations, deleted, lifecycle
from common.stacks.service.annotations import ANNOTATIONS_LIMIT
from tests.factories.people import make_user
from tests.factories.stacks import make_stack
from tests.factories.tokens import signed
from tests.wire import create_stack, error_of

S = "/api/stacks/acme/shop/dev"
A = f"{S}/annotations/readme"
DEV = StackPath("acme", "shop", "dev")


def test_a_document_comes_back_as_it_was_sent(client: TestClient) -> None:
    """Order of members and spelling of numbers survive; the reply has the version."""
    create_stack(client)
    text = '{"b": 1.0, "a": [null, 10000000000000000000000]}'
    written = client.patch(A, content=text)
    found = client.get(A)

    assert (204, '"1"') == (written.status_code, written.headers["etag"])
    assert (200, text, '"1"') == (found.status_code, found.text, found.headers["etag"])


def test_a_write_replaces_the_document(client: TestClient) -> None:
    """The whole document is replaced, and its version counts up."""
    create_stack(client)
    client.patch(A, json={"a": 1})
    client.patch(A, json={"b": 2})

    assert ({"b": 2}, '"2"') == (client.get(A).json(), client.get(A).headers["etag"])


def test_each_source_has_a_document_of_its_own(client: TestClient) -> None:
    """Documents of one kind do not touch each other if they have different sources."""
    create_stack(client)
    client.patch(A, json="ours")
    client.patch(A, params={"source": "robot"}, json="theirs")

    assert ("ours", "theirs") == (client.get(A).json(), client.get(A, params={"source": "robot"}).json())
    assert 404 == client.get(A, params={"source": "other"}).status_code


def test_a_version_is_a_lock(client: TestClient) -> None:
    """A change that was made from another version is refused; version 0 stands for one that does not exist yet."""
    create_stack(client)
    first = client.patch(A, params={"version": 0}, json=1).status_code
    again = client.patch(A, params={"version": 0}, json=2)
    second = client.patch(A, params={"version": 1}, json=3).status_code

    assert (204, 409, 204) == (first, again.status_code, second)
    assert "has version 1 and not 0" in again.json()["message"]
    assert 3 == client.get(A, params={"version": 2}).json()
    assert 404 == client.get(A, params={"version": 1}).status_code


def test_a_missing_annotation_is_not_found(client: TestClient) -> None:
    """A stack without the annotation answers 404 and names the kind."""
    create_stack(client)

    assert (404, 404, "Not Found: Stack 'acme/shop/dev' has no annotation of kind 'readme'") == error_of(client.get(A))


def test_names_are_checked(client: TestClient) -> None:
    """A kind or a source that no name may be is refused, and so is what is no JSON."""
    create_stack(client)

    assert 400 == client.patch(f"{S}/annotations/a b", json=1).status_code
    assert 400 == client.patch(A, params={"source": "a/b"}, json=1).status_code
    assert 400 == client.patch(A, content="{").status_code
    assert 400 == client.patch(A, content="").status_code


def test_a_stack_has_a_limited_number(client: TestClient, backend: Backend, admin: Caller) -> None:
    """After the limit no kind can be added, while those that are there can be changed."""
    create_stack(client)
    for number in range(ANNOTATIONS_LIMIT):
        annotations.update_annotation(backend, admin, DEV, AnnotationName(f"k{number}"), b"1")

    assert 400 == client.patch(A, json=1).status_code
    assert 204 == client.patch(f"{S}/annotations/k0", json=2).status_code


def test_a_stranger_cannot_write(client: TestClient, backend: Backend) -> None:
    """Who may not see the stack gets the same 404 as for a stack that does not exist."""
    create_stack(client)
    stranger = make_user(backend, "mallory")

    assert 404 == client.patch(A, json=1, headers=signed(stranger)).status_code


def test_a_restored_stack_has_its_annotations(backend: Backend, admin: Caller) -> None:
    """Annotations stay as long as a deleted stack can be restored."""
    make_stack(backend, admin)
    name = AnnotationName("readme")
    annotations.update_annotation(backend, admin, DEV, name, b"1")
    lifecycle.delete(backend, admin, DEV, force=True)
    (stack,) = deleted.list_deleted(backend, admin, "acme")
    deleted.restore(backend, admin, "acme", stack.id, "")

    assert b"1" == annotations.get_annotation(backend, admin, DEV, name).document
