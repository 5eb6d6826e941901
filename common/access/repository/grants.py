"""Rows of grants on single stacks."""

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select
from sqlalchemy import delete as delete_from

from common.db.tables.access import roles, stack_grants
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
