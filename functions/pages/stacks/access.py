"""Who may do what with a stack, and where it comes from: its owner, grants to teams and people, the organization's setting."""

from fastapi import APIRouter, Response

from common.backend import Backend
from common.core.errors import BackendError, BadRequest
from common.rights.caller import Caller
from common.rights.permissions import Permission, StackLevel
from common.stacks.model import StackPath
from common.stacks.overview.service import get_access
from common.stacks.service import listing, sharing
from functions.http.deps import BackendDep, StackPathDep
from functions.pages.failures import reason
from functions.pages.form_errors import attempt
from functions.pages.hiding import unless_hidden
from functions.pages.rendering import page, see_other
from functions.pages.stacks.head import head_of, may, stack_address
from functions.pages.visitor import FormDep, PersonDep, Visitor, VisitorDep

router = APIRouter()
_ACCESS = "/{org}/{project}/{stack}/access"
LEVELS = {"none": StackLevel.NONE, "read": StackLevel.READ, "write": StackLevel.WRITE, "admin": StackLevel.ADMIN}


@router.get(_ACCESS)
def show_access(visitor: VisitorDep, backend: BackendDep, person: PersonDep, path: StackPathDep) -> Response:
    """Show who has access to a stack, and why."""
    return _access_page(visitor, backend, person, path)


@router.post(f"{_ACCESS}/team")
def update_team(visitor: VisitorDep, backend: BackendDep, person: PersonDep, path: StackPathDep, form: FormDep) -> Response:
    """Give a team a level on the stack, or take it away."""

    def act() -> Response:
        level = LEVELS.get(form.text("level"))
        if level is None:
            raise BadRequest("choose one of the levels")
        unless_hidden(lambda: listing.get_stack(backend, person, path))
        sharing.update_team_grant(backend, person, path, form.text("team"), level)
        return see_other(f"{stack_address(path)}/access")

    return attempt(act, lambda error: _access_page(visitor, backend, person, path, error))


@router.post(f"{_ACCESS}/collaborator/remove")
def remove_collaborator(backend: BackendDep, person: PersonDep, path: StackPathDep, form: FormDep) -> Response:
    """Remove what a person was given on the stack."""
    unless_hidden(lambda: listing.get_stack(backend, person, path))
    sharing.remove_collaborator(backend, person, path, form.text("login"))
    return see_other(f"{stack_address(path)}/access")


def _access_page(
    visitor: Visitor, backend: Backend, person: Caller, path: StackPath, error: BackendError | None = None
) -> Response:
    access = unless_hidden(lambda: get_access(backend, person, path))
    membership = person.membership(path.org)
    return page(
        visitor,
        "stacks/access",
        status=int(error.status) if error is not None else 200,
        problem=reason(error) if error is not None else "",
        org=path.org,
        head=head_of(backend, person, access.stack),
        access=access,
        member_level=membership.settings.default_stack_permission if membership is not None else StackLevel.NONE,
        may_change=may(person, access.stack, Permission.STACK_ACCESS_UPDATE),
        levels=[name for name in LEVELS if name != "none"],
    )
