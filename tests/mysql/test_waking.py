"""A server that pauses: the first request waits for it, for as long as its client's gateway lets it."""

import time

import pytest
from sqlalchemy import select, text

from common.core.errors import Unavailable
from common.db.address import MySQL
from common.db.engine import open_database
from functions.http.errors import error_response
from tests.hard_day.relay import Relay
from tests.mysql.shared import SharedServer


def answer(server: SharedServer, database: str, relay: Relay, wake_seconds: int) -> float:
    """Return after how many seconds the database behind a relay answers; raises Unavailable."""
    place = server.place(database)
    opened = open_database(
        MySQL(place.host, relay.port, place.database, place.user, place.password, wake_seconds=wake_seconds), pool_size=1
    )
    began = time.monotonic()
    try:
        with opened.connect() as connection:
            connection.execute(select(text("1")))
    finally:
        opened.close()
    return time.monotonic() - began


class TestWaking:
    def test_is_waited_for(self, mysql_server: SharedServer) -> None:
        """While the server refuses connections the request waits, and it is answered as soon as the server is back."""
        with mysql_server.fresh() as database:
            relay = Relay(mysql_server.port)
            relay.refuse(1.5)

            assert 1 < answer(mysql_server, database, relay, wake_seconds=20) < 15
            relay.close()

    def test_is_not_waited_for_without_end(self, mysql_server: SharedServer) -> None:
        """A server that accepts a connection and says nothing, or refuses it for too long, is a 503 with Retry-After."""
        with mysql_server.fresh() as database:
            relay = Relay(mysql_server.port)
            relay.refuse(60)
            with pytest.raises(Unavailable) as refused:
                answer(mysql_server, database, relay, wake_seconds=2)
            relay.be_calm()
            relay.delay_seconds = 30
            with pytest.raises(Unavailable):
                answer(mysql_server, database, relay, wake_seconds=1)
            relay.close()

        assert "2" == error_response(refused.value).headers["Retry-After"]
