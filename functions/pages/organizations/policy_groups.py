"""Policy groups of an organization: the stacks in them and why, the packs that they apply, and their match rules."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.core.errors import BackendError, BadRequest
from common.policies.groups import service as groups
from common.policies.groups.model import Group, GroupChange, Mode, PackReference, StackName
from common.policies.packs import service as packs
from common.rights.permissions import Permission
from functions.pages.hiding import unless_hidden
from functions.pages.organizations import policy_pages
from functions.pages.organizations.choices import clean
from functions.pages.organizations.org_request import OrgRequest, OrgRequestDep
from functions.pages.organizations.policy_packs import read_config
from functions.pages.organizations.policy_rules import ALL, ANY, RuleForm, make_rule, read_rule
from functions.pages.paging import PAGE_ROWS, PageNumberDep, Paging
from functions.pages.visitor import Form, FormDep

router = APIRouter()
_LIST = "/{org}/settings/policies/groups"
_GROUP = f"{_LIST}/{{group}}"
_MODES = ((Mode.PREVENTATIVE.value, "Preventative: can stop updates"), (Mode.AUDIT.value, "Audit: reports alone"))
_Text = Annotated[str, Query()]


@router.get(_LIST)
def list_groups(request: OrgRequestDep, number: PageNumberDep, q: _Text = "", done: _Text = "") -> Response:
    """Show the organization's groups, and the form for another."""
    return _list_page(request, clean(q), number, done=done)


@router.post(_LIST)
def create_group(request: OrgRequestDep, form: FormDep) -> Response:
    """Create a group without stacks and packs."""
    mode = Mode(form.text("mode")) if form.text("mode") in list(Mode) else Mode.PREVENTATIVE
    new = Group("", form.text("name"), mode=mode)
    return request.change(
        lambda: groups.create_group(request.backend, request.caller, request.org, new),
        f"{_address(request, new.name)}?done=created",
        lambda error: _list_page(request, error=error, form=form),
    )


@router.get(_GROUP)
def show_group(request: OrgRequestDep, group: str, number: PageNumberDep, done: _Text = "") -> Response:
    """Show a group with its stacks, packs and rule."""
    return _page(request, group, number, done=done)


@router.post(f"{_GROUP}/name")
def rename_group(request: OrgRequestDep, group: str, form: FormDep) -> Response:
    """Give a group another name."""
    change = GroupChange(new_name=form.text("name"))
    return _update(request, group, lambda: change, form, leads_to=form.text("name"))


@router.post(f"{_GROUP}/stacks")
def add_stack(request: OrgRequestDep, group: str, form: FormDep) -> Response:
    """Add a stack to a group."""
    return _update(request, group, lambda: GroupChange(add_stacks=(_stack(form),)), form)


@router.post(f"{_GROUP}/stacks/remove")
def remove_stack(request: OrgRequestDep, group: str, form: FormDep) -> Response:
    """Remove a stack from a group."""
    return _update(request, group, lambda: GroupChange(remove_stacks=(_stack(form),)), form)


@router.post(f"{_GROUP}/packs")
def enable_pack(request: OrgRequestDep, group: str, form: FormDep) -> Response:
    """Enable a pack in a group, or replace its version and configuration."""

    def change() -> GroupChange:
        config = read_config(form.exact("config"))
        environments = tuple(form.text("environments").split())
        return GroupChange(add_packs=(PackReference(form.text("pack"), form.text("version"), 0, config, environments),))

    return _update(request, group, change, form)


@router.post(f"{_GROUP}/packs/remove")
def disable_pack(request: OrgRequestDep, group: str, form: FormDep) -> Response:
    """Disable a pack in a group."""
    return _update(request, group, lambda: GroupChange(remove_packs=(PackReference(form.text("pack")),)), form)


@router.post(f"{_GROUP}/rule")
def set_rule(request: OrgRequestDep, group: str, form: FormDep) -> Response:
    """Store the rule of a group."""
    return _update(request, group, lambda: GroupChange(stack_rule=_rule(form)), form)


@router.post(f"{_GROUP}/rule/remove")
def remove_rule(request: OrgRequestDep, group: str, form: FormDep) -> Response:
    """Remove the rule of a group."""
    return _update(request, group, lambda: GroupChange(removes_stack_rule=True), form)


@router.post(f"{_GROUP}/rule/preview")
def preview_rule(request: OrgRequestDep, group: str, form: FormDep) -> Response:
    """Show which stacks a rule matches; nothing is stored."""
    request.require(Permission.POLICY_GROUPS_UPDATE)
    details = unless_hidden(lambda: groups.get_group(request.backend, request.caller, request.org, group))
    try:
        rule = _rule(form)
        stacks, matched, total, _ = groups.preview_stack_rule(
            request.backend, request.caller, request.org, rule, search="", count=PAGE_ROWS, token=None
        )
    except BadRequest as error:
        return _page(request, group, error=error, form=form)
    content = {
        "group": details.group,
        "path": _address(request, details.group.name),
        "stacks": stacks,
        "matched": matched,
        "total": total,
        "rule": read_rule(rule),
    }
    return policy_pages.show(request, "rule", content)


@router.post(f"{_GROUP}/delete")
def delete_group(request: OrgRequestDep, group: str, form: FormDep) -> Response:
    """Delete a group."""
    _ = form
    return request.change(
        lambda: groups.delete_group(request.backend, request.caller, request.org, group),
        f"{policy_pages.address(request, 'groups')}?done=deleted",
        lambda error: _page(request, group, error=error),
    )


def _update(
    request: OrgRequest, group: str, make_change: Callable[[], GroupChange], form: Form, *, leads_to: str = ""
) -> Response:
    return request.change(
        lambda: groups.update_group(request.backend, request.caller, request.org, group, [make_change()]),
        f"{_address(request, leads_to or group)}?done=saved",
        lambda error: _page(request, group, error=error, form=form),
    )


def _stack(form: Form) -> StackName:
    project, has_both, name = form.text("stack").partition("/")
    if not has_both or not project or not name:
        raise BadRequest("name the stack as project/stack, such as shop/prod")
    return StackName(project, name)


def _rule(form: Form) -> str:
    return form.text("json") or make_rule(form.text("join"), form.exact("lines"))


def _list_page(
    request: OrgRequest,
    q: str = "",
    number: int = 1,
    *,
    error: BackendError | None = None,
    done: str = "",
    form: Form | None = None,
) -> Response:
    every = unless_hidden(lambda: groups.list_groups(request.backend, request.caller, request.org))
    matching = [summary for summary in every if q.lower() in summary.group.name.lower()]
    rows = matching[(number - 1) * PAGE_ROWS : number * PAGE_ROWS]
    content = {
        "rows": rows,
        "chosen": {"q": q},
        "modes": _MODES,
        "may_create": request.may(Permission.POLICY_GROUPS_CREATE),
        "entered": {name: form.text(name) if form is not None else "" for name in ("name", "mode")},
        "paging": Paging(policy_pages.address(request, "groups"), {"q": q}, number, len(rows), len(matching)),
    }
    return policy_pages.show(request, "groups", content, error=error, done=done)


def _page(
    request: OrgRequest,
    name: str,
    number: int = 1,
    *,
    error: BackendError | None = None,
    done: str = "",
    form: Form | None = None,
) -> Response:
    backend, caller, org = request.backend, request.caller, request.org
    details = unless_hidden(lambda: groups.get_group(backend, caller, org, name))
    members = details.members[(number - 1) * PAGE_ROWS : number * PAGE_ROWS]
    may_update = request.may(Permission.POLICY_GROUPS_UPDATE)
    may_see_packs = request.may(Permission.POLICY_PACK_READ)
    address = _address(request, details.group.name)
    content = {
        "group": details.group,
        "packs": details.packs,
        "members": members,
        "path": address,
        "packs_path": policy_pages.address(request, "packs") if may_see_packs else "",
        "available": packs.list_packs(backend, caller, org) if may_update and may_see_packs else [],
        "rule": _entered_rule(form) if form is not None and form.exact("lines") else read_rule(details.group.stack_rule),
        "joins": ((ALL, "All of these conditions"), (ANY, "Any of these conditions")),
        "entered": {field: form.exact(field) if form is not None else "" for field in ("stack", "config", "version", "pack")},
        "may_update": may_update,
        "may_delete": request.may(Permission.POLICY_GROUPS_DELETE) and not details.group.is_default,
        "paging": Paging(address, {}, number, len(members), len(details.members)),
    }
    return policy_pages.show(request, "group", content, error=error, done=done)


def _entered_rule(form: Form) -> RuleForm:
    return RuleForm(form.text("join"), form.exact("lines"), form.exact("json"))


def _address(request: OrgRequest, group: str) -> str:
    return policy_pages.address(request, "groups", group)
