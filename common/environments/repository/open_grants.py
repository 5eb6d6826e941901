"""Rows of grants to open environments for a limited time."""

from dataclasses import dataclass

from sqlalchemy import Connection, and_, insert, or_, select, update

from common.db.tables.approvals import environment_open_grants

_T = environment_open_grants.c


@dataclass(frozen=True, slots=True)
class OpenGrant:
    """A user may open an environment: until `expires_at` for the first time, and from then on for so many seconds."""

    request_id: str
    environment_id: str
    user_id: str
    access_seconds: int
    expires_at: int
    opened_at: int | None = None

    def remaining_seconds(self, now_millis: int) -> int:
        """Return for how long the environment may be used, at least a second."""
        begin = self.opened_at if self.opened_at is not None else now_millis
        return max((begin - now_millis) // 1000 + self.access_seconds, 1)


def add(tx: Connection, grant: OpenGrant, now_millis: int) -> None:
    """Insert a grant."""
    tx.execute(
        insert(environment_open_grants).values(
            change_request_id=grant.request_id,
            environment_id=grant.environment_id,
            user_id=grant.user_id,
            access_seconds=grant.access_seconds,
            created_at=now_millis,
            expires_at=grant.expires_at,
            opened_at=None,
        )
    )


def find(connection: Connection, environment_id: str, user_id: str, now_millis: int) -> OpenGrant | None:
    """Return a grant of a user that has not ended, the one that was opened already if there is one; else None."""
    is_unused = and_(_T.opened_at.is_(None), _T.expires_at > now_millis)
    is_running = and_(_T.opened_at.is_not(None), _T.opened_at + _T.access_seconds * 1000 > now_millis)
    query = (
        select(environment_open_grants)
        .where(_T.environment_id == environment_id, _T.user_id == user_id, or_(is_unused, is_running))
        .order_by(_T.opened_at.is_(None), _T.expires_at.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return OpenGrant(row.change_request_id, row.environment_id, row.user_id, row.access_seconds, row.expires_at, row.opened_at)


def begin_access(tx: Connection, request_id: str, now_millis: int) -> None:
    """Begin the time of a grant, unless it was used before."""
    is_unused = (_T.change_request_id == request_id, _T.opened_at.is_(None))
    tx.execute(update(environment_open_grants).where(*is_unused).values(opened_at=now_millis))
