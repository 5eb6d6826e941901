"""Use cases that create and start an update.

Creating one locks nothing. Starting a real update takes the stack's next version number, which is the lock; a dry run takes none
and waits for no other update (state.md 4).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import Conflict, TooManyRequests
from common.core.ids import new_id
from common.core.names import require_tags
from common.crypto.service_keys import lease_key
from common.db.faults import Contention, is_race
from common.db.retry import retry
from common.outbox import steps as outbox
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks import events, required_policies
from common.stacks import steps as stacks
from common.stacks.managed_environments import Publish, read_draft
from common.stacks.model import Kind, Outcome, Stack, StackPath
from common.stacks.repository import update_environments, versions
from common.stacks.retention.model import HOLD_TAG
from common.stacks.updates import finishing, leases, programs, stored_state
from common.stacks.updates.leases import LEASE_SECONDS
from common.stacks.updates.model import (
    Client,
    CreatedUpdate,
    InProgress,
    Program,
    StartedUpdate,
    StartRequest,
    negotiated_journal,
)
from common.stacks.updates.repository import updates
from common.stacks.updates.repository.updates import Run
from common.stacks.updates.steps import load_update, run_permission

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class _Start:
    """Who starts an update, with which client and which request."""

    caller: Caller
    request: StartRequest
    client: Client


def create(backend: Backend, caller: Caller, path: StackPath, kind: Kind, program: Program) -> CreatedUpdate:
    """Create an update, real or a dry run as its program says. It locks nothing."""
    stack = stacks.get_stack(backend, caller, path, run_permission(dry_run=program.dry_run))
    programs.require_small(program)
    update_id = new_id()
    row_program = programs.store(backend, stack.id, update_id, program)
    _store_environments(backend, stack, update_id, program)
    with backend.db.connect() as connection:
        is_added = updates.add(
            connection,
            update_id=update_id,
            stack=stack,
            kind=kind,
            program=row_program,
            user_id=caller.user_id,
            now_millis=unix_millis(backend.clock.now()),
            limit=backend.settings.updates_per_day,
        )
        if not is_added:
            raise _too_many(backend, stack)
        policies = required_policies.find_for_update(connection, backend, caller, stack)
    return CreatedUpdate(update_id, policies)


def start(
    backend: Backend,
    caller: Caller,
    path: StackPath,
    update_id: str,
    *,
    request: StartRequest,
    client: Client,
    publish: Publish | None = None,
) -> StartedUpdate:
    """Start a created update. InProgress while another update of the stack runs, Conflict if this one was started before.

    `publish` saves the draft of the stack's own environment that a real update was evaluated with.
    """

    def attempt() -> StartedUpdate:
        with backend.db.connect() as connection:
            stack, update = load_update(
                connection,
                caller,
                path,
                update_id,
                run_permission(dry_run=False),
                dry_run_permission=run_permission(dry_run=True),
            )
        publish_draft: Callable[[Connection], None] = _publish_nothing
        if not update.dry_run:
            _require_free(backend, stack)
            if publish is not None and stack.managed_environment is not None:
                publish_draft = _publishing(publish, stack, _program_text(backend, stack, update_id))
        run = _run(backend, stack, update_id, _Start(caller, request, client), dry_run=update.dry_run)
        has_new_tags = _has_new_tags(caller, stack, request)
        if has_new_tags or not update.dry_run:
            with backend.db.begin() as tx:
                if has_new_tags:
                    _update_tags(tx, stack, request.tags or {})
                if not update.dry_run:
                    finishing.go_on_without(tx, stack)
                is_started = updates.start(tx, stack, run)
                if is_started and not update.dry_run:
                    _record_start(tx, backend, caller, stack, run, kind=update.kind)
                    publish_draft(tx)
        else:
            with backend.db.connect() as connection:
                is_started = updates.start(connection, stack, run)
        if not is_started:
            raise Conflict(f"Update '{update_id}' was started before")
        return _started(backend, stack, run, request)

    return retry(attempt, when=is_race, attempts=_ATTEMPTS, failure=_stack_changes)


def begin(
    backend: Backend,
    caller: Caller,
    path: StackPath,
    *,
    kind: Kind,
    program: Program,
    request: StartRequest,
    client: Client,
    publish: Publish | None = None,
) -> StartedUpdate:
    """Create and start an update in one call; errors as in create and start."""
    limit = backend.settings.updates_per_day

    def attempt() -> StartedUpdate:
        stack = stacks.get_stack(backend, caller, path, run_permission(dry_run=program.dry_run))
        programs.require_small(program)
        publish_draft: Callable[[Connection], None] = _publish_nothing
        if not program.dry_run:
            _require_free(backend, stack)
            if publish is not None and stack.managed_environment is not None:
                publish_draft = _publishing(publish, stack, program.text)
        with backend.db.connect() as connection:
            policies = required_policies.find_for_update(connection, backend, caller, stack)
        run = _run(backend, stack, new_id(), _Start(caller, request, client), dry_run=program.dry_run)
        row_program = programs.store(backend, stack.id, run.update_id, program)
        _store_environments(backend, stack, run.update_id, program)
        has_new_tags = _has_new_tags(caller, stack, request)
        if has_new_tags or not program.dry_run:
            with backend.db.begin() as tx:
                if has_new_tags:
                    _update_tags(tx, stack, request.tags or {})
                if not program.dry_run:
                    finishing.go_on_without(tx, stack)
                is_added = updates.add_running(tx, stack, kind, row_program, caller.user_id, run=run, limit=limit)
                if is_added and not program.dry_run:
                    _record_start(tx, backend, caller, stack, run, kind=kind)
                    publish_draft(tx)
        else:
            with backend.db.connect() as connection:
                is_added = updates.add_running(connection, stack, kind, row_program, caller.user_id, run=run, limit=limit)
        if not is_added:
            raise _too_many(backend, stack)
        return replace(_started(backend, stack, run, request), required_policies=policies)

    return retry(attempt, when=is_race, attempts=_ATTEMPTS, failure=_stack_changes)


def _store_environments(backend: Backend, stack: Stack, update_id: str, program: Program) -> None:
    """Store the environments of an update, before its row is inserted; most stacks have none, and no statement for it."""
    if program.environments and not program.dry_run:
        with backend.db.connect() as connection:
            update_environments.add(connection, stack.id, update_id, program.environments)


def begin_with_base(
    backend: Backend,
    caller: Caller,
    path: StackPath,
    *,
    kind: Kind,
    program: Program,
    request: StartRequest,
    client: Client,
    limit_bytes: int,
    publish: Publish | None = None,
) -> tuple[StartedUpdate, bytes | None]:
    """Begin an update, and return its base state too, or None if that is larger than a limit as gzip.

    Errors as in begin; StateDamaged for a state that cannot be read, after which no update runs.
    """
    started = begin(backend, caller, path, kind=kind, program=program, request=request, client=client, publish=publish)
    try:
        return started, stored_state.base_text(backend, started.stack, limit_bytes)
    except stored_state.StateDamaged:
        # The client never gets to know this update, so it could not end it.
        finishing.finish(backend, started.update_id, Outcome.CANCELLED)
        raise


def _publishing(publish: Publish, stack: Stack, program: bytes) -> Callable[[Connection], None]:
    """Return what saves the draft that an update was evaluated with, if there is one."""
    draft = read_draft(program)
    return publish(stack, draft) if draft is not None else _publish_nothing


def _publish_nothing(_tx: Connection) -> None:
    """Change nothing: the update was evaluated with a revision, or its stack has no environment of its own."""


def _program_text(backend: Backend, stack: Stack, update_id: str) -> bytes:
    """Return the request that created an update."""
    with backend.db.connect() as connection:
        text = updates.get_program(connection, update_id)
    return text or programs.load_text(backend, stack.id, update_id)


def _require_free(backend: Backend, stack: Stack) -> None:
    """Raise InProgress while an update of the stack runs, Contention if its newest version has to be read again."""
    if stack.latest.is_busy(unix_millis(backend.clock.now())):
        raise InProgress(stack)
    if finishing.finish_if_abandoned(backend, stack) or finishing.rebuild_if_damaged(backend, stack):
        raise Contention(f"an update of stack '{stack.path}' was finished at the same time; try again")


def _run(backend: Backend, stack: Stack, update_id: str, start: _Start, *, dry_run: bool) -> Run:
    now_millis = unix_millis(backend.clock.now())
    return Run(
        update_id=update_id,
        version=None if dry_run else stack.latest.version + 1,
        now_millis=now_millis,
        lease_expires_at=now_millis + LEASE_SECONDS * 1000,
        journal_version=negotiated_journal(start.request.journal_version),
        client=start.client,
        token_id=start.caller.token_id,
    )


def _record_start(tx: Connection, backend: Backend, caller: Caller, stack: Stack, run: Run, *, kind: Kind) -> None:
    """Record the start of an update in the audit log, and queue it for webhooks if there are any."""
    description = f"Started update {run.version} of stack {stack.path}"
    audit.record(tx, backend, caller, stack.org_id, Event.UPDATE_STARTED, description=description)
    if stack.has_webhooks:
        event = events.started(events.Run(stack.id, stack.path, run.update_id, kind, dry_run=False, version=run.version))
        outbox.queue(tx, backend, [event])


def _started(backend: Backend, stack: Stack, run: Run, request: StartRequest) -> StartedUpdate:
    last_good = None
    if stack.latest.integrity_error is not None:
        with backend.db.connect() as connection:
            last_good = versions.find_last_good(connection, stack.id)
    return StartedUpdate(
        update_id=run.update_id,
        version=run.version if run.version is not None else stack.latest.version,
        token=leases.issue(lease_key(backend), run.update_id, stack.path),
        lease_expires_at=run.lease_expires_at,
        journal_version=run.journal_version,
        stack=stack,
        tags=request.tags if request.tags is not None else stack.tags,
        last_good=last_good,
    )


def _has_new_tags(caller: Caller, stack: Stack, request: StartRequest) -> bool:
    if request.tags is None or request.tags == stack.tags:
        return False
    require_tags(request.tags)
    # Clients send tags with previews too; a caller who may only read the stack does not change them.
    return stacks.may_on_stack(caller, stack, Permission.STACK_WRITE)


def _update_tags(tx: Connection, stack: Stack, tags: dict[str, str]) -> None:
    """Replace the tags of a stack with those that a client sends. A hold stays: it may be newer than what the client read."""
    hold = {name: value for name, value in stacks.lock_tags(tx, stack).items() if name == HOLD_TAG}
    stacks.update_tags(tx, stack, {**tags, **hold})


def _too_many(backend: Backend, stack: Stack) -> TooManyRequests:
    limit = backend.settings.updates_per_day
    return TooManyRequests(
        f"stack '{stack.path}' has had {limit:,} updates and previews within a day, which is the limit"
        " (STACKHOLD_UPDATES_PER_DAY); try again later",
        retry_after_seconds=3600,
    )


def _stack_changes() -> Conflict:
    return Conflict("the stack changes faster than this update can start; try again")
