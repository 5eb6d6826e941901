"""Opens a definition of an environment, and stores the result as a session: steps of the calls that open."""

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.db.retry import retry
from common.environments import evaluation, sessions, steps, world
from common.environments.cipher import EnvironmentCipher
from common.environments.gates import OpenGates
from common.environments.model import Environment
from common.environments.sessions import Session, text_of
from common.environments.world import StoredEnvironments
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission


def open_definition(  # noqa: PLR0917 - what is opened, for how long, and what the log says
    backend: Backend,
    caller: Caller,
    environment: Environment,
    definition: bytes,
    duration: str | None,
    subject: str,
    event: Event = Event.ENVIRONMENT_OPENED,
) -> str:
    """Open a text as the definition of an environment, and return the id of the session.

    BadRequest if opening the environment needs an approval, InvalidDefinition if the definition has errors.
    """
    # No permission check in this module: the use case made it.
    path = environment.path
    seconds = sessions.seconds_of(duration)
    membership = caller.require_member(path.org, missing=missing_org(path.org))
    gates = OpenGates(backend, caller, environment.org_id)
    gates.require(environment)
    limit = steps.open_limit_seconds(caller, membership, environment)
    seconds = min(seconds, limit) if limit is not None else seconds
    loader = StoredEnvironments(backend, caller, membership, permission=Permission.ENVIRONMENT_OPEN, gates=gates)
    scene = world.make(backend, caller, membership, loader, text_of(seconds))
    result = evaluation.open_environment(path.in_org, definition, scene, EnvironmentCipher(backend, environment))
    session = Session(environment.org_id, environment.id)
    description = f"Opened {subject} of environment {path}{loader.describe()}"
    return store(backend, caller, session, result, loader.capped_seconds(seconds), gates, description, event)


def record_decryption(backend: Backend, caller: Caller, org_id: str, gates: OpenGates, description: str) -> None:
    """Record that secrets are shown without a session, before they are; the time of the grants that were used begins."""

    def record() -> None:
        with backend.db.begin() as tx:
            gates.begin_access(tx)
            audit.record(tx, backend, caller, org_id, Event.ENVIRONMENT_DECRYPTED, description=description)

    retry(record)


def store(  # noqa: PLR0917 - what a session consists of
    backend: Backend,
    caller: Caller,
    session: Session,
    result: bytes,
    seconds: int,
    gates: OpenGates,
    description: str,
    event: Event = Event.ENVIRONMENT_OPENED,
) -> str:
    """Store a result and return the id of its session; the time of the grants that it was opened with begins."""
    key = sessions.service_key(backend)

    def add() -> str:
        with backend.db.begin() as tx:
            session_id = sessions.add(tx, backend, caller, session, key, result, seconds)
            gates.begin_access(tx)
            audit.record(tx, backend, caller, session.org_id, event, description=description)
            return session_id

    return retry(add)
