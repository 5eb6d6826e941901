"""Makes stacks and updates for tests, through the services that requests go through; one function a thing."""

from base64 import b64encode
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select

from common.backend import Backend
from common.core.compression import unpack
from common.db.tables.stacks import stacks
from common.db.tables.stacks import updates as updates_table
from common.rights.caller import Caller
from common.stacks.model import Kind, StackPath
from common.stacks.service import lifecycle, secrets
from common.stacks.service.lifecycle import NewStack
from common.stacks.state import service as state
from common.stacks.updates.leases import Lease
from common.stacks.updates.model import Client, Completion, Program, StartedUpdate, StartRequest
from common.stacks.updates.service import completion, progress
from common.stacks.updates.service import start as updates
from tests.factories.people import ORG
from tests.stacks.engine.builders import VERSION, dump, entry, make_batch, make_resource, names

CLIENT = Client(origin="192.0.2.7 (pulumi v3.274.1 on linux)", cli_version=VERSION)


@dataclass(frozen=True, slots=True)
class Running:
    """A started update."""

    path: StackPath
    id: str
    lease: Lease
    started: StartedUpdate


def make_stack(
    backend: Backend,
    caller: Caller,
    name: str = "dev",
    *,
    project: str = "shop",
    org: str = ORG,
    tags: dict[str, str] | None = None,
    state: bytes | None = None,
) -> StackPath:
    """Make a stack and return its path."""
    lifecycle.create(backend, caller, org, project, NewStack(name, tags or {}, state))
    return StackPath(org, project, name)


def stack_id_of(backend: Backend, name: str) -> str:
    """Return the id of a live stack."""
    with backend.db.connect() as connection:
        return str(connection.scalar(select(stacks.c.id).where(stacks.c.name == name, stacks.c.live == 1)))


def make_program(*, dry_run: bool = False, **members: Any) -> Program:
    """Return a request that creates an update."""
    body = {"name": "shop", "runtime": "yaml", "options": {"dryRun": dry_run}, "config": {}, "metadata": {}, **members}
    return Program(dump(body), dry_run=dry_run)


def make_update(
    backend: Backend, caller: Caller, path: StackPath, *, kind: Kind = Kind.UPDATE, dry_run: bool = False, **members: Any
) -> str:
    """Make an update that is not started and return its id."""
    return updates.create(backend, caller, path, kind, make_program(dry_run=dry_run, **members)).update_id


def start(
    backend: Backend, caller: Caller, path: StackPath, update_id: str, *, tags: dict[str, str] | None = None, journal: int = 2
) -> Running:
    """Start a created update."""
    started = updates.start(backend, caller, path, update_id, request=StartRequest(tags, journal), client=CLIENT)
    return Running(path, update_id, Lease(update_id), started)


def make_running(
    backend: Backend, caller: Caller, path: StackPath, *, kind: Kind = Kind.UPDATE, dry_run: bool = False, journal: int = 2
) -> Running:
    """Make an update and start it."""
    return start(backend, caller, path, make_update(backend, caller, path, kind=kind, dry_run=dry_run), journal=journal)


def record(backend: Backend, update: Running, *entries: dict[str, Any]) -> None:
    """Send one batch of journal entries."""
    batch = make_batch(*entries)
    progress.append_journal(backend, update.lease, batch, batch)


def record_events(backend: Backend, update: Running, *events: dict[str, Any]) -> None:
    """Send one batch of engine events."""
    batch = dump({"events": list(events)})
    progress.append_events(backend, update.lease, batch, batch)


def complete(backend: Backend, update: Running, how: Completion = Completion.SUCCEEDED) -> None:
    """Completes a running update."""
    completion.complete(backend, update.lease, how)


def creation(name: str, step: int, **members: Any) -> list[dict[str, Any]]:
    """Return the two entries that report the creation of a resource, numbered by their step."""
    made = make_resource(name, **members)
    begin = entry(2 * step - 1, 0, step, operation={"resource": made, "type": "creating"})
    return [begin, entry(2 * step, 1, step, state=made)]


def beginning(name: str, step: int) -> dict[str, Any]:
    """Return the entry that reports the beginning of a creation alone."""
    return creation(name, step)[0]


def make_version(backend: Backend, caller: Caller, path: StackPath, *resources: str) -> None:
    """Run a whole update that creates resources beside those that are there."""
    update = make_running(backend, caller, path)
    record(backend, update, *(one for step, name in enumerate(resources, 1) for one in creation(name, step)))
    complete(backend, update)


def update_row(backend: Backend, update_id: str) -> Row[Any]:
    """Return an update's row."""
    with backend.db.connect() as connection:
        return connection.execute(select(updates_table).where(updates_table.c.id == update_id)).one()


def import_state(backend: Backend, caller: Caller, path: StackPath, text: bytes) -> str:
    """Import a state and return the id of the update."""
    return state.import_state(backend, caller, state.require_import(backend, caller, path), text)


def exported(backend: Backend, caller: Caller, path: StackPath, version: int | None = None) -> bytes:
    """Return the text of the stack's newest state, or of a version."""
    return unpack(
        state.export(backend, caller, path) if version is None else state.export_version(backend, caller, path, version)
    )


def exported_names(backend: Backend, caller: Caller, path: StackPath) -> list[str]:
    """Return the names of the resources in the stack's newest state, in order."""
    return names(exported(backend, caller, path))


def make_ciphertext(backend: Backend, caller: Caller, path: StackPath, plain: bytes = b"x") -> str:
    """Return a value encrypted for a stack, as the wire has it."""
    return b64encode(secrets.encrypt(backend, caller, path, plain)).decode()
