"""Secrets of another stack, and many secrets in one request."""

import gzip
import json
import os
from base64 import b64encode
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.ports.keys.data_keys import DataKeys
from tests.counting import Counter
from tests.factories.clients import make_client
from tests.factories.people import make_user
from tests.wire import create_stack, error_of


def sealed(client: TestClient, stack: str, plain: str) -> str:
    """Return a value encrypted for a stack."""
    return str(client.post(f"{stack}/encrypt", json={"plaintext": plain}).json()["ciphertext"])


class TestCiphertextOfAnotherStack:
    @pytest.fixture
    def stacks(self, client: TestClient) -> tuple[str, str]:
        """Two stacks."""
        return create_stack(client, "a"), create_stack(client, "b")

    def test_is_a_bad_request_and_not_a_fault(self, client: TestClient, stacks: tuple[str, str], counter: Counter) -> None:
        """A value of another stack, a damaged one and rubbish are 400 in the same words, with at most one call for the key."""
        foreign = sealed(client, stacks[0], "aHVudGVyMg==")
        swapped = foreign[:-4] + foreign[-2:] + foreign[-4:-2]
        answers = []
        for value in (foreign, "", "AAAA", "not base64!", swapped):
            counter.reset()
            answers.append(error_of(client.post(f"{stacks[1]}/decrypt", json={"ciphertext": value})))
            assert counter.keys <= 1

        assert 1 == len(set(answers))
        assert (400, 400) == answers[0][:2]
        for word in ("belongs to another stack", "damaged"):
            assert word in answers[0][2]
        assert "hunter2" not in answers[0][2]

    def test_fails_a_batch_as_a_whole(self, client: TestClient, stacks: tuple[str, str]) -> None:
        """One bad value refuses the batch, so that no client takes a part for all."""
        good, foreign = sealed(client, stacks[1], "eA=="), sealed(client, stacks[0], "eA==")

        assert (400, 400) == error_of(client.post(f"{stacks[1]}/batch-decrypt", json={"ciphertexts": [good, foreign]}))[:2]

    def test_tells_a_stranger_nothing(self, client: TestClient, backend: Backend, stacks: tuple[str, str]) -> None:
        """Who may not see the stack gets the answer for one that does not exist."""
        stranger = {"Authorization": f"token {make_user(backend, 'mallory')}"}
        value = {"ciphertext": sealed(client, stacks[1], "eA==")}
        found = [client.post(f"/api/stacks/acme/shop/{name}/decrypt", json=value, headers=stranger) for name in ("b", "none")]

        assert [(404, 404, f"Not Found: Stack 'acme/shop/{name}' not found") for name in ("b", "none")] == [*map(error_of, found)]


class TestManySecrets:
    def test_a_large_batch_goes_through(self, client: TestClient) -> None:
        """Clients cut batches by count and not by size: a thousand values of 8 KiB pass in one request each way."""
        stack = create_stack(client)
        plains = [b64encode(os.urandom(8192)).decode() for _ in range(997)] + ["", "eA==", "eA=="]
        packed = {
            "content": gzip.compress(json.dumps({"plaintexts": plains}).encode(), 1),
            "headers": {"Content-Encoding": "gzip"},
        }
        reply = client.post(f"{stack}/batch-encrypt", **packed)  # type: ignore[arg-type]
        ciphertexts = reply.json()["ciphertexts"]
        opened = client.post(f"{stack}/batch-decrypt", json={"ciphertexts": [*ciphertexts, ciphertexts[0]]}).json()["plaintexts"]

        assert "gzip" == reply.headers["Content-Encoding"]
        assert 1000 == len(set(ciphertexts)) == len(opened)
        assert plains == [opened[one] for one in ciphertexts]

    def test_many_single_values_cost_one_key(self, client: TestClient, backend: Backend, counter: Counter) -> None:
        """A referenced stack's secrets may come one by one: none is refused, and a new process asks for the key once."""
        stack = create_stack(client)
        values = [sealed(client, stack, b64encode(str(number).encode()).decode()) for number in range(60)]
        another = make_client(replace(backend, data_keys=DataKeys(backend.keys, backend.clock)))
        counter.reset()
        statuses = {another.post(f"{stack}/decrypt", json={"ciphertext": value}).status_code for value in values}

        assert ({200}, 1) == (statuses, counter.keys)
