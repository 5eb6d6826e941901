"""Access tokens of users, organizations and teams (platform.md 6). Queries may carry a `reason` for the audit log."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from msgspec import UNSET, UnsetType

from common.access.tokens import IssuedToken
from common.core.clock import from_millis
from common.people.tokens import service as tokens
from common.people.tokens.model import NewToken, SortDirection, SortField, Token, TokenFilter, TokenQuery
from common.people.tokens.service import PAGE_DEFAULT, Page
from common.rights import built_in
from common.rights.caller import TokenKind
from common.wire.tokens import (
    AccessToken,
    AccessTokenRole,
    CreateAccessTokenResponse,
    CreateOrgAccessTokenRequest,
    CreatePersonalAccessTokenRequest,
    CreateTeamAccessTokenRequest,
    ListAccessTokensResponse,
)
from functions.http.bodies import BodyDep
from functions.http.deps import BackendDep, CallerDep, empty, reply

router = APIRouter()
_OWN = "/api/user/tokens"
_ORG = "/api/orgs/{org}/tokens"
_TEAM = "/api/orgs/{org}/teams/{team}/tokens"
_SEARCH_LIMIT = 1_024


async def get_token_query(
    token_filter: Annotated[TokenFilter, Query(alias="filter")] = TokenFilter.ACTIVE,
    search: Annotated[str, Query(max_length=_SEARCH_LIMIT)] = "",
    sort_by: Annotated[SortField | None, Query(alias="sortBy")] = None,
    direction: Annotated[SortDirection | None, Query(alias="sortDirection")] = None,
) -> TokenQuery:
    """Return the filter and order of a list: the newest first by default."""
    default = SortDirection.DESCENDING if sort_by is None else SortDirection.ASCENDING
    return TokenQuery(token_filter, search, sort_by or SortField.CREATED, direction or default)


async def get_page(
    token: Annotated[str | None, Query(alias="continuationToken")] = None,
    limit: Annotated[int, Query(alias="maxResults", ge=1)] = PAGE_DEFAULT,
) -> Page:
    """Return the page of a request; one that is too long is cut."""
    return Page(token or None, limit)


TokenQueryDep = Annotated[TokenQuery, Depends(get_token_query)]
PageDep = Annotated[Page, Depends(get_page)]
ReasonDep = Annotated[str, Query(max_length=_SEARCH_LIMIT)]


@router.get(_OWN)
def list_personal_tokens(backend: BackendDep, caller: CallerDep, query: TokenQueryDep, page: PageDep) -> Response:
    return _list(*tokens.page_personal_tokens(backend, caller, query, page))


@router.post(_OWN)
def create_personal_token(backend: BackendDep, caller: CallerDep, body: BodyDep) -> Response:
    request = body.decode(CreatePersonalAccessTokenRequest)
    new = NewToken(request.description or "", request.expires or 0)
    return _created(tokens.create_personal_token(backend, caller, new))


@router.delete(f"{_OWN}/{{token_id}}")
def delete_personal_token(backend: BackendDep, caller: CallerDep, token_id: str) -> Response:
    tokens.revoke_personal_token(backend, caller, token_id)
    return empty()


@router.get(_ORG)
def list_org_tokens(backend: BackendDep, caller: CallerDep, org: str, query: TokenQueryDep, page: PageDep) -> Response:
    return _list(*tokens.page_org_tokens(backend, caller, org, query, page))


@router.post(_ORG)
def create_org_token(backend: BackendDep, caller: CallerDep, org: str, body: BodyDep, *, reason: ReasonDep = "") -> Response:
    request = body.decode(CreateOrgAccessTokenRequest)
    is_admin, role_id = bool(request.admin), request.role_id or None
    new = NewToken(
        request.description or "",
        request.expires or 0,
        request.name or "",
        is_admin=is_admin,
        role_id=role_id,
        reason=reason,
    )
    return _created(tokens.create_org_token(backend, caller, org, new))


@router.delete(f"{_ORG}/{{token_id}}")
def delete_org_token(
    backend: BackendDep,
    caller: CallerDep,
    org: str,
    token_id: str,
    *,
    reason: ReasonDep = "",
) -> Response:
    tokens.revoke_org_token(backend, caller, org, token_id, reason=reason)
    return empty()


@router.get(_TEAM)
def list_team_tokens(
    backend: BackendDep,
    caller: CallerDep,
    org: str,
    team: str,
    query: TokenQueryDep,
    page: PageDep,
) -> Response:
    return _list(*tokens.page_team_tokens(backend, caller, org, team, query, page=page))


@router.post(_TEAM)
def create_team_token(
    backend: BackendDep,
    caller: CallerDep,
    org: str,
    team: str,
    body: BodyDep,
    *,
    reason: ReasonDep = "",
) -> Response:
    request = body.decode(CreateTeamAccessTokenRequest)
    new = NewToken(request.description or "", request.expires or 0, request.name or "", reason=reason)
    return _created(tokens.create_team_token(backend, caller, org, team, new))


@router.delete(f"{_TEAM}/{{token_id}}")
def delete_team_token(
    backend: BackendDep,
    caller: CallerDep,
    org: str,
    team: str,
    token_id: str,
    *,
    reason: ReasonDep = "",
) -> Response:
    tokens.revoke_team_token(backend, caller, org, team, token_id, reason=reason)
    return empty()


def _created(token: IssuedToken) -> Response:
    return reply(CreateAccessTokenResponse(token.id, token.text))


def _list(page: list[Token], next_token: str | None) -> Response:
    return reply(ListAccessTokensResponse([_token(token) for token in page], next_token if next_token is not None else UNSET))


def _token(token: Token) -> AccessToken:
    return AccessToken(
        id=token.id,
        name=token.name,
        description=token.description,
        created=from_millis(token.created_at),
        last_used=(token.last_used_at or 0) // 1000,
        expires=(token.expires_at or 0) // 1000,
        admin=token.is_admin,
        created_by=token.created_by,
        type=token.kind,
        role=_role(token),
    )


def _role(token: Token) -> AccessTokenRole | UnsetType:
    """Return the role of an organization's token, if it is a built-in one: the wire has no identifier for others."""
    if token.kind != TokenKind.ORGANIZATION:
        return UNSET
    default = built_in.ADMIN if token.is_admin else built_in.MEMBER
    role = built_in.BY_ID.get(token.role_id) if token.role_id is not None else default
    return AccessTokenRole(role.id, role.name, role.identifier) if role is not None else UNSET
