"""Packages of the state of each version, and the number of secrets in each revision of an environment.

Written down a second time on purpose: common/db/tables/ has the tables of today, this file what was added then.

Revision: 0018
"""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from common.db.migrations.steps import add_column, fill

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# The ciphertext of each secret begins with these ten characters.
COUNT_SECRETS = """
UPDATE environment_revisions
SET secret_count = (LENGTH(HEX(definition)) - LENGTH(REPLACE(HEX(definition), HEX('ZXNjeAAAAA'), ''))) / 20
"""

LONG_TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql")


def upgrade() -> None:
    add_column("environment_revisions", sa.Column("secret_count", sa.Integer(), nullable=False, server_default=sa.text("0")))
    fill(COUNT_SECRETS)
    add_column("updates", sa.Column("packages", LONG_TEXT, nullable=True))
