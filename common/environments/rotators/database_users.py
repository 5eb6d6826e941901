"""The passwords of two users of a database, who take turns: what `fn::rotate::mysql` and `fn::rotate::postgres` share."""

import secrets
import string
import time
from abc import abstractmethod

from common.core.errors import Unavailable
from common.db import user_passwords
from common.db.user_passwords import Administrator, PasswordNotSet, Product
from common.environments.language.environment import EscValue
from common.environments.language.interfaces import Context, WorldError
from common.environments.language.schemas.schema import STRING, Schema
from common.environments.language.syntax.number import Number
from common.environments.providers import values
from common.environments.providers.schemas import AWS_LOGIN, ONE, members
from common.environments.rotators.base import TwoSecrets, whole_number
from common.ports.outbound import CallFailed, Purpose

_LENGTH = 32
_PORTS = range(1, 65_536)
_LAMBDA = members({"awsLambda": members({"lambdaArn": STRING, "login": AWS_LOGIN})})
_DATABASE = Schema(
    "object",
    properties={
        "host": STRING,
        "port": Schema("number", minimum=ONE, maximum=Number("65535")),
        "database": STRING,
        "managingUser": members({"username": STRING, "password": STRING}),
        "connector": Schema("object", one_of=(_LAMBDA,)),
    },
    required=("host", "port", "database", "managingUser"),
    rotate_only=("managingUser",),
)
_USERS = members({"username1": STRING, "username2": STRING})


class DatabaseUsers(TwoSecrets):
    """Sets a new password for the user that is not the current one.

    So the current user's password is never touched: what was saved goes on working, wherever a rotation ends early.
    """

    INPUTS = members({"database": _DATABASE, "rotateUsers": _USERS})
    SECRET = members({"username": STRING, "password": STRING})
    NEEDS_CURRENT = False

    @abstractmethod
    def product(self) -> Product:
        """Return what speaks the protocol of the database; raises WorldError."""

    def make_secret(self, inputs: dict[str, EscValue], state: dict[str, EscValue], context: Context) -> EscValue:  # noqa: ARG002 - of the protocol
        """Return the user with their new password; raises WorldError."""
        settings = values.plain(inputs)
        database, users = settings["database"], settings["rotateUsers"]
        if "connector" in database:
            raise WorldError("connectors are not available on this server, which connects to the database itself")
        current = values.text_at(values.plain(state).get("current"), "username")
        username = users["username2"] if current == users["username1"] else users["username1"]
        port = whole_number(database, "port", 0)
        if port not in _PORTS:
            raise WorldError("port must be the number of a port")
        password = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(_LENGTH))
        managing = database["managingUser"]
        admin = Administrator(database["host"], port, database["database"], managing["username"], managing["password"])
        self._set(admin, username, password)
        return values.record(username=username, password=values.secret(password))

    def _set(self, admin: Administrator, username: str, password: str) -> None:
        product = self.product()
        outbound, owner = self.access.backend.outbound, self.access.membership.org_id
        deadline = time.monotonic() + min(user_passwords.SECONDS, self.access.stopwatch.seconds_left())
        if deadline <= time.monotonic():
            raise WorldError(f"{admin.host}: the calls of this environment took too long together")
        try:
            with outbound.slots.taken(Purpose.ENVIRONMENT, owner):
                connection = outbound.connect(admin.host, admin.port, deadline - time.monotonic())
                needs_tls = not outbound.is_listed(admin.host)
                seconds = deadline - time.monotonic()
                user_passwords.set_password(product, connection, admin, username, password, needs_tls=needs_tls, seconds=seconds)
        except CallFailed as error:
            raise WorldError(str(error)) from None
        except PasswordNotSet as error:
            raise WorldError(f"{admin.host}: {error}") from None
        except Unavailable as error:
            raise WorldError(error.detail) from None
