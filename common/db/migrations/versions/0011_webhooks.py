"""Webhooks with their deliveries.

Written down a second time on purpose: common/db/tables/ has the tables of today, this file what was added then.

Revision: 0011
"""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from common.db.migrations.steps import create_table

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

LONG_TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql")


def upgrade() -> None:
    create_table(
        "webhooks",
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("stack_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("display_name", sa.String(255), nullable=False),
        sa.Column("payload_url", sa.String(2048), nullable=False),
        sa.Column("format", sa.String(24), nullable=False),
        sa.Column("filters", sa.String(4096), nullable=False),
        sa.Column("webhook_groups", sa.String(255), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(2048), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("paused_until", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint("org_id", "stack_id", "name", name="uq_webhooks_org_id_stack_id_name"),
    )
    create_table(
        "webhook_deliveries",
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("webhook_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("payload", LONG_TEXT, nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.Column("duration", sa.Integer(), nullable=False),
        sa.Column("request_url", sa.String(2048), nullable=False),
        sa.Column("request_headers", LONG_TEXT, nullable=False),
        sa.Column("response_code", sa.Integer(), nullable=False),
        sa.Column("response_headers", LONG_TEXT, nullable=False),
        sa.Column("response_body", LONG_TEXT, nullable=False),
        indexes=(
            sa.Index("ix_webhook_deliveries_webhook_id", "webhook_id", "sent_at", "id"),
            sa.Index("ix_webhook_deliveries_sent_at", "sent_at"),
        ),
    )
