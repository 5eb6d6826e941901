"""The keys of issuers: fetched through the guarded client, and kept in the issuer's row so that all processes share them.

They are fetched again when a token names a key that is not among them, and once an hour, so that keys which were withdrawn
end; never twice within a minute, whatever number of processes want to. While an issuer does not answer, what was fetched
last is good for a day.
"""

import hashlib
import math
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, Unavailable
from common.ports.outbound import CallFailed, Purpose, Reply
from common.sign_in.workload_identity import jwks
from common.sign_in.workload_identity.model import Discovered, Issuer
from common.sign_in.workload_identity.repository import issuers

DOCUMENT_LIMIT_BYTES = 64 * 1_024
KEYS_LIMIT_BYTES = 256 * 1_024
PAUSE_MILLIS = 60_000
FRESH_MILLIS = 3_600_000
GOOD_MILLIS = 24 * 3_600_000
# So long another process that has set out to fetch the same keys is waited for, in steps.
_WAITS, _WAIT_SECONDS = 8, 0.25
_FETCH_LIMIT_MILLIS = 25_000
_OK = 200


class KeysUnknown(Exception):
    """The keys of an issuer cannot be had; the text says why, for whoever asks for a token."""


def discover(backend: Backend, org_id: str, url: str, thumbprints: tuple[str, ...] = ()) -> Discovered:
    """Return what an issuer says of itself, and its keys; raises KeysUnknown.

    The calls are made for an organization, which may make few at once: Unavailable when there are more. With thumbprints, the
    certificate of every server that is asked must have one of them.
    """
    document, first = _ask(backend, org_id, f"{url.rstrip('/')}/.well-known/openid-configuration", DOCUMENT_LIMIT_BYTES)
    _require_certificate(first, url, thumbprints)
    issuer, address = _texts(document, "issuer", "jwks_uri")
    if issuer.rstrip("/") != url.rstrip("/"):
        # OpenID Connect Discovery 1.0, 4.3: the two must be the same.
        msg = f"{_host(url)} says that it is another issuer, {issuer[:200]!a}"
        raise KeysUnknown(msg)
    found, second = _ask(backend, org_id, address, KEYS_LIMIT_BYTES)
    _require_certificate(second, address, thumbprints)
    try:
        keys = jwks.encode(jwks.usable(found))
    except BadRequest as error:
        msg = f"{_host(address)}: {error.message.partition(': ')[2]}"
        raise KeysUnknown(msg) from error
    return Discovered(issuer, keys, tuple(dict.fromkeys(print_ for print_ in map(_sha256, (first, second)) if print_)))


def current(backend: Backend, issuer: Issuer) -> Issuer:
    """Return the issuer with keys that are good now; fetched again if they are old. Raises KeysUnknown."""
    if issuer.static_keys is not None:
        return issuer
    if _age_millis(backend, issuer) < FRESH_MILLIS:
        return issuer
    try:
        found = renewed(backend, issuer)
    except (KeysUnknown, Unavailable):
        if _age_millis(backend, issuer) < GOOD_MILLIS:
            return issuer
        raise
    if _age_millis(backend, found) >= GOOD_MILLIS:
        raise KeysUnknown(_not_now(issuer))
    return found


def renewed(backend: Backend, issuer: Issuer) -> Issuer:
    """Return the issuer with keys that were fetched just now, by this process or another within the minute.

    Raises KeysUnknown when they cannot be fetched, or could not be within the minute.
    """
    if issuer.static_keys is not None:
        return issuer
    now_millis = unix_millis(backend.clock.now())
    with backend.db.connect() as connection:
        is_ours = issuers.claim_fetch(connection, issuer.id, now_millis=now_millis, not_since=now_millis - PAUSE_MILLIS)
    if not is_ours:
        return _awaited(backend, issuer)
    found = discover(backend, issuer.org_id, issuer.url, issuer.thumbprints)
    with backend.db.connect() as connection:
        issuers.put_keys(connection, issuer.id, found.keys, unix_millis(backend.clock.now()))
    return _reread(backend, issuer)


def _awaited(backend: Backend, issuer: Issuer) -> Issuer:
    """Return the issuer once the process that set out to fetch its keys has stored them, or as it is."""
    found = _reread(backend, issuer)
    if _is_on_its_way(backend, found):
        with backend.outbound.slots.taken(Purpose.WAIT):
            for _ in range(_WAITS):
                time.sleep(_WAIT_SECONDS)
                found = _reread(backend, issuer)
                if not _is_on_its_way(backend, found):
                    break
    if found.keys is None:
        raise KeysUnknown(_not_now(issuer))
    return found


def _age_millis(backend: Backend, issuer: Issuer) -> float:
    has_keys = issuer.keys is not None and issuer.keys_at is not None
    return unix_millis(backend.clock.now()) - (issuer.keys_at or 0) if has_keys else math.inf


def _not_now(issuer: Issuer) -> str:
    return f"the keys of {_host(issuer.url)} could not be fetched a moment ago; try again in a minute"


def _is_on_its_way(backend: Backend, issuer: Issuer) -> bool:
    asked_at, now_millis = issuer.keys_asked_at or 0, unix_millis(backend.clock.now())
    return (issuer.keys_at or 0) < asked_at and now_millis - asked_at < _FETCH_LIMIT_MILLIS


def _reread(backend: Backend, issuer: Issuer) -> Issuer:
    with backend.db.connect() as connection:
        found = issuers.find_by_id(connection, issuer.id)
    if found is None:
        msg = "the issuer is not trusted any more"
        raise KeysUnknown(msg)
    return found


def _ask(backend: Backend, org_id: str, url: str, limit_bytes: int) -> tuple[Any, Reply]:
    try:
        reply = backend.outbound.call(
            "GET", url, headers={"Accept": "application/json"}, limit_bytes=limit_bytes, purpose=Purpose.ISSUER, owner=org_id
        )
    except (CallFailed, ValueError) as error:
        # ValueError: the configuration names an address that is none.
        raise KeysUnknown(str(error)) from error
    if reply.status != _OK:
        msg = f"{_host(url)} answers with status {reply.status}"
        raise KeysUnknown(msg)
    try:
        return msgspec.json.decode(reply.body), reply
    except (msgspec.DecodeError, RecursionError) as error:
        msg = f"{_host(url)} does not answer with JSON"
        raise KeysUnknown(msg) from error


def _texts(document: object, *names: str) -> list[str]:
    found = [document.get(name) if isinstance(document, Mapping) else None for name in names]
    texts = [text for text in found if isinstance(text, str) and len(text) <= DOCUMENT_LIMIT_BYTES]
    if len(texts) != len(names):
        msg = f"the issuer's configuration has no {' and '.join(names)}"
        raise KeysUnknown(msg)
    return texts


def _require_certificate(reply: Reply, url: str, thumbprints: tuple[str, ...]) -> None:
    """Raise KeysUnknown unless the server's certificate is one of those that the organization trusts."""
    if not thumbprints or reply.certificate is None:
        # An address without TLS is called only where the operator lists it; there is nothing to compare.
        return
    sha1 = hashlib.sha1(reply.certificate, usedforsecurity=False).hexdigest()
    if not {_sha256(reply), sha1} & set(thumbprints):
        msg = f"the certificate of {_host(url)} has none of the issuer's thumbprints; regenerate them if it was renewed"
        raise KeysUnknown(msg)


def _sha256(reply: Reply) -> str:
    return hashlib.sha256(reply.certificate).hexdigest() if reply.certificate is not None else ""


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "the issuer")[:200]
    except ValueError:
        return "the issuer"
