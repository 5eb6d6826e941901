"""Rows of sign-ins that were sent to a provider and have not come back."""

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from common.db.tables.sign_in import sign_ins
from common.sign_in.model import Flow, Pending


def add(connection: Connection, flow: Flow, pending: Pending, expires_at: int) -> None:
    """Insert a sign-in."""
    connection.execute(
        insert(sign_ins).values(
            state_hash=flow.state_hash,
            provider=flow.provider,
            browser_hash=flow.browser_hash,
            verifier=pending.verifier,
            nonce=pending.nonce,
            return_to=pending.return_to,
            user_id=pending.user_id,
            expires_at=expires_at,
        ),
    )


def find(connection: Connection, flow: Flow, now_millis: int) -> Pending | None:
    """Return a browser's open sign-in, or None."""
    columns = (sign_ins.c.verifier, sign_ins.c.nonce, sign_ins.c.return_to, sign_ins.c.user_id)
    query = select(*columns).where(*_is_it(flow), sign_ins.c.expires_at > now_millis)
    row = connection.execute(query).one_or_none()
    return Pending(*row) if row is not None else None


def remove(tx: Connection, flow: Flow) -> bool:
    """Delete a sign-in; False when somebody else was faster."""
    return tx.execute(delete(sign_ins).where(*_is_it(flow))).rowcount == 1


def forget(connection: Connection, before_millis: int, limit: int) -> int:
    """Delete some sign-ins that expired before a moment, and return how many."""
    query = select(sign_ins.c.state_hash).where(sign_ins.c.expires_at < before_millis)
    expired = list(connection.scalars(query.order_by(sign_ins.c.expires_at).limit(limit)))
    if not expired:
        return 0
    return connection.execute(delete(sign_ins).where(sign_ins.c.state_hash.in_(expired))).rowcount


def _is_it(flow: Flow) -> tuple[ColumnElement[bool], ...]:
    return (
        sign_ins.c.state_hash == flow.state_hash,
        sign_ins.c.provider == flow.provider,
        sign_ins.c.browser_hash == flow.browser_hash,
    )
