"""The steps from one release's tables to the next one's. Alembic runs them; `common/db/migrate.py` is the way in."""

# Oldest first. Known without Alembic, whose import takes a third of a second that a start with nothing to do can save.
REVISIONS = ("0001", "0002", "0003", "0004", "0005")
