"""The token of an update's lease: it names the update and its stack, signed by the server, so reading it needs no query.

It says who may write. How long they may is in the update's row, where the guarded statements check it. So a renewal keeps older
tokens valid, which several of the client's senders may still have (state.md 4.3).
"""

from dataclasses import dataclass

import msgspec

from common.core.errors import Forbidden
from common.crypto import signed_texts
from common.stacks.model import StackPath

LEASE_SECONDS = 300
_INVALID = "The provided update token is not valid for this update."


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease with a valid signature; only the update's row tells whether it has expired."""

    update_id: str


def issue(key: bytes, update_id: str, path: StackPath) -> str:
    """Return the token for an update of a stack, signed with a key."""
    return signed_texts.sign(key, msgspec.json.encode([update_id, path.org, path.project, path.name]))


def verify(key: bytes, token: str, path: StackPath, update_id: str) -> Lease:
    """Return the lease of a token that was signed with the key for this update of this stack; raises Forbidden."""
    content = signed_texts.read(key, token)
    if content is None or msgspec.json.decode(content, type=list[str]) != [update_id, path.org, path.project, path.name]:
        raise Forbidden(_INVALID)
    return Lease(update_id)
