"""The vendor's SDK for Python drives every operation against a server process, and decodes every reply."""

from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from common.backend import open_backend
from common.config.settings import Settings
from tests.aws.fixtures import moto_process
from tests.aws.moto_process import Moto
from tests.contract import sdk_scene
from tests.contract.sdk_scene import SCENES, Scene
from tests.dialects import NewDatabase
from tests.server.serving import serving
from tools.operations import Operation, Status, operations, status

__all__ = ["moto_process"]

# A module of a group registers its scenes when it is imported.
for _path in sorted(Path(__file__).parent.glob("sdk_*.py")):
    import_module(f"tests.contract.{_path.stem}")
# Operation → why no scene decodes its reply.
_NOT_IN_THE_SDK = "the SDK for Python has no such call"
_NO_SUCH_THING = "this release has no package or template that it could find"
UNDECODED: dict[str, str] = {
    **dict.fromkeys(
        (
            "list_policy_exceptions",
            "create_policy_exception",
            "remove_policy_exception",
            "get_policy_exception",
            "list_policy_findings",
            "get_policy_findings_compliance",
            "export_policy_findings",
            "get_policy_findings_filters",
            "get_policy_findings_metadata",
            "list_policy_findings_policies",
            "get_policy_finding",
            "update_policy_finding",
            "test_audit_log_export_s3_compatible_configuration",
        ),
        _NOT_IN_THE_SDK,
    ),
    **dict.fromkeys(("get_org_template_download", "get_package_version", "get_template_version"), _NO_SUCH_THING),
}
DONE = [row for row in operations() if status(row) is Status.DONE]
OPERATIONS = [row for row in DONE if row.op not in UNDECODED]


@pytest.fixture(scope="module")
def place(
    new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory, moto_process: Moto
) -> Iterator[tuple[str, Settings]]:
    """A server process, and the settings that lead beside it."""
    folder = tmp_path_factory.mktemp("sdk")
    environment = {"STACKHOLD_OUTBOUND_ALLOW": "127.0.0.1", **moto_process.environment}
    with new_database() as database, serving(folder, 1, {**environment, **database}) as served:
        yield served.url, Settings({"STACKHOLD_DATA": str(folder / ".stackhold"), **database})


@pytest.fixture
def where(place: tuple[str, Settings], moto_process: Moto) -> Iterator[Scene]:
    """An organization of the test's own on that server."""
    url, settings = place
    backend = open_backend(settings)
    yield replace(sdk_scene.start(url, backend), kms_key=moto_process.make_key())
    backend.close()


def test_every_operation_has_a_scene() -> None:
    """Every operation that this server has is decoded, or listed with the reason why it cannot be; no scene is for nothing."""
    assert sorted(row.op for row in OPERATIONS) == sorted(SCENES)
    assert [] == sorted(UNDECODED.keys() - {row.op for row in DONE})


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda row: row.op)
def test_the_sdk_drives(operation: Operation, where: Scene) -> None:
    """The scene of an operation calls just that operation, and the SDK understands the reply."""
    SCENES[operation.op](where)

    assert (operation.method, operation.path) in where.decoded
