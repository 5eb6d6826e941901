"""Imports teams of another service: those of a name that is free here, each whole or not at all."""

from collections.abc import Collection
from contextlib import suppress

from common.access import grants
from common.audit import steps as audit
from common.audit.steps import Actor, Event
from common.backend import Backend
from common.core.errors import BackendError
from common.core.ids import new_id
from common.db.retry import retry
from common.installation.moving.model import MovedTeam, Outcome, StackName, TeamResult
from common.people.teams import steps as teams
from common.people.teams.model import Team, TeamRole
from common.rights.permissions import StackLevel
from common.stacks.imports import steps as stacks
from common.stacks.imports.model import NewOwner


def import_team(
    backend: Backend, owner: NewOwner, moved: MovedTeam, imported: Collection[StackName], *, is_dry_run: bool
) -> TeamResult:
    """Create a team with those members who are members here, and with its grants on imported stacks; return the result.

    Another stack that has the name of one of the source gets no grant: `imported` has the names of those that were moved, or that
    the import found here.
    """
    # No permission check: the operator holds the database.
    names = [name for name in moved.levels if name in imported]
    ids = {name: match[0] for name in names if (match := stacks.find_existing(backend, owner, name.project, name.name))}
    levels = {ids[name]: level for name, number in moved.levels.items() if name in ids and (level := _level(number))}
    team = Team(new_id(), teams.KIND, moved.name, moved.display_name, moved.description)
    roles = {login: TeamRole.ADMIN if role == TeamRole.ADMIN else TeamRole.MEMBER for login, role in moved.roles.items()}

    def add() -> list[str] | None:
        now = backend.clock.now()
        with backend.db.begin() as tx:
            missing = teams.add_imported(tx, owner.org_id, team, roles, now)
            if missing is not None:
                for stack_id, level in levels.items():
                    grants.replace(tx, stack_id, team.id, is_team=True, level=level, now=now)
                actor = Actor(owner.user_id, owner.login)
                description = f"Imported team {moved.name} from another service"
                audit.record_as(tx, backend, actor, owner.org_id, Event.TEAM_CREATED, description=description)
            if is_dry_run:
                tx.rollback()
            return missing

    try:
        missing = retry(add)
    except BackendError as error:
        return TeamResult(moved.name, Outcome.FAILED, error.detail)
    if missing is None:
        return TeamResult(moved.name, Outcome.UNCHANGED)
    notes = [f"{login} is not a member here" for login in missing]
    notes += [f"stack {name} was not imported" for name in sorted(moved.levels, key=_text) if name not in imported]
    return TeamResult(moved.name, Outcome.NEW if is_dry_run else Outcome.MOVED, notes=tuple(notes))


def _level(number: int) -> StackLevel | None:
    with suppress(ValueError):
        return StackLevel(number) if number else None
    return None


def _text(name: StackName) -> str:
    return str(name)
