"""Invitations of people who have no account yet: the proof that an invitation is theirs, and how they join with it.

Other members of the organization can know the id of an invitation. The proof is in the mail alone, so it shows that a person
reads the mail of the invited address. It is computed when it is needed and stored nowhere.
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
    """Return an invitation that can be accepted, or None."""
    invite = invites.find(connection, invite_id) if _ID.fullmatch(invite_id) else None
    return invite if invite is not None and not invite.is_expired(unix_millis(backend.clock.now())) else None


def invite_proof(backend: Backend, invite: Invite) -> str:
    """Return the text that only the mail of an invitation has."""
    message = f"{invite.id}:{invite.email}".encode()
    return hmac.new(service_key(backend, "invitations"), message, sha256).hexdigest()


def is_proof(backend: Backend, invite: Invite, text: str) -> bool:
    """Tell whether a text is the proof of an invitation."""
    return bool(invite.email) and hmac.compare_digest(invite_proof(backend, invite).encode(), text.encode("utf-8", "replace"))


def join(tx: Connection, backend: Backend, invite: Invite, user_id: str) -> None:
    """Delete an invitation and make a new user a member. The use case holds the organization's lock."""
    if not invites.delete(tx, invite.org_id, invite.id):
        raise NotFound(MISSING)
    refusal = f"you are already a member of organization {invite.org_login}"
    members.add(tx, invite.org_id, user_id, invite.role, backend.clock.now(), refusal=refusal)
