"""Invitations from the side of people who have no account yet: what shows that one is theirs, and how they join with it.

The id of an invitation is known to whoever sent it, and to others in the organization. What shows that somebody reads the
mail of the invited address is a proof that is in the mail alone: it is computed anew when needed and kept nowhere.
"""

import hmac
import re
from hashlib import sha256

from sqlalchemy import Connection

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import NotFound
from common.crypto.service_keys import service_key
from common.people.orgs.members import steps as members
from common.people.orgs.model import Invite
from common.people.orgs.repository import invites

_ID = re.compile(r"[0-9a-f]{32}")
MISSING = "the invitation does not exist, or has expired"


def find_open(connection: Connection, backend: Backend, invite_id: str) -> Invite | None:
    """Return an invitation that can be accepted, or None: a step."""
    found = invites.find(connection, invite_id) if _ID.fullmatch(invite_id) else None
    return found if found is not None and not found.is_expired(unix_millis(backend.clock.now())) else None


def get_open(backend: Backend, org: str, invite_id: str) -> Invite:
    """Return an organization's invitation to whoever has its address, signed in or not; NotFound for none that is open."""
    # No permission check: its id is a secret that nobody guesses, and the page it leads to tells the organization's name.
    with backend.db.connect() as connection:
        found = find_open(connection, backend, invite_id)
    if found is None or found.org_login != org:
        raise NotFound(MISSING)
    return found


def invite_proof(backend: Backend, invite: Invite) -> str:
    """Return what the mail of an invitation has, and nothing else: a text that shows that its address was read."""
    said = f"{invite.id}:{invite.email}".encode()
    return hmac.new(service_key(backend, "invitations"), said, sha256).hexdigest()


def is_proof(backend: Backend, invite: Invite, text: str) -> bool:
    """Tell whether a text came from an invitation's mail."""
    return bool(invite.email) and hmac.compare_digest(invite_proof(backend, invite).encode(), text.encode("utf-8", "replace"))


def join(tx: Connection, backend: Backend, invite: Invite, user_id: str) -> None:
    """Use an invitation up and make a newcomer a member: a step inside `members.in_turn` of its organization."""
    if not invites.delete(tx, invite.org_id, invite.id):
        raise NotFound(MISSING)
    already = f"you are already a member of organization {invite.org_login}"
    members.add(tx, invite.org_id, user_id, invite.given, backend.clock.now(), refusal=already)
