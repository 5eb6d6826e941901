"""The vendor's Python SDK, as one person uses it, with a record of what it has called and understood."""

import json
import urllib.error
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pulumi_cloud_sdk.api_client import ApiClient
from pulumi_cloud_sdk.apis import (
    EnvironmentsApi,
    InsightsApi,
    MiscellaneousApi,
    OrganizationsApi,
    RegistryApi,
    StacksApi,
    UsersApi,
)
from pulumi_cloud_sdk.configuration import Configuration

LIMIT_SECONDS = 30.0
# An operation as the table names it: method and path, parameters in braces.
Called = tuple[str, str]


class Refused(Exception):
    """The server answered with an error; the SDK's own exception does not tell what the server said."""

    def __init__(self, call: Called, status: int, body: str) -> None:
        super().__init__(f"{' '.join(call)}: {status} {body[:500]}")
        self.status, self.body = status, body

    @property
    def document(self) -> Any:
        """The wire's error document."""
        return json.loads(self.body)


class Recorder:
    """Stands where the SDK's own client stands, and remembers each operation that came back decoded."""

    def __init__(self, url: str, token: str, decoded: set[Called], headers: dict[str, str] | None = None) -> None:
        configuration = Configuration()
        configuration.host, configuration.access_token = url, token
        self._client, self._decoded = ApiClient(configuration), decoded

        # The SDK knows access tokens alone, and sends these headers where it has none.
        self._client.default_headers |= headers or {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def call_api(self, resource_path: str, method: str, *arguments: Any, **options: Any) -> Any:
        """Call, and remember the call unless the server refused or the SDK could not read the reply."""
        return self._call(self._client.call_api, resource_path, method, *arguments, **options)

    def call_api_with_headers(self, resource_path: str, method: str, *arguments: Any, **options: Any) -> Any:
        """Call in the way that returns headers too."""
        return self._call(self._client.call_api_with_headers, resource_path, method, *arguments, **options)

    def _call(self, call: Callable[..., Any], resource_path: str, method: str, *arguments: Any, **options: Any) -> Any:
        options["_request_timeout"] = LIMIT_SECONDS
        try:
            reply = call(resource_path, method, *arguments, **options)
        except urllib.error.HTTPError as refusal:
            with refusal:
                raise Refused((method, resource_path), refusal.code, refusal.read().decode()) from None
        self._decoded.add((method, resource_path))
        return reply


@dataclass(frozen=True, slots=True)
class Person:
    """A user who is signed in, by one of the SDK's groups of operations each.

    The groups are Any: the SDK has annotations, but they are texts that no type checker can follow.
    """

    login: str
    token: str = field(repr=False)
    orgs: Any = field(repr=False)
    stacks: Any = field(repr=False)
    users: Any = field(repr=False)
    general: Any = field(repr=False)
    insights: Any = field(repr=False)
    registry: Any = field(repr=False)
    environments: Any = field(repr=False)


def sign_in(url: str, login: str, token: str, decoded: set[Called]) -> Person:
    """Return a person who uses the server at `url`; what they call is added to `decoded`."""
    client = Recorder(url, token, decoded)
    groups = (OrganizationsApi, StacksApi, UsersApi, MiscellaneousApi, InsightsApi, RegistryApi, EnvironmentsApi)
    return Person(login, token, *(group(client) for group in groups))


def with_lease(url: str, token: str, decoded: set[Called]) -> Any:
    """Return the operations of stacks as an engine calls them, with the token of an update's lease."""
    return StacksApi(Recorder(url, "", decoded, {"Authorization": f"update-token {token}"}))
