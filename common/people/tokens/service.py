"""Access tokens as their owners see them: made, listed, revoked. People have their own; organizations and teams have theirs.

Every token of an organization or a team makes a machine, a user that nobody can sign in as: what the token does is done
in the machine's name. A token's text is told once, by the reply that makes it, and kept nowhere.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from common.access import tokens as access
from common.access.authentication import TokenOwner
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
from common.people.tokens import repository
from common.people.tokens.model import (
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
    """Which page of a list, and how long it may be."""

    token: str | None = None
    limit: int = PAGE_DEFAULT


def page_personal_tokens(backend: Backend, caller: Caller, listing: TokenQuery, page: Page) -> tuple[list[Token], str | None]:
    """Return a page of the caller's own tokens, and the token of the next page or None."""
    # No permission check here nor in delete_personal: they are the caller's own. A machine has none.
    return _page(backend, caller, _own(caller), listing, page)


def page_org_tokens(
    backend: Backend, caller: Caller, org: str, listing: TokenQuery, page: Page
) -> tuple[list[Token], str | None]:
    """Return a page of an organization's own tokens, and the token of the next page or None."""
    membership = caller.require(Permission.ORG_TOKEN_READ, org, missing=missing_org(org))
    return _page(backend, caller, Owner(TokenKind.ORGANIZATION, membership.org_id), listing, page)


def page_team_tokens(
    backend: Backend,
    caller: Caller,
    org: str,
    team_name: str,
    listing: TokenQuery,
    *,
    page: Page,
) -> tuple[list[Token], str | None]:
    """Return a page of a team's tokens, and the token of the next page or None."""
    membership = caller.require_member(org, missing=missing_org(org))
    with backend.db.connect() as connection:
        team = teams.get(connection, caller, membership, team_name, Permission.TEAM_LIST_TOKENS)
    return _page(backend, caller, Owner(TokenKind.TEAM, team.id), listing, page)


def create_personal_token(backend: Backend, caller: Caller, wanted: NewToken) -> IssuedToken:
    """Make a token for the caller; Forbidden for a machine, and where an organization of the caller's limits its life."""
    if not caller.is_themselves:
        msg = "a machine's token cannot make personal tokens; sign in as a person"
        raise Forbidden(msg)
    for membership in caller.memberships:
        _require_short_life(backend, membership, wanted)
    with backend.db.begin() as tx:
        return _issue(tx, backend, caller, TokenOwner(caller.user_id), wanted)


def create_org_token(backend: Backend, caller: Caller, org: str, wanted: NewToken) -> IssuedToken:
    """Make a token that acts in an organization as a member, an admin or with a role; only admins make admins."""
    membership = caller.require(Permission.ORG_TOKEN_CREATE, org, missing=missing_org(org))
    require_name(wanted.name)
    _require_one_role(membership, wanted)
    _require_short_life(backend, membership, wanted)

    def create() -> IssuedToken:
        with backend.db.begin() as tx:
            _require_role(tx, membership, wanted.role_id)
            told = _told(f"Made token {wanted.name!a} of the organization, {_rights(wanted)}", wanted.reason)
            audit.record(tx, backend, caller, membership.org_id, Event.ORG_TOKEN_CREATED, description=told)
            return _issue_to_machine(tx, backend, caller, membership, wanted)

    return _unless_taken(create)


def create_team_token(backend: Backend, caller: Caller, org: str, team_name: str, wanted: NewToken) -> IssuedToken:
    """Make a token that holds what a team was given, and nothing else."""
    membership = caller.require_member(org, missing=missing_org(org))

    def create() -> IssuedToken:
        with backend.db.begin() as tx:
            team = teams.lock(tx, caller, membership, team_name, Permission.TEAM_CREATE_TOKEN)
            require_name(wanted.name)
            _require_short_life(backend, membership, wanted)
            teams.require_no_escalation(tx, membership, team)
            told = _told(f"Made token {wanted.name!a} of team {team.name}", wanted.reason)
            audit.record(tx, backend, caller, membership.org_id, Event.TEAM_TOKEN_CREATED, description=told)
            return _issue_to_machine(tx, backend, caller, membership, wanted, team_id=team.id)

    return _unless_taken(create)


def revoke_personal_token(backend: Backend, caller: Caller, token_id: str) -> None:
    """Revoke a token of the caller's at once, everywhere; NotFound when there is none or it was revoked before."""
    _revoke(backend, _own(caller), token_id, lambda _tx, _name: None)


def revoke_org_token(backend: Backend, caller: Caller, org: str, token_id: str, *, reason: str = "") -> None:
    """Revoke an organization's token at once, everywhere; NotFound when there is none or it was revoked before."""
    membership = caller.require(Permission.ORG_TOKEN_DELETE, org, missing=missing_org(org))

    def record(tx: Connection, name: str) -> None:
        told = _told(f"Revoked token {name!a} of the organization", reason)
        audit.record(tx, backend, caller, membership.org_id, Event.ORG_TOKEN_DELETED, description=told)

    _revoke(backend, Owner(TokenKind.ORGANIZATION, membership.org_id), token_id, record)


def revoke_team_token(backend: Backend, caller: Caller, org: str, team_name: str, token_id: str, *, reason: str = "") -> None:
    """Revoke a team's token at once, everywhere; NotFound when there is none or it was revoked before."""
    membership = caller.require_member(org, missing=missing_org(org))
    with backend.db.connect() as connection:
        team = teams.get(connection, caller, membership, team_name, Permission.TEAM_DELETE_TOKEN)

    def record(tx: Connection, name: str) -> None:
        told = _told(f"Revoked token {name!a} of team {team.name}", reason)
        audit.record(tx, backend, caller, membership.org_id, Event.TEAM_TOKEN_DELETED, description=told)

    _revoke(backend, Owner(TokenKind.TEAM, team.id), token_id, record)


def _page(
    backend: Backend,
    caller: Caller,
    whose: Owner,
    listing: TokenQuery,
    page: Page,
) -> tuple[list[Token], str | None]:
    # No permission check in the helpers: each use case above begins with its own.
    sealed = seal(caller.user_id, whose.kind, whose.id, listing.shown, listing.search, listing.sort_by, listing.direction)
    after = _position(page.token, sealed, listing.sort_by) if page.token is not None else None
    limit = min(page.limit, PAGE_LIMIT)
    with backend.db.connect() as connection:
        now_millis = unix_millis(backend.clock.now())
        rows = repository.page(connection, whose, listing, after=after, limit=limit + 1, now_millis=now_millis)
    found = rows[:limit]
    return found, make_token(sealed, found[-1].sort_key, found[-1].id) if len(rows) > limit else None


def _position(token: str, sealed: str, sort_by: SortField) -> tuple[str | int, str]:
    key, token_id = read_token(token, sealed, 2)
    if sort_by is SortField.NAME:
        return key, token_id
    if not _NUMBER.fullmatch(key):
        msg = "the continuation token is not one of this server's"
        raise BadRequest(msg)
    return int(key), token_id


def _require_one_role(membership: Membership, wanted: NewToken) -> None:
    if wanted.is_admin and wanted.role_id is not None:
        msg = "a token has one role: send either `admin` or `roleID`"
        raise BadRequest(msg)
    if (wanted.is_admin or wanted.role_id == built_in.ADMIN.id) and not membership.is_admin:
        msg = f"only admins of organization {membership.login} can make admin tokens"
        raise Forbidden(msg)
    if wanted.role_id in (None, built_in.MEMBER.id):
        membership.require_as_member()


def _require_role(tx: Connection, membership: Membership, role_id: str | None) -> None:
    """Raise BadRequest for a role that is none, Forbidden for one that holds more than the caller does."""
    if role_id is None or built_in.role_of(role_id) is not None:
        return
    rules = repository.lock_role(tx, membership.org_id, role_id) if is_id(role_id) else None
    if rules is None:
        msg = f"Role {role_id[:100]!a} not found in organization {membership.login}"
        raise BadRequest(msg)
    membership.require_permissions(all_permissions(parse(rules)))


def _require_short_life(backend: Backend, membership: Membership, wanted: NewToken) -> None:
    """Raise Forbidden when the organization would not take the token, so that nobody makes one that is of no use there."""
    now, days = backend.clock.now(), membership.settings.max_access_token_expiry_days
    if outlives(expiry(wanted.expires, now), now, days):
        msg = f"organization {membership.login} takes access tokens that expire within {days} days; ask for one that does"
        raise Forbidden(msg)


def _issue_to_machine(
    tx: Connection,
    backend: Backend,
    caller: Caller,
    membership: Membership,
    wanted: NewToken,
    *,
    team_id: str | None = None,
) -> IssuedToken:
    machine_id = users.create_machine(tx, org_login=membership.login, name=wanted.name, now=backend.clock.now())
    owner = TokenOwner(
        machine_id,
        membership.org_id,
        team_id,
        role_id=wanted.role_id,
        is_admin=wanted.is_admin,
    )
    return _issue(tx, backend, caller, owner, wanted)


def _issue(tx: Connection, backend: Backend, caller: Caller, owner: TokenOwner, wanted: NewToken) -> IssuedToken:
    require_description(wanted.description)
    now = backend.clock.now()
    return access.issue_token(
        tx,
        owner,
        name=wanted.name,
        description=wanted.description,
        created_by=caller.user_id,
        now=now,
        expires_at=expiry(wanted.expires, now),
    )


def _unless_taken(create: Callable[[], IssuedToken]) -> IssuedToken:
    """Return the token that a transaction makes; Conflict when its name was ever taken in the organization, by any token."""
    with unless_taken("token name already exists"):
        return retry(create)


def _revoke(backend: Backend, whose: Owner, token_id: str, record: Callable[[Connection, str], None]) -> None:
    if not is_id(token_id):
        # Not repeated: whoever mistakes a token's text for its id would find it in logs.
        raise NotFound("no access token has an id like that")

    def revoke() -> bool:
        with backend.db.begin() as tx:
            if not access.revoke_token(tx, token_id, whose.kind, whose.id, backend.clock.now()):
                return False
            record(tx, repository.get_name(tx, token_id))
            return True

    if not retry(revoke):
        msg = f"Access token '{token_id}' not found"
        raise NotFound(msg)


def _told(what: str, reason: str) -> str:
    return f"{what}: {reason[:REASON_LIMIT]}" if reason else what


def _rights(wanted: NewToken) -> str:
    if wanted.role_id is not None:
        return f"with role {wanted.role_id}"
    return "as an administrator" if wanted.is_admin else "as a member"


def _own(caller: Caller) -> Owner:
    return Owner(TokenKind.PERSONAL, caller.user_id)
