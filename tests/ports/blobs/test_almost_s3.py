"""Stores that are almost S3, from the start of a server to the export of a state."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from common.backend import Backend, open_backend
from common.config import object_stores
from common.config.database import DATABASE_FILE
from common.config.plan import make_plan
from common.config.settings import Settings
from common.core.errors import StartUpError
from common.installation.checks import prepare, require_stores
from functions.http.app import create_app
from functions.server.doctor import examine
from tests.aws.moto_process import CREDENTIALS
from tests.aws.odd_store import Habit, OddStore, odd_store
from tests.factories.people import ADMIN_TOKEN, make_admin
from tests.stacks.engine.builders import make_resource, make_state
from tests.wire import begin, create_stack, export, resources_of

pytestmark = pytest.mark.dialects("sqlite")


CHECKPOINTS = object_stores.CHECKPOINTS.name


@pytest.fixture(params=[Habit.KNOWS_NO_CHECKSUMS, Habit.WANTS_CHECKSUMS], ids=["knows none", "wants one"])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[OddStore]:
    """An odd store, and credentials for it."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with odd_store(request.param) as opened:
        yield opened


@pytest.fixture
def settings(store: OddStore, tmp_path: Path, migrated_database: Path) -> Settings:
    """The settings of an installation on that store."""
    found = Settings({"STACKHOLD_DATA": str(tmp_path / "data"), CHECKPOINTS: store.address})
    prepare(make_plan(found))
    shutil.copyfile(migrated_database, tmp_path / "data" / DATABASE_FILE)
    return found


@pytest.fixture
def opened(settings: Settings) -> Iterator[Backend]:
    """The installation, opened."""
    backend = open_backend(settings)
    make_admin(backend)
    yield backend
    backend.close()


class TestAlmostS3:
    def test_serves_an_update(self, opened: Backend, settings: Settings, store: OddStore) -> None:
        """A start, a checkpoint of several megabytes and its export work without any setting for it."""
        require_stores(make_plan(settings))
        with TestClient(create_app(opened), headers={"Authorization": f"token {ADMIN_TOKEN}"}) as client:
            stack = create_stack(client)
            update = begin(client, stack, journal=0)
            text = "".join(f"{number:x}" for number in range(1_500_000))
            assert update.checkpoint(make_state(make_resource("big", outputs={"text": text}))).status_code in (200, 204)
            assert update.complete().status_code in (200, 204)
            (found,) = resources_of(export(client, stack))

        assert text == found["outputs"]["text"]
        assert store.objects
        uploads = [headers for headers in store.uploads if headers.get("content-type") == "application/json"]
        assert {"gzip"} == {headers["content-encoding"] for headers in uploads}


class TestDoctor:
    def test_names_the_option_to_set(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A store that wants what is not sent by default is found by the probe, and the option for it is named."""
        for name, value in CREDENTIALS.items():
            monkeypatch.setenv(name, value)
        with odd_store(Habit.WANTS_NEW_CHECKSUMS) as odd:
            finding = examine(Settings({"STACKHOLD_DATA": str(tmp_path), CHECKPOINTS: odd.address}), "0")
            mended = examine(
                Settings(
                    {"STACKHOLD_DATA": str(tmp_path), CHECKPOINTS: f"{odd.address}&request_checksum_calculation=when_supported"}
                ),
                "0",
            )

        assert not finding.is_well
        assert any(CHECKPOINTS in line and "request_checksum_calculation=when_supported" in line for line in finding.lines[-3:])
        assert mended.is_well
        assert any("checksums when_supported" in line for line in mended.lines)

    def test_tells_at_the_start_too(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The same stops a start, so that no update meets it in the middle."""
        for name, value in CREDENTIALS.items():
            monkeypatch.setenv(name, value)
        with (
            odd_store(Habit.FORBIDS) as odd,
            pytest.raises(StartUpError, match=f"{CHECKPOINTS}: the object store cannot be used .bucket box at .*: AccessDenied"),
        ):
            require_stores(make_plan(Settings({"STACKHOLD_DATA": str(tmp_path), CHECKPOINTS: odd.address})))
