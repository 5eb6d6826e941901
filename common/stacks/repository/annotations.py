"""Statements about the annotations of stacks."""

from sqlalchemy import Connection, func, insert, select, update

from common.db.tables.stacks import stack_annotations
from common.stacks.model import Annotation, AnnotationName

_columns = stack_annotations.c


def find(connection: Connection, stack_id: str, name: AnnotationName) -> Annotation | None:
    """Return an annotation, or None."""
    is_it = (_columns.stack_id == stack_id, _columns.kind == name.kind, _columns.source == name.source)
    row = connection.execute(select(_columns.version, _columns.document).where(*is_it)).one_or_none()
    return Annotation(row.version, row.document.encode()) if row is not None else None


def count(connection: Connection, stack_id: str) -> int:
    """Return how many annotations a stack has."""
    return connection.scalar(select(func.count()).where(_columns.stack_id == stack_id)) or 0


def add(tx: Connection, stack_id: str, name: AnnotationName, document: bytes, now_millis: int) -> None:
    """Insert an annotation as version 1."""
    tx.execute(
        insert(stack_annotations).values(
            stack_id=stack_id, kind=name.kind, source=name.source, version=1, document=document.decode(), modified_at=now_millis
        )
    )


def replace(tx: Connection, stack_id: str, name: AnnotationName, annotation: Annotation, now_millis: int) -> bool:
    """Replace an annotation by its next version. False if it has another version by now."""
    changed = tx.execute(
        update(stack_annotations)
        .values(version=annotation.version, document=annotation.document.decode(), modified_at=now_millis)
        .where(
            _columns.stack_id == stack_id,
            _columns.kind == name.kind,
            _columns.source == name.source,
            _columns.version == annotation.version - 1,
        )
    )
    return changed.rowcount == 1
