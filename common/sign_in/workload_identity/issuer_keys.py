"""The keys of registered issuers: fetched through the guarded client and stored in the issuer's row, for all processes.

They are fetched again when a token names an unknown key, and once an hour, so that withdrawn keys stop working; but at most
once a minute, however many processes want to. While an issuer does not answer, the keys that were fetched last work for a day.
"""

import hashlib
import math
import time
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import Unavailable
from common.ports.outbound import CallFailed, Purpose, Reply
from common.sign_in.oidc import keys
from common.sign_in.oidc.keys import FRESH_FOR, REFETCH_AFTER, InvalidKeys
from common.sign_in.oidc.metadata import InvalidMetadata, metadata_url, read_metadata
from common.sign_in.workload_identity.model import Discovered, Issuer
from common.sign_in.workload_identity.repository import issuers

METADATA_LIMIT_BYTES = 64 * 1_024
KEYS_LIMIT_BYTES = 256 * 1_024
_MILLISECOND = timedelta(milliseconds=1)
REFETCH_AFTER_MILLIS = REFETCH_AFTER // _MILLISECOND
FRESH_MILLIS = FRESH_FOR // _MILLISECOND
# How old keys may become while their issuer does not answer.
STALE_LIMIT_MILLIS = 24 * 3_600_000
# How often, and after which pauses, a process looks whether another one has stored the keys that it is fetching.
_WAITS, _WAIT_SECONDS = 8, 0.25
_FETCH_LIMIT_MILLIS = 25_000
_OK = 200


class KeysUnavailable(Exception):
    """The keys of an issuer cannot be fetched; the text says why, for the client."""


def discover(backend: Backend, org_id: str, url: str, thumbprints: tuple[str, ...] = ()) -> Discovered:
    """Return the name and the keys of an issuer; raises KeysUnavailable.

    The calls are made for an organization, which may make few at once: Unavailable when there are more. With thumbprints, the
    certificate of each server that is called must have one of them.
    """
    document, first = _get(backend, org_id, metadata_url(url), METADATA_LIMIT_BYTES)
    _require_certificate(first, url, thumbprints)
    try:
        metadata = read_metadata(document, url)
    except InvalidMetadata as error:
        raise KeysUnavailable(f"{_host(url)} {error}") from error
    document, second = _get(backend, org_id, metadata.jwks_uri, KEYS_LIMIT_BYTES)
    _require_certificate(second, metadata.jwks_uri, thumbprints)
    try:
        encoded = keys.encode(keys.read_keys(document))
    except InvalidKeys as error:
        raise KeysUnavailable(f"{_host(metadata.jwks_uri)}: {error}") from error
    certificates = [thumbprint for thumbprint in map(_sha256, (first, second)) if thumbprint]
    return Discovered(metadata.issuer, encoded, tuple(dict.fromkeys(certificates)))


def with_fresh_keys(backend: Backend, issuer: Issuer) -> Issuer:
    """Return the issuer with keys that may be used now, fetched again if they are old. Raises KeysUnavailable."""
    if issuer.static_keys is not None:
        return issuer
    if _age_millis(backend, issuer) < FRESH_MILLIS:
        return issuer
    try:
        renewed = with_new_keys(backend, issuer)
    except (KeysUnavailable, Unavailable):
        if _age_millis(backend, issuer) < STALE_LIMIT_MILLIS:
            return issuer
        raise
    if _age_millis(backend, renewed) >= STALE_LIMIT_MILLIS:
        raise KeysUnavailable(_try_later(issuer))
    return renewed


def with_new_keys(backend: Backend, issuer: Issuer) -> Issuer:
    """Return the issuer with keys that this process, or another one within the last minute, has just fetched.

    Raises KeysUnavailable if they cannot be fetched, or could not be within the minute.
    """
    if issuer.static_keys is not None:
        return issuer
    now_millis = unix_millis(backend.clock.now())
    with backend.db.connect() as connection:
        not_since = now_millis - REFETCH_AFTER_MILLIS
        is_claimed = issuers.claim_fetch(connection, issuer.id, now_millis=now_millis, not_since=not_since)
    if not is_claimed:
        return _wait_for_keys(backend, issuer)
    discovered = discover(backend, issuer.org_id, issuer.url, issuer.thumbprints)
    with backend.db.connect() as connection:
        issuers.update_keys(connection, issuer.id, discovered.keys, unix_millis(backend.clock.now()))
    return _read_again(backend, issuer)


def _wait_for_keys(backend: Backend, issuer: Issuer) -> Issuer:
    """Return the issuer when the process that is fetching its keys has stored them, or as it is after a short wait."""
    current = _read_again(backend, issuer)
    if _is_fetching(backend, current):
        with backend.outbound.slots.taken(Purpose.WAIT):
            for _ in range(_WAITS):
                time.sleep(_WAIT_SECONDS)
                current = _read_again(backend, issuer)
                if not _is_fetching(backend, current):
                    break
    if current.keys is None:
        raise KeysUnavailable(_try_later(issuer))
    return current


def _age_millis(backend: Backend, issuer: Issuer) -> float:
    has_keys = issuer.keys is not None and issuer.keys_at is not None
    return unix_millis(backend.clock.now()) - (issuer.keys_at or 0) if has_keys else math.inf


def _try_later(issuer: Issuer) -> str:
    return f"the keys of {_host(issuer.url)} could not be fetched a moment ago; try again in a minute"


def _is_fetching(backend: Backend, issuer: Issuer) -> bool:
    claimed_at, now_millis = issuer.keys_asked_at or 0, unix_millis(backend.clock.now())
    return (issuer.keys_at or 0) < claimed_at and now_millis - claimed_at < _FETCH_LIMIT_MILLIS


def _read_again(backend: Backend, issuer: Issuer) -> Issuer:
    with backend.db.connect() as connection:
        current = issuers.find_by_id(connection, issuer.id)
    if current is None:
        raise KeysUnavailable("the issuer is not trusted any more")
    return current


def _get(backend: Backend, org_id: str, url: str, limit_bytes: int) -> tuple[Any, Reply]:
    headers = {"Accept": "application/json"}
    try:
        reply = backend.outbound.call("GET", url, headers=headers, limit_bytes=limit_bytes, purpose=Purpose.ISSUER, owner=org_id)
    except (CallFailed, ValueError) as error:
        # ValueError: the metadata has an address that is not valid.
        raise KeysUnavailable(str(error)) from error
    if reply.status != _OK:
        raise KeysUnavailable(f"{_host(url)} answers with status {reply.status}")
    try:
        return msgspec.json.decode(reply.body), reply
    except (msgspec.DecodeError, RecursionError) as error:
        raise KeysUnavailable(f"{_host(url)} does not answer with JSON") from error


def _require_certificate(reply: Reply, url: str, thumbprints: tuple[str, ...]) -> None:
    """Raise KeysUnavailable unless the server has one of the certificates that the organization trusts."""
    if not thumbprints or reply.certificate is None:
        # An address without TLS is called only if the operator lists it, and has no certificate to compare.
        return
    sha1 = hashlib.sha1(reply.certificate, usedforsecurity=False).hexdigest()
    if not {_sha256(reply), sha1} & set(thumbprints):
        raise KeysUnavailable(
            f"the certificate of {_host(url)} has none of the issuer's thumbprints; regenerate them if it was renewed"
        )


def _sha256(reply: Reply) -> str:
    return hashlib.sha256(reply.certificate).hexdigest() if reply.certificate is not None else ""


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "the issuer")[:200]
    except ValueError:
        return "the issuer"
