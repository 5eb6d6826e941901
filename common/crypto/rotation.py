"""Wraps all data keys anew by the current master key, while the server runs.

A key is replaced by a guarded statement of its own, so a run may stop anywhere, and the next one does what is left. A server
opens both wrappings as long as its settings name both master keys.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from common.backend import Backend
from common.core.errors import StartUpError
from common.crypto import repository, service_keys, wrapped_keys
from common.crypto.model import WrappedKey
from common.ports.keys import KeyUnusable

Show = Callable[[str], object]


@dataclass(slots=True)
class Rotation:
    """What a run did: the current master key, how many data keys it wrapped and how many were wrapped by it, and the problems.

    `customer_managed` data keys are wrapped by keys of organizations: they stay as they are, and were not opened.
    """

    key_name: str
    rewrapped: int = 0
    current: int = 0
    customer_managed: int = 0
    problems: list[tuple[WrappedKey, str]] = field(default_factory=list)


def rotate(backend: Backend, *, is_stopped: bool, show: Show = print) -> Rotation:
    """Wrap data keys anew, verify that all of them open, and return what was done; raises StartUpError, or Unavailable.

    Unless all servers are stopped, one of them must have been started with this master key: others would not open the new keys.
    """
    # No permission check: the operator, who runs this with the installation's settings, may change its keys.
    require_ready(backend, is_stopped=is_stopped)
    result = Rotation(backend.keys.check())
    with ThreadPoolExecutor(wrapped_keys.THREADS) as threads:
        for page in wrapped_keys.iterate_pages(backend.db):
            for was_rewrapped in threads.map(lambda key: _rewrap(backend, key, result.key_name), page):
                result.rewrapped += was_rewrapped
            show(f"{result.rewrapped:,} data keys wrapped anew")
    for key, problem in wrapped_keys.check_keys(backend, with_customer_managed=False):
        if problem:
            result.problems.append((key, problem))
        elif wrapped_keys.is_customer_managed(backend.keys, key):
            result.customer_managed += 1
        elif backend.keys.name_of(key.wrapped_key) == result.key_name:
            result.current += 1
            show(f"{result.current:,} data keys verified")
        else:
            result.problems.append((key, "it was made by a server with other settings; rotate again once all servers have these"))
    return result


def require_ready(backend: Backend, *, is_stopped: bool) -> None:
    """Raise StartUpError unless the running servers open what this master key wraps."""
    if not is_stopped and backend.settings.unwrap_keys:
        _require_started(backend)


def _require_started(backend: Backend) -> None:
    # A start wraps the service's keys anew. Without further keys in the settings, servers open all that this process opens.
    with backend.db.connect() as connection:
        probe = repository.find_key(connection, service_keys.PROBE)
    if probe is None or not backend.keys.is_current(probe):
        raise StartUpError(
            "no server has been started with this master key: restart all servers with these settings first, and then rotate, or"
            " stop them and rotate with --stopped; nothing was changed"
        )


def _rewrap(backend: Backend, key: WrappedKey, key_name: str) -> bool:
    """Wrap a data key anew and tell whether that was needed; one that does not open stays as it is."""
    try:
        if wrapped_keys.is_customer_managed(backend.keys, key) or backend.keys.name_of(key.wrapped_key) == key_name:
            return False
        replacement = backend.keys.wrap(backend.keys.unwrap(key.wrapped_key, key.context), key.context)
    except KeyUnusable:
        return False
    with backend.db.connect() as connection:
        return repository.replace_wrapped_key(connection, key, replacement)
