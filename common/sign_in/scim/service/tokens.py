"""The token that an organization's directory calls with: checks, creates and deletes it.

With the token a directory decides who is a member of the organization, so it is stored as a hash and shown once.
"""

import re
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256

from sqlalchemy import Connection

from common.audit import refusals
from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.config.public_urls import api_url
from common.core.clock import unix_millis
from common.core.errors import NotFound, Unauthorized, Unavailable
from common.db.retry import retry
from common.people.orgs.members import steps as members
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission
from common.sign_in.scim.model import Directory, TokenDetails
from common.sign_in.scim.repository import tokens

# A token's last use is stored at most once in this time.
LAST_USED_MILLIS = 15 * 60_000
_HEADER = re.compile(r"\s*bearer\s+(puls-[0-9a-f]{40})\s*", re.IGNORECASE | re.ASCII)
_REFUSAL = "this address needs the token of the organization's directory: Authorization: Bearer puls-…"
_NO_TOKEN = "the organization has no SCIM token"  # noqa: S105 - a message


@dataclass(frozen=True, slots=True)
class NewToken:
    """A new token, and the address that the directory needs with it. Only the directory keeps the token's text."""

    base_url: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenStatus:
    """The address that a directory calls, and its token; None if the organization has no token."""

    base_url: str
    token: TokenDetails | None


def authenticate(backend: Backend, org: str, authorization: str, *, client: str = "") -> Directory:
    """Return the directory of a token, with one statement; raises Unauthorized.

    The error is the same for an organization that does not exist and for the token of another one. A second statement, at most
    every 15 minutes, stores that the token was used. A refused token is recorded in the organization's audit log, with the
    network address `client`.
    """
    header = _HEADER.fullmatch(authorization)
    if header is None:
        raise Unauthorized(_REFUSAL)
    now_millis = unix_millis(backend.clock.now())
    with backend.db.connect() as connection:
        owner = tokens.find_directory(connection, org, _hash(header[1]))
    if owner is None:
        refusals.record_directory(backend, org, client)
        raise Unauthorized(_REFUSAL)
    if owner.last_used_at is None or now_millis - owner.last_used_at > LAST_USED_MILLIS:
        # A database that takes no writes at the moment can still answer reads; the next request stores the use.
        with suppress(Unavailable), backend.db.connect() as connection:
            tokens.update_last_used(connection, owner.directory.org_id, owner.last_used_at, now_millis)
    return owner.directory


def get(backend: Backend, caller: Caller, org: str) -> TokenStatus:
    """Return whether an organization has a token, who created it, and when it was last used."""
    membership = caller.require(Permission.SCIM_READ, org, missing=missing_org(org))
    with backend.db.connect() as connection:
        return TokenStatus(base_url(backend, org), tokens.find_details(connection, membership.org_id))


def create(backend: Backend, caller: Caller, org: str) -> NewToken:
    """Create an organization's token, which replaces the old one, and return it; BadRequest for a personal organization."""
    membership = members.require_shared(caller, Permission.SCIM_UPDATE, org)
    text = f"puls-{secrets.token_hex(20)}"

    def replace_token(tx: Connection) -> None:
        tokens.delete_groups_without_team(tx, membership.org_id)
        tokens.replace_token(tx, membership.org_id, _hash(text), caller.user_id, unix_millis(backend.clock.now()))
        description = "Created the token of the directory (SCIM)"
        audit.record(tx, backend, caller, membership.org_id, Event.SETTINGS_CHANGED, description=description)

    members.with_org_lock(backend, membership.org_id, replace_token)
    return NewToken(base_url(backend, org), text)


def delete(backend: Backend, caller: Caller, org: str) -> None:
    """Delete an organization's token, which stops working at once; users and teams stay. NotFound without a token."""
    membership = caller.require(Permission.SCIM_DELETE, org, missing=missing_org(org))

    def delete_token() -> None:
        with backend.db.begin() as tx:
            if not tokens.delete_token(tx, membership.org_id):
                raise NotFound(_NO_TOKEN)
            description = "Deleted the token of the directory (SCIM)"
            audit.record(tx, backend, caller, membership.org_id, Event.SETTINGS_CHANGED, description=description)

    retry(delete_token)


def base_url(backend: Backend, org: str) -> str:
    """Return the address that an organization's directory calls."""
    return f"{api_url(backend.settings)}/scim/v2/{org}"


def _hash(token: str) -> str:
    # A plain hash is enough: a token has 160 random bits, so it cannot be guessed from its hash as a password can.
    return sha256(token.lower().encode()).hexdigest()
