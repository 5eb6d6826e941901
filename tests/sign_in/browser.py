"""A browser that goes through a sign-in step by step, and an installation that knows providers on loopback."""

import http.client
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode, urlsplit

from httpx2 import Response
from sqlalchemy import select
from starlette.testclient import TestClient

from common.backend import Backend
from common.db.tables.people import users
from common.db.tables.sign_in import identities
from common.ports.outbound import Outbound
from common.rights.caller import Caller
from common.sign_in.sessions import service as sessions
from functions.http.app import create_app
from tests.factories.settings import with_settings

LOOPBACK = "127.0.0.1"


class Rerouted(Outbound):
    """Calls out as ever, but to a peer on loopback where a public host is meant."""

    def __init__(self, places: Mapping[str, str]) -> None:
        super().__init__(LOOPBACK)
        self._places = places

    def call(self, method: str, url: str, **content: Any) -> Any:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        return super().call(method, url.replace(origin, self._places.get(origin, origin), 1), **content)


def installed(backend: Backend, outbound: Outbound | None = None, /, **settings: str) -> Backend:
    """The backend with further settings, which may call loopback."""
    return replace(with_settings(backend, **settings), outbound=outbound or Outbound(LOOPBACK))


class Browser:
    """Keeps cookies and follows no redirect by itself."""

    def __init__(self, backend: Backend, host: str = "testclient") -> None:
        self.backend = backend
        self.client = TestClient(
            create_app(backend), follow_redirects=False, raise_server_exceptions=False, client=(host, 50_000)
        )

    def begin(self, key: str, return_to: str = "") -> str:
        """Presses a provider's button, and returns where it leads."""
        query = f"?{urlencode({'return_to': return_to})}" if return_to else ""
        return location(self.client.get(f"/signin/{key}{query}"))

    def consent(self, address: str, origin: str = "") -> str:
        """Agrees at the provider, and returns where it leads back to; `origin` is where the provider really is."""
        there, parts = urlsplit(origin or address), urlsplit(address)
        connection = http.client.HTTPConnection(there.netloc, timeout=10)
        try:
            connection.request("GET", f"{parts.path}?{parts.query}")
            reply = connection.getresponse()
            assert 302 == reply.status, reply.read()
            return reply.headers["Location"]
        finally:
            connection.close()

    def come_back(self, address: str) -> Response:
        """Comes back from a provider."""
        parts = urlsplit(address)
        return self.client.get(f"{parts.path}?{parts.query}")

    def sign_in(self, key: str, return_to: str = "") -> Response:
        """Goes all the way, and returns the last reply."""
        return self.come_back(self.consent(self.begin(key, return_to)))

    @property
    def caller(self) -> Caller | None:
        """Who is signed in."""
        cookie = self.client.cookies.get("stackhold")
        return sessions.authenticate(self.backend, cookie) if cookie else None

    @property
    def login(self) -> str | None:
        """The login of who is signed in."""
        caller = self.caller
        return caller.login if caller is not None else None


def location(response: Response) -> str:
    """Where a reply leads."""
    assert 303 == response.status_code, response.text
    return response.headers["Location"]


def people(backend: Backend) -> dict[str, str]:
    """The users but the administrator: login → address."""
    with backend.db.connect() as connection:
        rows = connection.execute(select(users.c.login, users.c.email).where(users.c.is_machine.is_(False)))
        return {row.login: row.email for row in rows if row.login != "admin"}


def linked(backend: Backend) -> list[tuple[str, str, str]]:
    """The identities: user, provider and subject."""
    query = select(users.c.login, identities.c.provider, identities.c.subject).join(users, users.c.id == identities.c.user_id)
    with backend.db.connect() as connection:
        return [tuple(row) for row in connection.execute(query.order_by(users.c.login, identities.c.provider))]
