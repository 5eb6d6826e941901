"""Deletes old deliveries, and webhooks of stacks and environments that are not there any more."""

from datetime import timedelta

from common.backend import Backend
from common.core.clock import unix_millis
from common.outbox import steps as outbox
from common.webhooks import repository
from common.webhooks.delivery import TOPIC

DELIVERIES_FOR = timedelta(days=30)
# The list of deliveries has them, too.
FAILED_MESSAGES_FOR = timedelta(days=1)
DELIVERIES_LIMIT = 1_000
LIMIT = 500


def delete_expired(backend: Backend, kept: int = DELIVERIES_LIMIT) -> int:
    """Delete some old and surplus deliveries, and webhooks of what was deleted; return how many."""
    # No permission check: the schedule is part of the installation.
    now = backend.clock.now()
    with backend.db.connect() as connection:
        old = repository.delete_old_deliveries(connection, unix_millis(now - DELIVERIES_FOR), LIMIT)
        old += outbox.delete_failed(connection, TOPIC, unix_millis(now - FAILED_MESSAGES_FOR), LIMIT)
        return old + repository.delete_surplus_deliveries(connection, kept, LIMIT) + _delete_without_owner(backend)


def _delete_without_owner(backend: Backend) -> int:
    with backend.db.begin() as tx:
        webhook_ids = repository.list_without_owner(tx, LIMIT)
        if webhook_ids:
            outbox.delete_of_targets(tx, TOPIC, webhook_ids)
            repository.delete_all(tx, webhook_ids)
        return len(webhook_ids)
