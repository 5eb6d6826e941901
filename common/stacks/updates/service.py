"""The life of an update: create, start, renew, complete, cancel, and what becomes of those that are left alone.

Creating locks nothing. Starting a real update takes the stack's next version number, and that is the lock; a dry run
takes none and waits for nobody (state.md 4).
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import Conflict, Forbidden, NotFound, TooLarge, TooManyRequests
from common.core.ids import is_id, new_id
from common.core.names import require_tags
from common.db.faults import is_race
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks import steps as stacks
from common.stacks.model import FINISHING_MILLIS, Kind, Outcome, Stack, StackPath, Status
from common.stacks.updates import finishing, leases, programs
from common.stacks.updates import stored_state as state
from common.stacks.updates.leases import LEASE_SECONDS, Lease
from common.stacks.updates.model import Client, Completion, InProgress, Program, Start, Started, Update, negotiated_journal
from common.stacks.updates.repository import updates
from common.stacks.updates.repository.updates import Run

LOG = logging.getLogger("stackhold.updates")
EXPIRED = "The provided update token has expired."
CANCELLED = "The update was cancelled; its token is no longer valid."
PROGRAM_LIMIT_BYTES = 4 << 20
_ATTEMPTS = 5
GIVEN_UP_AFTER_SECONDS = 900
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Beginner:
    """Who starts an update, with which client, and what they want of it."""

    caller: Caller
    wanted: Start
    client: Client


def require_small(program: bytes) -> None:
    """Raise TooLarge for a program that takes more than one may: each update and preview keeps its own."""
    if len(program) > PROGRAM_LIMIT_BYTES:
        raise TooLarge(f"the update's configuration and metadata are larger than {PROGRAM_LIMIT_BYTES:,} bytes")


def create(backend: Backend, caller: Caller, path: StackPath, kind: Kind, program: Program) -> str:
    """Create an update, a dry run or a real one as its program says, and return its id. Nothing is locked."""
    stack = stacks.get_stack(backend, caller, path, _needed(dry_run=program.dry_run))
    require_small(program.text)
    update_id = new_id()
    kept = programs.store(backend, stack.id, update_id, program)
    with backend.db.connect() as connection:
        added = updates.add(
            connection,
            update_id=update_id,
            stack=stack,
            kind=kind,
            program=kept,
            user_id=caller.user_id,
            now_millis=unix_millis(backend.clock.now()),
            limit=backend.settings.updates_per_day,
        )
    if not added:
        raise _too_many(backend, stack)
    return update_id


def start(backend: Backend, caller: Caller, path: StackPath, update_id: str, *, wanted: Start, client: Client) -> Started:
    """Start a created update; InProgress when another update holds the stack, Conflict when this one started before."""

    def begin() -> Started:
        stack, update = get_update(
            backend,
            caller,
            path,
            update_id,
            Permission.STACK_WRITE,
            of_dry_run=_needed(dry_run=True),
        )
        if not update.dry_run:
            _require_free(backend, stack)
        run = _run(backend, stack, update_id, _Beginner(caller, wanted, client), dry_run=update.dry_run)

        def write() -> bool:
            if _has_new_tags(caller, stack, wanted):
                with backend.db.begin() as tx:
                    stacks.put_tags(tx, stack, wanted.tags or {})
                    return updates.start(tx, stack, run)
            with backend.db.connect() as connection:
                return updates.start(connection, stack, run)

        if not write():
            msg = f"Update '{update_id}' was started before"
            raise Conflict(msg)
        return _started(backend, stack, run, wanted)

    return _retried(begin)


def begin(
    backend: Backend,
    caller: Caller,
    path: StackPath,
    *,
    kind: Kind,
    program: Program,
    wanted: Start,
    client: Client,
) -> Started:
    """Create and start an update in one step; errors as in create and start."""
    limit = backend.settings.updates_per_day

    def once() -> Started:
        stack = stacks.get_stack(backend, caller, path, _needed(dry_run=program.dry_run))
        require_small(program.text)
        if not program.dry_run:
            _require_free(backend, stack)
        run = _run(backend, stack, new_id(), _Beginner(caller, wanted, client), dry_run=program.dry_run)
        kept = programs.store(backend, stack.id, run.update_id, program)
        if _has_new_tags(caller, stack, wanted):
            with backend.db.begin() as tx:
                stacks.put_tags(tx, stack, wanted.tags or {})
                added = updates.add_running(tx, stack, kind, kept, caller.user_id, run=run, limit=limit)
        else:
            with backend.db.connect() as connection:
                added = updates.add_running(connection, stack, kind, kept, caller.user_id, run=run, limit=limit)
        if not added:
            raise _too_many(backend, stack)
        return _started(backend, stack, run, wanted)

    return _retried(once)


def begin_with_base(
    backend: Backend,
    caller: Caller,
    path: StackPath,
    *,
    kind: Kind,
    program: Program,
    wanted: Start,
    client: Client,
    limit_bytes: int,
) -> tuple[Started, bytes | None]:
    """Begin an update, and return the state that it starts from as well, unless that takes more than a limit as gzip.

    Errors as in begin; StateDamaged for a state that cannot be read, with the stack left free.
    """
    started = begin(backend, caller, path, kind=kind, program=program, wanted=wanted, client=client)
    try:
        return started, state.base_text(backend, started.stack, limit_bytes)
    except state.StateDamaged:
        # The client never learns of this update, so that nobody would end it.
        finishing.finish(backend, started.update_id, Outcome.CANCELLED)
        raise


def renew(backend: Backend, lease: Lease, path: StackPath) -> tuple[str, int]:
    """Prolong the lease by its full length; returns (token, expiry in unix milliseconds). Forbidden when it is lost.

    A lease that ran out is renewed all the same if nobody took the stack: a laptop that slept loses nothing.
    """
    expires_at = unix_millis(backend.clock.now()) + LEASE_SECONDS * 1000
    with backend.db.connect() as connection:
        renewed = updates.renew(connection, lease.update_id, expires_at)
    if not renewed:
        raise refusal(backend, lease)
    return leases.issue(backend, lease.update_id, path), expires_at


def complete(backend: Backend, lease: Lease, completion: Completion) -> None:
    """End the update as its client says. A repeat succeeds; Forbidden when it was cancelled or somebody took the stack.

    Whoever may no longer write the stack ends it as cancelled. StateLost when the state could not be put together.
    """
    if finishing.finish(backend, lease.update_id, completion.outcome, is_holder=True):
        return
    with backend.db.connect() as connection:
        found = updates.find(connection, lease.update_id)
    if found is None:
        raise _unknown(lease.update_id)
    update = found.update
    if update.status is Status.RUNNING and not found.may_go_on:
        finishing.finish(backend, lease.update_id, Outcome.CANCELLED)
    if update.status is Status.FINISHING and (reason := finishing.conclude(backend, lease.update_id)):
        raise finishing.StateLost(reason)
    if update.outcome is Outcome.CANCELLED or not found.may_go_on:
        raise Forbidden(exact=f"Forbidden: {CANCELLED}")
    if update.outcome is Outcome.DAMAGED:
        finishing.try_again(backend, lease.update_id, completion.outcome)
    if update.outcome is Outcome.EXPIRED:
        if found.has_successor:
            raise Forbidden(exact=f"Forbidden: {EXPIRED}")
        with backend.db.connect() as connection:
            updates.complete_expired(connection, lease.update_id, completion.outcome)


def cancel(backend: Backend, caller: Caller, path: StackPath, update_id: str) -> None:
    """Cancel an update with all it recorded kept. A repeat succeeds; Conflict when it ended otherwise.

    One that was set aside is put together again; StateLost when that fails once more.
    """
    _stack, update = get_update(backend, caller, path, update_id, Permission.STACK_CANCEL_UPDATE)
    if update.status is Status.NOT_STARTED:
        with backend.db.connect() as connection:
            if updates.cancel_unstarted(connection, update_id, unix_millis(backend.clock.now())):
                return
    if finishing.finish(backend, update_id, Outcome.CANCELLED):
        return
    _stack, update = get_update(backend, caller, path, update_id, Permission.STACK_CANCEL_UPDATE)
    if update.status is Status.FINISHING:
        finishing.conclude(backend, update_id)
    if update.outcome is Outcome.DAMAGED:
        finishing.try_again(backend, update_id, Outcome.CANCELLED)
        return
    if update.outcome is not Outcome.CANCELLED:
        msg = f"Update '{update_id}' has already finished"
        raise Conflict(msg)


def get_update(
    backend: Backend,
    caller: Caller,
    path: StackPath,
    update_id: str,
    permission: Permission,
    *,
    of_dry_run: Permission | None = None,
) -> tuple[Stack, Update]:
    """Return the update and its stack; NotFound when the caller's stack has no such update.

    `of_dry_run` is what a dry run needs in place of `permission`, if that is something else.
    """
    missing = f"Stack '{path}' not found"
    membership = caller.require_member(path.org, missing=missing)
    found = None
    if is_id(update_id):
        with backend.db.connect() as connection:
            found = updates.find_with_stack(connection, membership.org_id, path, update_id, caller.principals(membership))
    if found is None:
        stacks.get_stack(backend, caller, path, permission)
        raise _unknown(update_id)
    needed = of_dry_run if of_dry_run is not None and found[1].dry_run else permission
    stacks.require_on_stack(caller, membership, found[0], needed)
    return found


def refusal(backend: Backend, lease: Lease) -> Forbidden | NotFound:
    """Return why a guarded statement found no good lease."""
    with backend.db.connect() as connection:
        found = updates.find(connection, lease.update_id)
    if found is None:
        return _unknown(lease.update_id)
    text = CANCELLED if found.update.outcome is Outcome.CANCELLED or not found.may_go_on else EXPIRED
    return Forbidden(exact=f"Forbidden: {text}")


def expire_leases(backend: Backend, limit: int) -> int:
    """Finish up to `limit` updates whose holders are gone; returns how many. For the job, which acts for no caller.

    One that cannot be finished does not hold up the others; it is tried again, and in the end set aside.

    A lease that ran out holds nobody up, so its update is left open for a while: a laptop that wakes can renew it.
    """
    now_millis = unix_millis(backend.clock.now())
    with backend.db.connect() as connection:
        updates.shorten_leases(connection, now_millis=now_millis, latest_millis=now_millis + LEASE_SECONDS * 1000)
        found = updates.abandoned(
            connection,
            lease_before=now_millis - GIVEN_UP_AFTER_SECONDS * 1000,
            finishing_before=now_millis - FINISHING_MILLIS,
            limit=limit,
        )
    return sum(_expire(backend, update_id, status) for update_id, status in found)


def _expire(backend: Backend, update_id: str, status: Status) -> bool:
    try:
        if status is Status.RUNNING:
            finishing.finish(backend, update_id, Outcome.EXPIRED)
        else:
            finishing.conclude(backend, update_id)
    except Exception:
        LOG.exception("update %s could not be finished and is tried again", update_id)
        return False
    return True


def _require_free(backend: Backend, stack: Stack) -> None:
    """Raise InProgress while somebody holds the stack; `_Again` after finishing an update whose holder is gone."""
    if stack.latest.is_busy(unix_millis(backend.clock.now())):
        raise InProgress(stack)
    if finishing.settle(backend, stack):
        raise _Again


def _run(backend: Backend, stack: Stack, update_id: str, beginner: _Beginner, *, dry_run: bool) -> Run:
    now_millis = unix_millis(backend.clock.now())
    return Run(
        update_id=update_id,
        version=None if dry_run else stack.latest.version + 1,
        now_millis=now_millis,
        lease_expires_at=now_millis + LEASE_SECONDS * 1000,
        journal_version=negotiated_journal(beginner.wanted.journal_version),
        client=beginner.client,
        token_id=beginner.caller.token_id,
    )


def _started(backend: Backend, stack: Stack, run: Run, wanted: Start) -> Started:
    return Started(
        update_id=run.update_id,
        version=run.version if run.version is not None else stack.latest.version,
        token=leases.issue(backend, run.update_id, stack.path),
        lease_expires_at=run.lease_expires_at,
        journal_version=run.journal_version,
        stack=stack,
        tags=wanted.tags if wanted.tags is not None else stack.tags,
    )


def _needed(*, dry_run: bool) -> Permission:
    """Return what it takes to run an update: whoever may read a stack may preview it, as upstream documents its Stack Read."""
    return Permission.STACK_READ if dry_run else Permission.STACK_WRITE


def _has_new_tags(caller: Caller, stack: Stack, wanted: Start) -> bool:
    if wanted.tags is None or wanted.tags == stack.tags:
        return False
    require_tags(wanted.tags)
    # Clients send tags with previews too; those of a reader leave the stack as it is.
    return stacks.may_on_stack(caller, stack, Permission.STACK_WRITE)


def _too_many(backend: Backend, stack: Stack) -> TooManyRequests:
    limit = backend.settings.updates_per_day
    return TooManyRequests(
        f"stack '{stack.path}' has had {limit:,} updates and previews within a day, which is the limit"
        " (STACKHOLD_UPDATES_PER_DAY); try again later",
        retry_after_seconds=3600,
    )


class _Again(Exception):
    """The stack is to be looked at again."""


def _retried(attempt: Callable[[], _T]) -> _T:
    """Run an attempt to take the next version; look again when somebody took it, or an abandoned update was finished."""
    for _ in range(_ATTEMPTS):
        try:
            return attempt()
        except _Again:
            continue
        except Exception as error:
            if not is_race(error):
                raise
    msg = "the stack changes faster than this update can start; try again"
    raise Conflict(msg)


def _unknown(update_id: str) -> NotFound:
    return NotFound(f"Update '{ascii(update_id[:80])[1:-1]}' not found")
