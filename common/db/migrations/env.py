"""Alembic's entry: runs the steps on the connection that `common/db/migrate.py` hands over, or prints them for a dialect."""

from alembic import context

from common.db.tables.metadata import METADATA

if context.is_offline_mode():
    context.configure(dialect_name=context.config.attributes["dialect"], target_metadata=METADATA)
else:
    context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
