"""Rotations of secrets of environments.

Written down a second time on purpose: common/db/tables/ has the tables of today, this file what was added then.

Revision: 0016
"""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from common.db.migrations.steps import create_table

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

LONG_TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql")


def upgrade() -> None:
    create_table(
        "environment_rotations",
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("environment_id", sa.String(36), nullable=False),
        sa.Column("user_id", sa.String(36), nullable=False),
        sa.Column("running", sa.SmallInteger(), nullable=True),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("revision_before", sa.Integer(), nullable=False),
        sa.Column("revision_after", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(500), nullable=False),
        sa.Column("secrets", LONG_TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("completed_at", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint("environment_id", "running", name="uq_environment_rotations_environment_id_running"),
        indexes=(sa.Index("ix_environment_rotations_environment_id", "environment_id", "created_at"),),
    )
