"""The kinds of faults, and how each is brought about. Each function injects faults for some seconds and returns how many."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.hard_day.cloud_proxy import Trouble
from tests.hard_day.relay import Relay
from tests.hard_day.stands import CloudStand, LaptopStand, Stand, limit_files
from tests.hard_day.worker import Habits

READ_ONLY = (1290, 1836, 1792)
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_JUMPS = (-_DAY, -_HOUR, -_MINUTE, -1, 1, _MINUTE, 400, _HOUR, _DAY)

_ORDINARY = Habits()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of faults: what it is called, where it happens, and what injects it for so many seconds."""

    name: str
    stand: type[Stand]
    inject: Callable[[Stand, float], int]
    habits: Habits = _ORDINARY


def _kill_server(stand: Stand, seconds: float) -> int:
    def once() -> int:
        server = stand.random.choice(stand.servers)
        server.kill()
        time.sleep(stand.random.uniform(0, 0.5))
        server.start()
        return 1

    return _again(once, stand, seconds, (0.2, 1.5))


def _fill_disk(stand: Stand, seconds: float) -> int:
    assert isinstance(stand, LaptopStand)

    def once() -> int:
        stand.fill_disk()
        time.sleep(stand.random.uniform(0.2, 1))
        stand.make_room()
        return 1

    return _again(once, stand, seconds, (0.2, 0.8))


def _write_nothing(stand: Stand, seconds: float) -> int:
    assert isinstance(stand, LaptopStand)

    def once() -> int:
        stand.server.limit_files(0)
        time.sleep(stand.random.uniform(0.2, 1))
        stand.server.limit_files(None)
        return 1

    return _again(once, stand, seconds, (0.2, 0.8))


def _lose_connections(stand: Stand, seconds: float) -> int:
    return _cut(stand.relays, stand.random, seconds)


def _jump(stand: Stand, seconds: float) -> int:
    def once() -> int:
        stand.clock.jump(stand.random.choice(_JUMPS))
        return 1

    with stand.other_clock() as can_jump:
        return _again(once, stand, seconds, (0.1, 0.8)) if can_jump else 0


def _nothing_else(stand: Stand, seconds: float) -> int:
    del stand
    time.sleep(seconds)
    return 0


def _kill_database(stand: Stand, seconds: float) -> int:
    assert isinstance(stand, CloudStand)

    def once() -> int:
        stand.database.kill()
        time.sleep(stand.random.uniform(0, 0.5))
        stand.database.start()
        return 1

    return _again(once, stand, seconds, (0.3, 1.5))


def _fill_disk_of_database(stand: Stand, seconds: float) -> int:
    assert isinstance(stand, CloudStand)

    def once() -> int:
        limit_files(stand.database.pid, stand.random.choice((0, 1 << 16, 1 << 20)))
        time.sleep(stand.random.uniform(0.2, 0.8))
        limit_files(stand.database.pid, None)
        stand.restart_database()
        return 1

    return _again(once, stand, seconds, (0.3, 1))


def _fail_over(stand: Stand, seconds: float) -> int:
    """Drop connections, answer none for a while; what survives meets a database that is read-only."""
    assert isinstance(stand, CloudStand)

    def once() -> int:
        stand.database_relay.refuse(stand.random.uniform(0.3, 3))
        stand.wire.make_read_only(stand.random.choice(READ_ONLY))
        stand.database_relay.drop(stand.random.uniform(0.3, 1), stand.random)
        stand.database_relay.delay_seconds = stand.random.uniform(0, 0.05)
        time.sleep(stand.random.uniform(0.5, 3))
        stand.database_relay.delay_seconds = 0
        return 1

    return _again(once, stand, seconds, (0.2, 1))


def _lose_connections_to_database(stand: Stand, seconds: float) -> int:
    assert isinstance(stand, CloudStand)

    def once() -> int:
        for order in (stand.wire.cut_before, stand.wire.cut_after):
            order(stand.random.choice(("COMMIT", "INSERT INTO `journal_batches`", "UPDATE `updates`", "INSERT")))
        stand.database_relay.cut_replies(1)
        return 3

    return _again(once, stand, seconds, (0.1, 0.4))


def _cloud(*troubles: Trouble, at_once: int) -> Callable[[Stand, float], int]:
    def inject(stand: Stand, seconds: float) -> int:
        assert isinstance(stand, CloudStand)
        before = stand.cloud.hits.total()

        def once() -> int:
            stand.cloud.order(stand.random.choice(troubles), stand.random.randint(1, at_once))
            return 0

        _again(once, stand, seconds, (0.05, 0.5))
        return stand.cloud.hits.total() - before

    return inject


def _cut(relays: Sequence[Relay], random_source: random.Random, seconds: float) -> int:
    before, deadline = sum(relay.cut for relay in relays), time.monotonic() + seconds
    dropped = 0
    while time.monotonic() < deadline:
        relay = random_source.choice(relays)
        random_source.choice((relay.cut_requests, relay.cut_replies))(random_source.randint(1, 6))
        if random_source.random() < 0.1:
            dropped += relay.drop(0.5, random_source)
        time.sleep(random_source.uniform(0.05, 0.3))
    return sum(relay.cut for relay in relays) - before + dropped


def _again(once: Callable[[], int], stand: Stand, seconds: float, pause: tuple[float, float]) -> int:
    deadline, number = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        time.sleep(stand.random.uniform(*pause))
        number += once()
    return number


_NETWORK = Habits(repeats=0.5, reorders=0.8)
KINDS: tuple[Kind, ...] = (
    Kind("server killed (one server)", LaptopStand, _kill_server),
    Kind("disk full", LaptopStand, _fill_disk),
    Kind("disk takes no writes", LaptopStand, _write_nothing),
    Kind("connections of clients lost", LaptopStand, _lose_connections),
    Kind("clock jumps", LaptopStand, _jump),
    Kind("requests repeated and out of order", LaptopStand, _nothing_else, _NETWORK),
    Kind("server killed (one of two)", CloudStand, _kill_server),
    Kind("database killed", CloudStand, _kill_database),
    Kind("disk of the database full", CloudStand, _fill_disk_of_database),
    Kind("failover of the database", CloudStand, _fail_over),
    Kind("connections to the database lost", CloudStand, _lose_connections_to_database),
    Kind("object store down", CloudStand, _cloud(Trouble.BUSY, at_once=60)),
    Kind("object store slow", CloudStand, _cloud(Trouble.SLOW, at_once=10)),
    Kind(
        "object store lies",
        CloudStand,
        _cloud(Trouble.CUT_SHORT, Trouble.DAMAGED, Trouble.FORGOTTEN, Trouble.DENIED_WRITE, at_once=12),
    ),
    Kind("key service throttled", CloudStand, _cloud(Trouble.THROTTLED, at_once=30)),
    Kind("connections of clients lost (two servers)", CloudStand, _lose_connections),
    Kind("clock jumps (two servers)", CloudStand, _jump),
    Kind("requests repeated and out of order (two servers)", CloudStand, _nothing_else, _NETWORK),
)
