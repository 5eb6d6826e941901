"""Webhooks of organizations, stacks and environments, and what was sent to them."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, UniqueConstraint

from common.db.tables.schema import ID, LONG_TEXT, NAME, table

# `stack_id` is an empty text for a webhook of the organization: NULLs would not collide in the unique index. A webhook of an
# environment has its id both there and in `environment_id`, which is NULL for the others.
# `filters` and `webhook_groups` are names with spaces between them (`groups` is a reserved word of MySQL). `failures` counts
# deliveries that failed since the last one that succeeded; while `paused_until` is in the future, nothing is sent.
webhooks = table(
    "webhooks",
    Column("id", ID, primary_key=True),
    Column("org_id", ID, nullable=False),
    Column("stack_id", ID, nullable=False),
    Column("name", NAME, nullable=False),
    Column("display_name", String(255), nullable=False),
    Column("payload_url", String(2048), nullable=False),
    Column("format", String(24), nullable=False),
    Column("filters", String(4096), nullable=False),
    Column("webhook_groups", String(255), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("sealed_secret", LargeBinary(2048), nullable=True),
    Column("created_at", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("paused_until", BigInteger, nullable=True),
    Column("environment_id", ID, nullable=True),
    UniqueConstraint("org_id", "stack_id", "name"),
)


# `id` is the `Pulumi-Webhook-ID` of the request, the same in each attempt. Times are milliseconds, and so is the duration.
webhook_deliveries = table(
    "webhook_deliveries",
    Column("id", ID, primary_key=True),
    Column("webhook_id", ID, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("payload", LONG_TEXT, nullable=False),
    Column("sent_at", BigInteger, nullable=False),
    Column("duration", Integer, nullable=False),
    Column("request_url", String(2048), nullable=False),
    Column("request_headers", LONG_TEXT, nullable=False),
    Column("response_code", Integer, nullable=False),
    Column("response_headers", LONG_TEXT, nullable=False),
    Column("response_body", LONG_TEXT, nullable=False),
    Index("ix_webhook_deliveries_webhook_id", "webhook_id", "sent_at", "id"),
    Index("ix_webhook_deliveries_sent_at", "sent_at"),
)
