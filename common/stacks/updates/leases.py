"""The token of an update's lease: it names the update and its stack, signed by the server, so reading it needs no query.

It says who may write. How long they may is in the update's row, where the guarded statements check it. So a renewal keeps older
tokens valid, which several of the client's senders may still have (state.md 4.3).
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

import msgspec

from common.core.errors import Forbidden
from common.stacks.model import StackPath

LEASE_SECONDS = 300
_INVALID = "The provided update token is not valid for this update."


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease with a valid signature; only the update's row tells whether it has expired."""

    update_id: str


def issue(key: bytes, update_id: str, path: StackPath) -> str:
    """Return the token for an update of a stack, signed with a key."""
    content = msgspec.json.encode([update_id, path.org, path.project, path.name])
    return f"{_text(content)}.{_signature(key, content)}"


def verify(key: bytes, token: str, path: StackPath, update_id: str) -> Lease:
    """Return the lease of a token that was signed with the key for this update of this stack; raises Forbidden."""
    text, _, signature = token.partition(".")
    try:
        content = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise Forbidden(_INVALID) from error
    is_signed = hmac.compare_digest(_signature(key, content).encode(), signature.encode("utf-8", "replace"))
    if not is_signed or _text(content) != text:
        raise Forbidden(_INVALID)
    if msgspec.json.decode(content, type=list[str]) != [update_id, path.org, path.project, path.name]:
        raise Forbidden(_INVALID)
    return Lease(update_id)


def _signature(key: bytes, content: bytes) -> str:
    return _text(hmac.digest(key, content, hashlib.sha256))


def _text(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")
