"""Rows of change requests, their revisions and approvals."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, false, func, insert, or_, select, update
from sqlalchemy import delete as delete_from

from common.approvals.model import ENDED, Action, ChangeRequest, RequestFilter, Revision, Status
from common.db.tables.approvals import (
    change_request_approvals,
    change_request_events,
    change_request_revisions,
    change_requests,
)
from common.db.tables.people import users
from common.people.users.model import Person

# What the kinds of targets make conditions of and with.
Condition = ColumnElement[bool]
TargetId = ColumnElement[str]
TARGET_ID: TargetId = change_requests.c.target_id
_T, _REVISIONS, _APPROVALS = change_requests.c, change_request_revisions.c, change_request_approvals.c
_PARTS = (change_request_events, change_request_approvals, change_request_revisions)
_PERSON = (users.c.login, users.c.name.label("person_name"), users.c.email, users.c.avatar_url)


def any_of(conditions: Mapping[str, Condition]) -> Condition:
    """Return the condition that the one for its type of target is true of a request."""
    return or_(false(), *(and_(_T.entity_type == name, condition) for name, condition in conditions.items()))


def add(tx: Connection, request: ChangeRequest) -> None:
    """Insert a request."""
    tx.execute(
        insert(change_requests).values(
            id=request.id,
            org_id=request.org_id,
            entity_type=request.entity_type,
            qualified_name=request.qualified_name,
            target_id=request.target_id,
            action=request.action.value,
            status=request.status.value,
            description=request.description,
            latest=request.latest,
            created_by=request.creator.id,
            created_at=request.created_at,
            modified_at=request.created_at,
        )
    )


def lock(tx: Connection, org_id: str, request_id: str) -> ChangeRequest | None:
    """Lock a request until the transaction ends, and return it as it is now; None if it does not exist."""
    query = _query().where(_T.id == request_id, _T.org_id == org_id).with_for_update(of=change_requests)
    row = tx.execute(query).one_or_none()
    return _to_request(row) if row is not None else None


def find(connection: Connection, org_id: str, request_id: str) -> ChangeRequest | None:
    """Return a request of an organization, or None."""
    row = connection.execute(_query().where(_T.id == request_id, _T.org_id == org_id)).one_or_none()
    return _to_request(row) if row is not None else None


def find_with_revision(
    connection: Connection, org_id: str, request_id: str, user_id: str
) -> tuple[ChangeRequest, Revision, bool] | None:
    """Return a request of an organization, its latest revision, and whether a user made one of its revisions; or None."""
    is_author = exists().where(_REVISIONS.change_request_id == _T.id, _REVISIONS.created_by == user_id)
    latest = change_request_revisions.alias("latest_revision")
    query = (
        _query()
        .join(latest, and_(latest.c.change_request_id == _T.id, latest.c.number == _T.latest))
        .add_columns(
            latest.c.base,
            latest.c.content,
            latest.c.created_by.label("revised_by"),
            is_author.correlate(change_requests).label("is_author"),
        )
        .where(_T.id == request_id, _T.org_id == org_id)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return _to_request(row), Revision(row.latest, row.base, row.content, row.revised_by), bool(row.is_author)


def update_latest(tx: Connection, request: ChangeRequest, now_millis: int) -> bool:
    """Make the latest revision the next one; False if another writer was first."""
    as_read = (_T.id == request.id, _T.latest == request.latest)
    values = {"latest": request.latest + 1, "modified_at": now_millis}
    return tx.execute(update(change_requests).where(*as_read).values(values)).rowcount == 1


def update_status(tx: Connection, request: ChangeRequest, status: Status, now_millis: int) -> bool:
    """Change the status; False if another writer was first."""
    as_read = (_T.id == request.id, _T.status == request.status.value)
    values = {"status": status.value, "modified_at": now_millis}
    return tx.execute(update(change_requests).where(*as_read).values(values)).rowcount == 1


def update_description(tx: Connection, request_id: str, description: str, now_millis: int) -> None:
    """Change the description."""
    values = {"description": description, "modified_at": now_millis}
    tx.execute(update(change_requests).where(_T.id == request_id).values(values))


def page(
    connection: Connection,
    org_id: str,
    condition: Condition,
    *,
    narrowed: RequestFilter,
    before: str | None,
    limit: int,
) -> list[ChangeRequest]:
    """Return requests that a condition and a filter allow, the newest first, with an id before one."""
    query = _query().where(_T.org_id == org_id, condition, *_conditions(narrowed)).order_by(_T.id.desc()).limit(limit)
    if before is not None:
        query = query.where(_T.id < before)
    return [_to_request(row) for row in connection.execute(query)]


def list_open(connection: Connection, target_id: str, action: Action, limit: int) -> list[ChangeRequest]:
    """Return the newest requests for an action on a target that are neither applied nor closed."""
    condition = (_T.target_id == target_id, _T.status.not_in([status.value for status in ENDED]), _T.action == action.value)
    return [_to_request(row) for row in connection.execute(_query().where(*condition).order_by(_T.id.desc()).limit(limit))]


def find_same_draft(connection: Connection, target_id: str, action: Action, first: Revision) -> ChangeRequest | None:
    """Return the newest request that was never submitted, by the author of a revision and with it as its only one, or None."""
    condition = (
        _T.target_id == target_id,
        _T.status == Status.DRAFT.value,
        _T.action == action.value,
        _T.created_by == first.created_by,
        _T.latest == first.number,
        _REVISIONS.number == first.number,
        _REVISIONS.base.is_not_distinct_from(first.base),
        _REVISIONS.content == first.content,
    )
    query = _query().join(change_request_revisions, _REVISIONS.change_request_id == _T.id)
    row = connection.execute(query.where(*condition).order_by(_T.id.desc()).limit(1)).one_or_none()
    return _to_request(row) if row is not None else None


def lock_oldest_draft(tx: Connection, target_id: str) -> ChangeRequest | None:
    """Lock the oldest request for a target that was never submitted until the transaction ends, and return it, or None."""
    query = _query().where(_T.target_id == target_id, _T.status == Status.DRAFT.value).order_by(_T.id).limit(1)
    row = tx.execute(query.with_for_update(of=_T)).one_or_none()
    return _to_request(row) if row is not None else None


def count_open(connection: Connection, target_id: str) -> int:
    """Return how many requests for a target are neither applied nor closed."""
    condition = (_T.target_id == target_id, _T.status.not_in([status.value for status in ENDED]))
    return connection.scalar(select(func.count()).select_from(change_requests).where(*condition)) or 0


def add_revision(tx: Connection, request_id: str, revision: Revision, now_millis: int) -> None:
    """Insert a revision."""
    tx.execute(
        insert(change_request_revisions).values(
            change_request_id=request_id,
            number=revision.number,
            base=revision.base,
            content=revision.content,
            created_by=revision.created_by,
            created_at=now_millis,
        )
    )


def find_revision(connection: Connection, request_id: str, number: int) -> Revision | None:
    """Return a revision of a request, or None."""
    query = select(change_request_revisions).where(_REVISIONS.change_request_id == request_id, _REVISIONS.number == number)
    row = connection.execute(query).one_or_none()
    return Revision(row.number, row.base, row.content, row.created_by) if row is not None else None


def list_authors(connection: Connection, request_ids: Collection[str]) -> dict[str, frozenset[str]]:
    """Return the ids of the users who made the revisions of requests, by request."""
    query = (
        select(_REVISIONS.change_request_id, _REVISIONS.created_by)
        .where(_REVISIONS.change_request_id.in_(list(request_ids)))
        .distinct()
    )
    authors: dict[str, frozenset[str]] = dict.fromkeys(request_ids, frozenset())
    for row in connection.execute(query):
        authors[row.change_request_id] |= {row.created_by}
    return authors


def approvals_of(request_ids: Collection[str]) -> Select[Any]:
    """Return the query of the approvals of requests, with whether their users made a revision of the request."""
    is_author = exists().where(
        _REVISIONS.change_request_id == _APPROVALS.change_request_id, _REVISIONS.created_by == _APPROVALS.user_id
    )
    return select(
        _APPROVALS.change_request_id, _APPROVALS.user_id, _APPROVALS.revision, _APPROVALS.created_at, is_author.label("is_author")
    ).where(_APPROVALS.change_request_id.in_(list(request_ids)))


def store_approval(tx: Connection, request_id: str, user_id: str, revision: int, now_millis: int) -> None:
    """Insert the approval of a user, or replace it by that of another revision."""
    delete_approval(tx, request_id, user_id)
    values = {"change_request_id": request_id, "user_id": user_id, "revision": revision, "created_at": now_millis}
    tx.execute(insert(change_request_approvals).values(values))


def delete_approval(tx: Connection, request_id: str, user_id: str) -> bool:
    """Delete the approval of a user; False if they have not approved."""
    is_it = (_APPROVALS.change_request_id == request_id, _APPROVALS.user_id == user_id)
    return tx.execute(delete_from(change_request_approvals).where(*is_it)).rowcount == 1


def list_of_targets(connection: Connection, target_ids: Collection[str]) -> Sequence[str]:
    """Return the ids of all requests for targets."""
    return connection.scalars(select(_T.id).where(_T.target_id.in_(list(target_ids)))).all()


def lock_old_drafts(tx: Connection, before_millis: int, limit: int) -> Sequence[str]:
    """Lock some requests that were not submitted, and not changed since a moment, and return their ids."""
    condition = (_T.status == Status.DRAFT.value, _T.modified_at < before_millis)
    query = select(_T.id).where(*condition).limit(limit).with_for_update(skip_locked=True)
    return tx.scalars(query).all()


def delete_all(tx: Connection, request_ids: Collection[str]) -> None:
    """Delete requests with their revisions, approvals and events."""
    for part in _PARTS:
        tx.execute(delete_from(part).where(part.c.change_request_id.in_(list(request_ids))))
    tx.execute(delete_from(change_requests).where(_T.id.in_(list(request_ids))))


def _conditions(narrowed: RequestFilter) -> list[Condition]:
    chosen: list[Condition] = []
    if narrowed.entity_type is not None:
        chosen.append(_T.entity_type == narrowed.entity_type)
    if narrowed.target_id is not None:
        chosen.append(_T.target_id == narrowed.target_id)
    if narrowed.action is not None:
        chosen.append(_T.action == narrowed.action.value)
    if narrowed.creator is not None:
        chosen.append(users.c.login == narrowed.creator)
    if narrowed.is_open is not None:
        ended = [status.value for status in ENDED]
        chosen.append(_T.status.not_in(ended) if narrowed.is_open else _T.status.in_(ended))
    return chosen


def _query() -> Any:  # noqa: ANN401 - a statement
    return select(change_requests, *_PERSON).outerjoin(users, users.c.id == _T.created_by)


def _to_request(row: Row[Any]) -> ChangeRequest:
    return ChangeRequest(
        id=row.id,
        org_id=row.org_id,
        entity_type=row.entity_type,
        qualified_name=row.qualified_name,
        target_id=row.target_id,
        action=Action(row.action),
        status=Status(row.status),
        description=row.description,
        latest=row.latest,
        creator=_person(row.created_by, row),
        created_at=row.created_at,
    )


def _person(user_id: str, row: Row[Any]) -> Person:
    return Person(user_id, row.login or "", row.person_name or "", row.email or "", row.avatar_url or "")
