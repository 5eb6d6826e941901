"""What an update may record, and who may go on recording.

Written down a second time on purpose: common/db/tables/ has those of today, this file what was added then.

Revision: 0004
"""

import sqlalchemy as sa

from common.db.migrations.steps import add_column, create_index

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_column("updates", sa.Column("token_id", sa.String(36), nullable=True))
    add_column("updates", sa.Column("attempts", sa.SmallInteger(), nullable=False, server_default=sa.text("0")))
    for name in ("journal_batches", "event_batches"):
        add_column(name, sa.Column("total_bytes", sa.BigInteger(), nullable=False, server_default=sa.text("0")))
        create_index(f"ix_{name}_update_id", name, ["update_id", "total_bytes"])
