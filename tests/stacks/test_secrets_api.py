import gzip
import json
import os
from base64 import b64decode, b64encode
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from common.backend import Backend
from common.crypto.envelope import REFUSAL
from tests.counting import Counter
from tests.factories.people import make_user

S = "/api/stacks/acme/shop/dev"


@pytest.fixture(autouse=True)
def stack(client: TestClient) -> None:
    """The stack acme/shop/dev."""
    assert client.post("/api/stacks/acme/shop", json={"stackName": "dev"}).status_code == 200


def b64(plain: bytes) -> str:
    """Return standard padded base64."""
    return b64encode(plain).decode()


def packed(document: Any) -> dict[str, Any]:
    """Return the arguments of a request with a compressed body."""
    return {"content": gzip.compress(json.dumps(document).encode()), "headers": {"Content-Encoding": "gzip"}}


def error(found: Response) -> tuple[int, int, str]:
    """Return status, code and message of a refusal."""
    return found.status_code, found.json()["code"], found.json()["message"]


class TestEncryptAndDecrypt:
    def test_round_trip(self, client: TestClient) -> None:
        """A value travels as padded base64 both ways."""
        ciphertext = client.post(f"{S}/encrypt", json={"plaintext": b64(b"\x00\xff")}).json()["ciphertext"]

        assert len(b64decode(ciphertext, validate=True)) > 2
        assert {"plaintext": b64(b"\x00\xff")} == client.post(f"{S}/decrypt", json={"ciphertext": ciphertext}).json()

    def test_takes_null_for_the_empty_value(self, client: TestClient) -> None:
        """Null, as a Go client writes a nil slice, is the empty value, and a batch of null is empty."""
        ciphertext = client.post(f"{S}/encrypt", json={"plaintext": None}).json()["ciphertext"]
        batch = client.post(f"{S}/batch-encrypt", json={"plaintexts": [None]}).json()["ciphertexts"]

        assert {"plaintext": ""} == client.post(f"{S}/decrypt", json={"ciphertext": ciphertext}).json()
        assert {"plaintext": ""} == client.post(f"{S}/decrypt", json={"ciphertext": batch[0]}).json()
        assert {"ciphertexts": []} == client.post(f"{S}/batch-encrypt", json={"plaintexts": None}).json()
        assert {"plaintexts": {}} == client.post(f"{S}/batch-decrypt", json={"ciphertexts": None}).json()

    @pytest.mark.parametrize("body", [{}, {"plaintext": "not base64!"}, {"plaintext": "QQ"}, {"plaintext": 5}, [], "x", None])
    def test_refuses_rubbish_to_encrypt(self, client: TestClient, body: Any) -> None:
        """What is not base64 in the right place is a bad request."""
        assert (400, 400) == error(client.post(f"{S}/encrypt", json=body))[:2]

    @pytest.mark.parametrize("value", ["", "AAAA", "not base64!", None])
    def test_refuses_rubbish_to_decrypt(self, client: TestClient, value: Any) -> None:
        """A value that cannot be one is refused as damaged ones are: 400, never 5xx, which clients would repeat."""
        assert (400, 400, f"Bad Request: {REFUSAL}") == error(client.post(f"{S}/decrypt", json={"ciphertext": value}))

    def test_hides_the_stacks_of_others(self, client: TestClient, backend: Backend) -> None:
        """To a stranger the stack is missing in the very words for one that does not exist."""
        stranger = {"Authorization": f"token {make_user(backend, 'mallory')}"}
        bodies = {
            client.post(f"/api/stacks/{path}/decrypt", json={"ciphertext": "AAAA"}, headers=stranger).text.replace(path, "…")
            for path in ("acme/shop/dev", "acme/shop/none", "unknown/shop/dev")
        }

        assert {'{"code":404,"message":"Not Found: Stack \'…\' not found"}'} == bodies


class TestBatches:
    def test_of_a_thousand_large_values(self, client: TestClient) -> None:
        """A thousand values of 8 KiB go through in one request each way, in order, under keys spelled as sent."""
        plains = [b64(os.urandom(8192)) for _ in range(998)] + [b64(b""), b64(b"")]
        sealed = client.post(f"{S}/batch-encrypt", **packed({"plaintexts": plains}))
        ciphertexts = sealed.json()["ciphertexts"]
        opened = client.post(f"{S}/batch-decrypt", **packed({"ciphertexts": ciphertexts})).json()["plaintexts"]

        assert "gzip" == sealed.headers["Content-Encoding"]
        assert 1000 == len(opened)
        assert plains == [opened[ciphertext] for ciphertext in ciphertexts]

    def test_over_the_limit(self, client: TestClient) -> None:
        """Too many values are 413 in the wire's shape, on a connection that stays open."""
        found = client.post(f"{S}/batch-encrypt", **packed({"plaintexts": [""] * 20_001}))

        assert (413, 413) == error(found)[:2]
        assert 200 == client.post(f"{S}/batch-encrypt", json={"plaintexts": [""]}).status_code

    @pytest.mark.parametrize("body", [{"plaintexts": ["!"]}, {"plaintexts": "x"}, {"plaintexts": [5]}, []])
    def test_of_rubbish(self, client: TestClient, body: Any) -> None:
        """One value that is not base64 fails the batch."""
        assert (400, 400) == error(client.post(f"{S}/batch-encrypt", json=body))[:2]


class TestBudget:
    def test_of_every_call(self, client: TestClient, counter: Counter) -> None:
        """Each call costs two statements, whatever its size, two more to record a decryption, and no call for a known key."""
        ciphertext = client.post(f"{S}/encrypt", json={"plaintext": b64(b"x")}).json()["ciphertext"]
        for call, statements, body in (
            ("encrypt", 2, {"plaintext": b64(b"x")}),
            ("decrypt", 4, {"ciphertext": ciphertext}),
            ("batch-encrypt", 2, {"plaintexts": [b64(b"x")] * 100}),
            ("batch-decrypt", 4, {"ciphertexts": [ciphertext] * 100}),
        ):
            counter.reset()

            assert 200 == client.post(f"{S}/{call}", json=body).status_code
            assert (statements, 0, 0, 0) == counter.cost, call


class TestLogDecryption:
    @pytest.mark.parametrize(
        ("call", "body"), [("log-decryption", {"secretName": "k"}), ("log-batch-decryption", {"commandName": "pulumi config"})]
    )
    def test_is_accepted(self, client: TestClient, call: str, body: dict[str, str]) -> None:
        """A client's report of what it decrypted is taken with an empty reply."""
        found = client.post(f"{S}/decrypt/{call}", json=body)

        assert (204, b"") == (found.status_code, found.content)

    def test_needs_a_stack(self, client: TestClient) -> None:
        """A report about a stack that does not exist is refused."""
        assert 404 == client.post("/api/stacks/acme/shop/none/decrypt/log-decryption", json={}).status_code
