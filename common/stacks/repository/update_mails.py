"""Statements about the mails that the owner of a stack gets."""

from sqlalchemy import Connection, select, update

from common.db.tables.stacks import stacks
from common.stacks.model import UpdateMails


def find(connection: Connection, stack_id: str) -> UpdateMails:
    """Return the settings of a stack; no mail at all for one that does not exist."""
    query = select(stacks.c.mails_failure, stacks.c.mails_success).where(stacks.c.id == stack_id)
    row = connection.execute(query).one_or_none()
    return UpdateMails(bool(row[0]), bool(row[1])) if row is not None else UpdateMails()


def replace_all(tx: Connection, org_id: str, settings: UpdateMails) -> None:
    """Store the settings of all live stacks of an organization."""
    values = {"mails_failure": settings.on_failure, "mails_success": settings.on_success}
    tx.execute(update(stacks).values(values).where(stacks.c.org_id == org_id, stacks.c.live == 1))


def replace(tx: Connection, stack_id: str, settings: UpdateMails) -> None:
    """Store the settings of a stack."""
    values = {"mails_failure": settings.on_failure, "mails_success": settings.on_success}
    tx.execute(update(stacks).values(values).where(stacks.c.id == stack_id))
