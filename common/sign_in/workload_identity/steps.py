"""Steps that the use cases of issuers and policies share."""

from sqlalchemy import Connection

from common.core.errors import NotFound
from common.core.ids import is_id
from common.rights.membership import Membership
from common.sign_in.workload_identity.model import Issuer
from common.sign_in.workload_identity.repository import issuers


def get_issuer(connection: Connection, membership: Membership, issuer_id: str) -> Issuer:
    """Return an organization's issuer, a step; NotFound if it has none with that id."""
    issuer = issuers.find(connection, membership.org_id, issuer_id) if is_id(issuer_id) else None
    if issuer is None:
        raise missing_issuer(issuer_id)
    return issuer


def missing_issuer(issuer_id: str) -> NotFound:
    """Return the error for an issuer that does not exist."""
    return NotFound(f"OIDC issuer {issuer_id[:100]!a} not found")
