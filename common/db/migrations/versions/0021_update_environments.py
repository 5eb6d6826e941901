"""Which environments updates were run with.

Written down a second time on purpose: common/db/tables/ has the tables of today, this file what was added then.

Revision: 0021
"""

import sqlalchemy as sa

from common.db.migrations.steps import create_table

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_table(
        "update_environments",
        sa.Column("update_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("project", sa.String(100), primary_key=True, nullable=False),
        sa.Column("name", sa.String(100), primary_key=True, nullable=False),
        sa.Column("version", sa.String(100), primary_key=True, nullable=False),
        sa.Column("stack_id", sa.String(36), nullable=False),
        indexes=(
            sa.Index("ix_update_environments_name", "project", "name", "stack_id"),
            sa.Index("ix_update_environments_stack_id", "stack_id"),
        ),
    )
