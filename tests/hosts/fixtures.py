"""Fixtures of the stand-ins for Azure, for the tests of every folder: the root's conftest.py loads them."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.cli import Server
from tests.e2e.server import ServerProcess
from tests.hosts.azure_app import AzureApp, build_package
from tests.hosts.azurite_process import ACCOUNT, Azurite
from tests.hosts.certificate import Certificate
from tests.hosts.identity import ManagedIdentity
from tests.hosts.keyvault import KeyVault
from tests.mysql.shared import SharedServer

# What the SDKs' chain of credentials would find on a developer's machine, and must not find in a test.
_FOREIGN = ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID", "MSI_ENDPOINT", "AZURE_FEDERATED_TOKEN_FILE")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for 127.0.0.1."""
    return Certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def managed_identity(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> Iterator[ManagedIdentity]:
    """The identity of an Azure function, in this process's environment; the stand-ins' certificate is trusted."""
    with ManagedIdentity() as identity:
        for name in _FOREIGN:
            monkeypatch.delenv(name, raising=False)
        for name, value in {**identity.environment, "REQUESTS_CA_BUNDLE": str(certificate.certificate)}.items():
            monkeypatch.setenv(name, value)
        yield identity


@pytest.fixture
def vault(certificate: Certificate, managed_identity: ManagedIdentity) -> Iterator[KeyVault]:
    """An empty vault that the managed identity may use."""
    with KeyVault(certificate) as vault:
        yield vault


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """Azurite over plain HTTP, by account key."""
    process = Azurite(tmp_path_factory.mktemp("azurite"))
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="session")
def azurite_with_tokens(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[Azurite]:
    """Azurite over TLS, which takes the tokens of a managed identity."""
    process = Azurite(tmp_path_factory.mktemp("azurite-tokens"), certificate)
    process.start()
    yield process
    process.stop()


@dataclass(frozen=True, slots=True)
class AzureServices:
    """What an installation on Azure consists of, beside the function app: an empty one, and the settings that lead there."""

    settings: dict[str, str]
    vault: KeyVault
    identity: ManagedIdentity
    container: str


@pytest.fixture(scope="session")
def azure_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packed function app, unpacked; built once in a test run."""
    base = tmp_path_factory.getbasetemp()
    return build_package(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)


@pytest.fixture(scope="session")
def new_azure_services(
    mysql_server: SharedServer, azurite_with_tokens: Azurite, certificate: Certificate
) -> Iterator[Callable[[], AzureServices]]:
    """Make empty installations: MySQL, Blob Storage and a Key Vault, both of which take the function's own identity."""
    with ExitStack() as stack:

        def make() -> AzureServices:
            identity = stack.enter_context(ManagedIdentity())
            vault = stack.enter_context(KeyVault(certificate))
            vault.rotate("master")
            container = azurite_with_tokens.new_container()
            settings = {
                **mysql_server.settings(stack.enter_context(mysql_server.fresh())),
                **identity.environment,
                "REQUESTS_CA_BUNDLE": str(certificate.certificate),
                "PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT": f"azblob://{container}?protocol=https",
                "AZURE_STORAGE_ACCOUNT": ACCOUNT,
                "AZURE_STORAGE_DOMAIN": azurite_with_tokens.domain,
                "PULUMI_AZURE_KV_URI": vault.url,
                "PULUMI_AZURE_KV_KEY_NAME": "master",
                "STACKHOLD_BOOTSTRAP_TOKEN": f"pul-{secrets.token_hex(20)}",
                "STACKHOLD_BOOTSTRAP_ORG": "acme",
            }
            return AzureServices(settings, vault, identity, container)

        yield make


@pytest.fixture(scope="session")
def azure_server(
    azure_package: Path, new_azure_services: Callable[[], AzureServices], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The packed function app on an installation of its own, prepared by its timer."""
    services = new_azure_services()
    app = AzureApp(azure_package, services.settings, tmp_path_factory.mktemp("azure") / "app.log")
    app.start()
    assert app.fire("jobs") == (202, ""), app.log
    yield Server(app.url, services.settings["STACKHOLD_BOOTSTRAP_TOKEN"], services.settings["STACKHOLD_BOOTSTRAP_ORG"])
    app.stop()


@pytest.fixture(scope="session")
def azure_backed_server(
    new_azure_services: Callable[[], AzureServices], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server process of one's own whose database, documents and key are on Azure's services."""
    process = ServerProcess(tmp_path_factory.mktemp("azure-backed") / "data")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in new_azure_services().settings.items():
            patch.setenv(name, value)
        process.start()
    yield process.server
    process.stop()
