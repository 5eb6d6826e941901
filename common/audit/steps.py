"""Records what somebody did, in the transaction that does it: one line of each use case that changes something."""

from sqlalchemy import Connection

from common.audit import service as audit
from common.audit.events import Actor, Event
from common.backend import Backend
from common.rights.caller import Caller

__all__ = ["Actor", "Event", "actor_of", "record", "record_as"]


def record(tx: Connection, backend: Backend, caller: Caller, org_id: str, event: Event, *, description: str) -> None:
    """Record what a caller did to an organization: a step of the caller's use case."""
    audit.record(tx, actor_of(caller), org_id, event, description, now=backend.clock.now())


def record_as(tx: Connection, backend: Backend, actor: Actor, org_id: str, event: Event, *, description: str) -> None:
    """Record what somebody did who is not signed in, such as a job that asks for a token: a step."""
    audit.record(tx, actor, org_id, event, description, now=backend.clock.now())


def actor_of(caller: Caller) -> Actor:
    """Return a caller as the log names them."""
    return Actor(caller.user_id, caller.login, caller.token_id, caller.token_name, caller.source_ip)
