"""The tables of signing in.

Written down a second time on purpose: common/db/tables/sign_in.py has the tables of today, this file those of then.

Revision: 0002
"""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from common.db.migrations.steps import create_table

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

LONG_TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql")


def upgrade() -> None:
    _create_email_accounts()
    _create_one_time_links()
    _create_throttles()
    _create_identities()
    _create_sign_ins()
    _create_saml_providers()
    _create_saml_assertions()
    _create_saml_answers()
    _create_scim_tokens()
    _create_scim_users()
    _create_scim_groups()
    _create_oidc_issuers()
    _create_oidc_machines()
    _create_refresh_tokens()
    _create_mails()


def _create_email_accounts() -> None:
    create_table(
        "email_accounts",
        sa.Column("user_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("email", sa.String(255), nullable=False),
        sa.Column("is_verified", sa.Boolean(), nullable=False),
        sa.Column("pending_email", sa.String(255), nullable=True),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("email", "is_verified", name="uq_email_accounts_email_is_verified"),
    )


def _create_one_time_links() -> None:
    create_table(
        "one_time_links",
        sa.Column("token_hash", sa.String(64), primary_key=True, nullable=False),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("user_id", sa.String(36), nullable=False),
        sa.Column("email", sa.String(255), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        indexes=(
            sa.Index("ix_one_time_links_expires_at", "expires_at"),
            sa.Index("ix_one_time_links_user_id", "user_id"),
        ),
    )


def _create_throttles() -> None:
    create_table(
        "throttles",
        sa.Column("id", sa.String(64), primary_key=True, nullable=False),
        sa.Column("window_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        indexes=(sa.Index("ix_throttles_window_at", "window_at"),),
    )


def _create_identities() -> None:
    create_table(
        "identities",
        sa.Column("provider", sa.String(60), primary_key=True, nullable=False),
        sa.Column("subject", sa.String(255), primary_key=True, nullable=False),
        sa.Column("user_id", sa.String(36), nullable=False),
        sa.Column("login", sa.String(255), nullable=False),
        sa.Column("email", sa.String(255), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        indexes=(sa.Index("ix_identities_user_id", "user_id"),),
    )


def _create_sign_ins() -> None:
    create_table(
        "sign_ins",
        sa.Column("state_hash", sa.String(64), primary_key=True, nullable=False),
        sa.Column("provider", sa.String(60), nullable=False),
        sa.Column("browser_hash", sa.String(64), nullable=False),
        sa.Column("verifier", sa.String(128), nullable=False),
        sa.Column("nonce", sa.String(64), nullable=False),
        sa.Column("return_to", sa.String(2048), nullable=False),
        sa.Column("user_id", sa.String(36), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        indexes=(sa.Index("ix_sign_ins_expires_at", "expires_at"),),
    )


def _create_saml_providers() -> None:
    create_table(
        "saml_providers",
        sa.Column("org_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("descriptor", LONG_TEXT, nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
    )


def _create_saml_assertions() -> None:
    create_table(
        "saml_assertions",
        sa.Column("org_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("assertion_hash", sa.String(64), primary_key=True, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        indexes=(sa.Index("ix_saml_assertions_expires_at", "expires_at"),),
    )


def _create_saml_answers() -> None:
    create_table(
        "saml_answers",
        sa.Column("code_hash", sa.String(64), primary_key=True, nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("email", sa.String(255), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("return_to", sa.String(2048), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        indexes=(sa.Index("ix_saml_answers_expires_at", "expires_at"),),
    )


def _create_scim_tokens() -> None:
    create_table(
        "scim_tokens",
        sa.Column("org_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("created_by", sa.String(36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint("token_hash", name="uq_scim_tokens_token_hash"),
    )


def _create_scim_users() -> None:
    create_table(
        "scim_users",
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("user_id", sa.String(36), nullable=False),
        sa.Column("user_name", sa.String(255), nullable=False),
        sa.Column("external_id", sa.String(255), nullable=True),
        sa.Column("email", sa.String(255), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("document", LONG_TEXT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("org_id", "user_id", name="uq_scim_users_org_id_user_id"),
        sa.UniqueConstraint("org_id", "user_name", name="uq_scim_users_org_id_user_name"),
        indexes=(
            sa.Index("ix_scim_users_email", "org_id", "email"),
            sa.Index("ix_scim_users_external_id", "org_id", "external_id"),
        ),
    )


def _create_scim_groups() -> None:
    create_table(
        "scim_groups",
        sa.Column("team_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("display_name", sa.String(255), nullable=False),
        sa.Column("external_id", sa.String(255), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("org_id", "display_name", name="uq_scim_groups_org_id_display_name"),
        indexes=(sa.Index("ix_scim_groups_external_id", "org_id", "external_id"),),
    )


def _create_oidc_issuers() -> None:
    create_table(
        "oidc_issuers",
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("url", sa.String(512), nullable=False),
        sa.Column("issuer", sa.String(512), nullable=False),
        sa.Column("thumbprints", LONG_TEXT, nullable=False),
        sa.Column("static_keys", LONG_TEXT, nullable=True),
        sa.Column("fetched_keys", LONG_TEXT, nullable=True),
        sa.Column("keys_at", sa.BigInteger(), nullable=True),
        sa.Column("keys_asked_at", sa.BigInteger(), nullable=True),
        sa.Column("max_expiration_seconds", sa.Integer(), nullable=False),
        sa.Column("policy_id", sa.String(36), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("policies", LONG_TEXT, nullable=False),
        sa.Column("policy_modified_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint("org_id", "issuer", name="uq_oidc_issuers_org_id_issuer"),
        sa.UniqueConstraint("org_id", "name", name="uq_oidc_issuers_org_id_name"),
        sa.UniqueConstraint("org_id", "url", name="uq_oidc_issuers_org_id_url"),
        sa.UniqueConstraint("policy_id", name="uq_oidc_issuers_policy_id"),
    )


def _create_oidc_machines() -> None:
    create_table(
        "oidc_machines",
        sa.Column("issuer_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("subject", sa.String(48), primary_key=True, nullable=False),
        sa.Column("user_id", sa.String(36), nullable=False),
    )


def _create_refresh_tokens() -> None:
    create_table(
        "refresh_tokens",
        sa.Column("token_hash", sa.String(64), primary_key=True, nullable=False),
        sa.Column("family_id", sa.String(36), nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("issuer_id", sa.String(36), nullable=False),
        sa.Column("token_id", sa.String(36), nullable=False),
        sa.Column("request", LONG_TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        indexes=(
            sa.Index("ix_refresh_tokens_expires_at", "expires_at"),
            sa.Index("ix_refresh_tokens_family_id", "family_id"),
            sa.Index("ix_refresh_tokens_issuer_id", "issuer_id"),
        ),
    )


def _create_mails() -> None:
    create_table(
        "mails",
        sa.Column("id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("address", sa.String(255), nullable=False),
        sa.Column("user_id", sa.String(36), nullable=True),
        sa.Column("subject_id", sa.String(36), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(255), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        indexes=(
            sa.Index("ix_mails_created_at", "created_at"),
            sa.Index("ix_mails_due_at", "due_at"),
        ),
    )
