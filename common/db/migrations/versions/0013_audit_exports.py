"""How far audit logs were copied to DynamoDB, and where organizations export theirs every hour.

Written down a second time on purpose: common/db/tables/ has the tables of today, this file what was added then.

Revision: 0013
"""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from common.db.migrations.steps import add_column, create_table

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

LONG_TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql")


def upgrade() -> None:
    add_column("audit_heads", sa.Column("copied_sequence", sa.BigInteger(), nullable=True))
    create_table(
        "audit_exports",
        sa.Column("org_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("destination", LONG_TEXT, nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(4096), nullable=True),
        sa.Column("next_hour", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("result_at", sa.BigInteger(), nullable=True),
        sa.Column("result", sa.String(1024), nullable=False),
        indexes=(sa.Index("ix_audit_exports_due_at", "is_enabled", "due_at"),),
    )
