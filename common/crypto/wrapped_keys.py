"""All data keys of an installation, as they are stored: those of the service, of stacks, projects and environments."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import cast

from common.backend import Backend
from common.core.errors import BackendError
from common.crypto import repository
from common.crypto.repository import WrappedKey
from common.db.engine import Database
from common.ports.keys import KeyService, KeyUnusable

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


def rewrap_rows(keys: KeyService, key_name: str, table: str, rows: Sequence[dict[str, object]]) -> int:
    """Wrap the data keys of a table's rows by the master key of that name, in place, and return how many were not.

    A key that does not open stays as it is: the others are not lost with it.
    """
    owner = repository.OWNER_COLUMNS.get(table)
    if owner is None:
        return 0

    def rewrap(row: dict[str, object]) -> bool:
        key = WrappedKey(table, str(row[owner]), cast("bytes", row["wrapped_key"]))
        try:
            if keys.name_of(key.wrapped_key) == key_name:
                return False
            row["wrapped_key"] = keys.wrap(keys.unwrap(key.wrapped_key, key.context), key.context)
        except KeyUnusable:
            return False
        return True

    with ThreadPoolExecutor(THREADS) as threads:
        return sum(threads.map(rewrap, rows))
