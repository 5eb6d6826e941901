"""Records what a caller did, in the transaction that does it: one line of each use case that changes something.

It is the last step of the transaction where that is possible, since others that record for the organization wait for its end. A
transaction that records for several organizations does so in the order of their ids.
"""

from sqlalchemy import Connection

from common.audit import repository
from common.audit.chain import Record
from common.audit.copies import steps as copies
from common.audit.events import DESCRIPTION_LIMIT, NAME_LIMIT, Actor, Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.ids import new_id
from common.db.retry import retry
from common.rights.caller import Caller

__all__ = [
    "Actor",
    "Event",
    "actor_of",
    "record",
    "record_alone",
    "record_as",
    "record_by_user",
    "record_everywhere",
    "record_for_user",
]
_ADDRESS_LIMIT = 45
# What a user does outside of any organization is recorded in so many logs at most.
ORGANIZATIONS_LIMIT = 50


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
    copies.queue(tx, backend, org_id)


def record_alone(backend: Backend, caller: Caller, org_id: str, event: Event, *, description: str) -> None:
    """Record what a caller reads, in a transaction of its own: before they get it, so that nothing is read unrecorded."""

    def append() -> None:
        with backend.db.begin() as tx:
            record(tx, backend, caller, org_id, event, description=description)

    retry(append)


def record_everywhere(tx: Connection, backend: Backend, caller: Caller, event: Event, *, description: str) -> None:
    """Record what a caller did to their own account, in the log of each of their organizations."""
    org_ids = sorted(membership.org_id for membership in caller.memberships)
    for org_id in org_ids[:ORGANIZATIONS_LIMIT]:
        record(tx, backend, caller, org_id, event, description=description)


def record_by_user(tx: Connection, backend: Backend, user_id: str, org_id: str, event: Event, *, description: str) -> None:
    """Record what a user caused who is known by their id alone, such as one who is about to sign in."""
    login = repository.find_login(tx, user_id) or ""
    record_as(tx, backend, Actor(user_id, login), org_id, event, description=description)


def record_for_user(tx: Connection, backend: Backend, user_id: str, event: Event, *, description: str, client: str = "") -> None:
    """Record what a user did outside of any organization, such as a sign-in, in the log of each of their organizations.

    `client` is the network address of the request. Of a user in very many organizations the first ones have it.
    """
    login = repository.find_login(tx, user_id) or ""
    actor = Actor(user_id, login, source_ip=client)
    for org_id in repository.list_org_ids_of_user(tx, user_id, ORGANIZATIONS_LIMIT):
        record_as(tx, backend, actor, org_id, event, description=description)


def actor_of(caller: Caller) -> Actor:
    """Return a caller as the log names them."""
    return Actor(caller.user_id, caller.login, caller.token_id, caller.token_name, caller.source_ip)
