"""Data keys that a stack, a project or an environment had before.

Written down a second time on purpose: common/db/tables/ has the tables of today, this file what was added then.

Revision: 0020
"""

import sqlalchemy as sa

from common.db.migrations.steps import create_table

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_table(
        "retired_keys",
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("owner_id", sa.String(36), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(2048), nullable=False),
        sa.Column("retired_at", sa.BigInteger(), nullable=False),
        indexes=(sa.Index("ix_retired_keys_owner_id", sa.column("owner_id"), sa.column("retired_at")),),
    )
