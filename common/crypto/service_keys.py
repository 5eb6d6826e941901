"""Keys of the service itself, made on first use and kept in the database under the configured master key.

They are the same for every process of an installation. One of them, the probe, protects nothing: opening it at the start
shows that the configured master key is the one this installation was made with, before anything is changed.
"""

from collections import Counter
from collections.abc import Iterable

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import StartUpError
from common.crypto import repository, wrapped_keys
from common.crypto.model import WrappedKey
from common.db.engine import Database
from common.ports.keys import KeyService, KeyUnusable

PROBE = "probe"


def lease_key(backend: Backend) -> bytes:
    """Return the key that signs the leases of updates, 32 bytes."""
    return service_key(backend, "lease")


def service_key(backend: Backend, name: str) -> bytes:
    """Return the service's key of that name, 32 bytes, creating it on first use. No query while it is kept."""
    # No permission check: the key stays inside, and only code names it.
    return backend.data_keys.open_named(context_of(name), lambda: _find_or_make(backend, name))


def has_keys(db: Database) -> bool:
    """Tell whether this installation was started before: if so its master key exists and must not be made anew."""
    with db.connect() as connection:
        return repository.has_any_key(connection)


def require_own_master_key(backend: Backend, place: str) -> None:
    """Raise StartUpError unless the master key is that of this installation; `place` says where the key came from."""
    # No permission check: the entry point calls this before it serves requests.
    require_opens(backend.keys, _find_or_make(backend, PROBE), place)


def require_known_master_key(db: Database, keys: KeyService, place: str) -> None:
    """Raise StartUpError when an installation has a probe that this master key does not open; nothing is written."""
    # No permission check: the entry point calls this before it serves requests.
    with db.connect() as connection:
        probe = repository.find_key(connection, PROBE)
    if probe is not None:
        require_opens(keys, probe, place)


def count_by_master_key(db: Database, keys: KeyService) -> dict[str, int]:
    """Return how many data keys each master key has wrapped: all of them must stay enabled."""
    return count_pages_by_master_key(wrapped_keys.iterate_pages(db), keys)


def count_pages_by_master_key(pages: Iterable[Iterable[WrappedKey]], keys: KeyService) -> dict[str, int]:
    """Return how many of those data keys each master key has wrapped, the most first."""
    counts = Counter(wrapped_keys.name_of_master_key(keys, key) for page in pages for key in page)
    return dict(counts.most_common())


def renew(backend: Backend) -> int:
    """Wrap those of the service's keys again that an older master key wrapped, and return how many there were.

    So an installation that has been started since a rotation does not need the older one to start and to sign leases; keys
    of stacks still do. It may run in several processes at once, and stop anywhere. Raises StartUpError.
    """
    # No permission check: the entry point calls this before it serves requests.
    with backend.db.connect() as connection:
        old = [(name, key) for name, key in repository.list_keys(connection) if not backend.keys.is_current(key)]
    renewed = [(name, key, _wrapped_again(backend, name, key)) for name, key in old]
    with backend.db.connect() as connection:
        return sum(repository.replace_key(connection, name, key, again) for name, key, again in renewed)


def require_opens(keys: KeyService, probe: bytes, place: str) -> None:
    """Raise StartUpError unless the master key opens an installation's probe; `place` says where the key came from."""
    try:
        keys.unwrap(probe, context_of(PROBE))
    except KeyUnusable as error:
        reason = error.detail
        raise StartUpError(
            f"the key in {place} is not the one this installation was created with; nothing was changed ({reason})"
        ) from error


def _wrapped_again(backend: Backend, name: str, wrapped_key: bytes) -> bytes:
    try:
        return backend.keys.wrap(backend.keys.unwrap(wrapped_key, context_of(name)), context_of(name))
    except KeyUnusable as error:
        raise StartUpError(f"the service's key {name!a} cannot be opened: {error.detail}") from error


def _find_or_make(backend: Backend, name: str) -> bytes:
    with backend.db.connect() as connection:
        existing = repository.find_key(connection, name)
        if existing is not None:
            return existing
        _plain, wrapped = backend.data_keys.new(context_of(name))
        if repository.add_key(connection, name, wrapped, unix_millis(backend.clock.now())):
            return wrapped
        # Another process was first: its key is the installation's.
        return repository.find_key(connection, name) or wrapped


def context_of(name: str) -> str:
    """Return what the service's key of a name is bound to."""
    return f"service:{name}"
