"""Policy packs of an organization: their versions and policies, in which groups they are enabled, and their deletion."""

from dataclasses import dataclass
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Response

from common.core.errors import BackendError, BadRequest
from common.policies.groups import service as groups
from common.policies.groups.model import GroupChange, PackReference
from common.policies.packs import service as packs
from common.policies.packs.model import LATEST, PackVersion, Policy
from common.rights.permissions import Permission
from functions.pages.form_errors import attempt
from functions.pages.hiding import missing, unless_hidden
from functions.pages.organizations import policy_pages
from functions.pages.organizations.choices import clean
from functions.pages.organizations.org_request import OrgRequest, OrgRequestDep
from functions.pages.paging import PAGE_ROWS, PageNumberDep, Paging
from functions.pages.rendering import see_other
from functions.pages.visitor import Form, FormDep

router = APIRouter()
_LIST = "/{org}/settings/policies/packs"
_PACK = f"{_LIST}/{{pack}}"
_VERSION = f"{_PACK}/versions/{{version}}"
_PRINTED = "/{org}/insights/policypacks/{pack}/{version}"
_Text = Annotated[str, Query()]


@dataclass(frozen=True, slots=True)
class PackView:
    """Which page of a pack is shown: that of a version, with a part of the list of versions."""

    name: str
    version: str = LATEST
    number: int = 1


@router.get(_LIST)
def list_packs(request: OrgRequestDep, number: PageNumberDep, q: _Text = "", done: _Text = "") -> Response:
    """Show the organization's packs."""
    word = clean(q).lower()
    every = unless_hidden(lambda: packs.list_packs(request.backend, request.caller, request.org))
    matching = [pack for pack in every if word in f"{pack.name} {pack.display_name}".lower()]
    rows = matching[(number - 1) * PAGE_ROWS : number * PAGE_ROWS]
    chosen = {"q": clean(q)}
    content = {
        "rows": rows,
        "has_packs": bool(every),
        "chosen": chosen,
        "paging": Paging(policy_pages.address(request, "packs"), chosen, number, len(rows), len(matching)),
    }
    return policy_pages.show(request, "packs", content, done=done)


@router.get(_PACK)
def show_pack(request: OrgRequestDep, pack: str, number: PageNumberDep, done: _Text = "") -> Response:
    """Show the newest version of a pack."""
    return _page(request, PackView(pack, number=number), done=done)


@router.get(_VERSION)
def show_version(request: OrgRequestDep, pack: str, version: str, number: PageNumberDep) -> Response:
    """Show a version of a pack."""
    return _page(request, PackView(pack, version, number))


@router.post(f"{_PACK}/enable")
def enable(request: OrgRequestDep, pack: str, form: FormDep) -> Response:
    """Enable a version of a pack in a group, in place of the version that was enabled there."""

    def act() -> None:
        environments = tuple(form.text("environments").split())
        reference = PackReference(pack, form.text("version"), config=read_config(form.exact("config")), environments=environments)
        change = GroupChange(add_packs=(reference,))
        groups.update_group(request.backend, request.caller, request.org, form.text("group"), [change])

    return request.change(
        act, f"{_address(request, pack)}?done=enabled", lambda error: _page(request, PackView(pack), error=error, form=form)
    )


@router.post(f"{_PACK}/disable")
def disable(request: OrgRequestDep, pack: str, form: FormDep) -> Response:
    """Disable a pack in a group."""
    change = GroupChange(remove_packs=(PackReference(pack),))
    return request.change(
        lambda: groups.update_group(request.backend, request.caller, request.org, form.text("group"), [change]),
        f"{_address(request, pack)}?done=disabled",
        lambda error: _page(request, PackView(pack), error=error),
    )


@router.post(f"{_PACK}/delete")
def delete_pack(request: OrgRequestDep, pack: str, form: FormDep) -> Response:
    """Delete all versions of a pack."""
    _ = form
    return request.change(
        lambda: packs.delete_pack(request.backend, request.caller, request.org, pack),
        f"{policy_pages.address(request, 'packs')}?done=deleted",
        lambda error: _page(request, PackView(pack), error=error),
    )


@router.post(f"{_VERSION}/delete")
def delete_version(request: OrgRequestDep, pack: str, version: str, form: FormDep) -> Response:
    """Delete a version, unless a group applies it."""
    _ = form

    def act() -> Response:
        packs.delete_version(request.backend, request.caller, request.org, pack, version)
        rest = packs.list_packs(request.backend, request.caller, request.org, pack)
        return see_other(f"{_address(request, pack) if rest else policy_pages.address(request, 'packs')}?done=deleted")

    return attempt(act, lambda error: _page(request, PackView(pack, version), error=error))


@router.get(_PRINTED)
def lead_to_version(request: OrgRequestDep, pack: str, version: str) -> Response:
    """Lead from the address that `pulumi policy publish` prints to the version's page."""
    return see_other(policy_pages.address(request, "packs", pack, "versions", version))


def read_config(text: str) -> dict[str, object] | None:
    """Return the configuration that a form says, None for an empty one; BadRequest for what is not a JSON object."""
    if not text.strip():
        return None
    try:
        return msgspec.json.decode(text, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise BadRequest("the configuration must be a JSON object: the name of each policy with its settings") from error


def _page(
    request: OrgRequest, view: PackView, *, error: BackendError | None = None, done: str = "", form: Form | None = None
) -> Response:
    backend, caller, org = request.backend, request.caller, request.org
    version = unless_hidden(lambda: _find_version(request, view))
    (pack,) = packs.list_packs(backend, caller, org, version.name)
    newest_first = pack.versions[::-1]
    versions = newest_first[(view.number - 1) * PAGE_ROWS : view.number * PAGE_ROWS]
    address = _address(request, pack.name)
    content = {
        "pack": pack,
        "version": version,
        "policies": [(policy, _pretty(policy)) for policy in version.policies],
        "versions": versions,
        "every_version": newest_first,
        "path": address,
        "groups": groups.list_groups_with_pack(backend, caller, org, pack.name)
        if request.may(Permission.POLICY_GROUPS_READ)
        else [],
        "groups_path": policy_pages.address(request, "groups"),
        "may_change_groups": request.may(Permission.POLICY_GROUPS_READ) and request.may(Permission.POLICY_GROUPS_UPDATE),
        "may_delete": request.may(Permission.POLICY_PACK_DELETE),
        "entered": {name: form.exact(name) if form is not None else "" for name in ("group", "config", "environments")},
        "paging": Paging(address, {}, view.number, len(versions), len(newest_first)),
    }
    return policy_pages.show(request, "pack", content, error=error, done=done)


def _find_version(request: OrgRequest, view: PackView) -> PackVersion:
    try:
        return packs.get_version(request.backend, request.caller, request.org, view.name, view.version)
    except BadRequest as error:
        # The version is not completely published.
        raise missing() from error


def _pretty(policy: Policy) -> str:
    """Return the schema of a policy's configuration on several lines, an empty text without one."""
    text = bytes(policy.config_schema)
    return "" if text == b"null" else msgspec.json.format(text, indent=2).decode()


def _address(request: OrgRequest, pack: str) -> str:
    return policy_pages.address(request, "packs", pack)
