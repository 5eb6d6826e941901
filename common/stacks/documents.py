"""The documents in the object stores that rows of stacks and updates name."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection

from common.stacks.repository import blobs

PAGE_KEYS = 1000


def iterate_named(connection: Connection, page_size: int = PAGE_KEYS) -> Iterator[list[str]]:
    """Yield the keys of all documents that rows name, page by page; a key may come several times."""
    # No permission check in this module: the operator may read everything.
    after = ""
    while True:
        keys, after = blobs.page_named_by_updates(connection, after, page_size)
        if not after:
            break
        yield keys
    for table in blobs.BATCH_TABLES:
        after = ""
        while page := blobs.page_named_by_batches(connection, table, after, page_size):
            yield page
            after = page[-1]


def list_running(connection: Connection) -> list[str]:
    """Return the keys of the states that running updates have stored so far: the next ones replace them, and delete them."""
    return blobs.list_running(connection)


def find_named(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Return those keys that rows name."""
    named = set[str]()
    for prefix in sorted({key.partition("/")[0] for key in keys}):
        named |= blobs.find_named(connection, [key for key in keys if key.startswith(f"{prefix}/")])
    return named
