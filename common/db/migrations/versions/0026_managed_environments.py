"""The environment that belongs to a stack.

Written down a second time on purpose: common/db/tables/ has the tables of today, this file what was added then.

Revision: 0026
"""

import sqlalchemy as sa

from common.db.migrations.steps import add_column

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_column("stacks", sa.Column("managed_environment", sa.String(201), nullable=True))
