"""The tables of environments.

Written down a second time on purpose: common/db/tables/environments.py has the tables of today, this file those of then.

Revision: 0009
"""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from common.db.migrations.steps import create_table

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

LONG_BLOB = sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql")


def upgrade() -> None:
    _create_environments()
    _create_environment_revisions()
    _create_environment_revision_tags()
    _create_environment_tags()
    _create_environment_references()
    _create_environment_sessions()


def _create_environments() -> None:
    create_table(
        "environments",
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("project", sa.String(100), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("live", sa.SmallInteger(), nullable=True),
        sa.Column("latest", sa.Integer(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(2048), nullable=False),
        sa.Column("deletion_protected", sa.Boolean(), nullable=False),
        sa.Column("owner_id", sa.String(36), nullable=False),
        sa.Column("managed_stack_id", sa.String(36), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint("org_id", "project", "name", "live", name="uq_environments_org_id_project_name_live"),
        indexes=(
            sa.Index("ix_environments_deleted_at", "deleted_at"),
            sa.Index("ix_environments_managed_stack_id", "managed_stack_id"),
            sa.Index("ix_environments_owner_id", "owner_id"),
        ),
    )


def _create_environment_revisions() -> None:
    create_table(
        "environment_revisions",
        sa.Column("environment_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("number", sa.Integer(), primary_key=True, nullable=False),
        sa.Column("definition", LONG_BLOB, nullable=False),
        sa.Column("created_by", sa.String(36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("retracted_at", sa.BigInteger(), nullable=True),
        sa.Column("retracted_by", sa.String(36), nullable=True),
        sa.Column("retract_reason", sa.String(1024), nullable=True),
        sa.Column("replacement", sa.Integer(), nullable=True),
    )


def _create_environment_revision_tags() -> None:
    create_table(
        "environment_revision_tags",
        sa.Column("environment_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("name", sa.String(100), primary_key=True, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("edited_by", sa.String(36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
    )


def _create_environment_tags() -> None:
    create_table(
        "environment_tags",
        sa.Column("environment_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("name", sa.String(100), primary_key=True, nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("value", sa.String(256), nullable=False),
        sa.Column("edited_by", sa.String(36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        indexes=(sa.Index("ix_environment_tags_name_value", "name", "value", "environment_id"),),
    )


def _create_environment_references() -> None:
    create_table(
        "environment_references",
        sa.Column("environment_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("number", sa.Integer(), primary_key=True, nullable=False),
        sa.Column("project", sa.String(100), primary_key=True, nullable=False),
        sa.Column("name", sa.String(100), primary_key=True, nullable=False),
        sa.Column("version", sa.String(100), primary_key=True, nullable=False),
        indexes=(sa.Index("ix_environment_references_name", "project", "name", "environment_id"),),
    )


def _create_environment_sessions() -> None:
    create_table(
        "environment_sessions",
        sa.Column("id_hash", sa.String(64), primary_key=True, nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("environment_id", sa.String(36), nullable=True),
        sa.Column("user_id", sa.String(36), nullable=False),
        sa.Column("sealed", LONG_BLOB, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        indexes=(sa.Index("ix_environment_sessions_expires_at", "expires_at"),),
    )
