"""Environments behind change gates: which actions need an approval, and what a caller was granted."""

from sqlalchemy import Connection

from common.approvals import steps as approvals
from common.approvals.model import Action
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest
from common.environments.model import Environment, EnvironmentPath
from common.environments.repository import open_grants
from common.environments.repository.open_grants import OpenGrant
from common.rights.caller import Caller

ENTITY_TYPE = "environment"


def require_no_update_gate(connection: Connection, org_id: str, path: EnvironmentPath) -> None:
    """Raise BadRequest if changes of an environment need an approval.

    Not Conflict: `pulumi env edit` would take it for a change of another user, and open the editor again and again.
    """
    if approvals.list_gates(connection, org_id, ENTITY_TYPE, Action.UPDATE, path.in_org):
        raise BadRequest(
            f"changes of environment {path.in_org} need an approval: create a draft of the change (pulumi env edit --draft,"
            " pulumi env set --draft), and apply it when it is approved"
        )


def list_gated_actions(connection: Connection, environment: Environment) -> list[str]:
    """Return the actions on an environment that need an approval."""
    name = environment.path.in_org
    return [action.value for action in Action if approvals.list_gates(connection, environment.org_id, ENTITY_TYPE, action, name)]


class OpenGates:
    """Which environments a caller needs a grant to open, in one evaluation. The gates of the organization are read once."""

    def __init__(self, backend: Backend, caller: Caller, org_id: str) -> None:
        """Read nothing yet."""
        self._backend = backend
        self._caller = caller
        self._org_id = org_id
        self._names: frozenset[str] | None = None
        self._grants: dict[str, OpenGrant] = {}

    def is_gated(self, environment: Environment) -> bool:
        """Tell whether opening an environment needs an approval."""
        if self._names is None:
            with self._backend.db.connect() as connection:
                gates = approvals.list_gates(connection, self._org_id, ENTITY_TYPE, Action.OPEN)
            self._names = frozenset(gate.target.qualified_name for gate in gates)
        return bool(self._names & {"", environment.path.in_org})

    def find_problem(self, environment: Environment) -> str | None:
        """Return why the caller may not open an environment now, or None if they may."""
        if not self.is_gated(environment):
            return None
        if environment.id not in self._grants:
            now_millis = unix_millis(self._backend.clock.now())
            with self._backend.db.connect() as connection:
                grant = open_grants.find(connection, environment.id, self._caller.user_id, now_millis)
            if grant is None:
                return (
                    f"opening environment {environment.path.in_org} needs an approval: request it with"
                    f" pulumi env open-request {environment.path}"
                )
            self._grants[environment.id] = grant
        return None

    def require(self, environment: Environment) -> None:
        """Raise BadRequest if the caller may not open an environment now."""
        problem = self.find_problem(environment)
        if problem is not None:
            raise BadRequest(problem)

    def require_for_schedule(self, environment: Environment) -> None:
        """Raise BadRequest if a schedule may not rotate an environment now.

        What a schedule rotates is shown to no one. But where changes need no approval, one who may make them can let a rotator
        send the secrets elsewhere.
        """
        with self._backend.db.connect() as connection:
            gated = list_gated_actions(connection, environment)
        if Action.UPDATE not in gated:
            self.require(environment)

    def capped_seconds(self, seconds: int) -> int:
        """Return the duration of a session, made shorter where a grant ends earlier."""
        now_millis = unix_millis(self._backend.clock.now())
        return min([seconds, *(grant.remaining_seconds(now_millis) for grant in self._grants.values())])

    def begin_access(self, tx: Connection) -> None:
        """Begin the time of the grants that were used for the first time."""
        for grant in self._grants.values():
            open_grants.begin_access(tx, grant.request_id, unix_millis(self._backend.clock.now()))
