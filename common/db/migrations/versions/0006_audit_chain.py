"""The hash chain of the audit log.

Written down a second time on purpose: common/db/tables/ has the tables of today, this file what was added then.

Revision: 0006
"""

import sqlalchemy as sa

from common.db.migrations.steps import add_column, create_index, create_table

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_table(
        "audit_heads",
        sa.Column("org_id", sa.String(36), primary_key=True, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("signed_sequence", sa.BigInteger(), nullable=False),
    )
    # Records from before this revision keep NULL: nothing could prove now that they are unchanged.
    add_column("audit_events", sa.Column("sequence", sa.BigInteger(), nullable=True))
    add_column("audit_events", sa.Column("hash", sa.String(64), nullable=True))
    create_index("ix_audit_events_sequence", "audit_events", ["org_id", "sequence"], unique=True)
