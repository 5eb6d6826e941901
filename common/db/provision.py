"""What comes before the first login of the application: the server answers, and its database and user are there."""

import re
import socket
import time

from sqlalchemy import text
from sqlalchemy.schema import CreateSchema

from common.core.errors import StartUpError
from common.db.address import MySQL
from common.db.engine import Database

WAIT_SECONDS = 180
_ATTEMPT_SECONDS, _PAUSE_SECONDS = 5, 0.5
# What a GRANT would take for a pattern.
_WILDCARD = re.compile(r"([_%\\])")
_ANYWHERE = "%"


def await_server(host: str, port: int, *, seconds: float = WAIT_SECONDS) -> None:
    """Return when a MySQL server greets at an address; raises StartUpError when it has not within some minutes."""
    deadline = time.monotonic() + seconds
    while not _greets(host, port):
        if time.monotonic() > deadline:
            raise StartUpError(
                f"no MySQL server answered at {host}:{port} within {seconds:.0f} seconds (PULUMI_DATABASE_PING_ENDPOINT)"
            )
        time.sleep(_PAUSE_SECONDS)


def create(administrator: Database, application: MySQL, *, with_user: bool) -> None:
    """Create the application's database, and its user with all rights there, where they are missing; a repeat is harmless.

    A user that is there keeps its password. Raises StartUpError for a user that only Azure can make.
    """
    if with_user and application.token is not None and application.token.server_plugin is None:
        raise StartUpError(
            "a user who signs in by Entra is created by Azure's database administrator: set SKIP_CREATE_DB_USER to true"
        )
    with administrator.connect() as connection:
        connection.execute(CreateSchema(application.database, if_not_exists=True))
        if not with_user:
            return
        quote = connection.dialect.identifier_preparer.quote_identifier
        database = quote(_WILDCARD.sub(r"\\\1", application.database)).replace(":", r"\:")
        name = {"user": application.user, "host": _ANYWHERE}
        if application.token is None:
            create_user = text("CREATE USER IF NOT EXISTS :user@:host IDENTIFIED BY :password")
            connection.execute(create_user, {**name, "password": application.password})
        else:
            connection.execute(
                text("CREATE USER IF NOT EXISTS :user@:host IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS'"), name
            )
        connection.execute(text(f"GRANT ALL PRIVILEGES ON {database}.* TO :user@:host"), name)


def _greets(host: str, port: int) -> bool:
    """Tell whether a server speaks first, as MySQL does; a port that is merely open may belong to what starts it."""
    try:
        with socket.create_connection((host, port), timeout=_ATTEMPT_SECONDS) as connection:
            return bool(connection.recv(1))
    except OSError:
        return False
