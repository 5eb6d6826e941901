"""The rule of Pulumi's engine that the state of a version breaks.

Written down a second time on purpose: common/db/tables/ has the tables of today, this file what was added then.

Revision: 0027
"""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from common.db.migrations.steps import add_column

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

LONG_TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql")


def upgrade() -> None:
    add_column("updates", sa.Column("integrity_error", LONG_TEXT, nullable=True))
