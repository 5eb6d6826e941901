"""Issuers of identity tokens that an organization trusts: registered, listed, updated, deleted."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sqlalchemy import Connection

from common.access import tokens as access
from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest
from common.core.ids import new_id
from common.db.faults import is_duplicate
from common.db.retry import retry
from common.rights.caller import Caller, missing_org
from common.rights.membership import Membership
from common.rights.permissions import Permission
from common.sign_in.oidc import keys
from common.sign_in.oidc.keys import InvalidKeys
from common.sign_in.workload_identity import issuer_keys, steps
from common.sign_in.workload_identity.issuer_keys import KeysUnavailable
from common.sign_in.workload_identity.model import (
    DEFAULT_EXPIRATION_SECONDS,
    Discovered,
    Issuer,
    IssuerUpdate,
    Registration,
    require_expiration,
    require_name,
    require_thumbprints,
    require_url,
)
from common.sign_in.workload_identity.policy_permissions import require_may_allow
from common.sign_in.workload_identity.repository import issuers, refresh_tokens

ISSUERS_LIMIT = 100
# These columns change with the static keys and are left out of the audit log.
_FETCHED = ("fetched_keys", "keys_at")
_T = TypeVar("_T")


def list_issuers(backend: Backend, caller: Caller, org: str) -> list[Issuer]:
    """Return the issuers that an organization trusts, oldest first."""
    membership = caller.require(Permission.OIDC_ISSUERS_READ, org, missing=missing_org(org))
    with backend.db.connect() as connection:
        return issuers.find_all(connection, membership.org_id)


def get_issuer(backend: Backend, caller: Caller, org: str, issuer_id: str) -> Issuer:
    """Return an issuer; NotFound if the organization has none with that id."""
    membership = caller.require(Permission.OIDC_ISSUERS_READ, org, missing=missing_org(org))
    with backend.db.connect() as connection:
        return steps.get_issuer(connection, membership, issuer_id)


def register(backend: Backend, caller: Caller, org: str, registration: Registration) -> Issuer:
    """Trust an issuer, with a policy that allows nothing yet; its metadata is fetched, unless its keys are registered too.

    Raises BadRequest if it cannot be reached, and if the organization trusts it already.
    """
    membership = caller.require(Permission.OIDC_ISSUERS_CREATE, org, missing=missing_org(org))
    issuer = _new_issuer(backend, membership, registration)

    def create(tx: Connection) -> Issuer:
        if issuers.count(tx, membership.org_id) >= ISSUERS_LIMIT:
            raise BadRequest(f"organization {membership.login} trusts {ISSUERS_LIMIT} issuers, which is the limit")
        issuers.create(tx, issuer)
        description = f"Trusts issuer {issuer.name!a} at {issuer.url}"
        audit.record(tx, backend, caller, membership.org_id, Event.ISSUER_REGISTERED, description=description)
        return issuer

    return _write(backend, membership, create)


def update(backend: Backend, caller: Caller, org: str, issuer_id: str, new: IssuerUpdate) -> Issuer:
    """Update an issuer's name, thumbprints, longest lifetime of tokens or keys; its address stays.

    With registered keys, no keys are fetched any more. A caller who replaces the keys must be allowed to write the policy
    too, since the keys decide who gets in by it.
    """
    membership = caller.require(Permission.OIDC_ISSUERS_UPDATE, org, missing=missing_org(org))
    values: dict[str, Any] = {"name": require_name(new.name)}
    if thumbprints := require_thumbprints(new.thumbprints):
        values["thumbprints"] = thumbprints
    if seconds := require_expiration(new.max_expiration_seconds):
        values["max_expiration_seconds"] = seconds
    if new.jwks is not None:
        values |= {"static_keys": _require_keys(new.jwks), "fetched_keys": None, "keys_at": None}

    def change(tx: Connection) -> Issuer:
        issuer = steps.get_issuer(tx, membership, issuer_id)
        issuers.lock(tx, issuer.id)
        if "static_keys" in values:
            require_may_allow(tx, caller, membership, steps.get_issuer(tx, membership, issuer_id).statements)
        issuers.update_issuer(tx, issuer.id, values, unix_millis(backend.clock.now()))
        names = ", ".join(sorted(name for name in values if name not in _FETCHED))
        description = f"Changed issuer {issuer.name!a}: {names}"
        audit.record(tx, backend, caller, membership.org_id, Event.ISSUER_UPDATED, description=description)
        return steps.get_issuer(tx, membership, issuer_id)

    return _write(backend, membership, change)


def regenerate_thumbprints(backend: Backend, caller: Caller, org: str, issuer_id: str) -> Issuer:
    """Trust the certificates that an issuer has now; BadRequest if its keys are registered."""
    membership = caller.require(Permission.OIDC_ISSUERS_REGENERATE_THUMBPRINTS, org, missing=missing_org(org))
    with backend.db.connect() as connection:
        issuer = steps.get_issuer(connection, membership, issuer_id)
    if issuer.static_keys is not None:
        raise BadRequest(f"the keys of issuer {issuer.name!a} are registered, so its certificates are not used")
    discovered = _discover(backend, membership, issuer.url)
    now_millis = unix_millis(backend.clock.now())
    values = {"thumbprints": discovered.thumbprints, "fetched_keys": discovered.keys, "keys_at": now_millis}

    def change(tx: Connection) -> Issuer:
        issuer = steps.get_issuer(tx, membership, issuer_id)
        issuers.update_issuer(tx, issuer.id, values, now_millis)
        description = f"Trusts the current certificates of issuer {issuer.name!a}"
        audit.record(tx, backend, caller, membership.org_id, Event.ISSUER_UPDATED, description=description)
        return steps.get_issuer(tx, membership, issuer_id)

    return _write(backend, membership, change)


def delete(backend: Backend, caller: Caller, org: str, issuer_id: str) -> None:
    """Delete an issuer with its policy, and revoke every token that was issued for its identity tokens."""
    membership = caller.require(Permission.OIDC_ISSUERS_DELETE, org, missing=missing_org(org))

    def attempt() -> None:
        with backend.db.begin() as tx:
            issuer = steps.get_issuer(tx, membership, issuer_id)
            if not issuers.delete_issuer(tx, membership.org_id, issuer_id):
                raise steps.missing_issuer(issuer_id)
            description = f"No longer trusts issuer {issuer.name!a}"
            audit.record(tx, backend, caller, membership.org_id, Event.ISSUER_DELETED, description=description)
            access.revoke_tokens_of_issuer(tx, issuer_id, backend.clock.now())
            refresh_tokens.delete_of_issuer(tx, issuer_id)
            refresh_tokens.delete_machines(tx, issuer_id)

    retry(attempt)


def _new_issuer(backend: Backend, membership: Membership, registration: Registration) -> Issuer:
    require_url(registration.url)
    name, thumbprints = require_name(registration.name), require_thumbprints(registration.thumbprints)
    seconds = require_expiration(registration.max_expiration_seconds) or DEFAULT_EXPIRATION_SECONDS
    static_keys = _require_keys(registration.jwks) if registration.jwks is not None else None
    url = registration.url
    discovered = _discover(backend, membership, url) if static_keys is None else Discovered(url, "", ())
    now_millis = unix_millis(backend.clock.now())
    # Keys from a server with another certificate are not stored: the first exchange fetches them again, and compares.
    is_trusted = static_keys is None and (not thumbprints or set(discovered.thumbprints) <= set(thumbprints))
    return Issuer(
        id=new_id(),
        org_id=membership.org_id,
        org_login=membership.login,
        name=name,
        url=registration.url,
        issuer=discovered.issuer,
        thumbprints=thumbprints or discovered.thumbprints,
        static_keys=static_keys,
        keys=discovered.keys if is_trusted else None,
        keys_at=now_millis if is_trusted else None,
        keys_asked_at=None,
        max_expiration_seconds=seconds,
        policy_id=new_id(),
        policy_version=1,
        statements=(),
        policy_modified_at=now_millis,
        created_at=now_millis,
        modified_at=now_millis,
        last_used_at=None,
    )


def _require_keys(document: Mapping[str, Any]) -> str:
    try:
        return keys.encode(keys.read_registered_keys(document))
    except InvalidKeys as error:
        raise BadRequest(str(error)) from error


def _discover(backend: Backend, membership: Membership, url: str) -> Discovered:
    try:
        return issuer_keys.discover(backend, membership.org_id, url)
    except KeysUnavailable as error:
        raise BadRequest(f"the keys of the issuer cannot be fetched: {error}") from error


def _write(backend: Backend, membership: Membership, change: Callable[[Connection], _T]) -> _T:
    def attempt() -> _T:
        with backend.db.begin() as tx:
            return change(tx)

    try:
        return retry(attempt)
    except Exception as error:
        if is_duplicate(error):
            # Upstream answers 400 for an address that is trusted already (platform.md 10.1).
            raise BadRequest(f"organization {membership.login} already trusts an issuer with this name or address") from error
        raise
