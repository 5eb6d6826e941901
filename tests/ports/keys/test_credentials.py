"""Credentials of clouds: however many threads begin at once, one of them asks for the process."""

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest

from common.ports import aws, azure
from common.ports.aws import Access
from tests.hosts.identity import ManagedIdentity
from tests.hosts.loopback import Loopback, Reply, Request

THREADS = 16


class TaskRole(Loopback):
    """A stand-in for the endpoint that gives a container the credentials of its role; `asked` counts."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.asked = 0

    def _answer(self, _request: Request) -> Reply:
        self.asked += 1
        # Long enough for all threads to be there.
        time.sleep(0.3)
        until = (datetime.now(UTC) + timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M:%SZ")
        given = {"AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "example", "Token": "example", "Expiration": until}
        return Reply(200, json.dumps(given).encode(), {"Content-Type": "application/json"})


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without any cloud's settings."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "AZURE_", "IDENTITY_", "MSI_")):
            monkeypatch.delenv(name)
    return monkeypatch


def test_aws_is_asked_once_by_sixteen_cold_threads(bare: pytest.MonkeyPatch) -> None:
    """Clients of KMS and S3, and the login to the database, share what the container's role gave."""
    with TaskRole() as role:
        bare.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{role.url}/credentials")
        bare.setenv("AWS_EC2_METADATA_DISABLED", "true")
        bare.setenv("AWS_CONFIG_FILE", "/nowhere")
        bare.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
        together = Barrier(THREADS)

        def begin(number: int) -> str:
            together.wait(10)
            if number % 4 == 0:
                return aws.credential_source(Access("eu-central-1"))()[0]
            client = aws.connect("kms" if number % 2 else "s3", Access("eu-central-1"))
            return str(client._request_signer._credentials.get_frozen_credentials().access_key)

        with ThreadPoolExecutor(THREADS) as pool:
            assert ["AKIDEXAMPLE"] * THREADS == list(pool.map(begin, range(THREADS)))
        assert 1 == role.asked


def test_azure_is_asked_once_by_sixteen_cold_threads(bare: pytest.MonkeyPatch) -> None:
    """Clients of Key Vault share the token that the function's identity gave."""
    with ManagedIdentity() as identity:
        for name, value in identity.environment.items():
            bare.setenv(name, value)
        together = Barrier(THREADS)

        def begin(_: int) -> str:
            together.wait(10)
            return str(azure.credential().get_token_info("https://vault.azure.net/.default").token)

        with ThreadPoolExecutor(THREADS) as pool:
            assert 1 == len(set(pool.map(begin, range(THREADS))))
        assert ["https://vault.azure.net"] == identity.issued
