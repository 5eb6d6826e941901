"""Deletes an environment: by itself, or with the stack that it belongs to."""

from sqlalchemy import Connection

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import Conflict
from common.environments import events
from common.environments.events import EventName
from common.environments.model import Environment
from common.environments.repository import environments
from common.people.teams import environment_grants
from common.rights.caller import Caller


def delete(tx: Connection, backend: Backend, caller: Caller, environment: Environment) -> None:
    """Delete an environment, so that its name is free; it can be restored for a while. Conflict if it is protected."""
    # No permission check: the use case made it.
    path = environment.path
    if not environments.mark_deleted(tx, environment.id, unix_millis(backend.clock.now())):
        # The command line looks for the word in the message (esc.md 4.1).
        raise Conflict(f"environment {path.in_org} is protected from deletion; change its settings first")
    environment_grants.delete(tx, environment.org_id, path.project, path.name)
    description = f"Deleted environment {path}"
    audit.record(tx, backend, caller, environment.org_id, Event.ENVIRONMENT_DELETED, description=description)
    events.queue(tx, backend, caller, environment, EventName.DELETED)
