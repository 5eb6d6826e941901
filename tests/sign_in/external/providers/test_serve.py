"""Each provider against `stackhold serve` as an operator starts it, over real connections, by a client that keeps cookies."""

import http.cookiejar
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.peers.github import GitHub
from tests.peers.gitlab import GitLab
from tests.peers.oauth_peer import OAuthPeer
from tests.peers.openid import OpenID
from tests.server.server_process import Served


class _Stays(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


class Client:
    """A browser without pages."""

    def __init__(self) -> None:
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(cookies, _Stays(), urllib.request.ProxyHandler({}))

    def get(self, address: str) -> tuple[int, str, str]:
        """The status, where it leads, and the text."""
        try:
            with self._opener.open(address, timeout=30) as reply:
                return reply.status, "", reply.read().decode()
        except urllib.error.HTTPError as other:
            with other:
                return other.code, other.headers.get("Location", ""), other.read().decode()


def now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def peer_of(key: str) -> Iterator[OAuthPeer]:
    """A provider."""
    peers: dict[str, Callable[[], OAuthPeer]] = {"github": GitHub, "gitlab": GitLab, "oidc": lambda: OpenID(now)}
    with peers[key]() as peer:
        yield peer


def sign_in(client: Client, served: Served, key: str) -> tuple[int, str, str]:
    """Goes all the way, and returns the last reply."""
    _, at_provider, _ = client.get(f"{served.url}/signin/{key}?return_to=/settings")
    _, back, _ = client.get(at_provider)
    parts = urlsplit(back)
    return client.get(f"{served.url}{parts.path}?{parts.query}")


@pytest.mark.parametrize("key", ["github", "gitlab", "oidc"])
class TestServe:
    def test_signs_in(self, tmp_path: Path, key: str) -> None:
        """A person signs in and sees their page; a replay of the answer, and a stranger's browser with it, are refused."""
        with peer_of(key) as peer:
            settings = {**peer.settings(), "STACKHOLD_OUTBOUND_ALLOW": "127.0.0.1"}
            with Served(tmp_path, **settings) as served:
                client = Client()
                status, where, _ = sign_in(client, served, key)
                page = client.get(f"{served.url}/settings")[2]
                _, at_provider, _ = client.get(f"{served.url}/signin/{key}")
                back = urlsplit(client.get(at_provider)[1])
                stolen = Client().get(f"{served.url}{back.path}?{back.query}")[0]
                log = served.log

        assert (303, "/settings") == (status, where)
        assert "alice@example.com" in page
        assert 400 == stolen
        assert peer.client_secret not in log

    def test_calls_no_private_address(self, tmp_path: Path, key: str) -> None:
        """Without the operator's list of exceptions a provider on loopback is not called."""
        with peer_of(key) as peer, Served(tmp_path, **peer.settings()) as served:
            client = Client()
            status, at_provider, _ = client.get(f"{served.url}/signin/{key}")
            if at_provider:  # GitHub and GitLab are called when the browser comes back
                back = urlsplit(client.get(at_provider)[1])
                status = client.get(f"{served.url}{back.path}?{back.query}")[0]

        assert 503 == status
        assert {"/login/oauth/authorize", "/oauth/authorize"} >= {one.path for one in peer.asked}
