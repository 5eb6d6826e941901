import logging

import pytest
from starlette.testclient import TestClient

from common.core.errors import StartUpError
from functions.hosts.function_host import FunctionHost

REMOTE = {
    "PULUMI_DATABASE_ENDPOINT": "127.0.0.1:1",
    "PULUMI_DATABASE_USER_NAME": "stackhold",
    "PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT": "azblob://checkpoints",
    "AZURE_STORAGE_ACCOUNT": "acme",
    "PULUMI_AZURE_KV_URI": "https://acme.vault.azure.net",
    "PULUMI_AZURE_KV_KEY_NAME": "master",
}


class TestFunctionHost:
    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({}, "set PULUMI_DATABASE_ENDPOINT, PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT, PULUMI_KMS_KEY or PULUMI_AZURE_KV_URI"),
            ({**REMOTE, "STACKHOLD_THREADS": "many"}, "STACKHOLD_THREADS must be a whole number"),
            ({**REMOTE, "PULUMI_KMS_KEY": "alias/x"}, "PULUMI_KMS_KEY and PULUMI_AZURE_KV_URI are both set"),
            (REMOTE, "the database cannot be used"),
        ],
        ids=["nothing set", "bad value", "two key services", "no database"],
    )
    def test_that_cannot_serve_says_so(self, settings: dict[str, str], said: str, caplog: pytest.LogCaptureFixture) -> None:
        """Clients get a 503 in the wire's form without detail, and the log one line that names the setting."""
        host = FunctionHost(lambda: dict(settings))
        host.open()
        with caplog.at_level(logging.ERROR, "stackhold.host"):
            reply = TestClient(host).get("/api/user")

        assert (503, 503) == (reply.status_code, reply.json()["code"])
        assert "log" in reply.json()["message"]
        assert said not in reply.text
        assert said in caplog.text

    def test_looks_again_at_the_next_call(self, caplog: pytest.LogCaptureFixture) -> None:
        """What was wrong may have been put right meanwhile: nothing of a failed start is kept."""
        settings: dict[str, str] = {}
        host = FunctionHost(lambda: dict(settings))
        client = TestClient(host)
        client.get("/api/user")
        settings.update(REMOTE)
        client.get("/api/user")

        assert [
            "cannot keep data on its own disk" in record.message for record in caplog.records if record.name == "stackhold.host"
        ] == [True, False]

    def test_fails_a_tick_that_cannot_run(self) -> None:
        """A timer that cannot prepare fails, so that the platform shows it."""
        with pytest.raises(StartUpError, match="PULUMI_DATABASE_ENDPOINT"):
            FunctionHost(dict).tick()

    def test_knows_its_proxies(self) -> None:
        """The proxies that are believed come from the setting, and none are while nothing is opened."""
        host = FunctionHost(lambda: {**REMOTE, "STACKHOLD_TRUSTED_PROXIES": "10.0.0.1, 10.0.0.2"})
        before = host.trusted_proxies
        host.open()

        assert (frozenset(), frozenset({"10.0.0.1", "10.0.0.2"})) == (before, host.trusted_proxies)
