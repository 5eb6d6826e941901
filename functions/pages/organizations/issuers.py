"""Issuers of identity tokens that an organization trusts: a wizard for pipelines, and each issuer with its policy."""

from collections.abc import Callable, Sequence
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Response

from common.config.public_urls import api_url
from common.core.errors import BackendError, BadRequest
from common.rights.built_in import ADMIN, MEMBER
from common.rights.permissions import Permission
from common.sign_in.workload_identity.language.statements import StatementInput, require_statements
from common.sign_in.workload_identity.model import ORG_AUDIENCE, Issuer, Registration, TokenType
from common.sign_in.workload_identity.service import issuers, policies
from common.wire.issuers import AuthPolicyDefinitionRequest
from functions.pages.form_errors import attempt
from functions.pages.hiding import missing, unless_hidden
from functions.pages.organizations import pipelines
from functions.pages.organizations.choices import clean, list_assignable
from functions.pages.organizations.org_request import OrgRequest, OrgRequestDep
from functions.pages.organizations.pipelines import PLATFORMS, Job, Platform
from functions.pages.paging import PAGE_ROWS, PageNumberDep, Paging
from functions.pages.rendering import see_other
from functions.pages.visitor import Form, FormDep

router = APIRouter()
_ISSUERS = "/{org}/settings/issuers"
_WIZARD = f"{_ISSUERS}/new/{{platform}}"
_ISSUER = f"{_ISSUERS}/{{issuer_id}}"
_NO_JOB = {"project": "", "branch": "", "team": "", "role": MEMBER.id}
_NOTHING = StatementInput("deny", TokenType.ORGANIZATION)
# A policy has fewer statements than any number of so many digits.
_NUMBER_LENGTH = 6
_Text = Annotated[str, Query()]


@router.get(_ISSUERS)
def list_issuers(request: OrgRequestDep, number: PageNumberDep, q: _Text = "", done: _Text = "") -> Response:
    """Show the issuers that the organization trusts, and the ways to add one."""
    return _list_page(request, clean(q), number, done=done)


@router.post(_ISSUERS)
def register(request: OrgRequestDep, form: FormDep) -> Response:
    """Trust an issuer by its address, with a policy that allows nothing yet."""

    def act() -> Response:
        registration = Registration(form.text("name"), form.text("url"))
        issuer = issuers.register(request.backend, request.caller, request.org, registration)
        return see_other(f"{request.address('issuers', issuer.id)}?done=registered")

    return attempt(act, lambda error: _list_page(request, error=error))


@router.get(_WIZARD)
def show_wizard(request: OrgRequestDep, platform: str) -> Response:
    """Show the form that lets jobs of a platform sign in."""
    return _wizard_page(request, _platform(request, platform), {})


@router.post(_WIZARD)
def run_wizard(request: OrgRequestDep, platform: str, form: FormDep) -> Response:
    """Trust a platform's issuer, unless it is trusted already, and let the jobs of a project in."""
    chosen = _platform(request, platform)
    fields = {name: form.text(name) for name in ("name", "url", "project", "branch", "team", "role")}

    def act() -> Response:
        rule = pipelines.rule_for(chosen, request.org, _job(form))
        require_statements([rule])
        backend, caller, org = request.backend, request.caller, request.org
        trusted = next((item for item in issuers.list_issuers(backend, caller, org) if item.url == fields["url"]), None)
        issuer = trusted or issuers.register(backend, caller, org, Registration(fields["name"], fields["url"]))
        _replace(request, issuer, [*_statements(issuer), rule], is_merged=True)
        return see_other(f"{request.address('issuers', issuer.id)}?done=allowed")

    return attempt(act, lambda error: _wizard_page(request, chosen, fields, error=error))


@router.get(_ISSUER)
def show_issuer(request: OrgRequestDep, issuer_id: str, done: _Text = "") -> Response:
    """Show an issuer with its policy, and what its jobs run."""
    return _issuer_page(request, issuer_id, done=done)


@router.post(f"{_ISSUER}/rules/remove")
def remove_rule(request: OrgRequestDep, issuer_id: str, form: FormDep) -> Response:
    """Remove a statement of an issuer's policy; tokens that no other one allows end at once."""

    def act(issuer: Issuer) -> None:
        number = form.text("number")
        is_number = number.isascii() and number.isdigit() and len(number) < _NUMBER_LENGTH
        if form.text("version") != str(issuer.policy_version) or not is_number or int(number) >= len(issuer.statements):
            raise BadRequest("the policy was changed by another request; check it and try again")
        remaining = [item for place, item in enumerate(_statements(issuer)) if place != int(number)]
        _replace(request, issuer, remaining or [_NOTHING], is_merged=True)

    return _change(request, issuer_id, "policy", act)


@router.post(f"{_ISSUER}/policy")
def replace_policy(request: OrgRequestDep, issuer_id: str, form: FormDep) -> Response:
    """Replace an issuer's policy by JSON, in the form of the API."""

    def act(issuer: Issuer) -> None:
        try:
            sent = msgspec.json.decode(form.text("policies"), type=list[AuthPolicyDefinitionRequest])
        except (msgspec.DecodeError, RecursionError) as error:
            raise BadRequest(f"this is not a list of statements: {error}") from error
        _replace(request, issuer, [_from_wire(item) for item in sent])

    return _change(request, issuer_id, "policy", act)


@router.post(f"{_ISSUER}/thumbprints")
def renew_thumbprints(request: OrgRequestDep, issuer_id: str, form: FormDep) -> Response:
    """Trust the certificates that an issuer has now."""
    _ = form

    def act(issuer: Issuer) -> None:
        issuers.regenerate_thumbprints(request.backend, request.caller, request.org, issuer.id)

    return _change(request, issuer_id, "thumbprints", act)


@router.post(f"{_ISSUER}/delete")
def delete(request: OrgRequestDep, issuer_id: str, form: FormDep) -> Response:
    """Delete an issuer with its policy, and end its tokens."""
    _ = form
    return request.change(
        lambda: issuers.delete(request.backend, request.caller, request.org, issuer_id),
        f"{request.address('issuers')}?done=deleted",
        lambda error: _issuer_page(request, issuer_id, error=error),
    )


def _change(request: OrgRequest, issuer_id: str, done: str, act: Callable[[Issuer], None]) -> Response:
    def do() -> None:
        act(issuers.get_issuer(request.backend, request.caller, request.org, issuer_id))

    address = f"{request.address('issuers', issuer_id)}?done={done}"
    return request.change(do, address, lambda error: _issuer_page(request, issuer_id, error=error))


def _replace(request: OrgRequest, issuer: Issuer, statements: Sequence[StatementInput], *, is_merged: bool = False) -> None:
    """Replace the policy; statements that are merged with those of the policy replace the version that was read, no other."""
    version = issuer.policy_version if is_merged else None
    policies.replace_policy(request.backend, request.caller, request.org, issuer.policy_id, statements, version=version)


def _statements(issuer: Issuer) -> list[StatementInput]:
    return [statement for item in issuer.statements if (statement := pipelines.to_input(item)) != _NOTHING]


def _from_wire(sent: AuthPolicyDefinitionRequest) -> StatementInput:
    return StatementInput(
        decision=sent.decision or "",
        token_type=sent.token_type or "",
        team_name=sent.team_name or "",
        user_login=sent.user_login or "",
        runner_id=sent.runner_id or "",
        role_id=sent.role_id or "",
        permissions=sent.authorized_permissions or (),
        rules=sent.rules or {},
    )


def _job(form: Form) -> Job:
    role_id = form.text("role")
    return Job(form.text("project"), form.text("branch"), form.text("team"), "" if role_id == MEMBER.id else role_id)


def _platform(request: OrgRequest, key: str) -> Platform:
    request.require(Permission.OIDC_ISSUERS_CREATE)
    request.require(Permission.AUTH_POLICIES_UPDATE)
    platform = PLATFORMS.get(key)
    if platform is None:
        raise missing()
    return platform


def _list_page(
    request: OrgRequest, text: str = "", number: int = 1, *, done: str = "", error: BackendError | None = None
) -> Response:
    trusted = unless_hidden(lambda: issuers.list_issuers(request.backend, request.caller, request.org))
    found = [issuer for issuer in trusted if text.lower() in f"{issuer.name} {issuer.url}".lower()]
    rows = found[(number - 1) * PAGE_ROWS : number * PAGE_ROWS]
    may_create = request.may(Permission.OIDC_ISSUERS_CREATE)
    content = {
        "chosen": {"q": text},
        "rows": rows,
        "may_create": may_create,
        "platforms": list(PLATFORMS.values()) if may_create and request.may(Permission.AUTH_POLICIES_UPDATE) else [],
        "paging": Paging(request.address("issuers"), {"q": text}, number, len(rows), len(found)),
    }
    return request.page("issuers", content, done=done, error=error)


def _wizard_page(
    request: OrgRequest, platform: Platform, fields: dict[str, str], *, error: BackendError | None = None
) -> Response:
    content = {
        "platform": platform,
        "fields": {"name": platform.name, "url": platform.url, **_NO_JOB, **fields},
        "audience": f"{ORG_AUDIENCE}{request.org}",
        "roles": [record for record in list_assignable(request) if record.id != ADMIN.id],
    }
    return request.page("issuer-wizard", content, error=error)


def _issuer_page(request: OrgRequest, issuer_id: str, *, done: str = "", error: BackendError | None = None) -> Response:
    backend, caller, org = request.backend, request.caller, request.org
    issuer = unless_hidden(lambda: issuers.get_issuer(backend, caller, org, issuer_id))
    platform = pipelines.platform_of(issuer)
    team = next((item.target for item in issuer.statements if item.token_type is TokenType.TEAM), "")
    content = {
        "issuer": issuer,
        "platform": platform,
        "base": request.address("issuers", issuer.id),
        "statements": list(issuer.statements) if request.may(Permission.AUTH_POLICIES_READ) else None,
        "role_names": {record.id: record.name for record in list_assignable(request)},
        "policy": _policy_text(issuer),
        "snippet": pipelines.snippet(platform, api_url(backend.settings), org, team) if platform is not None else "",
        "audience": f"{ORG_AUDIENCE}{org}",
        "may_change_policy": request.may(Permission.AUTH_POLICIES_UPDATE) and request.may(Permission.AUTH_POLICIES_READ),
        "may_renew": request.may(Permission.OIDC_ISSUERS_REGENERATE_THUMBPRINTS) and issuer.static_keys is None,
        "may_delete": request.may(Permission.OIDC_ISSUERS_DELETE),
    }
    return request.page("issuer", content, done=done, error=error)


def _policy_text(issuer: Issuer) -> str:
    names = {TokenType.TEAM: "teamName", TokenType.PERSONAL: "userLogin", TokenType.RUNNER: "runnerID"}
    statements = [
        {
            "decision": item.decision,
            "tokenType": item.token_type,
            **({names[item.token_type]: item.target} if item.target else {}),
            **({"roleID": item.role_id} if item.role_id else {}),
            "authorizedPermissions": list(item.levels),
            "rules": item.rules,
        }
        for item in issuer.statements
    ]
    return msgspec.json.format(msgspec.json.encode(statements), indent=2).decode()
