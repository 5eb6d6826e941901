"""Policy packs and policy groups.

Written down a second time on purpose: common/db/tables/policies.py has the tables of today, this file those of then.

Revision: 0008
"""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from common.db.migrations.steps import create_table

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

LONG_TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql")


def upgrade() -> None:
    _create_versions()
    _create_groups()


def _create_versions() -> None:
    create_table(
        "policy_pack_versions",
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("tag", sa.String(100), nullable=False),
        sa.Column("live_tag", sa.String(100), nullable=True),
        sa.Column("display_name", sa.String(255), nullable=False),
        sa.Column("details", LONG_TEXT, nullable=False),
        sa.Column("blob_key", sa.String(255), nullable=True),
        sa.Column("digest", sa.String(64), nullable=True),
        sa.Column("created_by", sa.String(36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("completed_at", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint("org_id", "name", "version", name="uq_policy_pack_versions_org_id_name_version"),
        sa.UniqueConstraint("org_id", "name", "live_tag", name="uq_policy_pack_versions_live_tag"),
        indexes=(
            sa.Index("ix_policy_pack_versions_deleted_at", "deleted_at"),
            sa.Index("ix_policy_pack_versions_completed_at", "completed_at", "created_at"),
        ),
    )


def _create_groups() -> None:
    create_table(
        "policy_groups",
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("entity_type", sa.String(16), nullable=False),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("agent_pool_id", sa.String(100), nullable=True),
        sa.Column("stack_rule", LONG_TEXT, nullable=True),
        sa.Column("account_rule", LONG_TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("org_id", "name", name="uq_policy_groups_org_id_name"),
    )
    create_table(
        "policy_group_stacks",
        sa.Column("group_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("stack_id", sa.String(36), primary_key=True, nullable=False),
        indexes=(sa.Index("ix_policy_group_stacks_stack_id", "stack_id", "group_id"),),
    )
    create_table(
        "policy_group_packs",
        sa.Column("group_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("pack_name", sa.String(100), primary_key=True, nullable=False),
        sa.Column("version_id", sa.String(36), nullable=False),
        sa.Column("config", LONG_TEXT, nullable=True),
        sa.Column("environments", LONG_TEXT, nullable=True),
        indexes=(sa.Index("ix_policy_group_packs_version_id", "version_id"),),
    )
