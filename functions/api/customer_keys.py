"""Keys that an organization manages itself (platform.md 10.4)."""

from fastapi import APIRouter, Response

from common.people.customer_keys import service as customer_keys
from common.people.customer_keys.model import KMS_TYPE, SERVICE, NewKey, StoredKey
from common.wire import customer_keys as wire
from functions.http.bodies import BodyDep
from functions.http.deps import BackendDep, CallerDep, empty, reply

router = APIRouter()
_KEYS = "/api/orgs/{org}/cmk"


@router.get(_KEYS)
def list_organization_keys(backend: BackendDep, caller: CallerDep, org: str) -> Response:
    keys = customer_keys.list_keys(backend, caller, org)
    own = wire.CustomerManagedKey(SERVICE, "Stackhold", SERVICE, "default" if keys.default_id == SERVICE else "enabled")
    return reply([own, *(_key(stored, keys.default_id) for stored in keys.stored)])


@router.post(_KEYS)
def create_organization_key(backend: BackendDep, caller: CallerDep, org: str, body: BodyDep) -> Response:
    request = body.decode(wire.CustomerManagedKeyInput)
    kms = request.aws_kms or wire.AwsKmsConfig()
    new = NewKey(request.name, request.key_type, kms.key_arn, kms.role_arn)
    return reply(_key(*customer_keys.create_key(backend, caller, org, new)), 201)


@router.post(f"{_KEYS}/disable")
def disable_all_organization_keys(backend: BackendDep, caller: CallerDep, org: str) -> Response:
    customer_keys.disable_all(backend, caller, org)
    return empty(200)


@router.get(f"{_KEYS}/migration")
def list_organization_key_migrations(backend: BackendDep, caller: CallerDep, org: str) -> Response:
    migrations = customer_keys.list_migrations(backend, caller, org)
    return reply(
        [
            wire.KeyEncryptionKeyMigration(
                id=migration.id,
                state=migration.state,
                dest_id=migration.target_key_id or SERVICE,
                rewrapped=migration.rewrapped,
                problem=migration.problem,
                created_at=migration.created_at,
                ended_at=migration.ended_at,
            )
            for migration in migrations
        ]
    )


@router.post(f"{_KEYS}/migration/retry")
def retry_organization_key_migrations(backend: BackendDep, caller: CallerDep, org: str) -> Response:
    customer_keys.retry_migrations(backend, caller, org)
    return empty(200)


@router.post(f"{_KEYS}/{{key_id}}/default")
def set_default_organization_key(backend: BackendDep, caller: CallerDep, org: str, key_id: str) -> Response:
    customer_keys.set_default(backend, caller, org, key_id)
    return empty(200)


@router.post(f"{_KEYS}/{{key_id}}/disable")
def disable_organization_key(backend: BackendDep, caller: CallerDep, org: str, key_id: str, body: BodyDep) -> Response:
    request = body.decode(wire.DisableCustomerManagedKeyRequest)
    customer_keys.disable_key(backend, caller, org, key_id, request.dest_id)
    return empty(200)


def _key(stored: StoredKey, default_id: str) -> wire.CustomerManagedKey:
    state = "default" if stored.key.id == default_id else "enabled" if stored.is_enabled else "disabled"
    config = wire.AwsKmsConfig(stored.key.role_arn, stored.key.key_arn)
    return wire.CustomerManagedKey(stored.key.id, stored.name, KMS_TYPE, state, config)
