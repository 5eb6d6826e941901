"""A stack's settings: its tags, its owner and their mails, its name, the organization that it belongs to, and its end."""

from collections.abc import Callable
from functools import partial

from fastapi import APIRouter, Response

from common.backend import Backend
from common.core.errors import BackendError, BadRequest
from common.environments.service import managed_environments
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks.model import StackPath, UpdateMails
from common.stacks.service import attributes, lifecycle, listing, notifications, ownership, transfer
from functions.http.deps import BackendDep, StackPathDep
from functions.pages.failures import reason
from functions.pages.form_errors import attempt
from functions.pages.hiding import missing, unless_hidden
from functions.pages.rendering import page, see_other
from functions.pages.stacks.head import SETTINGS, head_of, may, stack_address
from functions.pages.visitor import FormDep, PersonDep, Visitor, VisitorDep

router = APIRouter()
_SETTINGS = "/{org}/{project}/{stack}/settings"


@router.get(_SETTINGS)
def show_settings(visitor: VisitorDep, backend: BackendDep, person: PersonDep, path: StackPathDep) -> Response:
    """Show what the visitor may change."""
    return _settings_page(visitor, backend, person, path)


@router.post(f"{_SETTINGS}/tags")
def create_tag(visitor: VisitorDep, backend: BackendDep, person: PersonDep, path: StackPathDep, form: FormDep) -> Response:
    """Add a tag."""
    name, value = form.text("name"), form.text("value")
    return _change(visitor, backend, person, path, lambda: attributes.create_tag(backend, person, path, name, value))


@router.post(f"{_SETTINGS}/tags/delete")
def delete_tag(visitor: VisitorDep, backend: BackendDep, person: PersonDep, path: StackPathDep, form: FormDep) -> Response:
    """Delete a tag."""
    name = form.text("name")
    return _change(visitor, backend, person, path, lambda: attributes.delete_tag(backend, person, path, name))


@router.post(f"{_SETTINGS}/owner")
def change_owner(visitor: VisitorDep, backend: BackendDep, person: PersonDep, path: StackPathDep, form: FormDep) -> Response:
    """Make another member of the organization the owner of the stack."""
    login = form.text("login")

    def act() -> None:
        ownership.update_owner(backend, person, path, login)

    return _change(visitor, backend, person, path, act)


@router.post(f"{_SETTINGS}/mails")
def change_mails(visitor: VisitorDep, backend: BackendDep, person: PersonDep, path: StackPathDep, form: FormDep) -> Response:
    """Change which mails the owner of the stack gets."""
    mails = UpdateMails(form.text("on_failure") == "yes", form.text("on_success") == "yes")

    def act() -> None:
        notifications.update_settings(backend, person, path, mails)

    return _change(visitor, backend, person, path, act)


@router.post(f"{_SETTINGS}/rename")
def rename(visitor: VisitorDep, backend: BackendDep, person: PersonDep, path: StackPathDep, form: FormDep) -> Response:
    """Give the stack another name or project."""
    target = StackPath(path.org, form.text("project") or path.project, form.text("name") or path.name)

    def act() -> str:
        lifecycle.rename(backend, person, path, target.name, target.project)
        return f"{stack_address(target)}/settings"

    return _lead(visitor, backend, person, path, act)


@router.post(f"{_SETTINGS}/transfer")
def transfer_stack(visitor: VisitorDep, backend: BackendDep, person: PersonDep, path: StackPathDep, form: FormDep) -> Response:
    """Move the stack to another organization of the visitor."""
    to_org = form.text("to")

    def act() -> str:
        transfer.transfer_stack(backend, person, path, to_org)
        return stack_address(StackPath(to_org, path.project, path.name))

    return _lead(visitor, backend, person, path, act)


@router.post(f"{_SETTINGS}/delete")
def delete(visitor: VisitorDep, backend: BackendDep, person: PersonDep, path: StackPathDep, form: FormDep) -> Response:
    """Delete the stack; its name has to be typed, and one with resources asks for that to be confirmed."""

    def act() -> str:
        if form.text("confirm") != str(path):
            raise BadRequest(f"to delete the stack, type its whole name: {path}")
        detach = partial(managed_environments.delete, backend, person)
        lifecycle.delete(backend, person, path, force=form.text("force") == "yes", detach=detach)
        return f"/{path.org}/stacks"

    return _lead(visitor, backend, person, path, act)


def _change(visitor: Visitor, backend: Backend, person: Caller, path: StackPath, change: Callable[[], None]) -> Response:
    def act() -> str:
        change()
        return f"{stack_address(path)}/settings"

    return _lead(visitor, backend, person, path, act)


def _lead(visitor: Visitor, backend: Backend, person: Caller, path: StackPath, act: Callable[[], str]) -> Response:
    """Return the way on after a change, or the page with what is wrong; a stack that is hidden is a page that is missing."""
    unless_hidden(lambda: listing.get_stack(backend, person, path))
    return attempt(lambda: see_other(act()), lambda error: _settings_page(visitor, backend, person, path, error))


def _settings_page(
    visitor: Visitor, backend: Backend, person: Caller, path: StackPath, error: BackendError | None = None
) -> Response:
    metadata = unless_hidden(lambda: notifications.get_metadata(backend, person, path))
    stack = metadata.stack
    allowed = {permission.name.removeprefix("STACK_").lower() for permission in SETTINGS if may(person, stack, permission)}
    if not allowed:
        raise missing()
    others = [membership.login for membership in person.memberships if membership.is_open and membership.login != path.org]
    return page(
        visitor,
        "stacks/settings",
        status=int(error.status) if error is not None else 200,
        problem=reason(error) if error is not None else "",
        org=path.org,
        head=head_of(backend, person, stack),
        allowed=allowed,
        mails=metadata.mails,
        owner=metadata.owner.login,
        built_in=attributes.BUILT_IN_TAGS,
        others=[org for org in others if person.may(Permission.STACK_CREATE, org)],
    )
