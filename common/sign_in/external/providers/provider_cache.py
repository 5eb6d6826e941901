"""The metadata and keys of the installation's OpenID Connect provider, cached by each process.

A cached copy may be stale without harm, so it is not kept in the database. It is used for an hour at most, so a withdrawn key
is accepted no longer than the keys of workload identity are. A token with an unknown key makes the process fetch the keys
again, at most once a minute: a rotation is noticed at once, and strangers cannot make us call the provider at will.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from common.backend import Backend
from common.core.errors import Unavailable
from common.core.once import Once
from common.ports.outbound import Outbound
from common.sign_in.external.providers import oauth
from common.sign_in.oidc import id_token, keys
from common.sign_in.oidc.id_token import BadSignature, UnknownKey, UnverifiedToken
from common.sign_in.oidc.keys import FRESH_FOR, REFETCH_AFTER, InvalidKeys
from common.sign_in.oidc.metadata import InvalidMetadata, Metadata, WrongIssuer, metadata_url, read_metadata

LOG = logging.getLogger("stackhold.identity")
# How long a thread waits for the call of another thread.
WAIT_SECONDS = 2.0
_T = TypeVar("_T")
_Keys = list[dict[str, str]]


@dataclass(slots=True)
class _Cache:
    """Metadata and keys, each with the time when it was fetched."""

    metadata: tuple[Metadata, datetime] | None = None
    keys: tuple[_Keys, datetime] | None = None
    once: Once = field(default_factory=Once)


# One cache for each opened backend; a process has one backend, except in tests.
_CACHES: "WeakKeyDictionary[Outbound, _Cache]" = WeakKeyDictionary()
_LOCK = Lock()


def get_metadata(backend: Backend, label: str) -> Metadata:
    """Return the metadata of the configured provider; raises Unavailable."""
    cache, now = _cache_of(backend), backend.clock.now()

    def is_fresh(entry: tuple[Metadata, datetime] | None) -> bool:
        return entry is not None and not _is_older(entry[1], now, FRESH_FOR)

    def fetch() -> tuple[Metadata, datetime]:
        # Another thread may have fetched it just before.
        if cache.metadata is None or not is_fresh(cache.metadata):
            cache.metadata = (_fetch_metadata(backend, label), now)
        return cache.metadata

    entry = cache.metadata
    if entry is None or not is_fresh(entry):
        entry = _fetch_once(cache, label, "metadata", fetch)
    return entry[0]


def verify(backend: Backend, label: str, token: UnverifiedToken, **required: Any) -> dict[str, Any]:  # noqa: ANN401 - as in id_token
    """Return the claims of a token that the provider signed, with keys that are fetched again if the token's is unknown.

    Raises InvalidToken, Unavailable.
    """
    cached, fetched_at = _get_keys(backend, label)
    now = backend.clock.now()
    try:
        return id_token.verify(token, cached, now, **required)
    except (UnknownKey, BadSignature):
        if not _is_older(fetched_at, now, REFETCH_AFTER):
            raise
        return id_token.verify(token, _get_keys(backend, label, newer_than=fetched_at)[0], now, **required)


def _get_keys(backend: Backend, label: str, *, newer_than: datetime | None = None) -> tuple[_Keys, datetime]:
    """Return the keys and when they were fetched; never those that were fetched at `newer_than`."""
    address, cache, now = get_metadata(backend, label).jwks_uri, _cache_of(backend), backend.clock.now()

    def is_fresh(entry: tuple[_Keys, datetime] | None) -> bool:
        return entry is not None and entry[1] != newer_than and not _is_older(entry[1], now, FRESH_FOR)

    def fetch() -> tuple[_Keys, datetime]:
        if cache.keys is None or not is_fresh(cache.keys):
            cache.keys = (_fetch_keys(backend, label, address), now)
        return cache.keys

    entry = cache.keys
    return entry if entry is not None and is_fresh(entry) else _fetch_once(cache, label, "keys", fetch)


def _fetch_once(cache: _Cache, label: str, name: str, fetch: Callable[[], _T]) -> _T:
    """Return what this thread or another one fetches; raises Unavailable after a short wait."""
    try:
        return cache.once.call(name, fetch, wait_seconds=WAIT_SECONDS)
    except TimeoutError as error:
        raise Unavailable(f"{label} does not answer; try again") from error


def _fetch_metadata(backend: Backend, label: str) -> Metadata:
    issuer = backend.settings.oidc_issuer
    document = oauth.fetch_json(backend, label, metadata_url(issuer))
    try:
        metadata = read_metadata(document, issuer)
    except WrongIssuer as error:
        LOG.warning("%s does not match STACKHOLD_OIDC_ISSUER: it %s", label, error)
        raise Unavailable(f"{label} names another issuer than the setting STACKHOLD_OIDC_ISSUER") from None
    except InvalidMetadata:
        raise oauth.unreadable(label) from None
    needed = [metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri]
    optional = [metadata.userinfo_endpoint] if metadata.userinfo_endpoint else []
    if not all(map(_is_address, needed + optional)):
        raise oauth.unreadable(label)
    return metadata


def _fetch_keys(backend: Backend, label: str, address: str) -> _Keys:
    try:
        return keys.read_keys(oauth.fetch_json(backend, label, address))
    except InvalidKeys as error:
        LOG.warning("the keys of %s cannot be used: %s", label, error)
        raise oauth.unreadable(label) from None


def _is_address(text: str) -> bool:
    """Return whether a text is an HTTP address; whether it may be called is for the guard of outgoing calls to say."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return text.isprintable() and parts.scheme in ("http", "https") and bool(parts.hostname)


def _cache_of(backend: Backend) -> _Cache:
    with _LOCK:
        return _CACHES.setdefault(backend.outbound, _Cache())


def _is_older(moment: datetime, now: datetime, limit: timedelta) -> bool:
    return now - moment >= limit
