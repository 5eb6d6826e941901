"""Records what a caller did, in the transaction that does it: one line of each use case that changes something.

It is the last step of the transaction where that is possible, since others that record for the organization wait for its end. A
transaction that records for several organizations does so in the order of their ids.
"""

from sqlalchemy import Connection

from common.audit import repository
from common.audit.chain import Record
from common.audit.events import DESCRIPTION_LIMIT, NAME_LIMIT, Actor, Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.ids import new_id
from common.db.retry import retry
from common.rights.caller import Caller

__all__ = ["Actor", "Event", "actor_of", "record", "record_alone", "record_as"]
_ADDRESS_LIMIT = 45


def record(tx: Connection, backend: Backend, caller: Caller, org_id: str, event: Event, *, description: str) -> None:
    """Record what a caller did to an organization."""
    # No permission check in this module: the use case made it.
    record_as(tx, backend, actor_of(caller), org_id, event, description=description)


def record_as(tx: Connection, backend: Backend, actor: Actor, org_id: str, event: Event, *, description: str) -> None:
    """Record what an actor did who is not signed in, such as a job that requests a token."""
    if len(description) > DESCRIPTION_LIMIT:
        description = description[: DESCRIPTION_LIMIT - 1] + "…"
    token_name, source_ip = actor.token_name[:NAME_LIMIT], actor.source_ip[:_ADDRESS_LIMIT]
    new = Record(
        id=new_id(),
        org_id=org_id,
        recorded_at=unix_millis(backend.clock.now()),
        event=event.value,
        description=description,
        user_id=actor.user_id,
        login=actor.login,
        token_id=actor.token_id,
        token_name=token_name,
        source_ip=source_ip,
    )
    repository.add(tx, new)


def record_alone(backend: Backend, caller: Caller, org_id: str, event: Event, *, description: str) -> None:
    """Record what a caller reads, in a transaction of its own: before they get it, so that nothing is read unrecorded."""

    def append() -> None:
        with backend.db.begin() as tx:
            record(tx, backend, caller, org_id, event, description=description)

    retry(append)


def actor_of(caller: Caller) -> Actor:
    """Return a caller as the log names them."""
    return Actor(caller.user_id, caller.login, caller.token_id, caller.token_name, caller.source_ip)
