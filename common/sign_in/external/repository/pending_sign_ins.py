"""Rows of sign-ins that were sent to a provider and have not come back."""

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from common.db.tables.sign_in import sign_ins
from common.sign_in.model import PendingSignIn, SignInKey


def create(connection: Connection, key: SignInKey, pending: PendingSignIn, expires_at: int) -> None:
    """Insert a sign-in."""
    connection.execute(
        insert(sign_ins).values(
            state_hash=key.state_hash,
            provider=key.provider,
            browser_hash=key.browser_hash,
            verifier=pending.verifier,
            nonce=pending.nonce,
            return_to=pending.return_to,
            user_id=pending.user_id,
            expires_at=expires_at,
        ),
    )


def find(connection: Connection, key: SignInKey, now_millis: int) -> PendingSignIn | None:
    """Return a browser's open sign-in, or None."""
    columns = (sign_ins.c.verifier, sign_ins.c.nonce, sign_ins.c.return_to, sign_ins.c.user_id)
    query = select(*columns).where(*_conditions(key), sign_ins.c.expires_at > now_millis)
    row = connection.execute(query).one_or_none()
    return PendingSignIn(*row) if row is not None else None


def delete_sign_in(tx: Connection, key: SignInKey) -> bool:
    """Delete a sign-in; False if another process was faster."""
    return tx.execute(delete(sign_ins).where(*_conditions(key))).rowcount == 1


def delete_expired(connection: Connection, before_millis: int, limit: int) -> int:
    """Delete up to `limit` sign-ins that expired before a time, and return how many."""
    query = select(sign_ins.c.state_hash).where(sign_ins.c.expires_at < before_millis)
    expired = list(connection.scalars(query.order_by(sign_ins.c.expires_at).limit(limit)))
    if not expired:
        return 0
    return connection.execute(delete(sign_ins).where(sign_ins.c.state_hash.in_(expired))).rowcount


def _conditions(key: SignInKey) -> tuple[ColumnElement[bool], ...]:
    return (
        sign_ins.c.state_hash == key.state_hash,
        sign_ins.c.provider == key.provider,
        sign_ins.c.browser_hash == key.browser_hash,
    )
