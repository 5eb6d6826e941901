"""The rotator of MySQL against a real server."""

import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pymysql
import pytest

from common.backend import Backend
from common.environments.language.environment import EscValue
from common.environments.language.interfaces import WorldError
from common.ports.outbound import Outbound
from common.rights.caller import Caller
from tests.environments.providers.opening import SECRET, revealed, shown
from tests.environments.rotators.test_rotators import rotated
from tests.mysql.shared import HOST, SharedServer
from tools.mysql import PASSWORD, USER


@pytest.fixture
def users(mysql_server: SharedServer) -> Iterator[tuple[str, str]]:
    """Two users of the server."""
    names = (f"a{uuid.uuid4().hex[:12]}", f"b{uuid.uuid4().hex[:12]}")
    mysql_server.run(*(f"CREATE USER '{name}'@'%' IDENTIFIED BY '{SECRET}'" for name in names))
    yield names
    mysql_server.run(*(f"DROP USER '{name}'@'%'" for name in names))


@pytest.fixture
def inputs(mysql_server: SharedServer, users: tuple[str, str]) -> dict[str, Any]:
    """The inputs of the rotator."""
    managing = {"username": USER, "password": PASSWORD}
    database = {"host": HOST, "port": mysql_server.port, "database": "mysql", "managingUser": managing}
    return {"database": database, "rotateUsers": {"username1": users[0], "username2": users[1]}}


@pytest.fixture
def listed(backend: Backend) -> Backend:
    """A backend that may call the server."""
    return replace(backend, outbound=Outbound(HOST))


def can_log_in(server: SharedServer, login: dict[str, str]) -> bool:
    """Return whether a user and a password are good."""
    try:
        with closing(pymysql.connect(host=HOST, port=server.port, user=login["username"], password=login["password"])):
            return True
    except pymysql.err.OperationalError:
        return False


class TestMySQLUsers:
    def test_lets_two_users_take_turns(
        self, listed: Backend, admin: Caller, mysql_server: SharedServer, inputs: dict[str, Any], users: tuple[str, str]
    ) -> None:
        """The current and the previous user can log in, also after a rotation whose result was lost."""
        first = rotated(listed, admin, "mysql", inputs)
        second = rotated(listed, admin, "mysql", inputs, first)
        assert [revealed(state)["current"]["username"] for state in (first, second)] == list(users)
        assert all(can_log_in(mysql_server, login) for login in revealed(second).values())
        # Its result is not saved: the current user of the second state is left alone.
        rotated(listed, admin, "mysql", inputs, second)

        assert can_log_in(mysql_server, revealed(second)["current"])
        third = rotated(listed, admin, "mysql", inputs, second)
        assert all(can_log_in(mysql_server, login) for login in revealed(third).values())
        assert shown(third)["current"] == {"username": users[0], "password": "[secret]"}

    def test_names_what_is_wrong(self, listed: Backend, admin: Caller, inputs: dict[str, Any]) -> None:
        """A refusal is named by its number, without passwords."""
        database = {**inputs["database"], "managingUser": {"username": USER, "password": SECRET}}
        with pytest.raises(WorldError, match=r"it refuses the managing user \(1045\)") as error:
            rotated(listed, admin, "mysql", {**inputs, "database": database})
        assert SECRET not in str(error.value)
        with pytest.raises(WorldError, match=r"may not change this user, or it does not exist \(1396\)"):
            rotated(listed, admin, "mysql", {**inputs, "rotateUsers": {"username1": "nobody", "username2": "x"}})

    def test_refuses_private_addresses(self, backend: Backend, admin: Caller, inputs: dict[str, Any]) -> None:
        """A server of the private network is called only if the operator lists it."""
        with pytest.raises(WorldError, match="not a public address"):
            rotated(backend, admin, "mysql", inputs)

    @pytest.mark.parametrize(
        ("more", "message"),
        [({"port": 0}, "number of a port"), ({"port": 3306.5}, "whole number"), ({"connector": {}}, "connectors are not")],
    )
    def test_refuses_other_inputs(
        self, listed: Backend, admin: Caller, inputs: dict[str, Any], more: dict[str, Any], message: str
    ) -> None:
        """What cannot be used is named before anything is sent."""
        state: EscValue | None = None
        with pytest.raises(WorldError, match=message):
            rotated(listed, admin, "mysql", {**inputs, "database": {**inputs["database"], **more}}, state)
