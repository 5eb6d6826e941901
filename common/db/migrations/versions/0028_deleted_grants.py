"""The grants of a deleted stack, which come back with it.

Written down a second time on purpose: common/db/tables/ has the tables of today, this file what was added then.

Revision: 0028
"""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from common.db.migrations.steps import add_column

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

LONG_TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql")


def upgrade() -> None:
    add_column("stacks", sa.Column("deleted_grants", LONG_TEXT, nullable=True))
