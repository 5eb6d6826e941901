"""The documents of an installation: which there are, and in which of its stores each kind is."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection

from common.audit import integrity
from common.audit.integrity import HEADS_PREFIX
from common.backend import Backend
from common.policies.packs import steps as policy_packs
from common.policies.packs.keys import ARCHIVES
from common.ports.blobs import Bucket
from common.stacks import documents as stack_documents
from common.stacks.blob_keys import BATCHES, CHECKPOINTS, PROGRAMS

# The archives of policy packs are files: links serve their bytes as they are.
FILES = (ARCHIVES,)
PREFIXES = (ARCHIVES, HEADS_PREFIX, BATCHES, CHECKPOINTS, PROGRAMS)
PAGE_KEYS = 1000


def bucket_of(backend: Backend, key: str) -> Bucket:
    """Return the store of a document."""
    # No permission check in this module: the operator may read everything.
    buckets = {
        CHECKPOINTS: backend.checkpoints,
        BATCHES: backend.batches,
        PROGRAMS: backend.metadata,
        HEADS_PREFIX: backend.metadata,
        ARCHIVES: backend.policy_packs,
    }
    return buckets[f"{key.partition('/')[0]}/"]


def store(backend: Backend, key: str, stored: bytes) -> None:
    """Store a document as it was stored elsewhere."""
    bucket = bucket_of(backend, key)
    if key.startswith(FILES):
        bucket.put_file(key, stored)
    else:
        bucket.put_stored(key, stored)


def iterate_named(connection: Connection) -> Iterator[list[str]]:
    """Yield the keys of all documents that rows name, page by page; a key may come several times."""
    yield from stack_documents.iterate_named(connection)
    yield from policy_packs.iterate_archives(connection)


def list_running(connection: Connection) -> list[str]:
    """Return the keys of the states that running updates have stored so far: the next ones replace them, and delete them."""
    return stack_documents.list_running(connection)


def find_named(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Return those keys that rows name."""
    archives = {key for key in keys if key.startswith(ARCHIVES)}
    others = [key for key in keys if key not in archives]
    return stack_documents.find_named(connection, others) | policy_packs.find_archives(connection, archives)


def iterate_signed_heads(backend: Backend, ends: dict[str, int]) -> Iterator[list[str]]:
    """Yield the keys of the signed ends of audit logs that are as long, page by page: no row names them."""
    for keys in iterate_stored(backend.metadata, HEADS_PREFIX):
        yield [key for key in keys if integrity.is_within(key, ends)]


def iterate_stored(bucket: Bucket, prefix: str) -> Iterator[list[str]]:
    """Yield the keys of what a store has, page by page, in order."""
    after = prefix
    while page := [key for key, _ in bucket.page(prefix, after, PAGE_KEYS)]:
        yield page
        after = page[-1]
