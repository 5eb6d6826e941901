"""The last run of each scheduled job: when it ended, how much it did and what went wrong.

Written down a second time on purpose: common/db/tables/ has the tables of today, this file what was added then.

Revision: 0010
"""

import sqlalchemy as sa

from common.db.migrations.steps import add_column

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_column("jobs", sa.Column("ended_at", sa.BigInteger(), nullable=True))
    add_column("jobs", sa.Column("done", sa.Integer(), nullable=True))
    add_column("jobs", sa.Column("problem", sa.String(255), nullable=True))
