"""Schedules of rotations with their runs, and webhooks of environments.

Written down a second time on purpose: common/db/tables/ has the tables of today, this file what was added then.

Revision: 0019
"""

import sqlalchemy as sa

from common.db.migrations.steps import add_column, create_table

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_column("environment_rotations", sa.Column("schedule_id", sa.String(36), nullable=True))
    create_table(
        "environment_schedules",
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("environment_id", sa.String(36), nullable=False),
        sa.Column("user_id", sa.String(36), nullable=False),
        sa.Column("token_id", sa.String(36), nullable=True),
        sa.Column("cron", sa.String(100), nullable=False),
        sa.Column("once_at", sa.BigInteger(), nullable=True),
        sa.Column("path", sa.String(1024), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("last_at", sa.BigInteger(), nullable=True),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        indexes=(
            sa.Index("ix_environment_schedules_environment_id", "environment_id", "created_at"),
            sa.Index("ix_environment_schedules_next_at", "next_at"),
        ),
    )
    create_table(
        "environment_schedule_runs",
        sa.Column("schedule_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("version", sa.Integer(), primary_key=True, nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("environment_id", sa.String(36), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("result", sa.String(500), nullable=False),
        indexes=(sa.Index("ix_environment_schedule_runs_environment_id", "environment_id"),),
    )
    add_column("webhooks", sa.Column("environment_id", sa.String(36), nullable=True))
