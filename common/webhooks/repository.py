"""Rows of webhooks and their deliveries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, and_, delete, exists, func, insert, or_, select, update

from common.db.tables.environments import environments
from common.db.tables.people import organizations, users
from common.db.tables.stacks import stacks, updates
from common.db.tables.webhooks import webhook_deliveries as deliveries
from common.db.tables.webhooks import webhooks
from common.webhooks.model import Delivery, Format, Owner, Settings, Webhook


@dataclass(frozen=True, slots=True)
class Profile:
    """A user or an organization as payloads show it."""

    name: str
    login: str
    avatar_url: str


@dataclass(frozen=True, slots=True)
class UpdateFacts:
    """What payloads show of an update beside what the event has."""

    user: Profile
    resource_changes: dict[str, int]


def add(tx: Connection, webhook: Webhook, now_millis: int) -> None:
    """Insert a webhook; IntegrityError if another one has its name."""
    own = {
        "id": webhook.id,
        "org_id": webhook.org_id,
        "stack_id": webhook.owner_id,
        "environment_id": webhook.owner_id if webhook.owner is Owner.ENVIRONMENT else None,
        "name": webhook.name,
    }
    tx.execute(insert(webhooks).values(**own, **_columns(webhook), created_at=now_millis, failures=0, paused_until=None))


def replace(tx: Connection, webhook: Webhook) -> bool:
    """Replace the settings of a webhook, and let it be called at once. False if it was deleted."""
    change = update(webhooks).values(**_columns(webhook), failures=0, paused_until=None)
    return tx.execute(change.where(webhooks.c.id == webhook.id)).rowcount == 1


def find(connection: Connection, org_id: str, owner_id: str, name: str) -> Webhook | None:
    """Return a webhook of an organization, or of its stack or environment, by its name, or None."""
    is_named = (webhooks.c.org_id == org_id, webhooks.c.stack_id == owner_id, webhooks.c.name == name)
    row = connection.execute(select(webhooks).where(*is_named)).one_or_none()
    return _to_webhook(row) if row is not None else None


def find_by_id(connection: Connection, webhook_id: str) -> Webhook | None:
    """Return a webhook by its id, or None."""
    row = connection.execute(select(webhooks).where(webhooks.c.id == webhook_id)).one_or_none()
    return _to_webhook(row) if row is not None else None


def list_all(connection: Connection, org_id: str, owner_id: str) -> list[Webhook]:
    """Return the webhooks of an organization itself, or of its stack or environment, by their names."""
    query = select(webhooks).where(webhooks.c.org_id == org_id, webhooks.c.stack_id == owner_id).order_by(webhooks.c.name)
    return [_to_webhook(row) for row in connection.execute(query)]


def list_for_stack(connection: Connection, stack_id: str) -> list[Webhook]:
    """Return the active webhooks of a stack and of its organization that are called by HTTP."""
    query = (
        select(webhooks)
        .join(stacks, stacks.c.org_id == webhooks.c.org_id)
        .where(
            stacks.c.id == stack_id,
            or_(webhooks.c.stack_id == "", webhooks.c.stack_id == stack_id),
            webhooks.c.active,
            # This release has no deployments: such a webhook is only stored.
            webhooks.c.format != Format.DEPLOYMENTS,
        )
    )
    return [_to_webhook(row) for row in connection.execute(query)]


def list_for_environments(connection: Connection, org_id: str) -> list[Webhook]:
    """Return the active webhooks of an organization and of all its environments that are called by HTTP."""
    query = select(webhooks).where(
        webhooks.c.org_id == org_id,
        or_(webhooks.c.stack_id == "", webhooks.c.environment_id.is_not(None)),
        webhooks.c.active,
        webhooks.c.format != Format.DEPLOYMENTS,
    )
    return [_to_webhook(row) for row in connection.execute(query)]


def list_deployment_targets(connection: Connection, org_id: str, besides: str) -> list[tuple[str, str]]:
    """Return (stack, target), each `project/name`, of the webhooks of an organization that start deployments, besides one."""
    query = (
        select(stacks.c.project, stacks.c.name, webhooks.c.payload_url)
        .join(stacks, stacks.c.id == webhooks.c.stack_id)
        .where(webhooks.c.org_id == org_id, webhooks.c.format == Format.DEPLOYMENTS, webhooks.c.id != besides)
    )
    return [(f"{row.project}/{row.name}", row.payload_url) for row in connection.execute(query)]


def delete_all(tx: Connection, webhook_ids: Sequence[str]) -> int:
    """Delete webhooks with their deliveries; return how many webhooks there were."""
    tx.execute(delete(deliveries).where(deliveries.c.webhook_id.in_(webhook_ids)))
    return tx.execute(delete(webhooks).where(webhooks.c.id.in_(webhook_ids))).rowcount


def list_without_owner(connection: Connection, limit: int) -> list[str]:
    """Return the ids of some webhooks of stacks and environments that are not there any more, or of another organization's."""
    has_stack = exists(select(stacks.c.id).where(stacks.c.id == webhooks.c.stack_id, stacks.c.org_id == webhooks.c.org_id))
    has_environment = exists(select(environments.c.id).where(environments.c.id == webhooks.c.environment_id))
    is_left = or_(
        and_(webhooks.c.environment_id.is_(None), webhooks.c.stack_id != "", ~has_stack),
        and_(webhooks.c.environment_id.is_not(None), ~has_environment),
    )
    return list(connection.scalars(select(webhooks.c.id).where(is_left).limit(limit)))


def count_failure(connection: Connection, webhook_id: str) -> int:
    """Add to the number of failed deliveries in a row, and return it."""
    is_it = webhooks.c.id == webhook_id
    connection.execute(update(webhooks).values(failures=webhooks.c.failures + 1).where(is_it))
    return connection.scalar(select(webhooks.c.failures).where(is_it)) or 0


def pause(connection: Connection, webhook_id: str, until_millis: int) -> None:
    """Send nothing to a webhook until a moment."""
    connection.execute(update(webhooks).values(paused_until=until_millis).where(webhooks.c.id == webhook_id))


def clear_failures(connection: Connection, webhook_id: str) -> None:
    """Forget failed deliveries: one succeeded."""
    has_failures = or_(webhooks.c.failures > 0, webhooks.c.paused_until.is_not(None))
    change = update(webhooks).values(failures=0, paused_until=None)
    connection.execute(change.where(webhooks.c.id == webhook_id, has_failures))


def store_delivery(connection: Connection, delivery: Delivery) -> None:
    """Store a delivery in place of an earlier attempt of it."""
    values = {
        "webhook_id": delivery.webhook_id,
        "kind": delivery.kind,
        "payload": delivery.payload,
        "sent_at": delivery.sent_at,
        "duration": delivery.duration_millis,
        "request_url": delivery.request_url,
        "request_headers": delivery.request_headers,
        "response_code": delivery.response_code,
        "response_headers": delivery.response_headers,
        "response_body": delivery.response_body,
    }
    is_repeated = connection.execute(update(deliveries).values(**values).where(deliveries.c.id == delivery.id)).rowcount
    if not is_repeated:
        connection.execute(insert(deliveries).values(id=delivery.id, **values))


def find_delivery(connection: Connection, webhook_id: str, delivery_id: str) -> Delivery | None:
    """Return a delivery of a webhook, or None."""
    is_it = (deliveries.c.id == delivery_id, deliveries.c.webhook_id == webhook_id)
    row = connection.execute(select(deliveries).where(*is_it)).one_or_none()
    return _to_delivery(row) if row is not None else None


def list_deliveries(connection: Connection, webhook_id: str, limit: int) -> list[Delivery]:
    """Return the deliveries of a webhook, the newest first."""
    query = select(deliveries).where(deliveries.c.webhook_id == webhook_id)
    newest_first = query.order_by(deliveries.c.sent_at.desc(), deliveries.c.id.desc()).limit(limit)
    return [_to_delivery(row) for row in connection.execute(newest_first)]


def delete_old_deliveries(connection: Connection, sent_before: int, limit: int) -> int:
    """Delete some deliveries that were sent before a moment; return how many."""
    is_old = deliveries.c.sent_at < sent_before
    return _delete(connection, list(connection.scalars(select(deliveries.c.id).where(is_old).limit(limit))))


def delete_surplus_deliveries(connection: Connection, kept: int, limit: int) -> int:
    """Delete some of the oldest deliveries of a webhook that has more than a number of them; return how many."""
    count = func.count()
    query = select(deliveries.c.webhook_id, count).group_by(deliveries.c.webhook_id).having(count > kept).limit(1)
    row = connection.execute(query).one_or_none()
    if row is None:
        return 0
    oldest = select(deliveries.c.id).where(deliveries.c.webhook_id == row.webhook_id)
    oldest = oldest.order_by(deliveries.c.sent_at, deliveries.c.id).limit(min(row[1] - kept, limit))
    return _delete(connection, list(connection.scalars(oldest)))


def find_organization(connection: Connection, org_id: str) -> Profile:
    """Return an organization as payloads show it."""
    columns = (organizations.c.name, organizations.c.login, organizations.c.avatar_url)
    row = connection.execute(select(*columns).where(organizations.c.id == org_id)).one_or_none()
    return Profile(row.name, row.login, row.avatar_url) if row is not None else Profile("", "", "")


def find_user(connection: Connection, user_id: str) -> Profile:
    """Return a user as payloads show them."""
    columns = (users.c.name, users.c.login, users.c.avatar_url)
    row = connection.execute(select(*columns).where(users.c.id == user_id)).one_or_none()
    return Profile(row.name, row.login, row.avatar_url) if row is not None else Profile("", "", "")


def find_update(connection: Connection, update_id: str) -> UpdateFacts:
    """Return who began an update and what it changed; empty values for one that was deleted."""
    query = (
        select(users.c.name, users.c.login, users.c.avatar_url, updates.c.resource_changes)
        .select_from(updates)
        .outerjoin(users, users.c.id == updates.c.requested_by)
        .where(updates.c.id == update_id)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return UpdateFacts(Profile("", "", ""), {})
    changes = msgspec.json.decode(row.resource_changes or "{}", type=dict[str, int])
    return UpdateFacts(Profile(row.name or "", row.login or "", row.avatar_url or ""), changes)


def _delete(connection: Connection, delivery_ids: list[str]) -> int:
    if delivery_ids:
        connection.execute(delete(deliveries).where(deliveries.c.id.in_(delivery_ids)))
    return len(delivery_ids)


def _columns(webhook: Webhook) -> dict[str, object]:
    settings = webhook.settings
    return {
        "display_name": settings.display_name,
        "payload_url": settings.payload_url,
        "format": settings.format,
        "filters": " ".join(settings.filters),
        "webhook_groups": " ".join(settings.groups),
        "active": settings.active,
        "sealed_secret": webhook.sealed_secret,
    }


def _to_webhook(row: Row[Any]) -> Webhook:
    settings = Settings(
        display_name=row.display_name,
        payload_url=row.payload_url,
        format=Format(row.format),
        filters=tuple(row.filters.split()),
        groups=tuple(row.webhook_groups.split()),
        active=bool(row.active),
    )
    sealed = bytes(row.sealed_secret) if row.sealed_secret is not None else None
    owner = Owner.ENVIRONMENT if row.environment_id is not None else Owner.STACK if row.stack_id else Owner.ORGANIZATION
    return Webhook(row.id, row.org_id, row.stack_id, row.name, settings, sealed, row.failures, row.paused_until, owner)


def _to_delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        webhook_id=row.webhook_id,
        kind=row.kind,
        payload=row.payload,
        sent_at=row.sent_at,
        duration_millis=row.duration,
        request_url=row.request_url,
        request_headers=row.request_headers,
        response_code=row.response_code,
        response_headers=row.response_headers,
        response_body=row.response_body,
    )
