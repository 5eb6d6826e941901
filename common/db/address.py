"""Where a MySQL server is and how one gets in there."""

from dataclasses import dataclass
from ssl import SSLContext
from typing import Protocol

from common.core.errors import StartUpError


class Token(Protocol):
    """A password that is good for minutes and made anew for each connection that needs one."""

    # How the server checks such a login, None where only the cloud itself can set a user up for it.
    server_plugin: str | None

    def current(self) -> str:
        """Return a token that is good now; raises Unavailable when none can be had at the moment."""

    def forget(self) -> None:
        """Drop a token that was kept: the server refused it, so the next one must be new."""


@dataclass(frozen=True, slots=True)
class MySQL:
    """Where a MySQL server is and who we are to it: by a password, or by tokens."""

    host: str
    port: int
    database: str
    user: str
    password: str = ""
    tls: SSLContext | None = None
    token: Token | None = None
    # A server that pauses takes no connection for a while: so long a request waits for it. 0: it never pauses.
    wake_seconds: int = 0

    def __post_init__(self) -> None:
        """Refuse to send a token, which travels as it is, to a server that is not verified."""
        if self.token is not None and (self.tls is None or not self.tls.check_hostname):
            raise StartUpError(
                "a database login by token needs verified TLS: set DATABASE_CA_CERTIFICATE or DATABASE_MIN_TLS_VERSION"
            )

    def __repr__(self) -> str:
        """Leave the password out."""
        return f"MySQL({self.user}@{self.host}:{self.port}/{self.database})"
