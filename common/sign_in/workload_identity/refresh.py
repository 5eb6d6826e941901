"""The refresh grant: new tokens for a refresh token, as long as the policy allows them.

A refresh token works once. Within a minute it works again, since two processes that share one may renew at the same time, and
a reply may be lost. Later use is treated as theft: every token of the same exchange is revoked.
"""

from sqlalchemy import Connection

from common.access import authentication as access
from common.access import tokens
from common.backend import Backend
from common.core.clock import unix_millis
from common.db.retry import retry
from common.sign_in.workload_identity.model import IssuedTokens, RefreshToken
from common.sign_in.workload_identity.repository import issuers, refresh_tokens
from common.sign_in.workload_identity.token_issuing import hash_of, issue_tokens
from common.sign_in.workload_identity.token_request import Problem, TokenRefused

GRACE_MILLIS = 60_000
_TEXT_LIMIT = 200


def refresh(backend: Backend, text: str, client: str = "") -> IssuedTokens:
    """Return new tokens; raises TokenRefused if the refresh token is unknown, used or expired."""
    # No permission check: the refresh token says who the client is.
    now_millis = unix_millis(backend.clock.now())
    with backend.db.connect() as connection:
        token = refresh_tokens.find(connection, hash_of(text)) if len(text) <= _TEXT_LIMIT else None
        issuer = issuers.find_by_id(connection, token.issuer_id) if token is not None else None
        is_revoked = token is not None and access.is_revoked(connection, token.token_id)
    if token is None or issuer is None or token.expires_at <= now_millis:
        raise TokenRefused(Problem.GRANT, "the refresh token is unknown, used or expired; sign in again")
    if is_revoked:
        _revoke_family(backend, token)
        raise TokenRefused(Problem.GRANT, "the access token that came with the refresh token was revoked; sign in again")
    if token.used_at is not None and token.used_at <= now_millis - GRACE_MILLIS:
        _revoke_family(backend, token)
        text = "the refresh token was used before, so every token of the same exchange is revoked; sign in again"
        raise TokenRefused(Problem.GRANT, text)

    def use(tx: Connection) -> bool:
        return refresh_tokens.use(tx, token.token_hash, now_millis=now_millis, grace_since=now_millis - GRACE_MILLIS)

    return issue_tokens(backend, issuer, token.exchange, token.family_id, use=use, client=client)


def _revoke_family(backend: Backend, token: RefreshToken) -> None:
    def revoke() -> None:
        with backend.db.begin() as tx:
            # A renewal locks the issuer's row too, so no token is added to the family meanwhile.
            issuers.lock(tx, token.issuer_id)
            tokens.revoke_tokens(tx, refresh_tokens.find_token_ids(tx, token.family_id), backend.clock.now())
            refresh_tokens.delete_family(tx, token.family_id)

    retry(revoke)
