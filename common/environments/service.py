"""Anonymous environments over an empty store: an import names an environment that does not exist.

A session stores nothing, since only an empty environment can be opened: its id is signed and contains its user and when it
expires, so it is valid in every process.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error

from common.backend import Backend
from common.core.clock import unix_seconds
from common.core.durations import DURATION_LIMIT, find_seconds
from common.core.errors import BadRequest, NotBuilt, NotFound
from common.crypto import service_keys
from common.environments import documents
from common.rights.caller import Caller, Membership, missing_org
from common.rights.permissions import Permission

DURATION_DEFAULT_SECONDS = 2 * 3600
DURATION_LIMIT_SECONDS = 24 * 3600
_TIME_BYTES = 8


def check_yaml(caller: Caller, org: str, text: bytes) -> None:
    """Check a document; InvalidDocument for errors, NotBuilt for a document with values."""
    _require_open(caller, org)
    _check(text)


def open_yaml(backend: Backend, caller: Caller, org: str, text: bytes, duration: str | None) -> str:
    """Return the id of a session that reads the evaluated document; errors as in check_yaml."""
    membership = _require_open(caller, org)
    seconds = _seconds(duration)
    _check(text)
    expires_at = unix_seconds(backend.clock.now()) + seconds
    return _session_id(backend, caller, membership, expires_at)


def read_open_yaml(backend: Backend, caller: Caller, org: str, session_id: str, path: str | None) -> None:
    """Check that a session is open; NotFound for another user's, an expired or unknown session, and for any property."""
    membership = _require_open(caller, org)
    expires_at = _expiry(session_id)
    is_own = hmac.compare_digest(_session_id(backend, caller, membership, expires_at).encode(), session_id.encode())
    if not is_own or expires_at <= unix_seconds(backend.clock.now()):
        raise NotFound("the opened environment does not exist, or has expired")
    if path:
        raise NotFound(f"the opened environment has no property {path[:100]!a}")


def _require_open(caller: Caller, org: str) -> Membership:
    return caller.require(Permission.ENVIRONMENT_YAML_OPEN, org, missing=missing_org(org))


def _check(text: bytes) -> None:
    document = documents.read(text)
    if document.imports:
        raise documents.InvalidDocument([documents.missing(position, name) for position, name in enumerate(document.imports)])
    if document.has_values:
        raise NotBuilt("this server cannot evaluate environments yet; set the values with `pulumi config`")


def _seconds(duration: str | None) -> int:
    if not duration:
        return DURATION_DEFAULT_SECONDS
    seconds = find_seconds(duration)
    if seconds is None:
        raise BadRequest(f"{duration[:DURATION_LIMIT]!a} is not a duration such as 2h0m0s")
    return min(seconds, DURATION_LIMIT_SECONDS)


def _session_id(backend: Backend, caller: Caller, membership: Membership, expires_at: int) -> str:
    time = expires_at.to_bytes(_TIME_BYTES, "big")
    message = f"yaml {membership.org_id} {caller.user_id} ".encode() + time
    signature = hmac.digest(service_keys.service_key(backend, "environment-session"), message, "sha256")
    return urlsafe_b64encode(time + signature).decode().rstrip("=")


def _expiry(session_id: str) -> int:
    """Return when a session expires by its id, 0 for a malformed id. The caller checks the signature."""
    try:
        return int.from_bytes(urlsafe_b64decode(session_id + "=" * (-len(session_id) % 4))[:_TIME_BYTES], "big")
    except (Base64Error, ValueError):
        return 0
