"""Rows of grants on single stacks."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, insert, select
from sqlalchemy import delete as delete_from

from common.access.stack_grant import StackGrant, decode
from common.db.tables.access import roles, stack_grants
from common.db.tables.people import members, teams
from common.db.tables.stacks import stacks
from common.rights.permissions import StackLevel


def add(
    tx: Connection,
    stack_id: str,
    principal_id: str,
    *,
    is_team: bool,
    level: StackLevel,
    set_id: str | None,
    now_millis: int,
) -> None:
    """Insert a grant; IntegrityError for a team or user with a grant on the stack."""
    tx.execute(
        insert(stack_grants).values(
            stack_id=stack_id,
            principal_id=principal_id,
            is_team=is_team,
            permission=int(level),
            set_id=set_id,
            created_at=now_millis,
        ),
    )


def add_teams(tx: Connection, stack_id: str, team_ids: Sequence[str], *, level: StackLevel, now_millis: int) -> None:
    """Insert a grant for each team; IntegrityError for a team with a grant on the stack."""
    grant = {"stack_id": stack_id, "is_team": True, "permission": int(level), "set_id": None, "created_at": now_millis}
    tx.execute(insert(stack_grants), [{**grant, "principal_id": team_id} for team_id in team_ids])


def add_several(tx: Connection, stack_id: str, several: Sequence[StackGrant], now_millis: int) -> None:
    """Insert grants; IntegrityError for a team or user with a grant on the stack."""
    rows = [{**msgspec.structs.asdict(grant), "stack_id": stack_id, "created_at": now_millis} for grant in several]
    tx.execute(insert(stack_grants), rows)


def find_of_stack(tx: Connection, stack_id: str) -> list[StackGrant]:
    """Return all grants on a stack."""
    query = select(stack_grants.c.principal_id, stack_grants.c.is_team, stack_grants.c.permission, stack_grants.c.set_id)
    rows = tx.execute(query.where(stack_grants.c.stack_id == stack_id).order_by(stack_grants.c.principal_id))
    return [StackGrant(row.principal_id, bool(row.is_team), row.permission, row.set_id) for row in rows]


def find_valid(tx: Connection, org_id: str, several: Sequence[StackGrant], since_millis: int) -> list[StackGrant]:
    """Return those grants whose team, or member since before a time, and permission set an organization has.

    They are locked: who deletes one of them waits, and then finds its grants.
    """
    principals = [grant.principal_id for grant in several]
    of_teams = select(teams.c.id).where(teams.c.org_id == org_id, teams.c.id.in_(principals)).order_by(teams.c.id)
    joined = (members.c.org_id == org_id, members.c.user_id.in_(principals), members.c.created_at <= since_millis)
    of_members = select(members.c.user_id).where(*joined).order_by(members.c.user_id)
    team_ids, user_ids = (set(tx.scalars(query.with_for_update(read=True))) for query in (of_teams, of_members))
    wanted_sets = {grant.set_id for grant in several if grant.set_id is not None}
    set_ids: set[str | None] = {None}
    if wanted_sets:
        of_sets = select(roles.c.id).where(roles.c.org_id == org_id, roles.c.id.in_(wanted_sets)).order_by(roles.c.id)
        set_ids |= set(tx.scalars(of_sets.with_for_update(read=True)))
    return [
        grant for grant in several if grant.principal_id in (team_ids if grant.is_team else user_ids) and grant.set_id in set_ids
    ]


def delete(tx: Connection, stack_id: str, principal_id: str) -> bool:
    """Delete a grant; False when it does not exist."""
    deleted = tx.execute(
        delete_from(stack_grants).where(stack_grants.c.stack_id == stack_id, stack_grants.c.principal_id == principal_id)
    )
    return deleted.rowcount == 1


def find_kinds(tx: Connection, principal_id: str) -> list[tuple[StackLevel, str | None]]:
    """Return each level, or rules of a custom permission set, that a team or user has on stacks."""
    query = (
        select(stack_grants.c.permission, roles.c.rules)
        .distinct()
        .select_from(stack_grants.outerjoin(roles, roles.c.id == stack_grants.c.set_id))
        .where(stack_grants.c.principal_id == principal_id)
    )
    return [(StackLevel(row.permission), row.rules) for row in tx.execute(query)]


def find_deleted_kinds(tx: Connection, team_id: str) -> list[tuple[StackLevel, str | None]]:
    """Return each level, or rules of a custom permission set, that a team had on deleted stacks that can be restored."""
    org_id = select(teams.c.org_id).where(teams.c.id == team_id).scalar_subquery()
    can_be_restored = (stacks.c.org_id == org_id, stacks.c.live.is_(None), stacks.c.deleted_at > 0)
    texts = tx.scalars(select(stacks.c.deleted_grants).where(*can_be_restored, stacks.c.deleted_grants.contains(team_id)))
    kinds = {(grant.permission, grant.set_id) for text in texts for grant in decode(text) if grant.principal_id == team_id}
    set_ids = {set_id for _level, set_id in kinds if set_id is not None}
    rules = {row.id: row.rules for row in tx.execute(select(roles.c.id, roles.c.rules).where(roles.c.id.in_(set_ids)))}
    # A grant by a permission set that was deleted does not come back.
    return [
        (StackLevel(level), rules[set_id] if set_id is not None else None)
        for level, set_id in kinds
        if set_id is None or set_id in rules
    ]


def delete_of_principal(tx: Connection, principal_id: str) -> None:
    """Delete all grants of a team or user."""
    tx.execute(delete_from(stack_grants).where(stack_grants.c.principal_id == principal_id))


def delete_of_principal_in_org(tx: Connection, principal_id: str, org_id: str) -> None:
    """Delete all grants of a user on an organization's stacks, deleted ones among them."""
    of_org = select(stacks.c.id).where(stacks.c.org_id == org_id)
    tx.execute(
        delete_from(stack_grants).where(stack_grants.c.principal_id == principal_id, stack_grants.c.stack_id.in_(of_org)),
    )


def delete_of_set(tx: Connection, set_id: str) -> None:
    """Delete all grants of a permission set."""
    tx.execute(delete_from(stack_grants).where(stack_grants.c.set_id == set_id))


def delete_of_stack(tx: Connection, stack_id: str) -> None:
    """Delete all grants on a stack."""
    tx.execute(delete_from(stack_grants).where(stack_grants.c.stack_id == stack_id))
