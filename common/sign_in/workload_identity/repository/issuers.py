"""Rows of issuers with their policies and keys."""

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, and_, delete, func, insert, or_, select, update

from common.db.tables.people import organizations
from common.db.tables.sign_in import oidc_issuers
from common.sign_in.workload_identity.model import Issuer, Statement

_statements = msgspec.json.Decoder(tuple[Statement, ...])
_thumbprints = msgspec.json.Decoder(tuple[str, ...])


def find_all(connection: Connection, org_id: str) -> list[Issuer]:
    """Return the issuers that an organization trusts, oldest first."""
    query = _select().where(oidc_issuers.c.org_id == org_id).order_by(oidc_issuers.c.id)
    return [_to_issuer(row) for row in connection.execute(query)]


def count(connection: Connection, org_id: str) -> int:
    """Return how many issuers an organization trusts."""
    query = select(func.count()).select_from(oidc_issuers).where(oidc_issuers.c.org_id == org_id)
    return connection.scalar(query) or 0


def find(connection: Connection, org_id: str, issuer_id: str) -> Issuer | None:
    """Return an organization's issuer by its id, or None."""
    return _find(connection, and_(oidc_issuers.c.org_id == org_id, oidc_issuers.c.id == issuer_id))


def find_by_policy(connection: Connection, org_id: str, policy_id: str) -> Issuer | None:
    """Return an organization's issuer by the id of its policy, or None."""
    return _find(connection, and_(oidc_issuers.c.org_id == org_id, oidc_issuers.c.policy_id == policy_id))


def find_trusted(connection: Connection, org_login: str, issuer: str) -> Issuer | None:
    """Return an organization's issuer by the name in its tokens, or None."""
    return _find(connection, and_(organizations.c.login == org_login, oidc_issuers.c.issuer == issuer))


def find_by_id(connection: Connection, issuer_id: str) -> Issuer | None:
    """Return an issuer by its id alone, or None: for keys and refreshes, which have read it before."""
    return _find(connection, oidc_issuers.c.id == issuer_id)


def create(tx: Connection, issuer: Issuer) -> None:
    """Insert an issuer; IntegrityError if the organization has one of that name or address."""
    tx.execute(
        insert(oidc_issuers).values(
            id=issuer.id,
            org_id=issuer.org_id,
            name=issuer.name,
            url=issuer.url,
            issuer=issuer.issuer,
            thumbprints=_json(issuer.thumbprints),
            static_keys=issuer.static_keys,
            fetched_keys=issuer.keys,
            keys_at=issuer.keys_at,
            keys_asked_at=issuer.keys_asked_at,
            max_expiration_seconds=issuer.max_expiration_seconds,
            policy_id=issuer.policy_id,
            policy_version=issuer.policy_version,
            policies=_json(issuer.statements),
            policy_modified_at=issuer.policy_modified_at,
            created_at=issuer.created_at,
            modified_at=issuer.modified_at,
            last_used_at=issuer.last_used_at,
        ),
    )


def update_issuer(tx: Connection, issuer_id: str, values: dict[str, Any], now_millis: int) -> bool:
    """Update columns of an issuer; False if it was deleted. IntegrityError if the organization has one of that name."""
    if "thumbprints" in values:
        values = values | {"thumbprints": _json(values["thumbprints"])}
    changed = tx.execute(update(oidc_issuers).values(modified_at=now_millis, **values).where(oidc_issuers.c.id == issuer_id))
    return changed.rowcount == 1


def update_policy(
    tx: Connection, issuer_id: str, statements: tuple[Statement, ...], now_millis: int, *, version: int | None = None
) -> bool:
    """Replace an issuer's policy with its next version; False if the issuer was deleted, or its policy has another `version`."""
    has_version = [oidc_issuers.c.policy_version == version] if version is not None else []
    changed = tx.execute(
        update(oidc_issuers)
        .values(
            policies=_json(statements),
            policy_version=oidc_issuers.c.policy_version + 1,
            policy_modified_at=now_millis,
        )
        .where(oidc_issuers.c.id == issuer_id, *has_version),
    )
    return changed.rowcount == 1


def lock_policy(tx: Connection, issuer_id: str, version: int, now_millis: int) -> bool:
    """Update when an issuer was used, and lock it until the transaction ends; False if its policy has another version."""
    changed = tx.execute(
        update(oidc_issuers)
        .values(last_used_at=now_millis)
        .where(oidc_issuers.c.id == issuer_id, oidc_issuers.c.policy_version == version),
    )
    return changed.rowcount == 1


def lock(tx: Connection, issuer_id: str) -> None:
    """Lock an issuer, and with it the issuing of tokens for it, until the transaction ends."""
    tx.execute(select(oidc_issuers.c.id).where(oidc_issuers.c.id == issuer_id).with_for_update())


def delete_issuer(tx: Connection, org_id: str, issuer_id: str) -> bool:
    """Delete an issuer; False if the organization has none with that id."""
    deleted = tx.execute(delete(oidc_issuers).where(oidc_issuers.c.org_id == org_id, oidc_issuers.c.id == issuer_id))
    return deleted.rowcount == 1


def claim_fetch(connection: Connection, issuer_id: str, *, now_millis: int, not_since: int) -> bool:
    """Claim the fetch of an issuer's keys for this process; False if another one has claimed it after `not_since`."""
    is_due = or_(oidc_issuers.c.keys_asked_at.is_(None), oidc_issuers.c.keys_asked_at <= not_since)
    changed = connection.execute(
        update(oidc_issuers).values(keys_asked_at=now_millis).where(oidc_issuers.c.id == issuer_id, is_due)
    )
    return changed.rowcount == 1


def update_keys(connection: Connection, issuer_id: str, keys: str, now_millis: int) -> None:
    """Store fetched keys."""
    connection.execute(update(oidc_issuers).values(fetched_keys=keys, keys_at=now_millis).where(oidc_issuers.c.id == issuer_id))


def _select() -> Select[Any]:
    query: Select[Any] = select(
        oidc_issuers.c.id,
        oidc_issuers.c.org_id,
        organizations.c.login,
        oidc_issuers.c.name,
        oidc_issuers.c.url,
        oidc_issuers.c.issuer,
        oidc_issuers.c.thumbprints,
        oidc_issuers.c.static_keys,
        oidc_issuers.c.fetched_keys,
        oidc_issuers.c.keys_at,
        oidc_issuers.c.keys_asked_at,
        oidc_issuers.c.max_expiration_seconds,
        oidc_issuers.c.policy_id,
        oidc_issuers.c.policy_version,
        oidc_issuers.c.policies,
        oidc_issuers.c.policy_modified_at,
        oidc_issuers.c.created_at,
        oidc_issuers.c.modified_at,
        oidc_issuers.c.last_used_at,
    )
    return query.join(organizations, organizations.c.id == oidc_issuers.c.org_id)


def _find(connection: Connection, condition: Any) -> Issuer | None:  # noqa: ANN401 - a condition
    row = connection.execute(_select().where(condition)).one_or_none()
    return _to_issuer(row) if row is not None else None


def _to_issuer(row: Row[Any]) -> Issuer:
    return Issuer(
        id=row.id,
        org_id=row.org_id,
        org_login=row.login,
        name=row.name,
        url=row.url,
        issuer=row.issuer,
        thumbprints=_thumbprints.decode(row.thumbprints),
        static_keys=row.static_keys,
        keys=row.fetched_keys,
        keys_at=row.keys_at,
        keys_asked_at=row.keys_asked_at,
        max_expiration_seconds=row.max_expiration_seconds,
        policy_id=row.policy_id,
        policy_version=row.policy_version,
        statements=_statements.decode(row.policies),
        policy_modified_at=row.policy_modified_at,
        created_at=row.created_at,
        modified_at=row.modified_at,
        last_used_at=row.last_used_at,
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
