"""Values that are encrypted for a project."""

from base64 import b64decode, b64encode

from starlette.testclient import TestClient

from common.backend import Backend
from common.db.tables.stacks import project_keys
from common.rights.caller import Caller
from common.stacks.service import project_secrets
from tests.counting import Counter
from tests.factories.people import make_user
from tests.factories.stacks import make_stack
from tests.factories.tokens import signed
from tests.interleaving import interleaved
from tests.wire import create_stack, error_of

PROJECT = "/api/projects/acme/shop"
FOREIGN = "Bad Request: the value cannot be decrypted: it belongs to another project, or it is damaged"


def b64(plain: bytes) -> str:
    """Return standard padded base64."""
    return b64encode(plain).decode()


def encrypt(client: TestClient, plain: bytes, project: str = PROJECT) -> str:
    """Return the ciphertext of a value."""
    return str(client.post(f"{project}/encrypt", json={"plaintext": b64(plain)}).json()["ciphertext"])


def test_round_trip(client: TestClient) -> None:
    """A value comes back, alone and in a batch, which answers by the ciphertexts as they were sent."""
    create_stack(client)
    one, two = encrypt(client, b"one"), encrypt(client, b"")

    assert {"plaintext": b64(b"one")} == client.post(f"{PROJECT}/decrypt", json={"ciphertext": one}).json()
    batch = client.post(f"{PROJECT}/batch-decrypt", json={"ciphertexts": [one, two, one]}).json()
    assert {"plaintexts": {one: b64(b"one"), two: ""}} == batch


def test_all_stacks_of_a_project_share_its_key(client: TestClient) -> None:
    """A value stays readable while the project has any stack, and is readable again after it had none."""
    create_stack(client)
    ciphertext = encrypt(client, b"x")
    client.delete("/api/stacks/acme/shop/dev")
    gone = client.post(f"{PROJECT}/decrypt", json={"ciphertext": ciphertext}).status_code
    create_stack(client, "prod")

    assert 404 == gone
    assert {"plaintext": b64(b"x")} == client.post(f"{PROJECT}/decrypt", json={"ciphertext": ciphertext}).json()


def test_a_value_of_something_else_is_refused(client: TestClient) -> None:
    """A value of another project, of a stack, or a damaged one gets the same refusal, also before the project has a key."""
    create_stack(client)
    client.post("/api/stacks/acme/other", json={"stackName": "dev"})
    of_other = encrypt(client, b"x", "/api/projects/acme/other")
    of_stack = client.post("/api/stacks/acme/shop/dev/encrypt", json={"plaintext": b64(b"x")}).json()["ciphertext"]
    before = client.post(f"{PROJECT}/decrypt", json={"ciphertext": of_other})
    own = b64decode(encrypt(client, b"x"))
    damaged = b64(own[:-1] + bytes([own[-1] ^ 1]))

    assert (400, 400, FOREIGN) == error_of(before)
    for ciphertext in (of_other, of_stack, damaged, "!", ""):
        assert (400, 400, FOREIGN) == error_of(client.post(f"{PROJECT}/decrypt", json={"ciphertext": ciphertext}))


def test_a_project_without_a_stack_is_missing(client: TestClient, backend: Backend) -> None:
    """A project that has no stack, and one that the caller sees no stack of, are not found."""
    body = {"plaintext": b64(b"x")}
    assert 404 == client.post(f"{PROJECT}/encrypt", json=body).status_code
    create_stack(client)
    stranger = signed(make_user(backend, "mallory"))

    assert (404, 404, "Not Found: Project 'acme/shop' not found") == error_of(
        client.post(f"{PROJECT}/encrypt", json=body, headers=stranger)
    )


def test_two_first_values_get_one_key(backend: Backend, admin: Caller) -> None:
    """Requests that both find no key use the key of the first of them."""
    make_stack(backend, admin)
    with interleaved(
        backend, f"INSERT INTO {project_keys.name}", lambda: project_secrets.encrypt(backend, admin, "acme", "shop", b"1")
    ):
        ciphertext = project_secrets.encrypt(backend, admin, "acme", "shop", b"2")

    assert b"2" == project_secrets.decrypt(backend, admin, "acme", "shop", b64(ciphertext))


def test_a_value_costs_three_statements(client: TestClient, counter: Counter) -> None:
    """The caller, the project and its key; the key service is asked once by a process."""
    create_stack(client)
    encrypt(client, b"x")
    counter.reset()
    encrypt(client, b"y")

    assert (3, 0, 0, 0) == counter.cost
