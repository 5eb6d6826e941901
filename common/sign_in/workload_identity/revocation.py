"""Revokes the tokens of an issuer that its present policy would not issue. It is called when the policy is replaced."""

from datetime import datetime

from sqlalchemy import Connection

from common.access import tokens as access
from common.core.clock import unix_millis
from common.sign_in.workload_identity.language.evaluation import TokenRights, evaluate
from common.sign_in.workload_identity.model import Issuer, RefreshToken
from common.sign_in.workload_identity.repository import refresh_tokens

PAGE_SIZE = 500
# Beyond this many pages tokens are revoked without a check: an issuer with so many gets new ones as fast.
PAGE_LIMIT = 20


def revoke_disallowed(
    tx: Connection, issuer: Issuer, now: datetime, *, page_size: int = PAGE_SIZE, page_limit: int = PAGE_LIMIT
) -> None:
    """Revoke the tokens that the issuer's policy does not allow, a page at a time; all of them after the last page."""
    after, now_millis = "", unix_millis(now)
    for _ in range(page_limit):
        page = refresh_tokens.page(tx, issuer.id, after, now_millis=now_millis, limit=page_size)
        disallowed = [token for token in page if not _is_allowed(issuer, token)]
        if disallowed:
            access.revoke_tokens(tx, [token.token_id for token in disallowed], now)
            refresh_tokens.delete_tokens(tx, [token.token_hash for token in disallowed])
        if len(page) < page_size:
            return
        after = page[-1].token_hash
    access.revoke_tokens_of_issuer(tx, issuer.id, now)
    refresh_tokens.delete_of_issuer(tx, issuer.id)


def _is_allowed(issuer: Issuer, token: RefreshToken) -> bool:
    exchange = token.exchange
    rights = evaluate(issuer.statements, exchange.claims, exchange.requested, issuer.org_login)
    return rights == TokenRights(is_admin=exchange.is_admin, role_id=exchange.role_id)
