"""Keys of the issuers of identity tokens.

Written down a second time on purpose: common/db/tables/ has the tables of today, this file what was added then.

Revision: 0014
"""

import sqlalchemy as sa

from common.db.migrations.steps import create_table

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_table(
        "oidc_signing_keys",
        sa.Column("issuer", sa.String(16), primary_key=True, nullable=False),
        sa.Column("number", sa.Integer(), primary_key=True, nullable=False),
        sa.Column("kid", sa.String(64), nullable=False),
        sa.Column("public_key", sa.String(1024), nullable=False),
        sa.Column("private_key", sa.LargeBinary(4096), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )
