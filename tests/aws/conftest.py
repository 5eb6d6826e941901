"""The packed artifact and an installation of it, made once for each test process that needs them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.aws.artifact import Artifact, artifact
from tests.aws.fixtures import moto, moto_process
from tests.aws.installation import Installation, installed
from tests.aws.moto_process import Moto
from tests.mysql.shared import SharedServer

__all__ = ["moto", "moto_process"]


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """The artifact."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "aws"
    shared.mkdir(exist_ok=True)
    return artifact(shared)


@pytest.fixture(scope="session")
def installation(
    packed: Artifact, moto_process: Moto, mysql_server: SharedServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """An installation, with an organization and its administrator."""
    with installed(packed, moto_process, mysql_server, tmp_path_factory.mktemp("lambda")) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for logs."""
    return tmp_path
