"""Names that differ in more than the case of letters, and what a start made.

Written down a second time on purpose: common/db/tables/ has those of today, this file what was added then.

Revision: 0005
"""

import sqlalchemy as sa

from common.db.migrations.steps import create_table, fill

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_table("owner_names", sa.Column("name", sa.String(100), primary_key=True, nullable=False))
    create_table(
        "bootstrap_items",
        sa.Column("item", sa.String(110), primary_key=True, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )
    # Once for names that differ in the case of letters alone: those keep working, and the next one is refused.
    fill(
        "INSERT INTO owner_names (name) SELECT DISTINCT lower(login) FROM organizations"
        " WHERE lower(login) NOT IN (SELECT name FROM (SELECT name FROM owner_names) AS known)"
    )
