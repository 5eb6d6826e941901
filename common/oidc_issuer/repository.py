"""Rows of the issuers' keys."""

import msgspec
from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from common.db.tables.installation import oidc_signing_keys
from common.oidc_issuer.model import Issuer, SigningKey

_T = oidc_signing_keys.c


def list_keys(connection: Connection, issuer: Issuer) -> list[SigningKey]:
    """Return the keys of an issuer in the order of their numbers; there are three at most."""
    rows = connection.execute(
        select(_T.number, _T.kid, _T.public_key, _T.private_key, _T.created_at)
        .where(_T.issuer == issuer.value)
        .order_by(_T.number)
    )
    return [
        SigningKey(
            issuer,
            row.number,
            row.kid,
            msgspec.json.decode(row.public_key, type=dict[str, str]),
            row.private_key,
            row.created_at,
        )
        for row in rows
    ]


def add_key(connection: Connection, key: SigningKey) -> bool:
    """Insert a key in a statement of its own; False when another process has added the key of that number."""
    try:
        connection.execute(
            insert(oidc_signing_keys).values(
                issuer=key.issuer.value,
                number=key.number,
                kid=key.kid,
                public_key=msgspec.json.encode(key.public_key).decode(),
                private_key=key.private_key,
                created_at=key.created_at,
            )
        )
    except IntegrityError:
        return False
    return True


def delete_key(connection: Connection, key: SigningKey) -> None:
    """Delete a key."""
    connection.execute(delete(oidc_signing_keys).where(_T.issuer == key.issuer.value, _T.number == key.number))
