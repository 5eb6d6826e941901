"""Environments: an environment of 1,000 keys over 20 imports of 100 keys each, without providers. Processor time, no network.

`python -m bench environments`. The limits are what an editor needs, which checks at each stop of the keyboard. Over HTTP, it is
the time of the whole application with SQLite in this process, and of its client, for an open and the values of it.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.servers import ORG
from common.config.settings import Settings
from common.core.clock import SystemClock
from common.environments.language import evaluate
from common.environments.language.environment import to_wire
from common.environments.language.evaluate import Evaluation
from common.environments.language.interfaces import LoadedEnvironment, Provider, Rotator, World, WorldError
from functions.server import startup
from tests.counting import counted, open_counted_backend
from tests.factories import people
from tests.factories.clients import make_client
from tests.factories.environments import make_environment

_KEYS, _IMPORTS, _IMPORTED_KEYS = 1000, 20, 100
_CHECK_MILLISECONDS, _OPEN_MILLISECONDS, _HTTP_MILLISECONDS = 50, 80, 120
_STATEMENTS = 6 + 2 * _IMPORTS


@dataclass(frozen=True)
class Figure:
    """What one kind of evaluation takes, and at most."""

    name: str
    milliseconds: float
    limit: float

    @property
    def is_over(self) -> bool:
        """Whether it takes longer than it may."""
        return self.milliseconds > self.limit


class _World:
    """Twenty environments, no providers, no secrets."""

    def __init__(self) -> None:
        self._texts = {f"shared/env-{n}": _imported(n).encode() for n in range(_IMPORTS)}

    def authorize_import(self, importer: str, imported: str, *, importer_is_root: bool) -> None:
        """Allow all."""

    def load_environment(self, name: str) -> LoadedEnvironment:
        """Return one of the texts."""
        return LoadedEnvironment(name, self._texts[name], self)

    def load_provider(self, name: str) -> Provider:
        """Know none."""
        raise WorldError(name)

    def load_rotator(self, name: str) -> Rotator:
        """Know none."""
        raise WorldError(name)

    def decrypt(self, ciphertext: bytes) -> bytes:
        """Return the bytes as they are."""
        return ciphertext


def measure(repeats: int) -> list[Figure]:
    """Return the median of so many checks, opens and encodings."""
    provider = _World()
    world, text = World(provider, provider), _root().encode()

    def check() -> Evaluation:
        definition, _ = evaluate.load("app/dev", text)
        return evaluate.check(definition, world, provider)

    def open_environment() -> Evaluation:
        definition, _ = evaluate.load("app/dev", text)
        return evaluate.open_environment(definition, world, provider)

    answer = check()
    assert answer.environment is not None
    assert len(answer.environment.properties or {}) == _KEYS + _IMPORTS * _IMPORTED_KEYS
    return [
        Figure("check", _median(check, repeats), _CHECK_MILLISECONDS),
        Figure("open", _median(open_environment, repeats), _OPEN_MILLISECONDS),
        Figure("answer as JSON", _median(lambda: to_wire(answer.environment), repeats), _CHECK_MILLISECONDS),
    ]


def measure_over_http(repeats: int) -> list[Figure]:
    """Return the median of so many opens through the application, without and with what is read of them."""
    with TemporaryDirectory() as folder, _opener(Path(folder)) as (open_once, read_once):
        return [
            Figure("open, over HTTP", _median(open_once, repeats), _HTTP_MILLISECONDS),
            Figure("open and read, over HTTP", _median(read_once, repeats), _HTTP_MILLISECONDS),
        ]


@contextmanager
def _opener(folder: Path) -> Iterator[tuple[Callable[[], str], Callable[[], object]]]:
    settings = Settings({"STACKHOLD_DATA": str(folder / "data")})
    startup.start(settings, may_migrate=True).close()
    with closing(open_counted_backend(settings, SystemClock())) as backend:
        admin = people.make_admin(backend)
        for number in range(_IMPORTS):
            make_environment(backend, admin, f"shared/env-{number}", _imported(number))
        make_environment(backend, admin, "app/dev", _root())
        address = f"/api/esc/environments/{ORG}/app/dev/open"
        with make_client(backend) as client:

            def open_once() -> str:
                reply = client.post(address)
                assert reply.status_code == 200, reply.text
                return str(reply.json()["id"])

            def read_once() -> object:
                reply = client.get(f"{address}/{open_once()}")
                assert reply.status_code == 200, reply.text
                return reply.content

            open_once()
            with counted(backend) as counter:
                open_once()
            assert counter.cost[0] <= _STATEMENTS
            yield open_once, read_once


def rows(figures: list[Figure]) -> list[tuple[str, str, str]]:
    """Return the rows of the table."""
    return [(figure.name, f"{figure.milliseconds:.1f} ms", f"{figure.limit:.0f} ms") for figure in figures]


def _median(run: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        began = time.process_time()
        run()
        times.append(time.process_time() - began)
    return 1000 * statistics.median(times)


def _imported(number: int) -> str:
    return "values:\n" + "".join(f"  shared-{number}-{key}: value {key}\n" for key in range(_IMPORTED_KEYS))


def _root() -> str:
    """Return the environment; each fourth value refers to the next key."""
    imports = "".join(f"  - shared/env-{number}\n" for number in range(_IMPORTS))
    values = (f"text {key}" if key % 4 else f"${{key{key + 1}}} and more" for key in range(_KEYS))
    return f"imports:\n{imports}values:\n" + "".join(f"  key{key}: {value}\n" for key, value in enumerate(values))
