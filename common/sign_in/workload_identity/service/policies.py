"""The policies of issuers: read, and replaced as a whole. The policy of a new issuer has no statements and allows nothing.

When a policy is replaced, every token that was issued under the old one is checked against the new one, with the claims of its
identity token. Tokens that the new policy would not allow are revoked at once.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import Conflict, NotFound
from common.core.ids import is_id
from common.db.retry import retry
from common.rights.caller import Caller, missing_org
from common.rights.membership import Membership
from common.rights.permissions import Permission
from common.sign_in.workload_identity import steps
from common.sign_in.workload_identity.language.statements import StatementInput, require_statements
from common.sign_in.workload_identity.model import Issuer
from common.sign_in.workload_identity.policy_permissions import require_may_allow
from common.sign_in.workload_identity.repository import issuers
from common.sign_in.workload_identity.revocation import revoke_disallowed


def get_policy(backend: Backend, caller: Caller, org: str, issuer_id: str) -> Issuer:
    """Return an issuer with its policy; NotFound if the organization has none with that id."""
    membership = caller.require(Permission.AUTH_POLICIES_READ, org, missing=missing_org(org))
    with backend.db.connect() as connection:
        return steps.get_issuer(connection, membership, issuer_id)


def replace_policy(
    backend: Backend, caller: Caller, org: str, policy_id: str, inputs: Sequence[StatementInput], *, version: int | None = None
) -> Issuer:
    """Replace all statements of a policy, and return the issuer with it.

    Raises BadRequest if a statement is not valid, Forbidden if one allows more than the caller may, NotFound, and Conflict if
    the policy has another version than the one that is to be replaced.
    """
    membership = caller.require(Permission.AUTH_POLICIES_UPDATE, org, missing=missing_org(org))
    statements = require_statements(inputs)

    def replace() -> Issuer:
        with backend.db.begin() as tx:
            issuer = _get_by_policy(tx, membership, policy_id)
            now = backend.clock.now()
            if not issuers.update_policy(tx, issuer.id, statements, unix_millis(now), version=version):
                if version is not None:
                    raise Conflict("the policy was changed by another request; check it and try again")
                raise _missing(policy_id)
            require_may_allow(tx, caller, membership, statements)
            revoke_disallowed(tx, _get_by_policy(tx, membership, policy_id), now)
            description = f"Replaced the policy of issuer {issuer.name!a}; statements: {len(statements)}"
            audit.record(tx, backend, caller, membership.org_id, Event.POLICY_UPDATED, description=description)
            return _get_by_policy(tx, membership, policy_id)

    return retry(replace)


def _get_by_policy(connection: Connection, membership: Membership, policy_id: str) -> Issuer:
    issuer = issuers.find_by_policy(connection, membership.org_id, policy_id) if is_id(policy_id) else None
    if issuer is None:
        raise _missing(policy_id)
    return issuer


def _missing(policy_id: str) -> NotFound:
    return NotFound(f"Auth policy {policy_id[:100]!a} not found")
