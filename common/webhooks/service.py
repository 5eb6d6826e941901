"""Use cases of webhooks: list, create, change, delete, ping, deliveries, redeliver.

A webhook belongs to an organization, or to one of its stacks or environments. One of a stack that moves to another organization
is not used there: it would tell the former owner what happens.
"""

import secrets as random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, NotFound
from common.core.ids import is_id, new_id
from common.db.faults import unless_taken
from common.db.retry import retry
from common.environments import steps as environments
from common.environments.model import EnvironmentPath
from common.outbox import steps as outbox
from common.ports.outbound import CallFailed, Purpose
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission
from common.stacks import steps as stacks
from common.stacks.model import StackPath
from common.webhooks import payloads, repository, secrets
from common.webhooks.delivery import TOPIC, send
from common.webhooks.model import (
    Address,
    Delivery,
    Format,
    Owner,
    Settings,
    Webhook,
    has_cycle,
    require_name,
    require_settings,
)
from common.webhooks.repository import Profile

WEBHOOKS_LIMIT = 100
LISTED_DELIVERIES = 200


@dataclass(frozen=True, slots=True)
class _Scope:
    """The organization, stack or environment that an address names; `owner_id` is empty for the organization."""

    org_id: str
    owner_id: str
    name: str
    owner: Owner


@dataclass(frozen=True, slots=True)
class _Needs:
    """The permission that a use case needs, in the organization, on the stack or on the environment."""

    org: Permission
    stack: Permission
    environment: Permission


_P = Permission
_READ = _Needs(_P.ORGANIZATION_WEBHOOK_READ, _P.STACK_WEBHOOK_READ, _P.ENVIRONMENT_WEBHOOK_READ)
_CREATE = _Needs(_P.ORGANIZATION_WEBHOOK_CREATE, _P.STACK_WEBHOOK_CREATE, _P.ENVIRONMENT_WEBHOOK_CREATE)
_UPDATE = _Needs(_P.ORGANIZATION_WEBHOOK_UPDATE, _P.STACK_WEBHOOK_UPDATE, _P.ENVIRONMENT_WEBHOOK_UPDATE)
_DELETE = _Needs(_P.ORGANIZATION_WEBHOOK_DELETE, _P.STACK_WEBHOOK_DELETE, _P.ENVIRONMENT_WEBHOOK_DELETE)


def list_webhooks(backend: Backend, caller: Caller, address: Address) -> list[Webhook]:
    """Return the webhooks of an organization itself, or of a stack or an environment, by their names."""
    with backend.db.connect() as connection:
        scope = _scope(connection, caller, address, _READ)
        return repository.list_all(connection, scope.org_id, scope.owner_id)


def get_webhook(backend: Backend, caller: Caller, address: Address, name: str) -> Webhook:
    """Return a webhook; NotFound if no webhook has that name."""
    with backend.db.connect() as connection:
        return _get(connection, caller, address, _READ, name)


def create(backend: Backend, caller: Caller, address: Address, name: str, settings: Settings) -> Webhook:
    """Create a webhook, with a short random name if it is empty. Conflict if another one has the name."""
    with backend.db.connect() as connection:
        scope = _scope(connection, caller, address, _CREATE)
    name = name or random.token_hex(4)
    require_name(name)
    webhook_id = new_id()
    _require_good(backend, scope, webhook_id, settings)
    sealed = secrets.seal(backend, scope.org_id, webhook_id, settings.secret)
    webhook = Webhook(webhook_id, scope.org_id, scope.owner_id, name, replace(settings, secret=""), sealed, owner=scope.owner)

    def attempt(tx: Connection) -> None:
        if len(repository.list_all(tx, scope.org_id, scope.owner_id)) >= WEBHOOKS_LIMIT:
            raise BadRequest(f"{scope.name} has {WEBHOOKS_LIMIT} webhooks, which is the limit")
        with unless_taken(f"{scope.name} has a webhook {name!a} already"):
            repository.add(tx, webhook, unix_millis(backend.clock.now()))
        audit.record(tx, backend, caller, scope.org_id, Event.WEBHOOK_CREATED, description=_description("Created", scope, name))

    _write(backend, attempt)
    return webhook


def update(backend: Backend, caller: Caller, address: Address, name: str, settings: Settings) -> Webhook:
    """Replace the settings of a webhook, and send what waits for it at once. An empty secret keeps the present one."""
    with backend.db.connect() as connection:
        scope = _scope(connection, caller, address, _UPDATE)
        before = _find(connection, scope, name)
    _require_good(backend, scope, before.id, settings)
    sealed = secrets.seal(backend, scope.org_id, before.id, settings.secret, before.sealed_secret)
    webhook = replace(before, settings=replace(settings, secret=""), sealed_secret=sealed, failures=0, paused_until=None)

    def attempt(tx: Connection) -> None:
        if not repository.replace(tx, webhook):
            raise _missing(scope, name)
        if before.failures:
            outbox.resume(tx, backend, TOPIC, before.id, before.paused_until)
        audit.record(tx, backend, caller, scope.org_id, Event.WEBHOOK_UPDATED, description=_description("Changed", scope, name))

    _write(backend, attempt)
    return webhook


def delete(backend: Backend, caller: Caller, address: Address, name: str) -> None:
    """Delete a webhook with its deliveries, and what waits for it."""

    def attempt(tx: Connection) -> None:
        scope = _scope(tx, caller, address, _DELETE)
        webhook = _find(tx, scope, name)
        repository.delete_all(tx, [webhook.id])
        outbox.delete_of_targets(tx, TOPIC, [webhook.id])
        audit.record(tx, backend, caller, scope.org_id, Event.WEBHOOK_DELETED, description=_description("Deleted", scope, name))

    _write(backend, attempt)


def ping(backend: Backend, caller: Caller, address: Address, name: str) -> Delivery:
    """Send a ping to a webhook, also to one that is turned off or paused, and return the delivery."""
    with backend.db.connect() as connection:
        webhook = _get(connection, caller, address, _UPDATE, name)
        organization = repository.find_organization(connection, webhook.org_id)
    user = Profile(caller.name, caller.login, caller.avatar_url)
    payload = payloads.ping(user, organization, unix_millis(backend.clock.now()) // 1000)
    return _send_now(backend, webhook, payload.kind, payloads.body(payload, webhook.settings.format))


def list_deliveries(backend: Backend, caller: Caller, address: Address, name: str) -> list[Delivery]:
    """Return the newest deliveries of a webhook, the newest first."""
    with backend.db.connect() as connection:
        webhook = _get(connection, caller, address, _READ, name)
        return repository.list_deliveries(connection, webhook.id, LISTED_DELIVERIES)


def get_with_deliveries(
    backend: Backend, caller: Caller, address: Address, name: str, limit: int
) -> tuple[Webhook, list[Delivery]]:
    """Return a webhook with its newest deliveries, the newest first."""
    with backend.db.connect() as connection:
        webhook = _get(connection, caller, address, _READ, name)
        return webhook, repository.list_deliveries(connection, webhook.id, limit)


def redeliver(backend: Backend, caller: Caller, address: Address, name: str, delivery_id: str) -> Delivery:
    """Send the payload of a delivery once more, and return the new delivery. NotFound if there is no such delivery."""
    with backend.db.connect() as connection:
        webhook = _get(connection, caller, address, _UPDATE, name)
        delivery = repository.find_delivery(connection, webhook.id, delivery_id) if is_id(delivery_id) else None
    if delivery is None:
        raise NotFound(f"webhook {name!a} has no such delivery")
    return _send_now(backend, webhook, delivery.kind, delivery.payload)


def _send_now(backend: Backend, webhook: Webhook, kind: str, text: str) -> Delivery:
    if webhook.settings.format is Format.DEPLOYMENTS:
        raise BadRequest("deployments are not part of this release, so nothing is sent to a webhook that starts them")
    return send(backend, webhook, str(uuid.uuid4()), kind, text, purpose=Purpose.PING)


def _scope(connection: Connection, caller: Caller, address: Address, needs: _Needs) -> _Scope:
    if address.owner is Owner.ORGANIZATION:
        membership = caller.require(needs.org, address.org, missing=missing_org(address.org))
        return _Scope(membership.org_id, "", f"organization {membership.login}", address.owner)
    if address.owner is Owner.ENVIRONMENT:
        named = EnvironmentPath(address.org, address.project, address.environment)
        environment = environments.load(connection, caller, named, needs.environment)
        return _Scope(environment.org_id, environment.id, f"environment {environment.path}", address.owner)
    path = StackPath(address.org, address.project, address.stack)
    stack = stacks.load_stack(connection, caller, path, needs.stack)
    return _Scope(stack.org_id, stack.id, f"stack {stack.path}", address.owner)


def _get(connection: Connection, caller: Caller, address: Address, needs: _Needs, name: str) -> Webhook:
    return _find(connection, _scope(connection, caller, address, needs), name)


def _find(connection: Connection, scope: _Scope, name: str) -> Webhook:
    webhook = repository.find(connection, scope.org_id, scope.owner_id, name)
    if webhook is None:
        raise _missing(scope, name)
    return webhook


def _require_good(backend: Backend, scope: _Scope, webhook_id: str, settings: Settings) -> None:
    require_settings(settings, scope.owner)
    if settings.format is not Format.DEPLOYMENTS:
        try:
            backend.outbound.require_url(settings.payload_url)
        except (CallFailed, ValueError) as error:
            raise BadRequest(f"payloadUrl cannot be called: {error}") from error
        return
    if scope.owner is not Owner.STACK:
        return
    with backend.db.connect() as connection:
        others = repository.list_deployment_targets(connection, scope.org_id, webhook_id)
    if has_cycle(scope.name.partition("/")[2], settings.payload_url, others):
        raise BadRequest(f"deployments of {scope.name} and {settings.payload_url} would start each other without end")


def _write(backend: Backend, attempt: Callable[[Connection], None]) -> None:
    def run() -> None:
        with backend.db.begin() as tx:
            attempt(tx)

    retry(run)


def _description(verb: str, scope: _Scope, name: str) -> str:
    return f"{verb} webhook {name!a} of {scope.name}"


def _missing(scope: _Scope, name: str) -> NotFound:
    return NotFound(f"{scope.name} has no webhook {name[:100]!a}")
