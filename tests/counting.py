"""Counts what a request costs: SQL statements, blob reads and writes, calls of the key service."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy import event

from common.backend import Backend, open_plan
from common.config.plan import make_plan
from common.config.settings import Settings
from common.core.clock import Clock
from common.ports.aws import Access
from common.ports.blobs.files import Files
from common.ports.keys import KeyService
from common.ports.keys.customer_keys import CustomerKeys
from common.ports.keys.local import LocalKey, read_key


@dataclass
class Calls:
    """How often the ports of a backend were called."""

    gets: int = 0
    puts: int = 0
    keys: int = 0


class CountedFiles(Files):
    """A folder of blobs that counts its calls."""

    def __init__(self, root: Path, calls: Calls) -> None:
        super().__init__(root)
        self.calls = calls

    def put(self, key: str, stored: bytes) -> None:
        """Count and store."""
        self.calls.puts += 1
        super().put(key, stored)

    def get(self, key: str) -> bytes:
        """Count and read."""
        self.calls.gets += 1
        return super().get(key)


class CountedKey(LocalKey):
    """A master key that counts its calls."""

    def __init__(self, master_key: bytes, calls: Calls) -> None:
        super().__init__(master_key)
        self.calls = calls

    def wrap(self, plain_key: bytes, context: str) -> bytes:
        """Count and wrap."""
        self.calls.keys += 1
        return super().wrap(plain_key, context)

    def unwrap(self, wrapped_key: bytes, context: str) -> bytes:
        """Count and unwrap."""
        self.calls.keys += 1
        return super().unwrap(wrapped_key, context)


def open_counted_backend(settings: Settings, clock: Clock) -> Backend:
    """Return a backend with a folder of objects and a local key, both of which count their calls."""
    plan = make_plan(settings)
    assert plan.master.place is not None
    calls = Calls()
    files, key = CountedFiles(settings.local_objects, calls), CountedKey(read_key(plan.master.place), calls)
    stores = {purpose: replace(store, driver=files) for purpose, store in plan.stores.items()}
    return open_plan(replace(plan, stores=stores), plan.open_database(), KeyService(key, CustomerKeys(Access())), clock=clock)


@dataclass
class Counter:
    """How many calls there were since the last `reset`; `texts` are the statements."""

    calls: Calls
    texts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin to count."""
        self.reset()

    @property
    def statements(self) -> int:
        """Return the number of statements, BEGIN and COMMIT not among them."""
        return len(self.texts)

    @property
    def gets(self) -> int:
        """Return the number of blobs that were read."""
        return self.calls.gets - self._before.gets

    @property
    def puts(self) -> int:
        """Return the number of blobs that were written."""
        return self.calls.puts - self._before.puts

    @property
    def keys(self) -> int:
        """Return the number of calls of the key service."""
        return self.calls.keys - self._before.keys

    def reset(self) -> None:
        """Start again from nothing."""
        self.texts.clear()
        self._before = replace(self.calls)

    @property
    def cost(self) -> tuple[int, int, int, int]:
        """Return (statements, blob reads, blob writes, key calls)."""
        return self.statements, self.gets, self.puts, self.keys


@contextmanager
def counted(backend: Backend) -> Iterator[Counter]:
    """Yield a counter of everything that a backend of `open_counted_backend` does."""
    driver = backend.checkpoints._driver
    assert isinstance(driver, CountedFiles)
    counter = Counter(driver.calls)

    def statement(_connection: object, _cursor: object, text: str, *_rest: object) -> None:
        if not text.startswith(("BEGIN", "PRAGMA")):
            counter.texts.append(text)

    event.listen(backend.db.engine, "before_cursor_execute", statement)
    try:
        yield counter
    finally:
        event.remove(backend.db.engine, "before_cursor_execute", statement)
