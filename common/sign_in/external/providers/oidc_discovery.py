"""What an OpenID Connect provider publishes: its addresses and its keys, kept for a while by each process.

A kept copy is only ever a shortcut: the provider's own answer decides. Keys are fetched again when they are old, and once
more, at most once a minute, when a token is signed by one that is not among them: so a rotation is noticed at once, and
nobody makes us call the provider at will.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from common.backend import Backend
from common.core.errors import Unavailable
from common.core.once import Once
from common.ports.outbound import Outbound
from common.sign_in.external.providers import oauth

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

LOG = logging.getLogger("stackhold.identity")
KEPT_FOR = timedelta(hours=1)
REFETCH_EVERY = timedelta(minutes=1)
# So long a thread waits for another one's call.
WAIT_SECONDS = 2.0
KEYS_LIMIT = 100
_T = TypeVar("_T")
_WELL_KNOWN = "/.well-known/openid-configuration"
# Keys of other kinds have nothing to verify with; a shared secret among published keys would be no secret.
_KINDS = ("RSA", "EC", "OKP")


@dataclass(frozen=True, slots=True)
class Metadata:
    """Where a provider is asked what; `methods` are its ways of client authentication, empty where it does not say."""

    issuer: str
    authorize: str
    token: str
    keys: str
    userinfo: str
    methods: tuple[str, ...]
    names_issuer: bool


@dataclass(slots=True)
class _Kept:
    """What a process has of the provider, and since when. One thread fetches it, and others wait for that, but not for long."""

    metadata: tuple[Metadata, datetime] | None = None
    keys: "tuple[KeySet, datetime] | None" = None
    once: Once = field(default_factory=Once)


# For each opened backend of the process, of which there is one outside of tests.
_KEPT: "WeakKeyDictionary[Outbound, _Kept]" = WeakKeyDictionary()
_LOCK = Lock()


def metadata(backend: Backend, label: str) -> Metadata:
    """Return what the configured issuer publishes of itself; raises Unavailable."""
    kept, now = _kept(backend), backend.clock.now()

    def is_fit(found: tuple[Metadata, datetime] | None) -> bool:
        return found is not None and not _is_older(found[1], now, KEPT_FOR)

    def fetch() -> tuple[Metadata, datetime]:
        # Another thread may have been done just before.
        if kept.metadata is None or not is_fit(kept.metadata):
            kept.metadata = (_fetch_metadata(backend, label), now)
        return kept.metadata

    found = kept.metadata
    if found is None or not is_fit(found):
        found = _for_all(kept, label, "metadata", fetch)
    return found[0]


def verified_by(backend: Backend, label: str, verify: Callable[["KeySet"], Any]) -> Any:  # noqa: ANN401 - what verify returns
    """Return what `verify` makes of the provider's keys; it is called again with fresh ones when they do not fit.

    Raises what it raises: joserfc's errors; Unavailable.
    """
    from joserfc.errors import BadSignatureError, InvalidKeyIdError  # noqa: PLC0415 - for this call alone

    keys, at = _keys(backend, label)
    try:
        return verify(keys)
    except (InvalidKeyIdError, BadSignatureError):
        # Without an id in the token, a signature that is not good is all that a rotation shows.
        if not _is_older(at, backend.clock.now(), REFETCH_EVERY):
            raise
        return verify(_keys(backend, label, unfit_at=at)[0])


def _keys(backend: Backend, label: str, *, unfit_at: datetime | None = None) -> "tuple[KeySet, datetime]":
    """Return the keys and when they were fetched; others than those of `unfit_at`."""
    address, kept, now = metadata(backend, label).keys, _kept(backend), backend.clock.now()

    def is_fit(found: "tuple[KeySet, datetime] | None") -> bool:
        return found is not None and found[1] != unfit_at and not _is_older(found[1], now, KEPT_FOR)

    def fetch() -> "tuple[KeySet, datetime]":
        if kept.keys is None or not is_fit(kept.keys):
            kept.keys = (_key_set(label, oauth.fetch_json(backend, label, address)), now)
        return kept.keys

    found = kept.keys
    return found if found is not None and is_fit(found) else _for_all(kept, label, "keys", fetch)


def _for_all(kept: _Kept, label: str, what: str, fetch: Callable[[], _T]) -> _T:
    """Return what is fetched, by this thread or by another that does so already; raises Unavailable after a short wait."""
    try:
        return kept.once.call(what, fetch, wait_seconds=WAIT_SECONDS)
    except TimeoutError as error:
        raise Unavailable(f"{label} does not answer; try again") from error


def _fetch_metadata(backend: Backend, label: str) -> Metadata:
    issuer = backend.settings.text("STACKHOLD_OIDC_ISSUER")
    document = oauth.fetch_json(backend, label, f"{issuer.rstrip('/')}{_WELL_KNOWN}")
    if not isinstance(document, dict):
        raise oauth.unreadable(label)
    named = document.get("issuer")
    # With or without the slash is the same server; which of them it signs is its own affair.
    if not isinstance(named, str) or named.rstrip("/") != issuer.rstrip("/"):
        LOG.error("%s does not name itself as STACKHOLD_OIDC_ISSUER does: %.200a", label, named)
        raise Unavailable(f"{label} is not set up well: it calls itself by another name than STACKHOLD_OIDC_ISSUER")
    methods = document.get("token_endpoint_auth_methods_supported")
    userinfo = document.get("userinfo_endpoint")
    return Metadata(
        issuer=named,
        authorize=_address(label, document.get("authorization_endpoint")),
        token=_address(label, document.get("token_endpoint")),
        keys=_address(label, document.get("jwks_uri")),
        userinfo=_address(label, userinfo) if userinfo else "",
        methods=tuple(one for one in methods if isinstance(one, str)) if isinstance(methods, list) else (),
        names_issuer=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _address(label: str, value: object) -> str:
    """Return an address that the provider publishes; whether we may call it is for the guard of outgoing calls to say."""
    try:
        parts = urlsplit(value) if isinstance(value, str) and value.isprintable() else None
    except ValueError:
        parts = None
    if not isinstance(value, str) or parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise oauth.unreadable(label)
    return value


def _key_set(label: str, document: object) -> "KeySet":
    """Return the keys that verify signatures; what cannot be read is left out, since a provider may have others besides."""
    from joserfc.errors import JoseError  # noqa: PLC0415 - as above
    from joserfc.jwk import JWKRegistry, KeySet  # noqa: PLC0415 - as above

    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise oauth.unreadable(label)
    found = []
    for one in listed[:KEYS_LIMIT]:
        if isinstance(one, dict) and one.get("kty") in _KINDS and one.get("use", "sig") == "sig":
            try:
                found.append(JWKRegistry.import_key(one))
            except (JoseError, ValueError, TypeError, KeyError):
                continue
    return KeySet(found)


def _kept(backend: Backend) -> _Kept:
    with _LOCK:
        return _KEPT.setdefault(backend.outbound, _Kept())


def _is_older(moment: datetime, now: datetime, limit: timedelta) -> bool:
    return now - moment >= limit
