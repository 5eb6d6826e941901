"""Records in the audit log what a directory changes: the last step of each transaction."""

from sqlalchemy import Connection

from common.audit import steps as audit
from common.audit.steps import Actor, Event
from common.backend import Backend
from common.sign_in.scim.model import Directory

__all__ = ["Event", "record"]


def record(tx: Connection, backend: Backend, directory: Directory, event: Event, description: str) -> None:
    """Record what a directory did to its organization. It is no user, so the record has a name but no user's id."""
    # No permission check: the directory's token was checked.
    actor = Actor("", f"{directory.org_login}/scim", source_ip=directory.source_ip)
    audit.record_as(tx, backend, actor, directory.org_id, event, description=description)
