"""How many connections a process takes, and what it does with those who do not read."""

import asyncio
import resource

import pytest

from common.config.settings import Settings
from functions.server.connections import Connections, connections_for, network_of, raise_descriptor_limit
from functions.server.http_protocol import Protocol


class TestConnections:
    def test_are_limited_in_all_and_by_address(self) -> None:
        """A place is free again when a connection ends; trusted proxies have all that there are."""
        count = Connections(4, 2, "10.0.0.0/8")

        assert [True, True, False] == [count.open("192.0.2.1") for _ in range(3)]
        assert [True, True, False] == [count.open("10.0.0.7") for _ in range(3)]
        count.close("192.0.2.1")
        assert [True, False] == [count.open("10.0.0.7") for _ in range(2)]

    def test_of_refused_clients_are_not_remembered(self) -> None:
        """Nothing is kept of addresses that have no connection."""
        count = Connections(1, 1, "")
        count.open("192.0.2.1")
        assert not count.open("192.0.2.2")
        count.close("192.0.2.1")

        assert {} == dict(count._open)

    @pytest.mark.parametrize(
        ("address", "network"),
        [
            ("192.0.2.1", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::/64"),
            ("2001:db8:0:0:f::2", "2001:db8::/64"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("fe80::1%eth0", "fe80::/64"),
            ("", ""),
            ("x:y", "x:y"),
        ],
    )
    def test_of_ipv6_are_counted_by_network(self, address: str, network: str) -> None:
        """Anyone who has an IPv6 network has 64 bits of addresses."""
        assert network == network_of(address)

    def test_are_fewer_than_descriptors(self) -> None:
        """However much is asked for, descriptors are left for the database and objects, and one address has half at most."""
        soft = raise_descriptor_limit()
        found = connections_for(Settings({"STACKHOLD_CONNECTIONS": "1000000", "STACKHOLD_CONNECTIONS_PER_ADDRESS": "1000000"}))

        assert soft - 128 == found._limit
        assert found._limit // 2 == found._limit_per_address
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 65_536)


class Transport(asyncio.Transport):
    """A connection whose client reads as a test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.unread = 100_000
        self.is_aborted = False

    def get_write_buffer_size(self) -> int:
        return self.unread

    def abort(self) -> None:
        self.is_aborted = True


class Impatient(Protocol):
    """A protocol that waits for its client for a fraction of a second."""

    write_idle_seconds = 0.02


class TestRepliesThatNobodyReads:
    @pytest.mark.parametrize(("reads", "is_aborted"), [(0, True), (1_000, False)])
    def test_end_the_connection(self, reads: int, is_aborted: bool) -> None:
        """A client that reads nothing for a while is let go with what was kept for it; one that reads slowly is not."""

        async def write() -> bool:
            connection = Impatient.__new__(Impatient)
            connection.loop, connection.transport = asyncio.get_running_loop(), (transport := Transport())
            connection._watch_writing()
            for _ in range(20):
                transport.unread -= reads
                await asyncio.sleep(0.005)
            connection._stop_write_timer()
            return transport.is_aborted

        assert is_aborted == asyncio.run(write())
