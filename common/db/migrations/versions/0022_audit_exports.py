"""How far an hour of a busy log was exported, and exports that are larger than one reply of a function.

Written down a second time on purpose: common/db/tables/ has the tables of today, this file what was added then.

Revision: 0022
"""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from common.db.migrations.steps import add_column, create_table

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_column("audit_exports", sa.Column("parts", sa.Integer(), nullable=False, server_default=sa.text("0")))
    add_column("audit_exports", sa.Column("last_record", sa.String(64), nullable=False, server_default=sa.text("''")))
    create_table(
        "audit_downloads",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("user_id", sa.String(36), nullable=False),
        sa.Column("query", sa.Text().with_variant(mysql.LONGTEXT(), "mysql"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("claimed_until", sa.BigInteger(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=True),
        sa.Column("last_id", sa.String(36), nullable=True),
        sa.Column("is_complete", sa.Boolean(), nullable=False),
        sa.Column("is_fetched", sa.Boolean(), nullable=False),
        indexes=(
            sa.Index("ix_audit_downloads_created_at", "created_at"),
            sa.Index("ix_audit_downloads_user_id", "user_id", "created_at"),
        ),
    )
