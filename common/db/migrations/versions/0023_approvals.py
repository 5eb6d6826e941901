"""Change gates, change requests, and what comes of them: grants to open an environment, and the revision of a request.

Written down a second time on purpose: common/db/tables/ has the tables of today, this file what was added then.

Revision: 0023
"""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from common.db.migrations.steps import add_column, create_table

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

LONG_TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql")
LONG_BLOB = sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql")


def upgrade() -> None:
    _create_gates()
    _create_requests()
    create_table(
        "environment_open_grants",
        sa.Column("change_request_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("environment_id", sa.String(36), nullable=False),
        sa.Column("user_id", sa.String(36), nullable=False),
        sa.Column("access_seconds", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=True),
        indexes=(sa.Index("ix_environment_open_grants_environment_id", "environment_id", "user_id"),),
    )
    add_column("environment_revisions", sa.Column("change_request_id", sa.String(36), nullable=True))


def _create_gates() -> None:
    create_table(
        "change_gates",
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("entity_type", sa.String(32), nullable=False),
        sa.Column("qualified_name", sa.String(255), nullable=False),
        sa.Column("actions", sa.String(64), nullable=False),
        sa.Column("approvals_required", sa.Integer(), nullable=False),
        sa.Column("allows_self_approval", sa.Boolean(), nullable=False),
        sa.Column("requires_reapproval", sa.Boolean(), nullable=False),
        sa.Column("approvers", LONG_TEXT, nullable=False),
        sa.Column("created_by", sa.String(36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        indexes=(sa.Index("ix_change_gates_org_id", "org_id", "entity_type", "qualified_name"),),
    )


def _create_requests() -> None:
    create_table(
        "change_requests",
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("entity_type", sa.String(32), nullable=False),
        sa.Column("qualified_name", sa.String(255), nullable=False),
        sa.Column("target_id", sa.String(36), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("description", LONG_TEXT, nullable=False),
        sa.Column("latest", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        indexes=(
            sa.Index("ix_change_requests_org_id", "org_id", "id"),
            sa.Index("ix_change_requests_target_id", "target_id", "status"),
            sa.Index("ix_change_requests_status", "status", "modified_at"),
        ),
    )
    create_table(
        "change_request_revisions",
        sa.Column("change_request_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("number", sa.Integer(), primary_key=True, nullable=False),
        sa.Column("base", sa.Integer(), nullable=True),
        sa.Column("content", LONG_BLOB, nullable=False),
        sa.Column("created_by", sa.String(36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )
    create_table(
        "change_request_approvals",
        sa.Column("change_request_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("user_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )
    create_table(
        "change_request_events",
        sa.Column("change_request_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("sequence", sa.Integer(), primary_key=True, nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.String(36), nullable=False),
        sa.Column("comment", LONG_TEXT, nullable=False),
        sa.Column("details", LONG_TEXT, nullable=False),
        sa.Column("replaced_by", sa.String(36), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )
