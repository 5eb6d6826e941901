"""How far the records from before the hash chain were copied to DynamoDB.

Written down a second time on purpose: common/db/tables/ has the tables of today, this file what was added then.

Revision: 0017
"""

import sqlalchemy as sa

from common.db.migrations.steps import add_column

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_column("audit_heads", sa.Column("copied_unchained_at", sa.BigInteger(), nullable=True))
    add_column("audit_heads", sa.Column("copied_unchained_id", sa.String(36), nullable=True))
