"""Runs moto's server, a stand-in for S3, KMS and STS, in a process of its own."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.reporting import missing_tool

REGION = "eu-west-1"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
}
START_SECONDS, STOP_SECONDS = 60.0, 60.0


@dataclass(frozen=True, slots=True)
class Moto:
    """A running server."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead an SDK there, and to nothing else."""
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": self.url, "AWS_EC2_METADATA_DISABLED": "true"}

    def client(self, service: str) -> Any:
        """A client of the plain SDK, for making what a test needs and for looking at what was stored."""
        import boto3

        return boto3.client(
            service, endpoint_url=self.url, region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing"
        )

    def make_bucket(self, name: str) -> str:
        """Make a bucket and return the address that an installation would be given."""
        self.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        return f"s3://{name}?region={REGION}&endpoint={self.url}&s3ForcePathStyle=true"

    def make_key(self) -> str:
        """Make a symmetric key and return its ARN."""
        return str(self.client("kms").create_key()["KeyMetadata"]["Arn"])


@contextmanager
def running_moto() -> Iterator[Moto]:
    """Yield a server on a free port."""
    try:
        import moto.server  # noqa: F401
    except ImportError:
        missing_tool("moto[server] is not installed: make setup")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    environment = {**os.environ, **CREDENTIALS}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            _await(f"http://127.0.0.1:{port}/moto-api/data.json", process)
            yield Moto(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def _await(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, f"moto ended with exit code {process.returncode}"
        try:
            with urllib.request.urlopen(url, timeout=5) as reply:
                json.load(reply)
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"moto does not answer after {START_SECONDS} s")
