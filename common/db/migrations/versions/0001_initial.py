"""The first release's tables.

Written down a second time on purpose: common/db/tables/ has those of today, this file those of then.

Revision: 0001
"""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from common.db.migrations.steps import create_table

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

LONG_TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql")
LONG_BLOB = sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql")


def upgrade() -> None:
    _create_users()
    _create_organizations()
    _create_members()
    _create_invites()
    _create_roles()
    _create_role_references()
    _create_teams()
    _create_team_members()
    _create_team_roles()
    _create_team_entities()
    _create_stack_grants()
    _create_access_tokens()
    _create_stacks()
    _create_stack_tags()
    _create_stack_names()
    _create_stack_references()
    _create_updates()
    _create_journal_batches()
    _create_event_batches()
    _create_service_keys()
    _create_jobs()


def _create_users() -> None:
    create_table(
        "users",
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("login", sa.String(100), nullable=False),
        sa.Column("is_machine", sa.Boolean(), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("email", sa.String(255), nullable=False),
        sa.Column("avatar_url", sa.String(1024), nullable=False),
        sa.Column("site_admin", sa.Boolean(), nullable=False),
        sa.Column("default_org_id", sa.String(36), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("login", name="uq_users_login"),
        indexes=(sa.Index("ix_users_email", "email"),),
    )


def _create_organizations() -> None:
    create_table(
        "organizations",
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("login", sa.String(100), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("avatar_url", sa.String(1024), nullable=False),
        sa.Column("personal_user_id", sa.String(36), nullable=True),
        sa.Column("settings", LONG_TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("login", name="uq_organizations_login"),
        sa.UniqueConstraint("personal_user_id", name="uq_organizations_personal_user_id"),
    )


def _create_members() -> None:
    create_table(
        "members",
        sa.Column("org_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("user_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("role_id", sa.String(36), nullable=True),
        sa.Column("suspended", sa.Boolean(), nullable=False),
        sa.Column("saml_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        indexes=(
            sa.Index("ix_members_role_id", "role_id"),
            sa.Index("ix_members_user_id", "user_id"),
        ),
    )


def _create_invites() -> None:
    create_table(
        "invites",
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("email", sa.String(255), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("role_id", sa.String(36), nullable=True),
        sa.Column("sent_by", sa.String(36), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        indexes=(
            sa.Index("ix_invites_email", "email"),
            sa.Index("ix_invites_org_id", "org_id", "id"),
        ),
    )


def _create_roles() -> None:
    create_table(
        "roles",
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("description", sa.String(1024), nullable=False),
        sa.Column("resource_type", sa.String(40), nullable=False),
        sa.Column("details", LONG_TEXT, nullable=False),
        sa.Column("rules", LONG_TEXT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("org_id", "purpose", "name", name="uq_roles_org_id_purpose_name"),
    )


def _create_role_references() -> None:
    create_table(
        "role_references",
        sa.Column("role_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("composed_id", sa.String(36), primary_key=True, nullable=False),
        indexes=(sa.Index("ix_role_references_composed_id", "composed_id"),),
    )


def _create_teams() -> None:
    create_table(
        "teams",
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("display_name", sa.String(255), nullable=False),
        sa.Column("description", sa.String(1024), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("org_id", "name", name="uq_teams_org_id_name"),
    )


def _create_team_members() -> None:
    create_table(
        "team_members",
        sa.Column("team_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("user_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("role", sa.String(10), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        indexes=(sa.Index("ix_team_members_user_id", "user_id", "org_id"),),
    )


def _create_team_roles() -> None:
    create_table(
        "team_roles",
        sa.Column("team_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("role_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        indexes=(sa.Index("ix_team_roles_role_id", "role_id"),),
    )


def _create_team_entities() -> None:
    create_table(
        "team_entities",
        sa.Column("team_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("kind", sa.String(16), primary_key=True, nullable=False),
        sa.Column("project", sa.String(100), primary_key=True, nullable=False),
        sa.Column("name", sa.String(100), primary_key=True, nullable=False),
        sa.Column("permission", sa.String(10), nullable=False),
        sa.Column("max_open_duration", sa.String(40), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )


def _create_stack_grants() -> None:
    create_table(
        "stack_grants",
        sa.Column("stack_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("principal_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("is_team", sa.Boolean(), nullable=False),
        sa.Column("permission", sa.SmallInteger(), nullable=False),
        sa.Column("set_id", sa.String(36), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        indexes=(
            sa.Index("ix_stack_grants_principal_id", "principal_id"),
            sa.Index("ix_stack_grants_set_id", "set_id"),
        ),
    )


def _create_access_tokens() -> None:
    create_table(
        "access_tokens",
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=True),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("user_id", sa.String(36), nullable=False),
        sa.Column("org_id", sa.String(36), nullable=True),
        sa.Column("team_id", sa.String(36), nullable=True),
        sa.Column("role_id", sa.String(36), nullable=True),
        sa.Column("issuer_id", sa.String(36), nullable=True),
        sa.Column("is_admin", sa.Boolean(), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("description", sa.String(1024), nullable=False),
        sa.Column("created_by", sa.String(36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint("org_id", "name", name="uq_access_tokens_org_id_name"),
        sa.UniqueConstraint("token_hash", name="uq_access_tokens_token_hash"),
        indexes=(
            sa.Index("ix_access_tokens_expires_at", "expires_at"),
            sa.Index("ix_access_tokens_issuer_id", "issuer_id"),
            sa.Index("ix_access_tokens_role_id", "role_id"),
            sa.Index("ix_access_tokens_team_id", "team_id"),
            sa.Index("ix_access_tokens_user_id", "user_id", "kind"),
        ),
    )


def _create_stacks() -> None:
    create_table(
        "stacks",
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("project", sa.String(100), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("live", sa.SmallInteger(), nullable=True),
        sa.Column("tags", LONG_TEXT, nullable=False),
        sa.Column("config", LONG_TEXT, nullable=True),
        sa.Column("wrapped_key", sa.LargeBinary(2048), nullable=False),
        sa.Column("created_by", sa.String(36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint("org_id", "project", "name", "live", name="uq_stacks_org_id_project_name_live"),
        indexes=(
            sa.Index("ix_stacks_created_by", "created_by", "org_id", "project", "name"),
            sa.Index("ix_stacks_deleted_at", "deleted_at"),
        ),
    )


def _create_stack_tags() -> None:
    create_table(
        "stack_tags",
        sa.Column("stack_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("name", sa.String(40), primary_key=True, nullable=False),
        sa.Column("value", sa.String(256), nullable=False),
        indexes=(sa.Index("ix_stack_tags_name_value", "name", "value", "stack_id"),),
    )


def _create_stack_names() -> None:
    create_table(
        "stack_names",
        sa.Column("stack_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("org_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("project", sa.String(100), primary_key=True, nullable=False),
        sa.Column("name", sa.String(100), primary_key=True, nullable=False),
        sa.Column("left_at", sa.BigInteger(), nullable=False),
        indexes=(sa.Index("ix_stack_names_name", "org_id", "project", "name", "left_at"),),
    )


def _create_stack_references() -> None:
    create_table(
        "stack_references",
        sa.Column("stack_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("org", sa.String(100), primary_key=True, nullable=False),
        sa.Column("project", sa.String(100), primary_key=True, nullable=False),
        sa.Column("name", sa.String(100), primary_key=True, nullable=False),
        indexes=(sa.Index("ix_stack_references_name", "org", "project", "name"),),
    )


def _create_updates() -> None:
    create_table(
        "updates",
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("stack_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("program", LONG_TEXT, nullable=False),
        sa.Column("requested_by", sa.String(36), nullable=False),
        sa.Column("origin", sa.String(255), nullable=False),
        sa.Column("cli_version", sa.String(64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("lease_expires_at", sa.BigInteger(), nullable=True),
        sa.Column("after_version", sa.Integer(), nullable=False),
        sa.Column("journal_version", sa.SmallInteger(), nullable=False),
        sa.Column("base_checkpoint", sa.String(255), nullable=True),
        sa.Column("checkpoint", sa.String(255), nullable=True),
        sa.Column("checkpoint_sequence", sa.BigInteger(), nullable=False),
        sa.Column("checkpoint_hash", sa.String(64), nullable=True),
        sa.Column("state_owner", sa.String(100), nullable=False),
        sa.Column("state_project", sa.String(100), nullable=False),
        sa.Column("state_name", sa.String(100), nullable=False),
        sa.Column("resource_count", sa.Integer(), nullable=False),
        sa.Column("resource_changes", LONG_TEXT, nullable=True),
        sa.Column("damage", LONG_TEXT, nullable=True),
        sa.Column("base_order", LONG_TEXT, nullable=True),
        sa.Column("resource_order", LONG_TEXT, nullable=True),
        sa.UniqueConstraint("stack_id", "version", name="uq_updates_stack_id_version"),
        indexes=(
            sa.Index("ix_updates_stack_id_created_at", "stack_id", "created_at"),
            sa.Index("ix_updates_status_lease_expires_at", "status", "lease_expires_at"),
        ),
    )


def _create_journal_batches() -> None:
    create_table(
        "journal_batches",
        sa.Column("update_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("first_sequence", sa.BigInteger(), nullable=False),
        sa.Column("last_sequence", sa.BigInteger(), nullable=False),
        sa.Column("entry_count", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("blob_key", sa.String(255), nullable=True),
        sa.Column("body", LONG_BLOB, nullable=True),
    )


def _create_event_batches() -> None:
    create_table(
        "event_batches",
        sa.Column("update_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("first_sequence", sa.BigInteger(), nullable=False),
        sa.Column("last_sequence", sa.BigInteger(), nullable=False),
        sa.Column("event_count", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("resource_changes", LONG_TEXT, nullable=True),
        sa.Column("blob_key", sa.String(255), nullable=True),
        sa.Column("body", LONG_BLOB, nullable=True),
    )


def _create_service_keys() -> None:
    create_table(
        "service_keys",
        sa.Column("name", sa.String(64), primary_key=True, nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(2048), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )


def _create_jobs() -> None:
    create_table(
        "jobs",
        sa.Column("name", sa.String(64), primary_key=True, nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("claimed_by", sa.String(36), nullable=True),
        sa.Column("claimed_until", sa.BigInteger(), nullable=True),
        sa.Column("resume_after", sa.String(255), nullable=True),
    )
