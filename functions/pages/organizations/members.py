"""The members of an organization, in a list and one by one: their roles, suspensions, teams and stacks."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.core.errors import BackendError
from common.people.orgs.members import service as members
from common.people.orgs.model import MemberFilter, RequestedRole
from common.people.teams import service as teams
from common.rights.permissions import Permission
from common.stacks.service import sharing
from functions.pages.hiding import unless_hidden
from functions.pages.organizations.choices import clean, list_assignable
from functions.pages.organizations.org_request import OrgRequest, OrgRequestDep
from functions.pages.paging import PAGE_ROWS, PageNumberDep, Paging
from functions.pages.visitor import FormDep

router = APIRouter()
_MEMBERS = "/{org}/settings/members"
_MEMBER = f"{_MEMBERS}/{{login}}"
_STACKS_LIMIT = 50
_STATES = {"active": False, "suspended": True}
_NO_FILTERS = {"q": "", "role": "", "state": ""}
_Text = Annotated[str, Query()]


@router.get(_MEMBERS)
def list_members(
    request: OrgRequestDep, number: PageNumberDep, q: _Text = "", role: _Text = "", state: _Text = "", done: _Text = ""
) -> Response:
    """Show a page of members, narrowed by the address."""
    return _list_page(request, {"q": clean(q), "role": clean(role), "state": clean(state)}, number, done=done)


@router.post(_MEMBERS)
def add_member(request: OrgRequestDep, form: FormDep) -> Response:
    """Add a user of this server to the organization."""
    login, role = form.text("login"), form.text("role")
    return request.change(
        lambda: members.add_member(request.backend, request.caller, request.org, login, role),
        f"{request.address('members')}?done=added",
        lambda error: _list_page(request, error=error),
    )


@router.get(_MEMBER)
def show_member(request: OrgRequestDep, login: str, done: _Text = "") -> Response:
    """Show a member with their role, teams and stacks."""
    return _member_page(request, login, done=done)


@router.post(f"{_MEMBER}/role")
def update_role(request: OrgRequestDep, login: str, form: FormDep) -> Response:
    """Give a member another role."""
    role = RequestedRole(None, form.text("role"))
    return _change(request, login, "role", lambda: members.update_role(request.backend, request.caller, request.org, login, role))


@router.post(f"{_MEMBER}/suspend")
def suspend(request: OrgRequestDep, login: str, form: FormDep) -> Response:
    """Suspend a member, or reinstate them."""
    suspended = form.text("state") != "active"
    return _change(
        request,
        login,
        "suspended" if suspended else "reinstated",
        lambda: members.set_suspended(request.backend, request.caller, request.org, login, suspended=suspended),
    )


@router.post(f"{_MEMBER}/remove")
def remove(request: OrgRequestDep, login: str, form: FormDep) -> Response:
    """Remove a member from the organization."""
    _ = form
    return request.change(
        lambda: teams.remove_member(request.backend, request.caller, request.org, login),
        f"{request.address('members')}?done=removed",
        lambda error: _member_page(request, login, error=error),
    )


def _change(request: OrgRequest, login: str, done: str, act: Callable[[], None]) -> Response:
    address = f"{request.address('members', login)}?done={done}"
    return request.change(act, address, lambda error: _member_page(request, login, error=error))


def _list_page(
    request: OrgRequest,
    chosen: dict[str, str] = _NO_FILTERS,
    number: int = 1,
    *,
    done: str = "",
    error: BackendError | None = None,
) -> Response:
    narrowed = MemberFilter(chosen["q"], chosen["role"], _STATES.get(chosen["state"]))
    rows, total = unless_hidden(
        lambda: members.search_members(request.backend, request.caller, request.org, narrowed, size=PAGE_ROWS, number=number)
    )
    content = {
        "chosen": chosen,
        "rows": rows,
        "roles": list_assignable(request),
        "may_add": request.may(Permission.ORG_MEMBER_ADD),
        "may_invite": request.may(Permission.INVITES_CREATE),
        "paging": Paging(request.address("members"), chosen, number, len(rows), total),
    }
    return request.page("members", content, done=done, error=error)


def _member_page(request: OrgRequest, login: str, *, done: str = "", error: BackendError | None = None) -> Response:
    backend, caller, org = request.backend, request.caller, request.org
    member, team_names = unless_hidden(lambda: members.get_member(backend, caller, org, login))
    stacks = sharing.list_stacks_of_member(backend, caller, org, member.person.id, limit=_STACKS_LIMIT + 1)
    may_update = request.may(Permission.ORG_MEMBER_UPDATE)
    content = {
        "member": member,
        "teams": team_names,
        "stacks": stacks[:_STACKS_LIMIT],
        "has_more_stacks": len(stacks) > _STACKS_LIMIT,
        "is_self": member.person.id == caller.user_id,
        "may_update": may_update,
        "may_remove": request.may(Permission.ORG_MEMBER_DELETE),
        "roles": list_assignable(request) if may_update else [],
    }
    return request.page("member", content, done=done, error=error)
