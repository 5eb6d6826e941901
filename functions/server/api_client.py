"""Calls an installation's API as the signed-in user, for commands that work on any installation, near or far."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from common.core.errors import StartUpError

_TIMEOUT_SECONDS = 120
_ADVICE = "run `pulumi login`, or set PULUMI_BACKEND_URL and PULUMI_ACCESS_TOKEN"


class ApiClient:
    """An installation and a token for it."""

    def __init__(self, url: str, token: str) -> None:
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"token {token}", "Accept": "application/vnd.pulumi+8"},
            timeout=_TIMEOUT_SECONDS,
        )

    @classmethod
    def signed_in(cls, environment: Mapping[str, str]) -> "ApiClient":
        """Return a client for the installation that `pulumi login` chose, unless settings name one. Raises StartUpError."""
        credentials = _credentials(environment)
        url = (environment.get("PULUMI_BACKEND_URL") or str(credentials.get("current") or "")).rstrip("/")
        if not url.startswith(("http://", "https://")):
            raise StartUpError(f"no installation is signed in to: {_ADVICE}")
        tokens = credentials.get("accessTokens")
        token = environment.get("PULUMI_ACCESS_TOKEN") or (tokens.get(url) if isinstance(tokens, dict) else None)
        if not isinstance(token, str) or not token:
            raise StartUpError(f"there is no access token for {url}: {_ADVICE}")
        try:
            return cls(url, token)
        except httpx.InvalidURL as error:
            raise StartUpError(f"{url} is not an address: {error}") from error

    def get(self, path: str, **query: str) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON of a reply; raises StartUpError with what the server says."""
        return self._call("GET", path, query)[1]

    def get_text(self, path: str) -> str:
        """Return the JSON of a reply as the server wrote it, with every number as it is; raises StartUpError likewise."""
        return self._call("GET", path, {})[0]

    def post(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON of a reply to a call without a body; raises StartUpError with what the server says."""
        return self._call("POST", path, {})[1]

    def _call(self, method: str, path: str, query: Mapping[str, str]) -> tuple[str, Any]:
        try:
            # The server may lead to a link of its object store, which wants no token: the library leaves it out there.
            reply = self._http.request(method, path.lstrip("/"), params=dict(query), follow_redirects=True)
        except httpx.HTTPError as error:
            raise StartUpError(f"{self._http.base_url} cannot be reached: {error}") from error
        try:
            value = reply.json()
        except ValueError as error:
            raise StartUpError(f"{self._http.base_url} answered {reply.status_code} without JSON") from error
        if reply.is_error:
            message = value.get("message") if isinstance(value, dict) else None
            raise StartUpError(str(message or f"the server answered {reply.status_code}"))
        return reply.text, value


def stack_path(stack: str) -> str:
    """Return the address of a stack, `organization/project/stack`, in the API. Raises StartUpError."""
    parts = stack.split("/")
    if len(parts) != 3 or not all(parts):
        raise StartUpError(f"{stack[:300]!a} is no stack: write organization/project/stack")
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
