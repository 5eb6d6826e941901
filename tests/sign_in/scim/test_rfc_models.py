"""Replies follow RFC 7643 and RFC 7644 as scim2-models reads them; `Directory.call` checks those of all other tests too."""

from typing import Any

import pytest
from httpx2 import Response
from pydantic import ValidationError
from scim2_models import Resource, Schema

from tests.sign_in.scim import rfc_models
from tests.sign_in.scim.directory_client import ENTERPRISE, USER, Directory
from tools.operations import routes

# Forms of documents; what the databases do differently, the other tests of this folder show.
pytestmark = pytest.mark.dialects("sqlite")
PROVIDER_CONFIG = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
PATHS = sorted({route.path.removeprefix("/scim/v2/{org}") for route in routes() if route.module == "scim.routes"})
# Every published attribute but `manager`: RFC 7643 wants its address in it, and no directory sends one.
WHOLE: dict[str, Any] = {
    "schemas": [USER, ENTERPRISE],
    "userName": "alice@example.com",
    "externalId": "00u1alice",
    "name": {"formatted": "Alice Doe", "givenName": "Alice", "familyName": "Doe"},
    "displayName": "Alice Doe",
    "title": "Engineer",
    "preferredLanguage": "en",
    "locale": "en-US",
    "timezone": "Europe/Berlin",
    "active": True,
    "emails": [{"value": "alice@example.com", "type": "work", "primary": True}],
    "phoneNumbers": [{"value": "tel:+1-201-555-0123", "type": "work"}],
    "roles": [{"value": "admin", "display": "Administrator", "primary": True}],
    ENTERPRISE: {"employeeNumber": "7", "costCenter": "4711", "organization": "Acme", "division": "EU", "department": "R&D"},
}


@pytest.mark.parametrize("path", PATHS)
def test_every_address_answers_in_the_form_of_the_rfc(directory: Directory, path: str) -> None:
    """Each address that can be read returns a resource, or a list of them, that the models accept."""
    user = directory.make("Users", **WHOLE)
    group = directory.make("Groups", displayName="Ops", members=[{"value": user["id"]}])
    of_kind = {"Users": user["id"], "Groups": group["id"], "ResourceTypes": "User", "Schemas": USER}
    kind = rfc_models.kind_of(path)
    reply = directory.call("GET", path if path.count("/") == 1 else f"/{kind}/{of_kind[kind]}")

    assert 200 == reply.status_code
    assert kind in rfc_models.MODELS


def test_a_user_follows_the_published_schemas(directory: Directory) -> None:
    """A user with every published attribute is valid by the schemas that the server publishes itself."""
    user = directory.make("Users", **WHOLE)
    published = {one["id"]: Schema.model_validate(one) for one in directory.get("/Schemas")["Resources"]}
    model = Resource.from_schema(published[USER])
    enterprise = {attribute.name for attribute in published[ENTERPRISE].attributes or []}
    core = {name: value for name, value in user.items() if name != ENTERPRISE}

    model.model_validate({**core, "schemas": [USER]})
    assert set(WHOLE[ENTERPRISE]) <= enterprise


class TestValidators:
    @pytest.mark.parametrize(
        ("path", "status", "document"),
        [
            ("/Users", 400, {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "x"}),
            ("/Users/1", 200, {"schemas": [USER], "userName": "a", "id": None}),
            ("/Users/1", 200, {"schemas": [USER], "userName": "a", "id": "1", "emails": ["a@example.com"]}),
            ("/Users", 200, {"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 1}),
            ("/Groups/1", 200, {"schemas": [USER], "id": "1", "displayName": "Ops"}),
            ("/ServiceProviderConfig", 200, {"schemas": [PROVIDER_CONFIG], "patch": {"supported": "perhaps"}}),
        ],
    )
    def test_refuse_a_wrong_reply(self, path: str, status: int, document: dict[str, Any]) -> None:
        """A reply that breaks the RFC is found, so the check of replies can fail."""
        with pytest.raises(ValidationError):
            rfc_models.validate_reply("GET", path, Response(status, json=document))

    @pytest.mark.parametrize(
        ("method", "path", "document"),
        [
            ("POST", "/Users", {"schemas": [USER]}),
            ("PUT", "/Users/1", {"schemas": [USER], "userName": "a", "emails": "a@example.com"}),
            ("PATCH", "/Users/1", {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "add"}]}),
        ],
    )
    def test_refuse_a_wrong_request(self, method: str, path: str, document: dict[str, Any]) -> None:
        """A request that breaks the RFC is found, so the check of requests can fail."""
        with pytest.raises(ValidationError):
            rfc_models.validate_request(method, path, document)
