"""The audit log.

Written down a second time on purpose: common/db/tables/audit.py has the tables of today, this file those of then.

Revision: 0003
"""

import sqlalchemy as sa

from common.db.migrations.steps import create_table

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_audit_events()


def _create_audit_events() -> None:
    create_table(
        "audit_events",
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("description", sa.String(2048), nullable=False),
        sa.Column("user_id", sa.String(36), nullable=False),
        sa.Column("login", sa.String(100), nullable=False),
        sa.Column("token_id", sa.String(36), nullable=True),
        sa.Column("token_name", sa.String(255), nullable=False),
        sa.Column("source_ip", sa.String(45), nullable=False),
        indexes=(
            sa.Index("ix_audit_events_org_id", "org_id", "recorded_at", "id"),
            sa.Index("ix_audit_events_user_id", "org_id", "user_id", "recorded_at", "id"),
        ),
    )
