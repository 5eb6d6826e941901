"""When a retention policy deleted the state of a version.

Written down a second time on purpose: common/db/tables/ has the tables of today, this file what was added then.

Revision: 0024
"""

import sqlalchemy as sa

from common.db.migrations.steps import add_column

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_column("updates", sa.Column("state_deleted_at", sa.BigInteger(), nullable=True))
