"""Answers whether a member may do something, and why, as the member's own request would be decided."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.core.errors import BackendError, BadRequest
from common.people.roles.service import roles
from common.rights.permissions import Permission
from common.stacks.model import StackPath
from common.stacks.service import explanation
from common.stacks.service.explanation import Answer
from common.stacks.updates.steps import run_permission
from functions.pages.form_errors import attempt
from functions.pages.organizations.choices import clean
from functions.pages.organizations.org_request import OrgRequest, OrgRequestDep

router = APIRouter()
_CHECK = "/{org}/settings/check-access"
_Text = Annotated[str, Query()]
# What the command line does, each with the permission that the server asks for.
_COMMANDS: dict[str, tuple[str, Permission]] = {
    "preview": ("preview", run_permission(dry_run=True)),
    "up": ("update", run_permission(dry_run=False)),
    "refresh": ("refresh", run_permission(dry_run=False)),
    "destroy": ("destroy", run_permission(dry_run=False)),
    "cancel": ("cancel an update of", Permission.STACK_CANCEL_UPDATE),
    "export": ("export the state of", Permission.STACK_EXPORT),
    "import": ("import a state into", Permission.STACK_IMPORT),
    "decrypt": ("read the secrets of", Permission.STACK_DECRYPT),
    "rename": ("rename", Permission.STACK_RENAME),
    "remove": ("delete", Permission.STACK_DELETE),
}
_PERMISSIONS = {permission.value: permission for permission in Permission}


@router.get(_CHECK)
def check_access(request: OrgRequestDep, login: _Text = "", action: _Text = "", stack: _Text = "") -> Response:
    """Show the form, and the answer to what the address asks."""
    request.require(Permission.ROLE_READ)
    request.require(Permission.ORG_MEMBER_READ)
    chosen = {"login": clean(login), "action": clean(action), "stack": clean(stack)}
    if not chosen["login"]:
        return _page(request, chosen)
    return attempt(lambda: _page(request, chosen, _explain(request, chosen)), lambda error: _page(request, chosen, error=error))


def _explain(request: OrgRequest, chosen: dict[str, str]) -> Answer:
    command = _COMMANDS.get(chosen["action"])
    permission = command[1] if command is not None else _PERMISSIONS.get(chosen["action"])
    if permission is None:
        raise BadRequest("choose what the member wants to do")
    project, _, name = chosen["stack"].removeprefix(f"{request.org}/").partition("/")
    if chosen["stack"] and not name:
        raise BadRequest("name a stack as project/stack")
    if command is not None and not name:
        raise BadRequest("name the stack that it is about")
    path = StackPath(request.org, project, name) if name else None
    return explanation.explain(request.backend, request.caller, request.org, chosen["login"], permission, path=path)


def _page(
    request: OrgRequest, chosen: dict[str, str], answer: Answer | None = None, *, error: BackendError | None = None
) -> Response:
    command = _COMMANDS.get(chosen["action"])
    content = {
        "chosen": chosen,
        "answer": answer,
        "verb": command[0] if command is not None else f"use {chosen['action']} on",
        "commands": [(key, text) for key, (text, _) in _COMMANDS.items()],
        "scopes": roles.list_scopes(request.caller, request.org),
    }
    return request.page("check-access", content, error=error)
