"""Deletes expired rows of sign-ins through SAML."""

from common.backend import Backend
from common.core.clock import unix_millis
from common.sign_in.saml import repository

ROWS = 500


def delete_expired(backend: Backend) -> int:
    """Delete some expired assertions and answers, and return how many."""
    # No permission check: the job acts for no caller.
    with backend.db.connect() as connection:
        return repository.delete_expired(connection, unix_millis(backend.clock.now()), ROWS)
