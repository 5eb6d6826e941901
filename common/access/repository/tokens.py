"""Rows of access tokens, and the query of a token's caller."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    union_all,
    update,
)

from common.access.model import Session, TokenOwner
from common.core.errors import SignInProblem
from common.db.tables.access import access_tokens, roles, team_roles
from common.db.tables.people import members, organizations, team_members, teams, users
from common.rights import built_in as builtin
from common.rights.caller import Caller, TokenKind
from common.rights.descriptor import Descriptor
from common.rights.membership import Membership
from common.rights.org_settings import OrgSettings, decode
from common.rights.permissions import Role
from common.rights.rules import parse

_IS_GOOD = and_(
    access_tokens.c.token_hash == bindparam("token_hash"),
    or_(access_tokens.c.expires_at.is_(None), access_tokens.c.expires_at > bindparam("now_millis")),
)
_IS_UNREVOKED = and_(access_tokens.c.id == bindparam("token_id"), access_tokens.c.revoked_at.is_(None))
# A token that was exchanged for an identity token of an organization's issuer is valid in that organization alone.
_IS_HOME = or_(access_tokens.c.issuer_id.is_(None), members.c.org_id == access_tokens.c.org_id)
# A machine belongs to its token's organization without being a member; a user belongs to it only as a member.
_OF_MACHINE = case((access_tokens.c.kind.in_((TokenKind.ORGANIZATION, TokenKind.TEAM)), access_tokens.c.org_id))
_DAY_MILLIS, _HOUR_MILLIS = 86_400_000, 3_600_000
_TEAM_ADMIN = "admin"
_OWNERS: dict[TokenKind, ColumnElement[Any]] = {
    TokenKind.PERSONAL: access_tokens.c.user_id,
    TokenKind.ORGANIZATION: access_tokens.c.org_id,
    TokenKind.TEAM: access_tokens.c.team_id,
    TokenKind.SESSION: access_tokens.c.user_id,
}


@dataclass(frozen=True, slots=True)
class TokenUse:
    """The caller of a token, and when the token was last used (unix milliseconds)."""

    caller: Caller
    last_used_at: int | None


def find_caller(connection: Connection, token_hash: str, now_millis: int) -> TokenUse | None:
    """Return the caller of a valid token, with all memberships, or None."""
    return _to_token_use(connection.execute(_CALLER, {"token_hash": token_hash, "now_millis": now_millis}).all(), now_millis)


def find_caller_by_id(connection: Connection, token_id: str, now_millis: int) -> Caller | None:
    """Return the caller of a token that was not revoked, with all memberships, or None."""
    token = _to_token_use(connection.execute(_CALLER_BY_ID, {"token_id": token_id}).all(), now_millis)
    return token.caller if token is not None else None


def find_valid_caller(connection: Connection, token_id: str, now_millis: int) -> Caller | None:
    """Return the caller of a token that was not revoked and has not expired, with all memberships, or None."""
    rows = connection.execute(_CALLER_BY_ID, {"token_id": token_id}).all()
    if any(row.expires_at is not None and row.expires_at <= now_millis for row in rows):
        return None
    token = _to_token_use(rows, now_millis)
    return token.caller if token is not None else None


def is_revoked(connection: Connection, token_id: str) -> bool:
    """Tell whether a token was revoked."""
    query = select(access_tokens.c.id).where(access_tokens.c.id == token_id, access_tokens.c.revoked_at.is_not(None))
    return connection.scalar(query) is not None


def _to_token_use(rows: Sequence[Row[Any]], now_millis: int) -> TokenUse | None:
    owners = [row for row in rows if row.part == "owner"]
    if not owners:
        return None
    with_org = [row for row in owners if row.org_id is not None]
    of_teams: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        if row.part == "team":
            of_teams[row.org_id].append(row)
    ordered = sorted(with_org, key=lambda row: str(row.org_login))
    memberships = tuple(to_membership(row, of_teams.get(row.org_id, ()), now_millis) for row in ordered)
    return TokenUse(_to_caller(owners[0], memberships), owners[0].last_used_at)


def record_use(connection: Connection, token_id: str, seen_at: int | None, now_millis: int) -> None:
    """Store that a token was used, unless another process did since it was read."""
    unchanged = access_tokens.c.last_used_at == seen_at if seen_at is not None else access_tokens.c.last_used_at.is_(None)
    connection.execute(update(access_tokens).values(last_used_at=now_millis).where(access_tokens.c.id == token_id, unchanged))


def is_any_used(connection: Connection) -> bool:
    """Tell whether a token was used or a session exists."""
    is_used = or_(access_tokens.c.kind == TokenKind.SESSION, access_tokens.c.last_used_at.is_not(None))
    return connection.scalar(select(access_tokens.c.id).where(is_used).limit(1)) is not None


def find_owner(connection: Connection, token_hash: str) -> str | None:
    """Return the id of the user who owns a token, expired or not, or None."""
    owner: str | None = connection.scalar(select(access_tokens.c.user_id).where(access_tokens.c.token_hash == token_hash))
    return owner


def add_token(
    tx: Connection,
    owner: TokenOwner,
    *,
    token_id: str,
    token_hash: str,
    name: str,
    description: str,
    created_by: str,
    now_millis: int,
    expires_at: int | None,
) -> None:
    """Insert a token's hash; IntegrityError for an existing token, or an existing name in the organization."""
    tx.execute(
        insert(access_tokens).values(
            id=token_id,
            token_hash=token_hash,
            kind=owner.kind,
            user_id=owner.user_id,
            org_id=owner.org_id,
            team_id=owner.team_id,
            role_id=owner.role_id,
            issuer_id=owner.issuer_id,
            is_admin=owner.is_admin,
            name=name,
            description=description,
            created_by=created_by,
            created_at=now_millis,
            expires_at=expires_at,
            last_used_at=None,
            revoked_at=None,
        ),
    )


def revoke(tx: Connection, chosen: ColumnElement[bool], now_millis: int) -> int:
    """Revoke the chosen tokens and return how many were not revoked yet; without its hash a token cannot be used."""
    changed = tx.execute(
        update(access_tokens).values(token_hash=None, revoked_at=now_millis).where(access_tokens.c.revoked_at.is_(None), chosen),
    )
    return changed.rowcount


def list_sessions(connection: Connection, user_id: str, now_millis: int, limit: int) -> list[Session]:
    """Return the open sessions of a user, newest first."""
    query = (
        select(
            access_tokens.c.id,
            access_tokens.c.name,
            access_tokens.c.created_at,
            access_tokens.c.last_used_at,
            access_tokens.c.expires_at,
        )
        .where(of_sessions(user_id), access_tokens.c.revoked_at.is_(None), access_tokens.c.expires_at > now_millis)
        .order_by(access_tokens.c.created_at.desc(), access_tokens.c.id.desc())
    )
    return [Session(*row) for row in connection.execute(query.limit(limit))]


def delete_expired(connection: Connection, before_millis: int, limit: int) -> int:
    """Delete some sessions and exchanged tokens that expired before a moment; return how many."""
    is_unlisted = or_(access_tokens.c.kind == TokenKind.SESSION, access_tokens.c.issuer_id.is_not(None))
    query = select(access_tokens.c.id).where(access_tokens.c.expires_at < before_millis, is_unlisted)
    token_ids = list(connection.scalars(query.order_by(access_tokens.c.expires_at).limit(limit)))
    if token_ids:
        connection.execute(delete(access_tokens).where(access_tokens.c.id.in_(token_ids)))
    return len(token_ids)


def of_team(team_id: str) -> ColumnElement[bool]:
    """Choose the tokens of a team."""
    return access_tokens.c.team_id == team_id


def of_role(role_id: str) -> ColumnElement[bool]:
    """Choose the tokens that were created with a role."""
    return access_tokens.c.role_id == role_id


def of_sessions(user_id: str) -> ColumnElement[bool]:
    """Choose the sessions of a user."""
    return and_(access_tokens.c.user_id == user_id, access_tokens.c.kind == TokenKind.SESSION)


def of_other_sessions(user_id: str, token_id: str) -> ColumnElement[bool]:
    """Choose the sessions of a user but one."""
    return and_(of_sessions(user_id), access_tokens.c.id != token_id)


def of_user(user_id: str) -> ColumnElement[bool]:
    """Choose all tokens and sessions of a user, exchanged tokens too."""
    return access_tokens.c.user_id == user_id


def of_member(user_id: str, org_id: str, provider: str) -> ColumnElement[bool]:
    """Choose a user's exchanged tokens of an organization, and their sessions through its SAML provider."""
    of_org = and_(access_tokens.c.issuer_id.is_not(None), access_tokens.c.org_id == org_id)
    of_provider = and_(access_tokens.c.kind == TokenKind.SESSION, access_tokens.c.name == provider)
    return and_(access_tokens.c.user_id == user_id, or_(of_org, of_provider))


def of_issuer(issuer_id: str) -> ColumnElement[bool]:
    """Choose the tokens that were exchanged for an issuer's identity tokens."""
    return access_tokens.c.issuer_id == issuer_id


def of_ids(token_ids: Collection[str]) -> ColumnElement[bool]:
    """Choose tokens by their ids."""
    return access_tokens.c.id.in_(token_ids)


def of_token(token_id: str, kind: TokenKind, owner_id: str) -> ColumnElement[bool]:
    """Choose one token of a user, an organization or a team."""
    # A token that was exchanged for an identity token is not listed, so it cannot be named either.
    is_owned = and_(access_tokens.c.kind == kind, access_tokens.c.issuer_id.is_(None), _OWNERS[kind] == owner_id)
    return and_(access_tokens.c.id == token_id, is_owned)


def _owner(is_good: ColumnElement[bool]) -> Select[Any]:
    """Return the query of the valid tokens, their user, and each of their organizations with their role."""
    return (
        select(
            literal("owner").label("part"),
            users.c.id,
            users.c.login,
            users.c.name,
            users.c.email,
            users.c.avatar_url,
            users.c.site_admin,
            users.c.default_org_id,
            access_tokens.c.id.label("token_id"),
            access_tokens.c.kind,
            access_tokens.c.name.label("token_name"),
            access_tokens.c.is_admin,
            access_tokens.c.created_at,
            access_tokens.c.expires_at,
            access_tokens.c.last_used_at,
            access_tokens.c.issuer_id,
            organizations.c.id.label("org_id"),
            organizations.c.login.label("org_login"),
            organizations.c.name.label("org_name"),
            organizations.c.avatar_url.label("org_avatar_url"),
            organizations.c.personal_user_id,
            organizations.c.settings,
            members.c.role,
            members.c.saml_at,
            func.coalesce(members.c.role_id, access_tokens.c.role_id).label("role_id"),
            roles.c.rules,
            access_tokens.c.team_id,
            teams.c.name.label("team_name"),
        )
        .join(users, users.c.id == access_tokens.c.user_id)
        .outerjoin(members, and_(members.c.user_id == users.c.id, members.c.suspended.is_(False), _IS_HOME))
        .outerjoin(organizations, organizations.c.id == func.coalesce(members.c.org_id, _OF_MACHINE))
        .outerjoin(roles, roles.c.id == func.coalesce(members.c.role_id, access_tokens.c.role_id))
        .outerjoin(teams, teams.c.id == access_tokens.c.team_id)
        .where(is_good)
    )


def _teams_of_person(is_good: ColumnElement[bool]) -> Select[Any]:
    """Return the query of the teams of the token's user, a row for each role that a team has, in the columns of `_owner`."""
    query = (
        select(*_team_columns(team_members.c.org_id, team_members.c.role, team_members.c.team_id))
        .select_from(access_tokens)
        .join(team_members, team_members.c.user_id == access_tokens.c.user_id)
        .outerjoin(team_roles, team_roles.c.team_id == team_members.c.team_id)
    )
    return query.outerjoin(roles, roles.c.id == team_roles.c.role_id).where(is_good)


def _team_of_machine(is_good: ColumnElement[bool]) -> Select[Any]:
    """Return the query of the team that the token itself belongs to, in the columns of `_owner`."""
    query = (
        select(*_team_columns(access_tokens.c.org_id, null(), access_tokens.c.team_id))
        .select_from(access_tokens)
        .outerjoin(team_roles, team_roles.c.team_id == access_tokens.c.team_id)
    )
    return query.outerjoin(roles, roles.c.id == team_roles.c.role_id).where(is_good, access_tokens.c.team_id.is_not(None))


def _team_columns(org_id: Any, role: Any, team_id: Any) -> tuple[Any, ...]:  # noqa: ANN401 - a column or NULL
    return (
        literal("team"),
        *[null()] * 15,
        org_id,
        *[null()] * 5,
        role,
        null(),
        team_roles.c.role_id,
        roles.c.rules,
        team_id,
        null(),
    )


def _to_caller(row: Row[Any], memberships: tuple[Membership, ...]) -> Caller:
    return Caller(
        user_id=row.id,
        login=row.login,
        name=row.name,
        email=row.email,
        avatar_url=row.avatar_url,
        site_admin=bool(row.site_admin),
        default_org_id=row.default_org_id,
        memberships=memberships,
        token_id=row.token_id,
        token_kind=TokenKind(row.kind),
        token_name=row.token_name,
        team_name=row.team_name or "",
        issuer_id=row.issuer_id,
    )


def to_membership(row: Row[Any], of_teams: Sequence[Any], now_millis: int) -> Membership:
    """Return a membership of the rows of a user in an organization and of their teams there."""
    settings = decode(row.settings)
    role, custom_role_id = _role(row)
    own = [(row.role_id, row.rules)] if custom_role_id is not None else []
    of_roles = {role_id: rules for role_id, rules in [*own, *((team.role_id, team.rules) for team in of_teams)] if role_id}
    return Membership(
        org_id=row.org_id,
        login=row.org_login,
        name=row.org_name,
        avatar_url=row.org_avatar_url,
        role=role,
        is_personal=row.personal_user_id == row.id,
        custom_role_id=custom_role_id,
        settings=settings,
        rules=tuple(rules for role_id, text in of_roles.items() for rules in _rules(role_id, text)),
        team_ids=tuple(dict.fromkeys(team.team_id for team in of_teams)),
        administered_team_ids=frozenset(team.team_id for team in of_teams if team.role == _TEAM_ADMIN),
        barred=_barred(row, settings),
        saml_problem=_saml_problem(row, settings, now_millis),
    )


def _role(row: Row[Any]) -> tuple[Role, str | None]:
    """Return the role that the wire shows, and the id of the custom role that replaces it, or None."""
    built_in = builtin.role_of(row.role_id) if row.role_id is not None else None
    if built_in is not None:
        return built_in, None
    if row.role is not None:
        return Role(row.role), row.role_id
    if row.kind == TokenKind.TEAM:
        return Role.NONE, None
    return (Role.ADMIN, None) if row.is_admin else (Role.MEMBER, row.role_id)


def _rules(role_id: str, text: str | None) -> list[Descriptor]:
    if text is not None:
        return [parse(text)]
    record = builtin.BY_ID.get(role_id)
    return [record.descriptor] if record is not None else []


def _saml_problem(row: Row[Any], settings: OrgSettings, now_millis: int) -> SignInProblem | None:
    """Return the sign-in that a user still needs in an organization that requires its SAML provider, or None."""
    is_person = row.kind in (TokenKind.PERSONAL, TokenKind.SESSION) and row.issuer_id is None
    if not settings.saml_required or not is_person or row.id == settings.saml_admin_id:
        return None
    if row.saml_at is None:
        return SignInProblem.LOGIN
    hours = settings.saml_session_hours
    return SignInProblem.REAUTH if hours and now_millis - row.saml_at > hours * _HOUR_MILLIS else None


def _barred(row: Row[Any], settings: OrgSettings) -> str:
    """Return why a token may not be used in an organization that limits how long tokens live, or an empty text."""
    days = settings.max_access_token_expiry_days
    if not days or (row.expires_at is not None and row.expires_at - row.created_at <= days * _DAY_MILLIS):
        return ""
    return f"organization {row.org_login} accepts only access tokens that expire within {days} days; create one that does"


# Built once, since every request runs it. No ORDER BY: with one, MySQL would put the union into a temporary table.
_CALLER, _CALLER_BY_ID = (
    union_all(_owner(is_good), _teams_of_person(is_good), _team_of_machine(is_good)) for is_good in (_IS_GOOD, _IS_UNREVOKED)
)
