"""Roles and permission sets of an organization: listed, created, their rules edited, deleted; who may do what, and why."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.core.errors import BackendError, BadRequest
from common.people.roles.model import DESCRIPTION_LIMIT, NAME_LIMIT, NewRecord, Purpose, Record, RoleChange
from common.people.roles.service import holders, roles
from common.rights.built_in import GLOBAL, ROLE, SET, STACK
from common.rights.descriptor import Group, encode
from common.rights.permissions import Permission
from functions.pages.form_errors import attempt
from functions.pages.hiding import unless_hidden
from functions.pages.organizations import role_rules
from functions.pages.organizations.choices import clean
from functions.pages.organizations.org_request import OrgRequest, OrgRequestDep
from functions.pages.paging import PAGE_ROWS, PageNumberDep, Paging
from functions.pages.rendering import see_other
from functions.pages.visitor import FormDep

router = APIRouter()
_ROLES = "/{org}/settings/roles"
_ROLE = f"{_ROLES}/{{role_id}}"
_NO_FILTERS = {"q": "", "kind": ""}
_Text = Annotated[str, Query()]


@router.get(_ROLES)
def list_roles(request: OrgRequestDep, number: PageNumberDep, q: _Text = "", kind: _Text = "", done: _Text = "") -> Response:
    """Show a page of roles and permission sets, narrowed by the address, and the form for a new one."""
    return _list_page(request, {"q": clean(q), "kind": kind if kind in list(Purpose) else ""}, number, done=done)


@router.post(_ROLES)
def create_role(request: OrgRequestDep, form: FormDep) -> Response:
    """Create a role or a permission set that allows nothing yet."""

    def act() -> Response:
        purpose = Purpose.SET if form.text("kind") == SET else Purpose.ROLE
        resource_type = STACK if purpose is Purpose.SET else GLOBAL
        new = NewRecord(form.text("name"), form.text("description"), purpose, resource_type, encode(Group(entries=[])))
        record = roles.create_role(request.backend, request.caller, request.org, new, with_policy=False)
        return see_other(f"{request.address('roles', record.id)}?done=created")

    return attempt(act, lambda error: _list_page(request, error=error))


@router.get(_ROLE)
def show_role(request: OrgRequestDep, role_id: str, done: _Text = "") -> Response:
    """Show a role with its rules, and who has it."""
    return _role_page(request, role_id, done=done)


@router.post(f"{_ROLE}/texts")
def change_texts(request: OrgRequestDep, role_id: str, form: FormDep) -> Response:
    """Change the name and the description of a role."""
    return _update(request, role_id, lambda _record: RoleChange(form.text("name"), form.text("description")))


@router.post(f"{_ROLE}/parts")
def add_part(request: OrgRequestDep, role_id: str, form: FormDep) -> Response:
    """Add permissions to a role, everywhere or on stacks with a tag."""

    def change(record: Record) -> RoleChange:
        part = role_rules.new_part(form.texts("permission"), form.text("set"), form.text("tag"), form.text("value"))
        return RoleChange(details=role_rules.add_part(record.details, part))

    return _update(request, role_id, change)


@router.post(f"{_ROLE}/parts/remove")
def remove_part(request: OrgRequestDep, role_id: str, form: FormDep) -> Response:
    """Remove a part of a role's rules."""

    def change(record: Record) -> RoleChange:
        number = form.text("number")
        place = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else -1
        if form.text("version") != str(record.version):
            raise BadRequest("the role was changed by another request; check it and try again")
        return RoleChange(details=role_rules.remove_part(record.details, place))

    return _update(request, role_id, change)


@router.post(f"{_ROLE}/rules")
def replace_rules(request: OrgRequestDep, role_id: str, form: FormDep) -> Response:
    """Replace the rules of a role by JSON."""
    return _update(request, role_id, lambda _record: RoleChange(details=form.text("details")))


@router.post(f"{_ROLE}/default")
def set_default(request: OrgRequestDep, role_id: str, form: FormDep) -> Response:
    """Make a role the one that new members get."""
    _ = form
    return request.change(
        lambda: roles.set_default_role(request.backend, request.caller, request.org, role_id),
        f"{request.address('roles', role_id)}?done=default",
        lambda error: _role_page(request, role_id, error=error),
    )


@router.post(f"{_ROLE}/delete")
def delete_role(request: OrgRequestDep, role_id: str, form: FormDep) -> Response:
    """Delete a role; one that is in use asks for that to be confirmed."""
    force = form.text("force") == "yes"
    return request.change(
        lambda: roles.delete_role(request.backend, request.caller, request.org, role_id, force=force),
        f"{request.address('roles')}?done=deleted",
        lambda error: _role_page(request, role_id, error=error),
    )


def _update(request: OrgRequest, role_id: str, change: Callable[[Record], RoleChange]) -> Response:
    def act() -> None:
        record = roles.get_role(request.backend, request.caller, request.org, role_id)
        roles.update_role(request.backend, request.caller, request.org, role_id, change(record), version=record.version)

    return request.change(
        act,
        f"{request.address('roles', role_id)}?done=saved",
        lambda error: _role_page(request, role_id, error=error),
    )


def _list_page(
    request: OrgRequest,
    chosen: dict[str, str] = _NO_FILTERS,
    number: int = 1,
    *,
    done: str = "",
    error: BackendError | None = None,
) -> Response:
    purpose = Purpose(chosen["kind"]) if chosen["kind"] else None
    records = unless_hidden(lambda: roles.list_roles(request.backend, request.caller, request.org, purpose))
    word = chosen["q"].lower()
    found = [record for record in records if word in f"{record.name} {record.description}".lower()]
    rows = found[(number - 1) * PAGE_ROWS : number * PAGE_ROWS]
    content = {
        "chosen": chosen,
        "rows": rows,
        "kinds": ((ROLE, "Roles"), (SET, "Permission sets"), (Purpose.POLICY.value, "Policies")),
        "may_create": request.may(Permission.ROLE_CREATE),
        "name_limit": NAME_LIMIT,
        "description_limit": DESCRIPTION_LIMIT,
        "paging": Paging(request.address("roles"), chosen, number, len(rows), len(found)),
    }
    return request.page("roles", content, done=done, error=error)


def _role_page(request: OrgRequest, role_id: str, *, done: str = "", error: BackendError | None = None) -> Response:
    backend, caller, org = request.backend, request.caller, request.org
    record, people, teams = unless_hidden(lambda: holders.get_with_holders(backend, caller, org, role_id))
    may_update = request.may(Permission.ROLE_UPDATE) and not record.is_built_in
    records = roles.list_roles(backend, caller, org, None)
    content = {
        "record": record,
        "base": request.address("roles", record.id),
        "parts_of_role": role_rules.read_parts(record.details),
        "details": role_rules.pretty(record.details),
        "names": {item.id: item.name for item in records},
        "sets": [item for item in records if item.purpose in (Purpose.SET, Purpose.POLICY) and item.id != record.id],
        "scopes": roles.list_scopes(caller, org) if may_update else {},
        "people": people[:PAGE_ROWS],
        "teams_with_role": teams[:PAGE_ROWS],
        "may_update": may_update,
        "may_delete": request.may(Permission.ROLE_DELETE) and not record.is_built_in,
        "may_default": request.may(Permission.ROLE_UPDATE) and request.may(Permission.ORGANIZATION_UPDATE),
        "name_limit": NAME_LIMIT,
        "description_limit": DESCRIPTION_LIMIT,
    }
    return request.page("role", content, done=done, error=error)
