"""All data keys of an installation, as they are stored: those of the service, of stacks, projects and environments."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import cast

from sqlalchemy import Connection

from common.backend import Backend
from common.core.errors import BackendError
from common.crypto import repository
from common.crypto.model import WrappedKey
from common.db.engine import Database
from common.ports.keys import KeyService, KeyUnusable

TABLES = repository.TABLES
PAGE_KEYS = 500
# A remote key service takes some milliseconds for each key.
THREADS = 8
# A data key may be damaged, so a master key is tried with several before it counts as lost.
ATTEMPTS = 10
UNKNOWN_MASTER_KEY = "a key of another key service"


def iterate_pages(db: Database, page_size: int = PAGE_KEYS) -> Iterator[list[WrappedKey]]:
    """Yield all data keys, a page of one table at a time."""
    for table in TABLES:
        after = ""
        while True:
            with db.connect() as connection:
                page = repository.page_wrapped_keys(connection, table, after, page_size)
            if page:
                yield page
                after = page[-1].id
            if len(page) < page_size:
                break


def iterate_pages_in(connection: Connection, page_size: int = PAGE_KEYS) -> Iterator[list[WrappedKey]]:
    """Yield all data keys as one transaction sees them, a page of one table at a time."""
    for table in TABLES:
        after = ""
        while page := repository.page_wrapped_keys(connection, table, after, page_size):
            yield page
            after = page[-1].id


def iterate_pages_of_organization(db: Database, org_id: str, page_size: int) -> Iterator[list[WrappedKey]]:
    """Yield the data keys of an organization's stacks, projects and environments, a page of one table at a time.

    Retired keys are among them, and those of deleted stacks and environments that can be restored.
    """
    for table in repository.TABLES_OF_ORGANIZATIONS:
        after = ""
        while True:
            with db.connect() as connection:
                page = repository.page_organization_keys(connection, table, org_id, after, page_size)
            if page:
                yield page
                after = page[-1].id
            if len(page) < page_size:
                break


def name_of_master_key(keys: KeyService, key: WrappedKey) -> str:
    """Return the name of the master key that wrapped a data key."""
    try:
        return keys.name_of(key.wrapped_key)
    except KeyUnusable:
        return UNKNOWN_MASTER_KEY


def is_customer_managed(keys: KeyService, key: WrappedKey) -> bool:
    """Tell whether a key that an organization manages itself wrapped a data key."""
    try:
        return keys.find_customer_key(key.wrapped_key) is not None
    except KeyUnusable:
        return False


def find_lost_master_keys(keys: KeyService, rows: Iterable[tuple[str, dict[str, object]]]) -> dict[str, str]:
    """Return the names of master keys that are not at hand, each with a reason: none of their first data keys opens.

    The data keys are those of rows, each with the name of its table. Keys of organizations are no master keys.
    """
    attempts, reasons, opened = Counter[str](), dict[str, str](), set[str]()
    for table, row in rows:
        key = _key_of_row(table, row)
        name = name_of_master_key(keys, key)
        if name in opened or attempts[name] >= ATTEMPTS or is_customer_managed(keys, key):
            continue
        attempts[name] += 1
        try:
            keys.unwrap(key.wrapped_key, key.context)
            opened.add(name)
        except KeyUnusable as error:
            reasons.setdefault(name, error.detail)
    return {name: reason for name, reason in reasons.items() if name not in opened}


def _key_of_row(table: str, row: dict[str, object]) -> WrappedKey:
    return WrappedKey(table, str(row[repository.OWNER_COLUMNS[table]]), cast("bytes", row["wrapped_key"]))


def check_keys(backend: Backend, *, with_customer_managed: bool = True) -> Iterator[tuple[WrappedKey, str]]:
    """Yield each data key with the reason why it does not open, or an empty text. Changes nothing.

    Without `with_customer_managed`, data keys under keys of organizations are not opened.
    """
    # No permission check: the operator, who runs this with the installation's settings, may open every key.

    def find_problem(key: WrappedKey) -> str:
        is_left = not with_customer_managed and is_customer_managed(backend.keys, key)
        return "" if is_left else _problem(backend.keys, key)

    with ThreadPoolExecutor(THREADS) as threads:
        for page in iterate_pages(backend.db):
            yield from zip(page, threads.map(find_problem, page), strict=True)


def _problem(keys: KeyService, key: WrappedKey) -> str:
    try:
        keys.unwrap(key.wrapped_key, key.context)
    except BackendError as error:
        return error.detail
    return ""


def rewrap_rows(keys: KeyService, key_name: str, table: str, rows: Sequence[dict[str, object]]) -> int:
    """Wrap the data keys of a table's rows by the master key of that name, in place, and return how many were not.

    A key that does not open stays as it is: the others are not lost with it. So does one that an organization's key wrapped.
    """
    if table not in TABLES:
        return 0

    def rewrap(row: dict[str, object]) -> bool:
        key = _key_of_row(table, row)
        try:
            if is_customer_managed(keys, key) or keys.name_of(key.wrapped_key) == key_name:
                return False
            row["wrapped_key"] = keys.wrap(keys.unwrap(key.wrapped_key, key.context), key.context)
        except KeyUnusable:
            return False
        return True

    with ThreadPoolExecutor(THREADS) as threads:
        return sum(threads.map(rewrap, rows))
