"""Calls an installation's API as the signed-in user, for commands that work on any installation, near or far."""

import json
import os
import time
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from common.core.errors import StartUpError

_TIMEOUT_SECONDS = 120
# A service that is busy is asked again, after the time that it names or one that doubles.
_BUSY = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
_LONGEST_PAUSE_SECONDS = 60.0
# Far more than a state that a server takes.
_MOST_BYTES = 1 << 30
_ADVICE = "run `pulumi login`, or set PULUMI_BACKEND_URL and PULUMI_ACCESS_TOKEN"


class ApiClient:
    """An installation and a token for it."""

    def __init__(self, url: str, token: str, *, attempts: int = 1) -> None:
        """Call nothing yet; a call to a busy server is made so many times at most."""
        self.url, self._attempts = url, attempts
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"token {token}", "Accept": "application/vnd.pulumi+8"},
            timeout=_TIMEOUT_SECONDS,
        )

    @classmethod
    def signed_in(cls, environment: Mapping[str, str], *, attempts: int = 1) -> "ApiClient":
        """Return a client for the installation that `pulumi login` chose, unless settings name one. Raises StartUpError."""
        credentials = _credentials(environment)
        url = (environment.get("PULUMI_BACKEND_URL") or str(credentials.get("current") or "")).rstrip("/")
        if not url.startswith(("http://", "https://")):
            raise StartUpError(f"no installation is signed in to: {_ADVICE}")
        tokens = credentials.get("accessTokens")
        token = environment.get("PULUMI_ACCESS_TOKEN") or (tokens.get(url) if isinstance(tokens, dict) else None)
        if not isinstance(token, str) or not token:
            raise StartUpError(f"there is no access token for {url}: {_ADVICE}")
        return cls.connected(url, token, attempts=attempts)

    @classmethod
    def connected(cls, url: str, token: str, *, attempts: int = 1) -> "ApiClient":
        """Return a client for the installation at an address. Raises StartUpError."""
        try:
            return cls(url, token, attempts=attempts)
        except httpx.InvalidURL as error:
            raise StartUpError(f"{url} is not an address: {error}") from error

    def get(self, path: str, **query: str) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON of a reply; raises StartUpError with what the server says."""
        return self._json(self._call("GET", path, query))

    def get_text(self, path: str) -> str:
        """Return the JSON of a reply as the server wrote it, with every number as it is; raises StartUpError likewise."""
        content = self._call("GET", path, {})
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            raise StartUpError(f"{self._http.base_url} answered with a text that is not UTF-8") from error

    def post(self, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON of a reply to a call with a JSON body, or without; raises StartUpError with what the server says."""
        return self._json(self._call("POST", path, {}, body))

    def _call(self, method: str, path: str, query: Mapping[str, str], body: object = None) -> bytes:
        for attempt in range(1, self._attempts + 1):
            reply, content = self._send(method, path, query, body)
            if reply.status_code not in _BUSY or attempt == self._attempts:
                break
            time.sleep(_pause_seconds(reply, attempt))
        if not reply.is_success:
            value = self._json(content, reply.status_code)
            message = value.get("message") if isinstance(value, dict) else None
            # A terminal will show it.
            words = "".join(character if character.isprintable() else " " for character in str(message or ""))
            raise StartUpError(words or f"the server answered {reply.status_code}")
        return content

    def _send(self, method: str, path: str, query: Mapping[str, str], body: object) -> tuple[httpx.Response, bytes]:
        content = bytearray()
        try:
            # The server may lead to a link of its object store, which wants no token: the library leaves it out there.
            with self._http.stream(method, path.lstrip("/"), params=dict(query), json=body, follow_redirects=True) as reply:
                for part in reply.iter_bytes():
                    content += part
                    if len(content) > _MOST_BYTES:
                        raise StartUpError(f"{self._http.base_url} answered with more than {_MOST_BYTES:,} bytes")
        except httpx.HTTPError as error:
            raise StartUpError(f"{self._http.base_url} cannot be reached: {error}") from error
        return reply, bytes(content)

    def _json(self, content: bytes, status: int = HTTPStatus.OK) -> Any:  # noqa: ANN401 - JSON
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            raise StartUpError(f"{self._http.base_url} answered {status} without JSON") from error


def _pause_seconds(reply: httpx.Response, attempt: int) -> float:
    named = reply.headers.get("Retry-After", "")
    return min(float(named) if named.isascii() and named.isdigit() else 0.5 * 2**attempt, _LONGEST_PAUSE_SECONDS)


def stack_path(stack: str) -> str:
    """Return the address of a stack, `organization/project/stack`, in the API. Raises StartUpError."""
    parts = stack.split("/")
    if len(parts) != 3 or not all(parts):
        raise StartUpError(f"{stack[:300]!a} is not a stack: write organization/project/stack")
    return "/api/stacks/" + "/".join(quote(part, safe="") for part in parts)


def _credentials(environment: Mapping[str, str]) -> dict[str, Any]:
    folder = environment.get("PULUMI_CREDENTIALS_PATH") or environment.get("PULUMI_HOME")
    path = (Path(folder) if folder else Path.home() / ".pulumi") / "credentials.json"
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def signed_in() -> ApiClient:
    """Return a client for the installation that this process's user is signed in to."""
    return ApiClient.signed_in(os.environ)
