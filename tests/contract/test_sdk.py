"""The vendor's Python SDK drives every operation of people, access and webhooks against a server process, and decodes every reply."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from common.backend import open_backend
from common.config.settings import Settings
from tests.contract import sdk_scene
from tests.contract.sdk_scene import SCENES, Scene
from tests.dialects import NewDatabase
from tests.server.serving import serving
from tools.operations import Operation, operations

# A module of a group registers its scenes when it is imported.
for _path in sorted(Path(__file__).parent.glob("sdk_*.py")):
    import_module(f"tests.contract.{_path.stem}")
# What a complete server must have: what the command line needs in daily work, and what the other clients call.
LAST_TIER = 2
AREAS = re.compile(
    r"""/api/(?:
        capabilities | cli/version | user(?:/.*)?
        | orgs/\{orgName\}(?:/(?:metadata|bulk-transfer|restore-stack|members|invites|auditlogs(?!/export/config)|saml|teams|tokens|roles|assignments|oidc|auth|hooks)(?:/.*)?)?
        | stacks/(?:\{\w+\}/){3}(?:transfer|ownership|teams|collaborators|tags|metadata|hooks)(?:/.*)?
        | console/stacks/.*
        | oauth/token
    )""",
    re.VERBOSE,
)
OPERATIONS = [row for row in operations() if (row.tier <= LAST_TIER and AREAS.fullmatch(row.path)) or row.op in SCENES]


@pytest.fixture(scope="module")
def place(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Settings]]:
    """A server process, and the settings that lead beside it."""
    folder = tmp_path_factory.mktemp("sdk")
    with new_database() as database, serving(folder, 1, {"STACKHOLD_OUTBOUND_ALLOW": "127.0.0.1", **database}) as served:
        yield served.url, Settings({"STACKHOLD_DATA": str(folder / ".stackhold"), **database})


@pytest.fixture
def where(place: tuple[str, Settings]) -> Iterator[Scene]:
    """An organization of the test's own on that server."""
    url, settings = place
    backend = open_backend(settings)
    yield sdk_scene.start(url, backend)
    backend.close()


def test_every_operation_has_a_scene() -> None:
    """Upstream's table says which operations there are: none is left out, and no scene is for nothing."""
    assert sorted(row.op for row in OPERATIONS) == sorted(SCENES)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda row: row.op)
def test_the_sdk_drives(operation: Operation, where: Scene) -> None:
    """The scene of an operation calls just that operation, and the SDK understands the reply."""
    SCENES[operation.op](where)

    assert (operation.method, operation.path) in where.decoded
