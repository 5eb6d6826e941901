"""The outbox.

Written down a second time on purpose: common/db/tables/ has the tables of today, this file what was added then.

Revision: 0007
"""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from common.db.migrations.steps import create_table

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

LONG_TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql")


def upgrade() -> None:
    create_table(
        "outbox",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("topic", sa.String(20), nullable=False),
        sa.Column("target", sa.String(100), nullable=False),
        sa.Column("subject", sa.String(100), nullable=False),
        sa.Column("dedupe_key", sa.String(100), nullable=False),
        sa.Column("content", LONG_TEXT, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(255), nullable=False),
        sa.UniqueConstraint("topic", "target", "dedupe_key", name="uq_outbox_topic_target_dedupe_key"),
        indexes=(
            sa.Index("ix_outbox_due_at", "state", "due_at", "topic", "target"),
            sa.Index("ix_outbox_target", "topic", "target", "state", "due_at"),
            sa.Index("ix_outbox_subject", "topic", "target", "subject", "state", "sequence"),
            sa.Index("ix_outbox_finished_at", "state", "finished_at"),
        ),
    )
