from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier, Lock

import pytest

from common.ports.keys import KeyService, KeyUnusable
from common.ports.keys.data_keys import ENTRIES_LIMIT, KEPT_FOR, DataKeys
from common.ports.keys.local import LocalKey


class Counting:
    """A driver that counts its calls and hands them to the local one."""

    def __init__(self) -> None:
        self.inner = LocalKey(bytes(range(32)))
        self.wrapped = self.unwrapped = 0
        self.lock = Lock()

    def wrap(self, plain_key: bytes, context: str) -> bytes:
        self.wrapped += 1
        return self.inner.wrap(plain_key, context)

    def unwrap(self, wrapped_key: bytes, context: str) -> bytes:
        with self.lock:
            self.unwrapped += 1
        return self.inner.unwrap(wrapped_key, context)

    def check(self) -> str:
        return self.inner.check()

    def name_of(self, wrapped_key: bytes) -> str:
        return self.inner.name_of(wrapped_key)

    def is_current(self, wrapped_key: bytes) -> bool:
        return bool(wrapped_key)

    def load(self) -> None:
        self.inner.load()


class Hand:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


@pytest.fixture
def driver() -> Counting:
    return Counting()


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def cold(driver: Counting, clock: Hand) -> DataKeys:
    """The keys of a process that has just started."""
    return DataKeys(KeyService(driver), clock)


def wrapped_elsewhere(driver: Counting, clock: Hand, context: str) -> tuple[bytes, bytes]:
    """Return a key, plain and wrapped, that another process made."""
    return DataKeys(KeyService(driver), clock).new(context)


class TestNew:
    def test_gives_a_fresh_key(self, cold: DataKeys) -> None:
        """Every key is new, has 32 bytes, and its wrapped form does not show it."""
        (one, one_wrapped), (two, _) = cold.new("a"), cold.new("a")

        assert 32 == len(one) == len(two)
        assert one != two
        assert one not in one_wrapped

    def test_a_made_key_needs_no_unwrapping(self, cold: DataKeys, driver: Counting) -> None:
        """The process that made a key opens it without a call to the key service."""
        plain, wrapped = cold.new("a")

        assert plain == cold.open(wrapped, "a")
        assert (1, 0) == (driver.wrapped, driver.unwrapped)


class TestOpen:
    def test_unwraps_once(self, cold: DataKeys, driver: Counting, clock: Hand) -> None:
        """A thousand values of one stack cost one call to the key service."""
        plain, wrapped = wrapped_elsewhere(driver, clock, "a")

        assert {plain} == {cold.open(wrapped, "a") for _ in range(1000)}
        assert 1 == driver.unwrapped

    def test_unwraps_once_for_threads_at_the_same_time(self, cold: DataKeys, driver: Counting, clock: Hand) -> None:
        """Requests that arrive together in a cold process share one call to the key service."""
        plain, wrapped = wrapped_elsewhere(driver, clock, "a")
        gate = Barrier(8)

        def open_together(_: int) -> bytes:
            gate.wait(10)
            return cold.open(wrapped, "a")

        with ThreadPoolExecutor(8) as pool:
            assert [plain] * 8 == list(pool.map(open_together, range(8)))
        assert 1 == driver.unwrapped

    def test_forgets_after_a_while(self, cold: DataKeys, driver: Counting, clock: Hand) -> None:
        """A kept key is unwrapped again when its time is over, so that a revoked master key stops working."""
        _, wrapped = wrapped_elsewhere(driver, clock, "a")
        cold.open(wrapped, "a")
        clock.time += KEPT_FOR - timedelta(seconds=1)
        cold.open(wrapped, "a")
        before = driver.unwrapped
        clock.time += timedelta(seconds=1)
        cold.open(wrapped, "a")

        assert (1, 2) == (before, driver.unwrapped)

    def test_keeps_a_bounded_number(self, cold: DataKeys, driver: Counting, clock: Hand) -> None:
        """However many stacks are used, a bounded number of keys is kept: those used last."""
        first, *others = [(name, driver.wrap(b"k" * 32, name)) for name in map(str, range(ENTRIES_LIMIT + 1))]
        cold.open(first[1], first[0])
        for name, wrapped in others:
            cold.open(wrapped, name)
        for name, wrapped in reversed(others):
            cold.open(wrapped, name)
        kept = driver.unwrapped
        cold.open(first[1], first[0])

        assert (ENTRIES_LIMIT + 1, ENTRIES_LIMIT + 2) == (kept, driver.unwrapped)

    def test_refuses_another_context(self, cold: DataKeys, driver: Counting, clock: Hand) -> None:
        """A key of one stack does not open as that of another, neither cold nor kept."""
        _, wrapped = wrapped_elsewhere(driver, clock, "a")
        cold.open(wrapped, "a")

        for _ in range(2):
            with pytest.raises(KeyUnusable):
                cold.open(wrapped, "b")

    def test_recovers_after_a_failure(self, cold: DataKeys, driver: Counting, clock: Hand) -> None:
        """A call that failed is made again the next time: a failure is not kept."""
        plain, wrapped = wrapped_elsewhere(driver, clock, "a")
        right, driver.inner = driver.inner, LocalKey(bytes(32))
        with pytest.raises(KeyUnusable):
            cold.open(wrapped, "a")
        driver.inner = right

        assert plain == cold.open(wrapped, "a")


class TestOpenNamed:
    def test_reads_the_wrapped_key_once(self, cold: DataKeys, driver: Counting, clock: Hand) -> None:
        """A key known by name is read and unwrapped once, until its time is over."""
        plain, wrapped = wrapped_elsewhere(driver, clock, "service:lease")
        reads = []

        def fetch() -> bytes:
            reads.append(1)
            return wrapped

        assert {plain} == {cold.open_named("service:lease", fetch) for _ in range(5)}
        clock.time += KEPT_FOR
        assert plain == cold.open_named("service:lease", fetch)
        assert 2 == len(reads) == driver.unwrapped


class TestRepr:
    def test_shows_no_key(self, cold: DataKeys) -> None:
        """What a log line or a traceback may print of the kept keys holds none."""
        plain, _wrapped = cold.new("a")

        for shown in (repr(cold), repr(vars(cold))):
            assert plain.hex() not in shown
            assert repr(plain)[2:-1] not in shown
