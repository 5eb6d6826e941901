"""Issuers of identity tokens that an organization trusts: registered, listed, changed, deleted."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sqlalchemy import Connection

from common.access import tokens as access
from common.audit import steps
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, NotFound
from common.core.ids import is_id, new_id
from common.db.faults import is_duplicate
from common.db.retry import retry
from common.rights.caller import Caller, missing_org
from common.rights.membership import Membership
from common.rights.permissions import Permission
from common.sign_in.oidc import keys
from common.sign_in.oidc.keys import InvalidKeys
from common.sign_in.workload_identity import issuer_keys
from common.sign_in.workload_identity.issuer_keys import KeysUnavailable
from common.sign_in.workload_identity.model import (
    DEFAULT_EXPIRATION_SECONDS,
    Change,
    Discovered,
    Issuer,
    Registration,
    require_expiration,
    require_name,
    require_thumbprints,
    require_url,
)
from common.sign_in.workload_identity.policy_permissions import require_givable
from common.sign_in.workload_identity.repository import issuers, refresh_tokens

ISSUERS_LIMIT = 100
# What changes with the keys, and is not told.
_FETCHED = ("fetched_keys", "keys_at")
_T = TypeVar("_T")


def list_issuers(backend: Backend, caller: Caller, org: str) -> list[Issuer]:
    """Return the issuers that an organization trusts, oldest first."""
    membership = caller.require(Permission.OIDC_ISSUERS_READ, org, missing=missing_org(org))
    with backend.db.connect() as connection:
        return issuers.find_all(connection, membership.org_id)


def get_issuer(backend: Backend, caller: Caller, org: str, issuer_id: str) -> Issuer:
    """Return an issuer; NotFound when the organization trusts none of that id."""
    membership = caller.require(Permission.OIDC_ISSUERS_READ, org, missing=missing_org(org))
    with backend.db.connect() as connection:
        return load(connection, membership, issuer_id)


def register(backend: Backend, caller: Caller, org: str, asked: Registration) -> Issuer:
    """Trust an issuer, with a policy that allows nothing yet; what it says of itself is fetched, unless its keys are given.

    Raises BadRequest when it cannot be reached, and when the organization trusts it already.
    """
    membership = caller.require(Permission.OIDC_ISSUERS_CREATE, org, missing=missing_org(org))
    require_url(asked.url)
    name, thumbprints = require_name(asked.name), require_thumbprints(asked.thumbprints)
    seconds = require_expiration(asked.max_expiration_seconds) or DEFAULT_EXPIRATION_SECONDS
    static_keys = _require_keys(asked.jwks) if asked.jwks is not None else None
    found = _discovered(backend, membership, asked.url) if static_keys is None else Discovered(asked.url, "", ())
    now_millis = unix_millis(backend.clock.now())
    # Keys from a server that is not among those given are not kept: the first exchange asks again, and compares.
    is_known = static_keys is None and (not thumbprints or set(found.thumbprints) <= set(thumbprints))
    issuer = Issuer(
        id=new_id(),
        org_id=membership.org_id,
        org_login=membership.login,
        name=name,
        url=asked.url,
        issuer=found.issuer,
        thumbprints=thumbprints or found.thumbprints,
        static_keys=static_keys,
        keys=found.keys if is_known else None,
        keys_at=now_millis if is_known else None,
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

    def add(tx: Connection) -> Issuer:
        if issuers.count(tx, membership.org_id) >= ISSUERS_LIMIT:
            msg = f"organization {membership.login} trusts {ISSUERS_LIMIT} issuers, which is the limit"
            raise BadRequest(msg)
        issuers.add(tx, issuer)
        told = f"Trusts issuer {issuer.name!a} at {issuer.url}"
        steps.record(tx, backend, caller, membership.org_id, Event.ISSUER_REGISTERED, description=told)
        return issuer

    return _changed(backend, membership, add)


def update(backend: Backend, caller: Caller, org: str, issuer_id: str, asked: Change) -> Issuer:
    """Change an issuer's name, thumbprints, longest life of tokens or keys; its address stays.

    With keys, they are no longer fetched. Whoever gives others must be somebody who might have written the policy, since
    whoever knows the keys decides who gets in by it.
    """
    membership = caller.require(Permission.OIDC_ISSUERS_UPDATE, org, missing=missing_org(org))
    values: dict[str, Any] = {"name": require_name(asked.name)}
    if thumbprints := require_thumbprints(asked.thumbprints):
        values["thumbprints"] = thumbprints
    if seconds := require_expiration(asked.max_expiration_seconds):
        values["max_expiration_seconds"] = seconds
    if asked.jwks is not None:
        values |= {"static_keys": _require_keys(asked.jwks), "fetched_keys": None, "keys_at": None}

    def change(tx: Connection) -> Issuer:
        issuer = load(tx, membership, issuer_id)
        issuers.hold(tx, issuer.id)
        if "static_keys" in values:
            require_givable(tx, caller, membership, load(tx, membership, issuer_id).statements)
        issuers.put(tx, issuer.id, values, unix_millis(backend.clock.now()))
        told = f"Changed issuer {issuer.name!a}: {', '.join(sorted(name for name in values if name not in _FETCHED))}"
        steps.record(tx, backend, caller, membership.org_id, Event.ISSUER_UPDATED, description=told)
        return load(tx, membership, issuer_id)

    return _changed(backend, membership, change)


def regenerate_thumbprints(backend: Backend, caller: Caller, org: str, issuer_id: str) -> Issuer:
    """Trust the certificates that an issuer has now; BadRequest for one whose keys were given."""
    membership = caller.require(Permission.OIDC_ISSUERS_REGENERATE_THUMBPRINTS, org, missing=missing_org(org))
    with backend.db.connect() as connection:
        issuer = load(connection, membership, issuer_id)
    if issuer.static_keys is not None:
        msg = f"the keys of issuer {issuer.name!a} were given, so its certificates are of no use"
        raise BadRequest(msg)
    found = _discovered(backend, membership, issuer.url)
    now_millis = unix_millis(backend.clock.now())
    values = {"thumbprints": found.thumbprints, "fetched_keys": found.keys, "keys_at": now_millis}

    def change(tx: Connection) -> Issuer:
        issuer = load(tx, membership, issuer_id)
        issuers.put(tx, issuer.id, values, now_millis)
        told = f"Trusts the present certificates of issuer {issuer.name!a}"
        steps.record(tx, backend, caller, membership.org_id, Event.ISSUER_UPDATED, description=told)
        return load(tx, membership, issuer_id)

    return _changed(backend, membership, change)


def delete(backend: Backend, caller: Caller, org: str, issuer_id: str) -> None:
    """Trust an issuer no longer: its policy and everything that was given for its tokens end at once."""
    membership = caller.require(Permission.OIDC_ISSUERS_DELETE, org, missing=missing_org(org))

    def remove() -> None:
        with backend.db.begin() as tx:
            issuer = load(tx, membership, issuer_id)
            if not issuers.remove(tx, membership.org_id, issuer_id):
                raise _missing(issuer_id)
            told = f"Trusts issuer {issuer.name!a} no longer"
            steps.record(tx, backend, caller, membership.org_id, Event.ISSUER_DELETED, description=told)
            access.revoke_tokens_of_issuer(tx, issuer_id, backend.clock.now())
            refresh_tokens.remove_of_issuer(tx, issuer_id)
            refresh_tokens.remove_machines(tx, issuer_id)

    retry(remove)


def load(connection: Connection, membership: Membership, issuer_id: str) -> Issuer:
    """Return an organization's issuer, a step; NotFound when there is none of that id."""
    found = issuers.find(connection, membership.org_id, issuer_id) if is_id(issuer_id) else None
    if found is None:
        raise _missing(issuer_id)
    return found


def _require_keys(document: Mapping[str, Any]) -> str:
    try:
        return keys.encode(keys.read_registered_keys(document))
    except InvalidKeys as error:
        raise BadRequest(str(error)) from error


def _discovered(backend: Backend, membership: Membership, url: str) -> Discovered:
    try:
        return issuer_keys.discover(backend, membership.org_id, url)
    except KeysUnavailable as error:
        msg = f"the issuer cannot be asked for its keys: {error}"
        raise BadRequest(msg) from error


def _changed(backend: Backend, membership: Membership, change: Callable[[Connection], _T]) -> _T:
    def attempt() -> _T:
        with backend.db.begin() as tx:
            return change(tx)

    try:
        return retry(attempt)
    except Exception as error:
        if is_duplicate(error):
            # Upstream answers 400 for an address that is trusted already (platform.md 10.1).
            msg = f"organization {membership.login} trusts an issuer of this name or address already"
            raise BadRequest(msg) from error
        raise


def _missing(issuer_id: str) -> NotFound:
    return NotFound(f"OIDC issuer {issuer_id[:100]!a} not found")
