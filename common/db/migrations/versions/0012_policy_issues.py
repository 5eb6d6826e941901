"""Issues, results and exceptions of policies.

Written down a second time on purpose: common/db/tables/ has the tables of today, this file what was added then.

Revision: 0012
"""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from common.db.migrations.steps import create_table

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

LONG_TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql")


def upgrade() -> None:
    create_table(
        "policy_issues",
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("stack_id", sa.String(36), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("pack_name", sa.String(100), nullable=False),
        sa.Column("pack_tag", sa.String(100), nullable=False),
        sa.Column("policy_name", sa.String(255), nullable=False),
        sa.Column("resource_urn", LONG_TEXT, nullable=False),
        sa.Column("resource_type", sa.String(255), nullable=False),
        sa.Column("resource_name", sa.String(255), nullable=False),
        sa.Column("message", LONG_TEXT, nullable=False),
        sa.Column("level", sa.String(20), nullable=False),
        sa.Column("severity", sa.String(20), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("group_name", sa.String(100), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("priority", sa.String(4), nullable=False),
        sa.Column("assigned_to", sa.String(36), nullable=True),
        sa.Column("stack_version", sa.Integer(), nullable=False),
        sa.Column("observed_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("stack_id", "digest", name="uq_policy_issues_stack_id_digest"),
        indexes=(sa.Index("ix_policy_issues_org_id", "org_id", "status", "observed_at"),),
    )
    create_table(
        "policy_results",
        sa.Column("stack_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("pack_name", sa.String(100), primary_key=True, nullable=False),
        sa.Column("policy_name", sa.String(255), primary_key=True, nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("pack_tag", sa.String(100), nullable=False),
        sa.Column("severity", sa.String(20), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("group_name", sa.String(100), nullable=False),
        sa.Column("governed", sa.Integer(), nullable=False),
        sa.Column("failing", sa.Integer(), nullable=False),
        sa.Column("stack_version", sa.Integer(), nullable=False),
        sa.Column("observed_at", sa.BigInteger(), nullable=False),
        indexes=(sa.Index("ix_policy_results_org_id", "org_id"),),
    )
    create_table(
        "policy_exceptions",
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("pack_name", sa.String(100), nullable=False),
        sa.Column("matches", LONG_TEXT, nullable=False),
        sa.Column("reason", LONG_TEXT, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("created_by", sa.String(36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("removed_by", sa.String(36), nullable=True),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint("org_id", "number", name="uq_policy_exceptions_org_id_number"),
        indexes=(sa.Index("ix_policy_exceptions_pack_name", "org_id", "pack_name"),),
    )
