"""Signed texts for addresses that need no access token: what may be done, with which file, until when."""

import msgspec

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import Forbidden
from common.crypto import signed_texts
from common.crypto.service_keys import service_key

_KEY = "link"
_INVALID = "this address is not valid, or has expired; request a new one"


def sign(backend: Backend, action: str, key: str, seconds: int) -> str:
    """Return a text that allows one action on one file for so many seconds."""
    expires_at = unix_millis(backend.clock.now()) + seconds * 1000
    return signed_texts.sign(service_key(backend, _KEY), msgspec.json.encode((action, key, expires_at)))


def require_signed(backend: Backend, action: str, signed: str) -> str:
    """Return the file that a signed text allows an action on; Forbidden for another action, and after its time."""
    content = signed_texts.read(service_key(backend, _KEY), signed)
    if content is None:
        raise Forbidden(_INVALID)
    allowed, key, expires_at = msgspec.json.decode(content, type=tuple[str, str, int])
    if allowed != action or expires_at < unix_millis(backend.clock.now()):
        raise Forbidden(_INVALID)
    return key
