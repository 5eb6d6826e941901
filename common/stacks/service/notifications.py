"""Use cases for the mails that the owner of a stack gets when an update ends."""

from dataclasses import dataclass

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.db.retry import retry
from common.people.users.model import Person
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission
from common.stacks.model import Stack, StackPath, UpdateMails
from common.stacks.repository import ownership, update_mails
from common.stacks.steps import load_stack


@dataclass(frozen=True, slots=True)
class StackMetadata:
    """A stack with its owner and the mails that they get."""

    stack: Stack
    owner: Person
    mails: UpdateMails


def get_metadata(backend: Backend, caller: Caller, path: StackPath) -> StackMetadata:
    """Return the stack with its owner and the mails that they get."""
    with backend.db.connect() as connection:
        stack = load_stack(connection, caller, path, Permission.STACK_READ)
        owner = ownership.find_person(connection, stack.created_by)
        return StackMetadata(stack, owner, update_mails.find(connection, stack.id))


def update_settings(backend: Backend, caller: Caller, path: StackPath, mails: UpdateMails) -> StackMetadata:
    """Change which mails the stack's owner gets, and return the stack with them."""

    def change() -> StackMetadata:
        with backend.db.begin() as tx:
            stack = load_stack(tx, caller, path, Permission.STACK_WRITE)
            update_mails.replace(tx, stack.id, mails)
            description = f"Mails to the owner of stack {path}: {_switches(mails)}"
            audit.record(tx, backend, caller, stack.org_id, Event.STACK_NOTIFICATIONS_CHANGED, description=description)
            # A caller who may change the stack gets the reply, also without the permission to read it.
            return StackMetadata(stack, ownership.find_person(tx, stack.created_by), mails)

    return retry(change)


def update_all(backend: Backend, caller: Caller, org: str, mails: UpdateMails) -> None:
    """Change which mails the owners of all stacks of an organization get."""
    membership = caller.require(Permission.ORGANIZATION_UPDATE, org, missing=missing_org(org))

    def change() -> None:
        with backend.db.begin() as tx:
            update_mails.replace_all(tx, membership.org_id, mails)
            description = f"Mails to the owners of all stacks: {_switches(mails)}"
            audit.record(tx, backend, caller, membership.org_id, Event.STACK_NOTIFICATIONS_CHANGED, description=description)

    retry(change)


def _switches(mails: UpdateMails) -> str:
    return f"on failure {_switch(mails.on_failure)}, on success {_switch(mails.on_success)}"


def _switch(is_on: bool) -> str:  # noqa: FBT001 - the word for it
    return "on" if is_on else "off"
