"""The token of an update's lease: it names the update and its stack, signed by us, so that reading it costs no query.

It says who may write, not until when: how long the lease runs is in the update's row, where the guarded statements look.
So a renewal keeps older tokens good, as several of the client's senders may still hold one (state.md 4.3).
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

import msgspec

from common.backend import Backend
from common.core.errors import Forbidden
from common.crypto.service_keys import lease_key
from common.stacks.model import StackPath

LEASE_SECONDS = 300
_BAD = "The provided update token is not valid for this update."


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease whose signature was checked; whether it is still good, only the update's row knows."""

    update_id: str


def issue(backend: Backend, update_id: str, path: StackPath) -> str:
    """Return the token for an update of a stack."""
    content = msgspec.json.encode([update_id, path.org, path.project, path.name])
    return f"{_text(content)}.{_signature(backend, content)}"


def verify(backend: Backend, token: str, path: StackPath, update_id: str) -> Lease:
    """Return the lease of a token that is ours and names just this update of this stack; raises Forbidden."""
    text, _, signature = token.partition(".")
    try:
        content = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise Forbidden(_BAD) from error
    given = signature.encode("utf-8", "replace")
    if not hmac.compare_digest(_signature(backend, content).encode(), given) or _text(content) != text:
        raise Forbidden(_BAD)
    if msgspec.json.decode(content, type=list[str]) != [update_id, path.org, path.project, path.name]:
        raise Forbidden(_BAD)
    return Lease(update_id)


def _signature(backend: Backend, content: bytes) -> str:
    return _text(hmac.digest(lease_key(backend), content, hashlib.sha256))


def _text(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")
