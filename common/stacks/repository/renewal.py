"""Statements that let versions name states whose secrets were encrypted again."""

from sqlalchemy import ColumnElement, Connection, and_, select, update

from common.db.tables.stacks import updates
from common.stacks.model import Status

_ENDED = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)


def find_checkpoints(connection: Connection, stack_id: str) -> list[str]:
    """Return the keys of a stack's states, each once, without those of updates that run."""
    query = select(updates.c.checkpoint).where(_has_settled(stack_id), updates.c.checkpoint.is_not(None))
    return list(connection.scalars(query.distinct().order_by(updates.c.checkpoint)))


def replace_checkpoint(connection: Connection, stack_id: str, key: str, new_key: str) -> None:
    """Let the versions that have a state name its new blob. As the base they name the former one, which requests may need."""
    statement = update(updates).where(_has_settled(stack_id), updates.c.checkpoint == key)
    connection.execute(statement.values(checkpoint=new_key, base_checkpoint=key))


def forget_former(connection: Connection, stack_id: str) -> None:
    """Let no version that has ended name the blob that it began with: nothing is replayed onto it any more."""
    statement = update(updates).where(_has_settled(stack_id), updates.c.base_checkpoint.is_not(None))
    connection.execute(statement.values(base_checkpoint=updates.c.checkpoint))


def _has_settled(stack_id: str) -> ColumnElement[bool]:
    # The state of a damaged update is put together again once its journal has been repaired.
    return and_(updates.c.stack_id == stack_id, updates.c.status.in_(_ENDED), updates.c.damage.is_(None))
