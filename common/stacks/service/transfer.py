"""Use cases that move stacks to another organization, each as one version of its own like a rename (docs/decisions/0003).

From then on the state and former states name the new organization. History, tags and ciphertexts stay valid, since keys belong
to the stack. Grants of teams and users of the old organization are deleted. For decryption the old name still leads to the stack,
for callers who may decrypt it where it is now.
"""

from common.access import grants
from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BackendError, BadRequest, Conflict, NotFound
from common.core.ids import new_id
from common.db.faults import unless_taken
from common.people.customer_keys.steps import begin_migration_of_moved
from common.rights.caller import Caller, missing_org
from common.rights.membership import Membership
from common.rights.permissions import STACK_ADMIN, Permission
from common.stacks.model import Kind, Place, Stack, StackPath
from common.stacks.repository import ownership, stacks, transfer, versions
from common.stacks.state.steps import load_idle, require_idle, retry_on_new_version, store_renamed
from common.stacks.steps import may_on_stack, require_room, taken_text
from common.stacks.updates.stored_state import StateDamaged

BULK_LIMIT = 100
# Other errors of a bulk transfer are reported as Conflict.
_REPORTED: dict[type[BackendError], type[BackendError]] = {BadRequest: BadRequest, StateDamaged: StateDamaged}


def transfer_stack(backend: Backend, caller: Caller, path: StackPath, to_org: str) -> None:
    """Move a stack to another organization of the caller.

    NotFound if the caller is not a member there, Conflict if it has a stack of that name or while an update of this one runs,
    Forbidden unless the caller administers the stack: the admins of the other organization will.
    """
    stack = _load(backend, caller, path)
    target = _require_target(caller, to_org)
    if target.org_id == stack.org_id:
        raise Conflict(taken_text(path))
    _transfer(backend, caller, stack, target)


def transfer_all(backend: Backend, caller: Caller, from_org: str, to_org: str) -> int:
    """Move every stack of an organization to another one, and return how many moved.

    Everything that can be checked first is checked before a stack moves. Each stack moves in a transaction of its own: one that
    cannot move does not hold up the others, and a repeat continues with the rest.
    """
    source = caller.require(Permission.ORGANIZATION_TRANSFER_STACKS, from_org, missing=missing_org(from_org))
    target = _require_target(caller, to_org)
    if target.org_id == source.org_id:
        raise BadRequest("an organization's stacks cannot be transferred to itself")
    org_stacks = _load_all(backend, caller, source, target)
    moved, failures = 0, []
    for stack in org_stacks:
        try:
            _transfer(backend, caller, _load(backend, caller, stack.path), target)
        except NotFound:
            continue  # it was deleted or moved meanwhile
        except (Conflict, BadRequest, StateDamaged) as error:
            failures.append((stack, error))
            continue
        moved += 1
    if failures:
        stack, first = failures[0]
        more = f", nor can {len(failures) - 1} more" if len(failures) > 1 else ""
        error_type = _REPORTED.get(type(first), Conflict)
        raise error_type(
            f"{moved} of {len(org_stacks)} stacks have moved, and '{stack.path}' cannot{more}: {first.message}"
        ) from first
    return moved


def _load_all(backend: Backend, caller: Caller, source: Membership, target: Membership) -> list[Stack]:
    """Return all stacks of an organization, also hidden ones; raises unless each of them can move now, under its name."""
    with backend.db.connect() as connection:
        org_stacks = transfer.find_of_organization(connection, source.org_id, BULK_LIMIT + 1, caller.principals(source))
        taken = transfer.find_names_in_both(connection, source.org_id, target.org_id, 1)
    if len(org_stacks) > BULK_LIMIT:
        raise BadRequest(f"organization {source.login} has more than {BULK_LIMIT} stacks; transfer some of them one by one first")
    for stack in org_stacks:
        _require_administered(caller, source, stack)
        require_idle(backend, stack)
    if taken:
        project, name = taken[0]
        raise Conflict(taken_text(StackPath(target.login, project, name)))
    return org_stacks


def _transfer(backend: Backend, caller: Caller, stack: Stack, target: Membership) -> None:
    path = StackPath(target.login, stack.path.project, stack.path.name)
    if stack.managed_environment is not None:
        raise BadRequest(
            f"stack '{stack.path}' has its configuration in environment {stack.managed_environment} of its organization; a stack"
            " with an environment of its own cannot be transferred"
        )

    def record(current: Stack) -> None:
        contents = store_renamed(backend, current, path)
        now_millis = unix_millis(backend.clock.now())
        with backend.db.begin() as tx:
            # Clients know no kind for it.
            versions.add_next_version(
                tx,
                current,
                update_id=new_id(),
                kind=Kind.RENAME,
                path=path,
                user_id=caller.user_id,
                contents=contents,
                now_millis=now_millis,
            )
            require_room(tx, backend, target.org_id, target.login)
            with unless_taken(taken_text(path)):
                stacks.rename(tx, current, Place(target.org_id, path.project, path.name), now_millis)
            begin_migration_of_moved(tx, backend, current.id, current.org_id, target.org_id)
            # Otherwise an owner who is not a member there would administer the stack on becoming one later.
            ownership.replace_absent_owner(tx, current.id, caller.user_id)
            grants.delete_of_stack(tx, current.id)
            description = f"Transferred stack {current.path} to {path}"
            for org_id in sorted((current.org_id, target.org_id)):
                audit.record(tx, backend, caller, org_id, Event.STACK_TRANSFERRED, description=description)

    retry_on_new_version(stack, record, lambda: _load(backend, caller, stack.path))


def _load(backend: Backend, caller: Caller, path: StackPath) -> Stack:
    stack = load_idle(backend, caller, path, Permission.STACK_TRANSFER)
    _require_administered(caller, caller.require_member(path.org, missing=missing_org(path.org)), stack)
    return stack


def _require_administered(caller: Caller, membership: Membership, stack: Stack) -> None:
    """Raise Forbidden without the permissions on the stack that moving it gives the caller in their own organization."""
    for permission in (Permission.STACK_TRANSFER, *sorted(STACK_ADMIN)):
        if not may_on_stack(caller, stack, permission):
            raise caller.refusal(permission, membership)


def _require_target(caller: Caller, org: str) -> Membership:
    return caller.require(Permission.STACK_CREATE, org, missing=missing_org(org))
