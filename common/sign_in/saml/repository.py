"""SQL statements for identity providers of organizations, used assertions, and pending answers."""

from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from common.db.tables.people import organizations
from common.db.tables.sign_in import saml_answers, saml_assertions, saml_providers
from common.sign_in.saml.model import PendingAnswer, StoredProvider

_PROVIDERS: Select[Any] = select(
    organizations.c.id,
    saml_providers.c.descriptor,
    saml_providers.c.modified_at,
).join(saml_providers, saml_providers.c.org_id == organizations.c.id)


def find_provider(connection: Connection, org_id: str) -> StoredProvider | None:
    """Return an organization's provider, or None."""
    return _to_stored(connection.execute(_PROVIDERS.where(organizations.c.id == org_id)).one_or_none())


def find_provider_of(connection: Connection, login: str) -> StoredProvider | None:
    """Return the provider of an organization by its login, or None if it has none or does not exist."""
    return _to_stored(connection.execute(_PROVIDERS.where(organizations.c.login == login)).one_or_none())


def put_provider(tx: Connection, org_id: str, text: str, now_millis: int) -> None:
    """Create or replace an organization's metadata. The caller must hold the organization's lock."""
    values = {"descriptor": text, "modified_at": now_millis}
    if tx.execute(update(saml_providers).values(**values).where(saml_providers.c.org_id == org_id)).rowcount == 0:
        tx.execute(insert(saml_providers).values(org_id=org_id, **values))


def remove_provider(tx: Connection, org_id: str) -> None:
    """Delete an organization's metadata."""
    tx.execute(delete(saml_providers).where(saml_providers.c.org_id == org_id))


def add_assertion(tx: Connection, org_id: str, assertion_hash: str, expires_at: int) -> None:
    """Record that an assertion was used. Raise IntegrityError if it was used before."""
    tx.execute(insert(saml_assertions).values(org_id=org_id, assertion_hash=assertion_hash, expires_at=expires_at))


def add_answer(tx: Connection, answer: PendingAnswer) -> None:
    """Create a pending answer."""
    tx.execute(
        insert(saml_answers).values(
            code_hash=answer.code_hash,
            org_id=answer.org_id,
            request_id=answer.request_id,
            state=answer.state,
            subject=answer.subject,
            email=answer.email,
            name=answer.name,
            return_to=answer.return_to,
            expires_at=answer.expires_at,
        ),
    )


def find_answer(connection: Connection, code_hash: str, now_millis: int) -> PendingAnswer | None:
    """Return a pending answer that has not expired, or None."""
    columns = saml_answers.c
    query = select(
        columns.code_hash,
        columns.org_id,
        columns.request_id,
        columns.state,
        columns.subject,
        columns.email,
        columns.name,
        columns.return_to,
        columns.expires_at,
    )
    row = connection.execute(query.where(columns.code_hash == code_hash, columns.expires_at > now_millis)).one_or_none()
    return PendingAnswer(*row) if row is not None else None


def remove_answer(tx: Connection, code_hash: str) -> bool:
    """Delete an answer, and return whether it still existed."""
    return tx.execute(delete(saml_answers).where(saml_answers.c.code_hash == code_hash)).rowcount == 1


def delete_expired(connection: Connection, now_millis: int, limit: int) -> int:
    """Delete at most `limit` expired answers and `limit` expired assertions, and return how many rows were deleted."""
    # The keys are read first, because not every SQLite supports DELETE with LIMIT.
    answers = connection.scalars(_expired(saml_answers.c.code_hash, saml_answers.c.expires_at, now_millis, limit)).all()
    hashes = connection.scalars(_expired(saml_assertions.c.assertion_hash, saml_assertions.c.expires_at, now_millis, limit)).all()
    deleted = 0
    if answers:
        deleted += connection.execute(delete(saml_answers).where(saml_answers.c.code_hash.in_(answers))).rowcount
    if hashes:
        is_old = (saml_assertions.c.assertion_hash.in_(hashes), saml_assertions.c.expires_at <= now_millis)
        deleted += connection.execute(delete(saml_assertions).where(*is_old)).rowcount
    return deleted


def _expired(key: Any, expires_at: Any, now_millis: int, limit: int) -> Select[Any]:  # noqa: ANN401 - columns
    return select(key).where(expires_at <= now_millis).order_by(expires_at).limit(limit)


def _to_stored(row: Row[Any] | None) -> StoredProvider | None:
    return StoredProvider(row.id, row.descriptor, row.modified_at) if row is not None else None
