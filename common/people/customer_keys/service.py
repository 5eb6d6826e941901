"""Use cases for the keys that an organization manages itself (platform.md 10.4); for its admins alone.

One key is the default: it wraps new data keys of the organization, and a migration wraps the others. The server's own master key
is among the keys, so that an organization can go back to it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.config.sdk import require_sdk
from common.core.clock import unix_millis
from common.core.customer_key import CustomerKey
from common.core.errors import BadRequest, Forbidden, NotFound, StartUpError, Unavailable
from common.core.ids import new_id
from common.people.customer_keys import model, repository, steps
from common.people.customer_keys.model import SERVICE, Migration, MigrationState, NewKey, StoredKey
from common.people.orgs.members.steps import with_org_lock
from common.people.orgs.steps import get_settings, update_settings
from common.ports.keys import KeyUnusable
from common.rights.caller import Caller, missing_org
from common.rights.membership import Membership
from common.rights.permissions import Permission

_PROBE = bytes(32)


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of an organization, and the id of the default key."""

    stored: list[StoredKey]
    default_id: str


def list_keys(backend: Backend, caller: Caller, org: str) -> Keys:
    """Return the keys of an organization."""
    membership = _require(caller, org)
    with backend.db.connect() as connection:
        return Keys(repository.list_keys(connection, membership.org_id), _id_of(membership.settings.customer_key))


def create_key(backend: Backend, caller: Caller, org: str, new: NewKey) -> tuple[StoredKey, str]:
    """Register a key after a test that the server may use it; return it with the id of the default key.

    The first key becomes the default. BadRequest for a key that does not encrypt and decrypt, and for a name that is taken.
    """
    membership = _require(caller, org)
    model.require_new_key(new)
    key = CustomerKey(new_id(), membership.org_id, new.key_arn, new.role_arn)
    _require_usable(backend, key)
    stored = StoredKey(key, new.name, is_enabled=True, created_at=unix_millis(backend.clock.now()))

    def attempt(tx: Connection) -> str:
        others = repository.list_keys(tx, membership.org_id)
        if len(others) >= model.KEYS_LIMIT:
            raise BadRequest(f"an organization may have {model.KEYS_LIMIT} keys, disabled ones too")
        if new.name in {other.name for other in others}:
            raise BadRequest(f"the organization has a key named {new.name!a} already, enabled or disabled")
        default = get_settings(tx, membership.org_id).customer_key
        is_first = default is None and not any(other.is_enabled for other in others)
        repository.add_key(tx, stored)
        if is_first:
            _set_default(tx, backend, membership.org_id, key)
        description = f"Added key {new.name} ({new.key_arn})"
        audit.record(tx, backend, caller, membership.org_id, Event.CUSTOMER_KEY_ADDED, description=description)
        return _id_of(key if is_first else default)

    return stored, with_org_lock(backend, membership.org_id, attempt)


def set_default(backend: Backend, caller: Caller, org: str, key_id: str) -> None:
    """Let a key wrap all data keys of the organization. NotFound for an unknown key, BadRequest for a disabled one."""

    def attempt(tx: Connection, membership: Membership) -> None:
        key, name = _get_enabled(tx, membership.org_id, key_id)
        if key != get_settings(tx, membership.org_id).customer_key:
            _set_default(tx, backend, membership.org_id, key)
        description = f"Made key {name} the default"
        audit.record(tx, backend, caller, membership.org_id, Event.CUSTOMER_KEY_SET_DEFAULT, description=description)

    _change(backend, caller, org, attempt)


def disable_key(backend: Backend, caller: Caller, org: str, key_id: str, destination_id: str) -> None:
    """Disable a key, and let another one wrap the data keys that it has wrapped.

    That one becomes the default in place of the default key; BadRequest for another than the default in place of any other key.
    """

    def attempt(tx: Connection, membership: Membership) -> None:
        if key_id == SERVICE:
            raise BadRequest("the server's own key cannot be disabled; make another key the default")
        key, name = _get_enabled(tx, membership.org_id, key_id)
        if key_id == destination_id:
            raise BadRequest("destID must be another key than the one to disable")
        destination, destination_name = _get_enabled(tx, membership.org_id, destination_id, BadRequest)
        default = get_settings(tx, membership.org_id).customer_key
        if default not in (key, destination):
            raise BadRequest("destID must be the default key of the organization, because that one wraps all data keys")
        repository.disable_keys(tx, membership.org_id, key_id)
        _set_default(tx, backend, membership.org_id, destination)
        description = f"Disabled key {name}, in favor of {destination_name}"
        audit.record(tx, backend, caller, membership.org_id, Event.CUSTOMER_KEY_DISABLED, description=description)

    _change(backend, caller, org, attempt)


def disable_all(backend: Backend, caller: Caller, org: str) -> None:
    """Disable all keys of the organization, and let the server's own key wrap its data keys. BadRequest if none is enabled."""

    def attempt(tx: Connection, membership: Membership) -> None:
        if not repository.disable_keys(tx, membership.org_id):
            raise BadRequest("the organization has no key that is enabled")
        _set_default(tx, backend, membership.org_id, None)
        description = "Disabled all keys, in favor of the server's own"
        audit.record(tx, backend, caller, membership.org_id, Event.CUSTOMER_KEY_DISABLED_ALL, description=description)

    _change(backend, caller, org, attempt)


def list_migrations(backend: Backend, caller: Caller, org: str) -> list[Migration]:
    """Return the latest migrations of data keys to another key, the newest first."""
    membership = _require(caller, org)
    with backend.db.connect() as connection:
        return repository.list_migrations(connection, membership.org_id)


def retry_migrations(backend: Backend, caller: Caller, org: str) -> None:
    """Try failed migrations again; one that waits is done at once. Nothing happens if there are none."""

    def attempt(tx: Connection, membership: Membership) -> None:
        now_millis = unix_millis(backend.clock.now())
        for migration in repository.list_migrations(tx, membership.org_id):
            is_pending = migration.state is MigrationState.PENDING
            if is_pending or repository.retry_failed(tx, migration, now_millis):
                steps.queue(tx, backend, migration)

    _change(backend, caller, org, attempt)


def _require(caller: Caller, org: str) -> Membership:
    membership = caller.require(Permission.ORGANIZATION_UPDATE, org, missing=missing_org(org))
    if not membership.is_admin:
        raise Forbidden(f"only an admin of organization {org} may manage its encryption keys")
    return membership


def _change(backend: Backend, caller: Caller, org: str, attempt: Callable[[Connection, Membership], None]) -> None:
    membership = _require(caller, org)
    with_org_lock(backend, membership.org_id, lambda tx: attempt(tx, membership))


def _get_enabled(
    tx: Connection, org_id: str, key_id: str, missing: type[BadRequest] | type[NotFound] = NotFound
) -> tuple[CustomerKey | None, str]:
    """Return a key, None for the server's own, and its name."""
    if key_id == SERVICE:
        return None, "of the server"
    stored = repository.find_key(tx, org_id, key_id)
    if stored is None:
        raise missing(f"the organization has no key {key_id[:100]!a}")
    if not stored.is_enabled:
        raise BadRequest(f"key {stored.name} is disabled; add it again under another name")
    return stored.key, stored.name


def _set_default(tx: Connection, backend: Backend, org_id: str, key: CustomerKey | None) -> None:
    update_settings(tx, org_id, lambda settings: msgspec.structs.replace(settings, customer_key=key))
    steps.begin_migration(tx, backend, org_id, key)


def _require_usable(backend: Backend, key: CustomerKey) -> None:
    """Raise BadRequest unless the server may encrypt and decrypt with a key."""
    try:
        require_sdk("a key in AWS KMS", "botocore", "aws")
        opened = backend.keys.unwrap(backend.keys.wrap(_PROBE, "check", key), "check")
    except StartUpError as error:
        raise BadRequest(str(error)) from error
    except (KeyUnusable, Unavailable) as error:
        raise BadRequest(f"{error.detail} (the external id is {key.org_id})") from error
    if opened != _PROBE:
        raise BadRequest(f"key {key.key_arn} does not return what it encrypted")


def _id_of(key: CustomerKey | None) -> str:
    return key.id if key is not None else SERVICE
