"""Azurite, Microsoft's own emulator of Blob Storage: installed from npm into the cache, and run by the tests that need it."""

from __future__ import annotations

import secrets
import socket
import subprocess
import time
from pathlib import Path

from tests.e2e.server import free_port
from tests.hosts.certificate import Certificate
from tests.node_packages import installed

FOLDER = Path(__file__).parent / "azurite"
START_LIMIT_SECONDS = 60
# The account and key that every copy of Azurite has; they are in its documentation and open nothing else.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class Azurite:
    """The emulator in a process of its own, in memory; with a certificate it speaks TLS and takes tokens too."""

    def __init__(self, folder: Path, certificate: Certificate | None = None) -> None:
        self.port = free_port()
        self.domain = f"127.0.0.1:{self.port}"
        self._folder, self._certificate = folder, certificate
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        command = [_program(), "--blobHost", "127.0.0.1", "--blobPort", str(self.port)]
        command += ["--inMemoryPersistence", "--skipApiVersionCheck", "--silent", "--disableTelemetry"]
        if self._certificate is not None:
            command += ["--oauth", "basic", "--cert", str(self._certificate.certificate), "--key", str(self._certificate.key)]
        with (self._folder / "azurite.log").open("wb") as log:
            self._process = subprocess.Popen(command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + START_LIMIT_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        said = (self._folder / "azurite.log").read_text(errors="replace")[-2000:]
        raise AssertionError(f"Azurite does not listen after {START_LIMIT_SECONDS} s\n{said}")

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)

    def new_container(self) -> str:
        """Make an empty container and return its name."""
        from azure.storage.blob import BlobServiceClient

        name = f"box-{secrets.token_hex(6)}"
        scheme = "https" if self._certificate else "http"
        verify = str(self._certificate.certificate) if self._certificate else True
        credential = {"account_name": ACCOUNT, "account_key": KEY}
        with BlobServiceClient(f"{scheme}://{self.domain}/{ACCOUNT}", credential, connection_verify=verify) as service:
            service.create_container(name)
        return name


def _program() -> str:
    """The installed command; installs what the lock file pins if it is not there yet."""
    return str(installed(FOLDER, "the tests of Azure Blob Storage need npm, to install Azurite") / ".bin" / "azurite-blob")
