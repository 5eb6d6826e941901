"""A whole installation on AWS's stand-ins: MySQL, S3, KMS, the packed functions, and the gateway in front of them."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.aws.artifact import Artifact
from tests.aws.gateway_front import Front, Function
from tests.aws.moto_process import Moto
from tests.aws.runtime_api import Environment
from tests.e2e.cli import Server
from tests.e2e.server import ServerProcess
from tests.mysql.shared import SharedServer

TOKEN, ORG = "pul-" + "c3" * 20, "acme"
LONG_SECONDS = 180.0
JOBS_EVENT = {
    "version": "0",
    "id": "1",
    "account": "123456789012",
    "region": "eu-west-1",
    "source": "aws.events",
    "detail-type": "Scheduled Event",
    "time": "2026-01-01T00:00:00Z",
    "resources": ["arn:aws:events:eu-west-1:123456789012:rule/jobs"],
    "detail": {},
}


@dataclass(frozen=True, slots=True)
class Installation:
    """Where it is served, how one signs in, and its parts."""

    url: str
    environment: dict[str, str]
    api: Function
    jobs: Environment
    migrate: Environment
    token: str = TOKEN
    org: str = ORG


def settings(moto: Moto, server: SharedServer, database: str) -> dict[str, str]:
    """Return what template.yaml gives the functions, for a fresh bucket and key."""
    bucket = moto.make_bucket(f"states-{uuid.uuid4().hex}")
    return {
        **moto.environment,
        **server.settings(database),
        "PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT": bucket,
        "PULUMI_POLICY_PACK_BLOB_STORAGE_ENDPOINT": moto.make_bucket(f"packs-{uuid.uuid4().hex}"),
        "PULUMI_KMS_KEY": moto.make_key(),
        "STACKHOLD_THREADS": "1",
        "STACKHOLD_MIGRATE_AT_START": "false",
    }


@contextmanager
def installed(
    artifact: Artifact, moto: Moto, server: SharedServer, folder: Path, more: Mapping[str, str] | None = None
) -> Iterator[Installation]:
    """Yield an installation, perhaps with more settings, whose tables and administrator the migration function made."""
    with ExitStack() as stack:
        environment = {**settings(moto, server, stack.enter_context(server.fresh())), **(more or {})}
        code = artifact.code(environment)
        migrate = Environment(code, "aws.lambda_migrate.handler", folder / "migrate.log", timeout_seconds=LONG_SECONDS)
        stack.callback(migrate.close)
        answer = migrate.invoke({"token": TOKEN, "org": ORG})
        assert answer == {"problem": "", "administrator": "has the token"}, answer
        jobs = Environment(code, "aws.lambda_jobs.run_jobs", folder / "jobs.log", timeout_seconds=LONG_SECONDS)
        stack.callback(jobs.close)
        api = Function(code, "aws.lambda_api.handler", folder)
        stack.callback(api.close)
        front = Front(api.invoke_raw)
        stack.callback(front.close)
        yield Installation(front.url, environment, api, jobs, migrate)


@contextmanager
def served(moto: Moto, server: SharedServer, folder: Path) -> Iterator[Server]:
    """Yield a server of one's own on the same stand-ins: MySQL, S3 and KMS."""
    with server.fresh() as database:
        process = ServerProcess(folder / "data")
        # Only this server gets the settings, not the other programs that a test starts.
        with pytest.MonkeyPatch.context() as patch:
            for name, value in settings(moto, server, database).items():
                patch.setenv(name, value)
            for name in ("STACKHOLD_THREADS", "STACKHOLD_MIGRATE_AT_START"):
                patch.delenv(name)
            process.start()
        yield process.server
        process.stop()
