"""Real server processes for several tests, and clients that work at the same time."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier
from types import MappingProxyType
from typing import TypeVar

from httpx2 import Client, Limits

from tests.factories.people import ADMIN_TOKEN, ORG
from tests.server.server_process import Served

_T = TypeVar("_T")
LIMIT_SECONDS = 60.0


@contextmanager
def serving(folder: Path, workers: int, database: Mapping[str, str] = MappingProxyType({})) -> Iterator[Served]:
    """Yield a server with an administrator of acme, on SQLite or where the settings of a database lead."""
    settings = {"STACKHOLD_BOOTSTRAP_TOKEN": ADMIN_TOKEN, "STACKHOLD_BOOTSTRAP_ORG": ORG, **database}
    with Served(folder, "--workers", str(workers), **settings) as served:
        yield served


def client_of(served: Served, *, kept_connections: int = 10) -> Client:
    """Return a client with connections of its own; one that keeps none makes each call on a new one."""
    limits = Limits(max_keepalive_connections=kept_connections)
    return Client(base_url=served.url, headers={"Authorization": f"token {ADMIN_TOKEN}"}, timeout=LIMIT_SECONDS, limits=limits)


def at_once(count: int, work: Callable[[int], _T]) -> list[_T]:
    """Return what some workers return that begin in the same instant."""
    barrier = Barrier(count, timeout=LIMIT_SECONDS)

    def begin(number: int) -> _T:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(begin, range(count)))
