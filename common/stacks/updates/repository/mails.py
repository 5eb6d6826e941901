"""Statements about mails that tell the owner of a stack of the end of an update."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from common.db.tables.people import members, organizations, users
from common.db.tables.stacks import stacks, updates
from common.stacks.model import Kind, Outcome, StackPath

_owner = users.alias("owner")


@dataclass(frozen=True, slots=True)
class EndedUpdate:
    """An update that a mail is about, and the stack as it is called now."""

    path: StackPath
    version: int
    kind: Kind
    author: str
    outcome: Outcome

    @property
    def result(self) -> str:
        """Return how it ended, for people."""
        return {Outcome.SUCCEEDED: "succeeded", Outcome.CANCELLED: "was canceled"}.get(self.outcome, "failed")


def find(connection: Connection, update_id: str, owner_id: str, address: str) -> EndedUpdate | None:
    """Return an update, if the user still owns its live stack, is a member of its organization and has the address."""
    row = connection.execute(
        select(
            organizations.c.login,
            stacks.c.project,
            stacks.c.name,
            updates.c.version,
            updates.c.kind,
            users.c.login.label("author"),
            updates.c.outcome,
        )
        .select_from(updates)
        .join(stacks, stacks.c.id == updates.c.stack_id)
        .join(organizations, organizations.c.id == stacks.c.org_id)
        .join(_owner, _owner.c.id == stacks.c.created_by)
        .join(members, (members.c.user_id == _owner.c.id) & (members.c.org_id == stacks.c.org_id))
        .join(users, users.c.id == updates.c.requested_by)
        .where(
            updates.c.id == update_id,
            updates.c.version.is_not(None),
            stacks.c.live == 1,
            _owner.c.id == owner_id,
            _owner.c.email == address,
            members.c.suspended.is_(False),
        )
    ).one_or_none()
    if row is None:
        return None
    return EndedUpdate(StackPath(row[0], row[1], row[2]), row.version, Kind(row.kind), row.author, Outcome(row.outcome))
