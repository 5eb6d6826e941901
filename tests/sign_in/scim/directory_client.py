"""Calls the server as directories do, in Okta's and in Entra ID's spelling; written from what both say of their requests."""

from typing import Any
from urllib.parse import quote

from httpx2 import Client, Response

from common.backend import Backend
from common.rights.caller import Caller
from common.sign_in.scim.service import tokens
from tests.sign_in.scim import rfc_models

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


class Directory:
    """An organization's directory with its token."""

    def __init__(self, client: Client, token: str, org: str = "acme") -> None:
        """Keep what every call needs."""
        self._client, self._token, self._org = client, token, org

    @classmethod
    def connect(cls, backend: Backend, client: Client, caller: Caller, org: str = "acme") -> "Directory":
        """Make the organization's token and return a directory that has it."""
        return cls(client, tokens.create(backend, caller, org).text, org)

    def call(self, method: str, path: str, **more: Any) -> Response:
        """Return the reply to a call, successful or not; the reply, and the request that it accepts, follow the RFC."""
        reply = self.request(method, path, **more)
        rfc_models.validate_reply(method, path, reply)
        if "json" in more and reply.is_success:
            rfc_models.validate_request(method, path, more["json"])
        return reply

    def request(self, method: str, path: str, **more: Any) -> Response:
        """Return the reply to a call, whether it follows the RFC or not."""
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/scim+json", **more.pop("headers", {})}
        return self._client.request(method, f"/scim/v2/{self._org}{path}", headers=headers, **more)

    def get(self, path: str) -> Any:
        """Return what there is at an address."""
        return self._good(self.call("GET", path), 200)

    def find(self, kind: str, condition: str, **query: str) -> list[Any]:
        """Return what a filter finds."""
        more = "".join(f"&{name}={quote(value)}" for name, value in query.items())
        found: list[Any] = self.get(f"/{kind}?filter={quote(condition)}{more}")["Resources"]
        return found

    def make(self, kind: str, **document: Any) -> Any:
        """Make a resource."""
        return self._good(self.call("POST", f"/{kind}", json=document), 201)

    def add(self, user_name: str, **document: Any) -> Any:
        """Make a person as Okta does."""
        address = user_name if "@" in user_name else f"{user_name}@example.com"
        emails = [{"primary": True, "value": address, "type": "work"}]
        return self.make("Users", **{"schemas": [USER], "userName": user_name, "emails": emails, "active": True, **document})

    def put(self, path: str, **document: Any) -> Any:
        """Replace a resource."""
        return self._good(self.call("PUT", path, json=document), 200)

    def patch(self, path: str, *operations: dict[str, Any]) -> Response:
        """Change a resource, whatever comes of it."""
        return self.call("PATCH", path, json={"schemas": [PATCH], "Operations": list(operations)})

    def deactivate(self, user: Any) -> Response:
        """Deactivates a person as Okta does."""
        return self.patch(f"/Users/{user['id']}", {"op": "replace", "value": {"active": False}})

    @staticmethod
    def _good(reply: Response, status: int) -> Any:
        assert status == reply.status_code, reply.text
        assert reply.headers["content-type"] == "application/scim+json"
        return reply.json()


def error_of(reply: Response) -> tuple[int, str | None]:
    """Return the status of an error and the protocol's word, after a look at its form."""
    body = reply.json()
    assert "application/scim+json" == reply.headers["content-type"]
    assert ([ERROR], str(reply.status_code)) == (body["schemas"], body["status"])
    assert body["detail"]
    return reply.status_code, body.get("scimType")
