"""The steps from one release's tables to the next one's. Alembic runs them; `common/db/migrate.py` is the way in."""

import pkgutil

# Oldest first, read from the names of the files: `0001_initial` is revision 0001. Known without Alembic, whose import takes a
# third of a second that a start with nothing to do can save. pkgutil also reads byte code and zip archives.
REVISIONS = tuple(step.name.partition("_")[0] for step in pkgutil.iter_modules([f"{__path__[0]}/versions"]))
