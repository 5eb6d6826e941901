"""Runs of `stackhold backup`.

Written down a second time on purpose: common/db/tables/installation.py has the tables of today, this file those of then.

Revision: 0025
"""

import sqlalchemy as sa

from common.db.migrations.steps import create_table

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_table(
        "backup_runs",
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("place", sa.String(255), nullable=False),
        sa.Column("release_version", sa.String(64), nullable=False),
        sa.Column("backup_id", sa.String(32), nullable=True),
        sa.Column("row_count", sa.BigInteger(), nullable=True),
        sa.Column("document_count", sa.BigInteger(), nullable=True),
        sa.Column("document_bytes", sa.BigInteger(), nullable=True),
        sa.Column("copied_bytes", sa.BigInteger(), nullable=True),
        sa.Column("missing_count", sa.Integer(), nullable=True),
        sa.Column("problem", sa.String(255), nullable=True),
    )
