"""The refresh grant: new tokens in place of those that were given for an identity token, as long as they may still be given.

A refresh token is good once. Used again within a minute it is good again, since two processes that share one may renew at
once, and a reply may be lost; later it is taken for stolen, and everything that came of the same exchange ends.
"""

from sqlalchemy import Connection

from common.access import authentication as access
from common.access import tokens
from common.backend import Backend
from common.core.clock import unix_millis
from common.db.retry import retry
from common.sign_in.workload_identity.repository import issuers, refresh_tokens
from common.sign_in.workload_identity.repository.refresh_tokens import Refresh
from common.sign_in.workload_identity.token_issuing import Granted, grant, hash_of
from common.sign_in.workload_identity.token_request import Problem, TokenRefused

GRACE_MILLIS = 60_000
_TEXT_LIMIT = 200


def refresh(backend: Backend, text: str, client: str = "") -> tuple[Granted, Refresh]:
    """Return new tokens and what the refresh token was for; raises TokenRefused when it is unknown, used or expired."""
    # No permission check: whoever has the refresh token may use it.
    now_millis = unix_millis(backend.clock.now())
    with backend.db.connect() as connection:
        found = refresh_tokens.find(connection, hash_of(text)) if len(text) <= _TEXT_LIMIT else None
        issuer = issuers.find_by_id(connection, found.issuer_id) if found is not None else None
        is_revoked = found is not None and access.is_revoked(connection, found.token_id)
    if found is None or issuer is None or found.expires_at <= now_millis:
        msg = "the refresh token is unknown, used or expired; sign in again"
        raise TokenRefused(Problem.GRANT, msg)
    if is_revoked:
        _end_family(backend, found)
        msg = "the access token that came with the refresh token was revoked; sign in again"
        raise TokenRefused(Problem.GRANT, msg)
    if found.used_at is not None and found.used_at <= now_millis - GRACE_MILLIS:
        _end_family(backend, found)
        msg = "the refresh token was used before; everything that came of it has ended, so sign in again"
        raise TokenRefused(Problem.GRANT, msg)

    def use(tx: Connection) -> bool:
        return refresh_tokens.use(tx, found.token_hash, now_millis=now_millis, grace_since=now_millis - GRACE_MILLIS)

    return grant(backend, issuer, found.request, found.family_id, use=use, client=client), found


def _end_family(backend: Backend, found: Refresh) -> None:
    def end() -> None:
        with backend.db.begin() as tx:
            # Whoever renews holds the issuer's row as well, so nothing is added to the family meanwhile.
            issuers.hold(tx, found.issuer_id)
            tokens.revoke_tokens(tx, refresh_tokens.find_token_ids(tx, found.family_id), backend.clock.now())
            refresh_tokens.remove_family(tx, found.family_id)

    retry(end)
