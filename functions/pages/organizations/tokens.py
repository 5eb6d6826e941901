"""Access tokens of an organization and of its teams: created and shown once, listed, revoked."""

from collections.abc import Callable, Mapping
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Response

from common.access.tokens import IssuedToken
from common.core.errors import BackendError, BadRequest
from common.people.roles.model import Record
from common.people.teams import steps
from common.people.tokens import lifetimes
from common.people.tokens import service as tokens
from common.people.tokens.model import DESCRIPTION_LIMIT, NAME_LIMIT, NewToken, Token, TokenFilter, TokenQuery
from common.people.tokens.service import Page
from common.rights.built_in import ADMIN, MEMBER
from common.rights.permissions import Permission
from functions.pages.form_errors import attempt
from functions.pages.hiding import unless_hidden
from functions.pages.organizations.choices import clean, list_assignable
from functions.pages.organizations.org_request import OrgRequest, OrgRequestDep
from functions.pages.organizations.teams import get_team, team_head
from functions.pages.paging import PAGE_ROWS
from functions.pages.visitor import Form, FormDep

router = APIRouter()
_TOKENS = "/{org}/settings/tokens"
_TEAM_TOKENS = "/{org}/settings/teams/{team}/tokens"
_NO_FILTERS = {"q": "", "state": ""}
_Text = Annotated[str, Query()]
_Rows = tuple[list[Token], str | None]


async def get_filters(q: _Text = "", state: _Text = "") -> dict[str, str]:
    """Return what the address narrows a list of tokens to."""
    return {"q": clean(q), "state": state if state in list(TokenFilter) else ""}


FiltersDep = Annotated[dict[str, str], Depends(get_filters)]


@router.get(_TOKENS)
def list_tokens(request: OrgRequestDep, filters: FiltersDep, after: _Text = "", done: _Text = "") -> Response:
    """Show a page of the organization's tokens, the newest first, and the form for another."""
    return _org_page(request, filters, after, done=done)


@router.post(_TOKENS)
def create_token(request: OrgRequestDep, form: FormDep) -> Response:
    """Create a token of the organization and show it, this once."""

    def act() -> Response:
        role_id = form.text("role")
        own = None if role_id in ("", MEMBER.id, ADMIN.id) else role_id
        new = _new_token(request, form, role_id=own, is_admin=role_id == ADMIN.id)
        issued = tokens.create_org_token(request.backend, request.caller, request.org, new)
        return _org_page(request, issued=issued)

    return attempt(act, lambda error: _org_page(request, error=error))


@router.post(f"{_TOKENS}/{{token_id}}/delete")
def revoke_token(request: OrgRequestDep, token_id: str, form: FormDep) -> Response:
    """Revoke a token of the organization."""
    _ = form
    return request.change(
        lambda: tokens.revoke_org_token(request.backend, request.caller, request.org, token_id),
        f"{request.address('tokens')}?done=revoked",
        lambda error: _org_page(request, error=error),
    )


@router.get(_TEAM_TOKENS)
def list_team_tokens(request: OrgRequestDep, team: str, filters: FiltersDep, after: _Text = "", done: _Text = "") -> Response:
    """Show a page of a team's tokens, the newest first, and the form for another."""
    return _team_page(request, team, filters, after, done=done)


@router.post(_TEAM_TOKENS)
def create_team_token(request: OrgRequestDep, team: str, form: FormDep) -> Response:
    """Create a token of a team and show it, this once."""

    def act() -> Response:
        issued = tokens.create_team_token(request.backend, request.caller, request.org, team, _new_token(request, form))
        return _team_page(request, team, issued=issued)

    return attempt(act, lambda error: _team_page(request, team, error=error))


@router.post(f"{_TEAM_TOKENS}/{{token_id}}/delete")
def revoke_team_token(request: OrgRequestDep, team: str, token_id: str, form: FormDep) -> Response:
    """Revoke a token of a team."""
    _ = form
    return request.change(
        lambda: tokens.revoke_team_token(request.backend, request.caller, request.org, team, token_id),
        f"{request.address('teams', team, 'tokens')}?done=revoked",
        lambda error: _team_page(request, team, error=error),
    )


def _org_page(
    request: OrgRequest,
    filters: dict[str, str] = _NO_FILTERS,
    after: str = "",
    *,
    done: str = "",
    issued: IssuedToken | None = None,
    error: BackendError | None = None,
) -> Response:
    def load(query: TokenQuery, page: Page) -> _Rows:
        return tokens.page_org_tokens(request.backend, request.caller, request.org, query, page)

    roles = list_assignable(request)
    content = {
        **_list(request, load, filters, after, request.address("tokens")),
        "issued": issued,
        "roles": roles,
        "role_names": _role_names(roles),
        "member_role": MEMBER.id,
        "may_create": request.may(Permission.ORG_TOKEN_CREATE),
        "may_revoke": request.may(Permission.ORG_TOKEN_DELETE),
    }
    return request.page("tokens", content, done=done, error=error)


def _team_page(
    request: OrgRequest,
    team: str,
    filters: dict[str, str] = _NO_FILTERS,
    after: str = "",
    *,
    done: str = "",
    issued: IssuedToken | None = None,
    error: BackendError | None = None,
) -> Response:
    def load(query: TokenQuery, page: Page) -> _Rows:
        return tokens.page_team_tokens(request.backend, request.caller, request.org, team, query, page=page)

    details = get_team(request, team)
    content = {
        **team_head(request, details),
        **_list(request, load, filters, after, request.address("teams", team, "tokens")),
        "issued": issued,
        "may_create": steps.may(request.membership, details.team, Permission.TEAM_CREATE_TOKEN),
        "may_revoke": steps.may(request.membership, details.team, Permission.TEAM_DELETE_TOKEN),
    }
    return request.page("team-tokens", content, done=done, error=error)


def _list(
    request: OrgRequest, load: Callable[[TokenQuery, Page], _Rows], filters: Mapping[str, str], after: str, address: str
) -> dict[str, object]:
    query = TokenQuery(TokenFilter(filters["state"] or TokenFilter.ALL), filters["q"])
    rows, following = unless_hidden(lambda: load(query, Page(after or None, PAGE_ROWS)))
    chosen = {name: value for name, value in filters.items() if value}
    days = request.membership.settings.max_access_token_expiry_days
    return {
        "rows": rows,
        "chosen": filters,
        "address": address,
        "newest": f"{address}?{urlencode(chosen)}" if after else "",
        "following": f"{address}?{urlencode({**chosen, 'after': following})}" if following else "",
        "days": lifetimes.days_up_to(days),
        "longest": days,
        "name_limit": NAME_LIMIT,
        "description_limit": DESCRIPTION_LIMIT,
    }


def _new_token(request: OrgRequest, form: Form, *, role_id: str | None = None, is_admin: bool = False) -> NewToken:
    days = form.text("days")
    if not days.isascii() or not days.isdigit() or len(days) > 5:
        raise BadRequest("choose when the token expires")
    expires = lifetimes.expires(int(days), request.backend.clock.now())
    return NewToken(form.text("description"), expires, form.text("name"), is_admin, role_id)


def _role_names(roles: list[Record]) -> dict[str, str]:
    return {record.id: record.name for record in roles}
