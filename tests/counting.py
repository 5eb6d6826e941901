"""Counts what a request costs: SQL statements, blob reads and writes, calls of the key service."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from sqlalchemy import event

from common.backend import Backend
from common.ports.blobs.files import Files
from common.ports.keys.local import LocalKey


@dataclass
class Counter:
    """How many calls there were since the last `reset`; `texts` are the statements."""

    texts: list[str] = field(default_factory=list)
    gets: int = 0
    puts: int = 0
    keys: int = 0

    @property
    def statements(self) -> int:
        """Return the number of statements, BEGIN and COMMIT not among them."""
        return len(self.texts)

    def reset(self) -> None:
        """Start again from nothing."""
        self.texts.clear()
        self.gets = self.puts = self.keys = 0

    @property
    def cost(self) -> tuple[int, int, int, int]:
        """Return (statements, blob reads, blob writes, key calls)."""
        return self.statements, self.gets, self.puts, self.keys


@contextmanager
def counted(backend: Backend) -> Iterator[Counter]:
    """Yield a counter of everything the backend does."""
    counter = Counter()

    def statement(_connection: object, _cursor: object, text: str, *_rest: object) -> None:
        if not text.startswith(("BEGIN", "PRAGMA")):
            counter.texts.append(text)

    event.listen(backend.db.engine, "before_cursor_execute", statement)
    with ExitStack() as stack:
        for owner, method, name in (
            (Files, "get", "gets"),
            (Files, "put", "puts"),
            (LocalKey, "wrap", "keys"),
            (LocalKey, "unwrap", "keys"),
        ):
            stack.enter_context(patch.object(owner, method, _counting(getattr(owner, method), counter, name)))
        yield counter
    event.remove(backend.db.engine, "before_cursor_execute", statement)


def _counting(method: Callable[..., Any], counter: Counter, name: str) -> Callable[..., Any]:
    def call(*arguments: object, **options: object) -> object:
        setattr(counter, name, getattr(counter, name) + 1)
        return method(*arguments, **options)

    return call
