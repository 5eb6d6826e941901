"""A configuration over 64 kB is kept in the store for large configuration, and comes back as it was sent."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from common.backend import Backend
from common.db.tables.stacks import updates
from common.ports.blobs import Bucket
from common.ports.blobs.files import Files
from common.rights.caller import Caller
from common.stacks.service.blobs import delete_unused
from common.stacks.updates.programs import ROW_LIMIT_BYTES
from functions.http.app import create_app
from tests.factories.people import ADMIN_TOKEN
from tests.wire import begin, create_stack, create_update, program

S = "/api/stacks/acme/shop/dev"
LARGE = {"shop:k": {"string": "é😀" * 40_000, "secret": False}, "shop:n": {"string": "1.0"}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a store of its own for large configuration."""
    found = tmp_path / "metadata"
    found.mkdir()
    return found


@pytest.fixture
def client(backend: Backend, admin: Caller, folder: Path) -> TestClient:
    """A client of a server with that store."""
    assert admin.site_admin
    apart = replace(backend, metadata=Bucket(Files(folder)))
    return TestClient(create_app(apart), headers={"Authorization": f"token {ADMIN_TOKEN}"}, raise_server_exceptions=False)


def files_in(folder: Path) -> list[Path]:
    """Return the files below a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]


def kept(backend: Backend) -> list[str]:
    """Return what the rows of updates keep of their requests, but for the stack's creation."""
    with backend.db.connect() as connection:
        return list(
            connection.scalars(select(updates.c.program).where(updates.c.kind != "create").order_by(updates.c.created_at))
        )


def updated(client: TestClient, **config: Any) -> dict[str, Any]:
    """Run an update with a configuration and return it as the history shows it."""
    begin(client, S, config=config).complete()
    found: dict[str, Any] = client.get(f"{S}/updates/latest").json()
    return found


class TestLargeConfiguration:
    @pytest.mark.parametrize("call", ["update", "begin-update"])
    def test_is_in_its_store_and_not_in_the_database(self, client: TestClient, backend: Backend, folder: Path, call: str) -> None:
        """Either way to create an update puts it there; every read of the history has it, member for member."""
        create_stack(client)
        if call == "update":
            found = updated(client, **LARGE)
        else:
            body = {"updateKind": "update", "program": program(config=LARGE), "tags": None, "journalVersion": 2}
            begun = client.post(f"{S}/begin-update", json=body).json()
            lease = {"Authorization": f"update-token {begun['token']}"}
            client.post(f"{S}/update/{begun['updateID']}/complete", json={"status": "succeeded"}, headers=lease)
            found = client.get(f"{S}/updates/latest").json()

        assert ([""], 1) == (kept(backend), len(files_in(folder)))
        listed = client.get(f"{S}/updates").json()["updates"][0]
        assert LARGE == found["info"]["config"] == listed["config"] == client.get(f"{S}/updates/1").json()["info"]["config"]

    def test_of_a_preview(self, client: TestClient, folder: Path) -> None:
        """Previews have configurations too."""
        create_stack(client)
        preview = begin(client, S, dry_run=True, config=LARGE)

        assert 1 == len(files_in(folder))
        assert LARGE == client.get(f"{S}/previews/{preview.id}").json()["info"]["config"]

    def test_that_was_lost_is_named(self, client: TestClient, folder: Path) -> None:
        """A lost one is told where it matters; lists go on, so that one does not take the others along."""
        create_stack(client)
        updated(client, **LARGE)
        for path in files_in(folder):
            path.unlink()
        found = client.get(f"{S}/updates/latest")

        assert 500 == found.status_code
        assert "programs/" in found.json()["message"]
        assert [{}] == [one["config"] for one in client.get(f"{S}/updates").json()["updates"]]
        assert 200 == client.get(f"{S}/update/1/events").status_code


class TestSmallConfiguration:
    def test_stays_in_the_row(self, client: TestClient, backend: Backend, folder: Path) -> None:
        """Up to 64 kB nothing else is asked."""
        create_stack(client)
        small = {"shop:k": {"string": "x" * (ROW_LIMIT_BYTES - 1000)}}

        assert small == updated(client, **small)["info"]["config"]
        assert small == json.loads(kept(backend)[0])["config"]
        assert [] == files_in(folder)


class TestSweep:
    def test_keeps_what_an_update_has_and_removes_the_rest(self, client: TestClient, backend: Backend, folder: Path) -> None:
        """What a crash left before its row was written, and what a purged stack had, goes after a day."""
        create_stack(client)
        create_update(client, S, config=LARGE)
        bucket = Bucket(Files(folder))
        bucket.put("programs/01a229e2-0000-7000-8000-000000000000/01a229e2-0000-7000-8000-000000000001", b"{}")
        for path in files_in(folder):
            os.utime(path, (0, 0))
        apart = replace(backend, metadata=bucket)
        after = ""
        for _ in range(5):
            _, after = delete_unused(apart, after)
            if not after:
                break

        assert 1 == len(files_in(folder))
        assert "000000000001" not in files_in(folder)[0].name
