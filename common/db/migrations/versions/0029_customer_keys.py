"""Keys that organizations manage themselves, and the migrations of data keys to them.

Written down a second time on purpose: common/db/tables/ has the tables of today, this file what was added then.

Revision: 0029
"""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from common.db.migrations.steps import create_table

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

LONG_TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql")


def upgrade() -> None:
    create_table(
        "customer_keys",
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("key_arn", sa.String(512), nullable=False),
        sa.Column("role_arn", sa.String(512), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("org_id", "name", name="uq_customer_keys_org_id_name"),
    )
    create_table(
        "key_migrations",
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("target_key_id", sa.String(36), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("problem", LONG_TEXT, nullable=False),
        sa.Column("rewrapped", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        indexes=(sa.Index("ix_key_migrations_org_id", "org_id", "created_at"),),
    )
