"""Annotations of stacks, mails to their owners, and data keys of projects.

Written down a second time on purpose: common/db/tables/ has the tables of today, this file what was added then.

Revision: 0015
"""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from common.db.migrations.steps import add_column, create_table

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

LONG_TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql")


def upgrade() -> None:
    create_table(
        "stack_annotations",
        sa.Column("stack_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("kind", sa.String(100), primary_key=True, nullable=False),
        sa.Column("source", sa.String(100), primary_key=True, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", LONG_TEXT, nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
    )
    create_table(
        "project_keys",
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("project", sa.String(100), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(2048), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("org_id", "project", name="uq_project_keys_org_id_project"),
    )
    add_column("stacks", sa.Column("mails_failure", sa.Boolean(), nullable=False, server_default=sa.text("0")))
    add_column("stacks", sa.Column("mails_success", sa.Boolean(), nullable=False, server_default=sa.text("0")))
