"""Access tokens as their owners see them: created, listed, revoked. Users, organizations and teams have tokens.

Every token of an organization or a team has a machine, a user that no one can sign in as: what the token does is done in the
machine's name. Only the reply that creates a token contains its text, which is not stored.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection

from common.access import tokens as access
from common.access.model import TokenOwner
from common.access.tokens import IssuedToken
from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, Forbidden, NotFound
from common.core.ids import is_id
from common.core.paging import make_token, read_token, seal
from common.db.faults import unless_taken
from common.db.retry import retry
from common.people.teams import steps as teams
from common.people.tokens import lifetimes, repository
from common.people.tokens.model import (
    DESCRIPTION_LIMIT,
    NewToken,
    Owner,
    SortField,
    Token,
    TokenQuery,
    expiry,
    outlives,
    require_description,
    require_name,
)
from common.people.users import steps as users
from common.rights import built_in
from common.rights.caller import Caller, TokenKind, missing_org
from common.rights.descriptor import all_permissions
from common.rights.membership import Membership
from common.rights.permissions import Permission
from common.rights.rules import parse

PAGE_DEFAULT = 100
PAGE_LIMIT = 1_000
REASON_LIMIT = 1_000
_NUMBER = re.compile(r"[0-9]{1,16}")


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list: its token, None for the first page, and its greatest length."""

    token: str | None = None
    limit: int = PAGE_DEFAULT


def page_personal_tokens(backend: Backend, caller: Caller, query: TokenQuery, page: Page) -> tuple[list[Token], str | None]:
    """Return a page of the caller's own tokens, and the token of the next page or None."""
    # No permission check here and in revoke_personal_token: they are the caller's own. A machine has none.
    return _page_tokens(backend, caller, Owner(TokenKind.PERSONAL, caller.user_id), query, page)


def page_org_tokens(backend: Backend, caller: Caller, org: str, query: TokenQuery, page: Page) -> tuple[list[Token], str | None]:
    """Return a page of an organization's own tokens, and the token of the next page or None."""
    membership = caller.require(Permission.ORG_TOKEN_READ, org, missing=missing_org(org))
    return _page_tokens(backend, caller, Owner(TokenKind.ORGANIZATION, membership.org_id), query, page)


def page_team_tokens(
    backend: Backend,
    caller: Caller,
    org: str,
    team_name: str,
    query: TokenQuery,
    *,
    page: Page,
) -> tuple[list[Token], str | None]:
    """Return a page of a team's tokens, and the token of the next page or None."""
    membership = caller.require_member(org, missing=missing_org(org))
    with backend.db.connect() as connection:
        team = teams.get(connection, caller, membership, team_name, Permission.TEAM_LIST_TOKENS)
    return _page_tokens(backend, caller, Owner(TokenKind.TEAM, team.id), query, page)


def list_expiring_tokens(backend: Backend, caller: Caller, org: str, within: timedelta, *, limit: int) -> list[Token]:
    """Return tokens that expire soon, the next first: the caller's own, and an organization's if the caller may see them."""
    membership = caller.require_member(org, missing=missing_org(org))
    owners = [Owner(TokenKind.PERSONAL, caller.user_id)]
    if Permission.ORG_TOKEN_READ in membership.permissions():
        owners.append(Owner(TokenKind.ORGANIZATION, membership.org_id))
    now = backend.clock.now()
    with backend.db.connect() as connection:
        times = {"after_millis": unix_millis(now), "until_millis": unix_millis(now + within)}
        return repository.list_expiring(connection, owners, **times, limit=limit)


def create_personal_token(backend: Backend, caller: Caller, new: NewToken) -> IssuedToken:
    """Create a token of the caller; Forbidden for a machine, and for a token that outlives an organization's limit."""
    if not caller.is_themselves:
        raise Forbidden("a machine's token cannot create personal tokens; sign in as a person")
    for membership in caller.memberships:
        _require_short_life(backend, membership, new)

    def create() -> IssuedToken:
        with backend.db.begin() as tx:
            token = _issue(tx, backend, caller, TokenOwner(caller.user_id), new)
            description = f"Made a personal access token {new.description!a}"
            audit.record_everywhere(tx, backend, caller, Event.PERSONAL_TOKEN_CREATED, description=description)
            return token

    return retry(create)


def create_command_line_token(backend: Backend, caller: Caller, description: str) -> IssuedToken:
    """Create a token for the caller's command line, with the longest lifetime that their organizations accept."""
    # No permission check: create_personal_token makes it.
    expires = lifetimes.expires(lifetimes.longest_days(caller), backend.clock.now())
    return create_personal_token(backend, caller, NewToken(description[:DESCRIPTION_LIMIT], expires))


def create_org_token(backend: Backend, caller: Caller, org: str, new: NewToken) -> IssuedToken:
    """Create a token that acts in an organization as a member, an admin or with a role; only admins create admin tokens."""
    membership = caller.require(Permission.ORG_TOKEN_CREATE, org, missing=missing_org(org))
    require_name(new.name)
    _require_one_role(membership, new)
    _require_short_life(backend, membership, new)

    def create() -> IssuedToken:
        with backend.db.begin() as tx:
            _require_role(tx, membership, new.role_id)
            description = _with_reason(f"Made token {new.name!a} of the organization, {_role_text(new)}", new.reason)
            audit.record(tx, backend, caller, membership.org_id, Event.ORG_TOKEN_CREATED, description=description)
            return _issue_to_machine(tx, backend, caller, membership, new)

    return _create(create)


def create_team_token(backend: Backend, caller: Caller, org: str, team_name: str, new: NewToken) -> IssuedToken:
    """Create a token that has a team's permissions, and no others."""
    membership = caller.require_member(org, missing=missing_org(org))

    def create() -> IssuedToken:
        with backend.db.begin() as tx:
            team = teams.lock(tx, caller, membership, team_name, Permission.TEAM_CREATE_TOKEN)
            require_name(new.name)
            _require_short_life(backend, membership, new)
            teams.require_no_escalation(tx, membership, team)
            description = _with_reason(f"Made token {new.name!a} of team {team.name}", new.reason)
            audit.record(tx, backend, caller, membership.org_id, Event.TEAM_TOKEN_CREATED, description=description)
            return _issue_to_machine(tx, backend, caller, membership, new, team_id=team.id)

    return _create(create)


def revoke_personal_token(backend: Backend, caller: Caller, token_id: str) -> None:
    """Revoke a token of the caller at once, everywhere; NotFound for an unknown or revoked token."""
    _require_id(token_id)

    def revoke() -> None:
        with backend.db.begin() as tx:
            _revoke(tx, backend, Owner(TokenKind.PERSONAL, caller.user_id), token_id)
            description = f"Revoked the personal access token {token_id}"
            audit.record_everywhere(tx, backend, caller, Event.PERSONAL_TOKEN_DELETED, description=description)

    retry(revoke)


def revoke_org_token(backend: Backend, caller: Caller, org: str, token_id: str, *, reason: str = "") -> None:
    """Revoke an organization's token at once, everywhere; NotFound for an unknown or revoked token."""
    membership = caller.require(Permission.ORG_TOKEN_DELETE, org, missing=missing_org(org))
    _require_id(token_id)

    def revoke() -> None:
        with backend.db.begin() as tx:
            name = _revoke(tx, backend, Owner(TokenKind.ORGANIZATION, membership.org_id), token_id)
            description = _with_reason(f"Revoked token {name!a} of the organization", reason)
            audit.record(tx, backend, caller, membership.org_id, Event.ORG_TOKEN_DELETED, description=description)

    retry(revoke)


def revoke_team_token(backend: Backend, caller: Caller, org: str, team_name: str, token_id: str, *, reason: str = "") -> None:
    """Revoke a team's token at once, everywhere; NotFound for an unknown or revoked token."""
    membership = caller.require_member(org, missing=missing_org(org))
    with backend.db.connect() as connection:
        team = teams.get(connection, caller, membership, team_name, Permission.TEAM_DELETE_TOKEN)
    _require_id(token_id)

    def revoke() -> None:
        with backend.db.begin() as tx:
            name = _revoke(tx, backend, Owner(TokenKind.TEAM, team.id), token_id)
            description = _with_reason(f"Revoked token {name!a} of team {team.name}", reason)
            audit.record(tx, backend, caller, membership.org_id, Event.TEAM_TOKEN_DELETED, description=description)

    retry(revoke)


def _page_tokens(backend: Backend, caller: Caller, owner: Owner, query: TokenQuery, page: Page) -> tuple[list[Token], str | None]:
    # No permission check in the helpers: each use case above begins with its own.
    sealed = seal(caller.user_id, owner.kind, owner.id, query.token_filter, query.search, query.sort_by, query.direction)
    after = _position(page.token, sealed, query.sort_by) if page.token is not None else None
    limit = min(page.limit, PAGE_LIMIT)
    with backend.db.connect() as connection:
        now_millis = unix_millis(backend.clock.now())
        rows = repository.page(connection, owner, query, after=after, limit=limit + 1, now_millis=now_millis)
    tokens = rows[:limit]
    return tokens, make_token(sealed, tokens[-1].sort_key, tokens[-1].id) if len(rows) > limit else None


def _position(token: str, sealed: str, sort_by: SortField) -> tuple[str | int, str]:
    key, token_id = read_token(token, sealed, 2)
    if sort_by is SortField.NAME:
        return key, token_id
    if not _NUMBER.fullmatch(key):
        raise BadRequest("the continuation token is not valid")
    return int(key), token_id


def _require_one_role(membership: Membership, new: NewToken) -> None:
    if new.is_admin and new.role_id is not None:
        raise BadRequest("a token has one role: send either `admin` or `roleID`")
    if (new.is_admin or new.role_id == built_in.ADMIN.id) and not membership.is_admin:
        raise Forbidden(f"only admins of organization {membership.login} can make admin tokens")
    if new.role_id in (None, built_in.MEMBER.id):
        membership.require_as_member()


def _require_role(tx: Connection, membership: Membership, role_id: str | None) -> None:
    """Raise BadRequest for an unknown role, Forbidden for a role with more permissions than the caller has."""
    if role_id is None or built_in.role_of(role_id) is not None:
        return
    rules = repository.lock_role(tx, membership.org_id, role_id) if is_id(role_id) else None
    if rules is None:
        raise BadRequest(f"Role {role_id[:100]!a} not found in organization {membership.login}")
    membership.require_permissions(all_permissions(parse(rules)))


def _require_short_life(backend: Backend, membership: Membership, new: NewToken) -> None:
    """Raise Forbidden for a token that an organization would refuse, since it would be useless there."""
    now, days = backend.clock.now(), membership.settings.max_access_token_expiry_days
    if outlives(expiry(new.expires, now), now, days):
        raise Forbidden(
            f"organization {membership.login} accepts only access tokens that expire within {days} days; choose an earlier expiry"
        )


def _issue_to_machine(
    tx: Connection,
    backend: Backend,
    caller: Caller,
    membership: Membership,
    new: NewToken,
    *,
    team_id: str | None = None,
) -> IssuedToken:
    machine_id = users.create_machine(tx, org_login=membership.login, name=new.name, now=backend.clock.now())
    owner = TokenOwner(machine_id, membership.org_id, team_id, role_id=new.role_id, is_admin=new.is_admin)
    return _issue(tx, backend, caller, owner, new)


def _issue(tx: Connection, backend: Backend, caller: Caller, owner: TokenOwner, new: NewToken) -> IssuedToken:
    require_description(new.description)
    now = backend.clock.now()
    return access.issue_token(
        tx,
        owner,
        name=new.name,
        description=new.description,
        created_by=caller.user_id,
        now=now,
        expires_at=expiry(new.expires, now),
    )


def _create(create: Callable[[], IssuedToken]) -> IssuedToken:
    """Return the token that a transaction creates; Conflict for a name that a token of the organization has or had."""
    with unless_taken("token name already exists"):
        return retry(create)


def _require_id(token_id: str) -> None:
    if not is_id(token_id):
        # The message does not repeat it: a user who sends a token's text as its id would find it in logs.
        raise NotFound("this is not the id of an access token")


def _revoke(tx: Connection, backend: Backend, owner: Owner, token_id: str) -> str:
    """Revoke a token and return its name."""
    if not access.revoke_token(tx, token_id, owner.kind, owner.id, backend.clock.now()):
        raise NotFound(f"Access token '{token_id}' not found")
    return repository.get_name(tx, token_id)


def _with_reason(description: str, reason: str) -> str:
    return f"{description}: {reason[:REASON_LIMIT]}" if reason else description


def _role_text(new: NewToken) -> str:
    if new.role_id is not None:
        return f"with role {new.role_id}"
    return "as an administrator" if new.is_admin else "as a member"
