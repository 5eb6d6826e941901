"""Moving stacks to another organization, each as one version of its own like a rename (docs/decisions/0003).

State and former states name the new owner from then on. History, tags and ciphertexts stay good, since keys belong to the
stack. What teams and people of the old organization were given does not come along. The old name still leads to the stack
for decryption, for callers who may decrypt it where it is now.
"""

from common.access import grants
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BackendError, BadRequest, Conflict, NotFound
from common.core.ids import new_id
from common.rights.caller import Caller, missing_org
from common.rights.membership import Membership
from common.rights.permissions import STACK_ADMIN, Permission
from common.stacks import moving
from common.stacks.model import Kind, Stack, StackPath
from common.stacks.repository import versions
from common.stacks.state.version_lock import load_idle, require_idle, retried, rewritten
from common.stacks.steps import may_on_stack, require_room
from common.stacks.updates.stored_state import StateDamaged

BULK_LIMIT = 100
_SHOWN: dict[type[BackendError], type[BackendError]] = {BadRequest: BadRequest, StateDamaged: StateDamaged}


def transfer(backend: Backend, caller: Caller, path: StackPath, to_org: str) -> None:
    """Move a stack to another organization of the caller.

    NotFound when the caller does not belong there, Conflict when it has a stack of that name or an update holds this one,
    Forbidden unless the caller administers the stack: the admins of the other organization will.
    """
    stack = _load(backend, caller, path)
    target = _target(caller, to_org)
    if target.org_id == stack.org_id:
        msg = f"Stack '{path}' already exists"
        raise Conflict(msg)
    _transfer(backend, caller, stack, target)


def transfer_all(backend: Backend, caller: Caller, from_org: str, to_org: str) -> int:
    """Move every stack of an organization to another one, and return how many moved.

    What can be known before is checked before anything moves. Each stack moves for itself: one that cannot does not hold up
    the others, and a repeat goes on with the rest.
    """
    source = caller.require(Permission.ORGANIZATION_TRANSFER_STACKS, from_org, missing=missing_org(from_org))
    target = _target(caller, to_org)
    if target.org_id == source.org_id:
        msg = "an organization's stacks cannot be transferred to itself"
        raise BadRequest(msg)
    found = _movable(backend, caller, source, target)
    moved, failures = 0, []
    for stack in found:
        try:
            _transfer(backend, caller, _load(backend, caller, stack.path), target)
        except NotFound:
            continue  # somebody else deleted or moved it meanwhile
        except (Conflict, BadRequest, StateDamaged) as error:
            failures.append((stack, error))
            continue
        moved += 1
    if failures:
        stack, first = failures[0]
        more = f", nor can {len(failures) - 1} more" if len(failures) > 1 else ""
        msg = f"{moved} of {len(found)} stacks have moved, and '{stack.path}' cannot{more}: {first.message}"
        raise _SHOWN.get(type(first), Conflict)(msg) from first
    return moved


def _movable(backend: Backend, caller: Caller, source: Membership, target: Membership) -> list[Stack]:
    """Return all stacks of an organization; raises unless the caller may move each of them, now, under its name."""
    with backend.db.connect() as connection:
        found = moving.of_organization(connection, caller, source, BULK_LIMIT + 1)
        taken = moving.names_in_both(connection, source, target, 1)
    if len(found) > BULK_LIMIT:
        msg = f"organization {source.login} has more than {BULK_LIMIT} stacks; transfer some of them one by one first"
        raise BadRequest(msg)
    for stack in found:
        _require_administered(caller, source, stack)
        require_idle(backend, stack)
    if taken:
        msg = f"Stack '{taken[0]}' already exists"
        raise Conflict(msg)
    return found


def _transfer(backend: Backend, caller: Caller, stack: Stack, target: Membership) -> None:
    path = StackPath(target.login, stack.path.project, stack.path.name)

    def move(found: Stack) -> None:
        contents = rewritten(backend, found, path)
        now_millis = unix_millis(backend.clock.now())
        with backend.db.begin() as tx:
            # Clients know no kind of its own for it.
            versions.next_version(
                tx,
                found,
                update_id=new_id(),
                kind=Kind.RENAME,
                path=path,
                user_id=caller.user_id,
                contents=contents,
                now_millis=now_millis,
            )
            require_room(tx, backend, target.org_id, target.login)
            moving.move(tx, found, target, caller.user_id, now_millis)
            grants.delete_of_stack(tx, found.id)

    retried(stack, move, lambda: _load(backend, caller, stack.path))


def _load(backend: Backend, caller: Caller, path: StackPath) -> Stack:
    stack = load_idle(backend, caller, path, Permission.STACK_TRANSFER)
    _require_administered(caller, caller.require_member(path.org, missing=missing_org(path.org)), stack)
    return stack


def _require_administered(caller: Caller, membership: Membership, stack: Stack) -> None:
    """Raise Forbidden unless the caller may do everything to the stack that whoever moves it gets in their own organization."""
    for permission in (Permission.STACK_TRANSFER, *sorted(STACK_ADMIN)):
        if not may_on_stack(caller, stack, permission):
            raise caller.refusal(permission, membership)


def _target(caller: Caller, org: str) -> Membership:
    return caller.require(Permission.STACK_CREATE, org, missing=missing_org(org))
