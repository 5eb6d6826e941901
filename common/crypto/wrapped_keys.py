"""All data keys of an installation, as they are stored: those of the service, of stacks, projects and environments."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from common.backend import Backend
from common.core.errors import BackendError
from common.crypto import repository
from common.crypto.repository import WrappedKey
from common.db.engine import Database
from common.ports.keys import KeyService

PAGE_KEYS = 500
# A remote key service takes some milliseconds for each key.
THREADS = 8


def iterate_pages(db: Database, page_size: int = PAGE_KEYS) -> Iterator[list[WrappedKey]]:
    """Yield all data keys, a page of one table at a time."""
    for table in repository.TABLES:
        after = ""
        while True:
            with db.connect() as connection:
                page = repository.page_wrapped_keys(connection, table, after, page_size)
            if page:
                yield page
                after = page[-1].id
            if len(page) < page_size:
                break


def check_keys(backend: Backend) -> Iterator[tuple[WrappedKey, str]]:
    """Yield each data key with the reason why it does not open, or an empty text. Changes nothing."""
    # No permission check: the operator, who runs this with the installation's settings, may open every key.
    with ThreadPoolExecutor(THREADS) as threads:
        for page in iterate_pages(backend.db):
            yield from zip(page, threads.map(lambda key: _problem(backend.keys, key), page), strict=True)


def _problem(keys: KeyService, key: WrappedKey) -> str:
    try:
        keys.unwrap(key.wrapped_key, key.context)
    except BackendError as error:
        return error.detail
    return ""
