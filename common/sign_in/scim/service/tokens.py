"""The one token with which an organization's directory calls: made, revoked, and told whose it is.

Whoever holds it decides who belongs to the organization, so it is stored as a hash and shown once.
"""

import re
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256

from sqlalchemy import Connection

from common.backend import Backend
from common.config.public_urls import api_url
from common.core.clock import unix_millis
from common.core.errors import NotFound, Unauthorized, Unavailable
from common.db.retry import retry
from common.people.orgs.members import steps as members
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission
from common.sign_in.scim.model import Directory, TokenNote
from common.sign_in.scim.repository import tokens

# How coarse the note of a token's last use is.
LAST_USED_MILLIS = 15 * 60_000
_HEADER = re.compile(r"\s*bearer\s+(puls-[0-9a-f]{40})\s*", re.IGNORECASE | re.ASCII)
_REFUSAL = "this address needs the token of the organization's directory: Authorization: Bearer puls-…"
_NO_TOKEN = "the organization has no SCIM token"  # noqa: S105 - says that there is none


@dataclass(frozen=True, slots=True)
class Issued:
    """A token at the one moment when its text is known, and the address to give to the directory with it."""

    base_url: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Connected:
    """Whether a directory may call, and where it does."""

    base_url: str
    token: TokenNote | None


def authenticate(backend: Backend, org: str, authorization: str) -> Directory:
    """Return the organization whose directory calls, in one statement; raises Unauthorized.

    An organization that does not exist and the token of another one are answered alike. A second statement, every quarter of
    an hour for a token in use, notes when it was used.
    """
    header = _HEADER.fullmatch(authorization)
    if header is None:
        raise Unauthorized(_REFUSAL)
    now_millis = unix_millis(backend.clock.now())
    with backend.db.connect() as connection:
        found = tokens.find_directory(connection, org, _hash(header[1]))
    if found is None:
        raise Unauthorized(_REFUSAL)
    if found.last_used_at is None or now_millis - found.last_used_at > LAST_USED_MILLIS:
        # A database that takes no writes just now still answers who calls; the next request makes the note.
        with suppress(Unavailable), backend.db.connect() as connection:
            tokens.touch(connection, found.directory.org_id, found.last_used_at, now_millis)
    return found.directory


def get(backend: Backend, caller: Caller, org: str) -> Connected:
    """Return whether an organization has a token, who made it, and when it was used."""
    membership = caller.require(Permission.SCIM_READ, org, missing=missing_org(org))
    with backend.db.connect() as connection:
        return Connected(base_url(backend, org), tokens.find_note(connection, membership.org_id))


def create(backend: Backend, caller: Caller, org: str) -> Issued:
    """Make an organization's token and return it; the one before is good no longer. BadRequest for a personal organization."""
    membership = members.require_shared(caller, Permission.SCIM_UPDATE, org)
    text = f"puls-{secrets.token_hex(20)}"

    def make(tx: Connection) -> None:
        tokens.forget_groups_without_team(tx, membership.org_id)
        now_millis = unix_millis(backend.clock.now())
        tokens.put(tx, membership.org_id, _hash(text), caller.user_id, now_millis)

    members.with_org_lock(backend, membership.org_id, make)
    return Issued(base_url(backend, org), text)


def delete(backend: Backend, caller: Caller, org: str) -> None:
    """Revoke an organization's token at once; people and teams stay. NotFound without one."""
    membership = caller.require(Permission.SCIM_DELETE, org, missing=missing_org(org))

    def revoke() -> None:
        with backend.db.begin() as tx:
            if not tokens.remove(tx, membership.org_id):
                raise NotFound(_NO_TOKEN)

    retry(revoke)


def base_url(backend: Backend, org: str) -> str:
    """Return the address that an organization's directory is given."""
    return f"{api_url(backend.settings)}/scim/v2/{org}"


def _hash(token: str) -> str:
    # A plain hash is enough: a token has 160 random bits, so it cannot be guessed from its hash as a password can.
    return sha256(token.lower().encode()).hexdigest()
