"""The policies of issuers: read, and replaced as a whole. A new issuer's has no statements, so it allows nothing.

When a policy is replaced, every token that was given under the old one is asked for again under the new one, with the claims
that it was given for; what would not be given now ends at once, the rest goes on.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from common.access import tokens as access
from common.audit import steps
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import NotFound
from common.core.ids import is_id
from common.db.retry import retry
from common.rights.caller import Caller, missing_org
from common.rights.membership import Membership
from common.rights.permissions import Permission
from common.sign_in.workload_identity.language.evaluation import Given, decide
from common.sign_in.workload_identity.language.statements import Sent, require_statements
from common.sign_in.workload_identity.model import Issuer
from common.sign_in.workload_identity.policy_permissions import require_givable
from common.sign_in.workload_identity.repository import issuers, refresh_tokens
from common.sign_in.workload_identity.repository.refresh_tokens import Refresh
from common.sign_in.workload_identity.service import load

_PAGE = 500
# Tokens beyond so many are not looked at one by one but end: an issuer that gives as many gives new ones as fast.
_PAGES = 20


def get_policy(backend: Backend, caller: Caller, org: str, issuer_id: str) -> Issuer:
    """Return an issuer with its policy; NotFound when the organization trusts none of that id."""
    membership = caller.require(Permission.AUTH_POLICIES_READ, org, missing=missing_org(org))
    with backend.db.connect() as connection:
        return load(connection, membership, issuer_id)


def replace_policy(backend: Backend, caller: Caller, org: str, policy_id: str, sent: Sequence[Sent]) -> Issuer:
    """Replace all statements of a policy, and return the issuer with it.

    Raises BadRequest for statements that cannot be, Forbidden for those that give more than the caller may, NotFound.
    """
    membership = caller.require(Permission.AUTH_POLICIES_UPDATE, org, missing=missing_org(org))
    statements = require_statements(sent)

    def replace() -> Issuer:
        with backend.db.begin() as tx:
            issuer = _load(tx, membership, policy_id)
            now = backend.clock.now()
            if not issuers.put_policy(tx, issuer.id, statements, unix_millis(now)):
                raise _missing(policy_id)
            require_givable(tx, caller, membership, statements)
            _end_what_is_not_given(tx, _load(tx, membership, policy_id), now)
            told = f"Replaced the policy of issuer {issuer.name!a}; statements: {len(statements)}"
            steps.record(tx, backend, caller, membership.org_id, Event.POLICY_UPDATED, description=told)
            return _load(tx, membership, policy_id)

    return retry(replace)


def _end_what_is_not_given(tx: Connection, issuer: Issuer, now: datetime) -> None:
    after, now_millis = "", unix_millis(now)
    for _ in range(_PAGES):
        page = refresh_tokens.page(tx, issuer.id, after, now_millis=now_millis, limit=_PAGE)
        ended = [one for one in page if not _is_given(issuer, one)]
        if ended:
            access.revoke_tokens(tx, [one.token_id for one in ended], now)
            refresh_tokens.remove(tx, [one.token_hash for one in ended])
        if len(page) < _PAGE:
            return
        after = page[-1].token_hash
    access.revoke_tokens_of_issuer(tx, issuer.id, now)
    refresh_tokens.remove_of_issuer(tx, issuer.id)


def _is_given(issuer: Issuer, refresh: Refresh) -> bool:
    request = refresh.request
    given = decide(issuer.statements, request.claims, request.wish, issuer.org_login)
    return given == Given(is_admin=request.is_admin, role_id=request.role_id)


def _load(connection: Connection, membership: Membership, policy_id: str) -> Issuer:
    found = issuers.find_by_policy(connection, membership.org_id, policy_id) if is_id(policy_id) else None
    if found is None:
        raise _missing(policy_id)
    return found


def _missing(policy_id: str) -> NotFound:
    return NotFound(f"Auth policy {policy_id[:100]!a} not found")
