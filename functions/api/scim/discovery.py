"""Describes this server to a directory (RFC 7643 5 to 7): its features, resources and attributes."""

from collections.abc import Iterator
from typing import Any

from common.sign_in.scim.model import ENTERPRISE_SCHEMA, GROUP_SCHEMA, PAGE_LIMIT, USER_SCHEMA, Document

_META = "urn:ietf:params:scim:schemas:core:2.0:"


def provider_config(base_url: str) -> Document:
    """Return the features of the server."""
    off = {"supported": False}
    return {
        "schemas": [f"{_META}ServiceProviderConfig"],
        "patch": {"supported": True},
        "bulk": {**off, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": PAGE_LIMIT},
        "changePassword": off,
        "sort": off,
        "etag": off,
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Bearer token",
                "primary": True,
                "description": "The token that an administrator of the organization created for its directory.",
            },
        ],
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{base_url}/ServiceProviderConfig"},
    }


def resource_types(base_url: str) -> list[Document]:
    """Return the types of resources."""
    user = _resource_type(base_url, "User", USER_SCHEMA)
    user["schemaExtensions"] = [{"schema": ENTERPRISE_SCHEMA, "required": False}]
    return [user, _resource_type(base_url, "Group", GROUP_SCHEMA)]


def schemas(base_url: str) -> list[Document]:
    """Return the attributes of each type. A user may have others too, which are kept as they were sent."""
    return [
        _schema(base_url, USER_SCHEMA, "User", _user_attributes()),
        _schema(base_url, GROUP_SCHEMA, "Group", _group_attributes()),
        _schema(base_url, ENTERPRISE_SCHEMA, "EnterpriseUser", _enterprise_attributes()),
    ]


def _user_attributes() -> Iterator[Document]:
    yield _text("userName", required=True, uniqueness="server")
    yield _complex("name", [_text("formatted"), _text("familyName"), _text("givenName")])
    yield from (_text(name) for name in ("displayName", "title", "preferredLanguage", "locale", "timezone"))
    yield _attribute("active", "boolean")
    values = [_text("value"), _text("type"), _text("display"), _attribute("primary", "boolean")]
    yield from (_complex(name, values, is_many=True) for name in ("emails", "phoneNumbers", "roles"))


def _group_attributes() -> Iterator[Document]:
    yield _text("displayName", required=True, uniqueness="server", caseExact=True)
    reference = _attribute("$ref", "reference", mutability="readOnly", referenceTypes=["User"])
    parts = [_text("value", mutability="immutable"), reference, _text("display", mutability="readOnly"), _text("type")]
    yield _complex("members", parts, is_many=True)


def _enterprise_attributes() -> Iterator[Document]:
    yield from (_text(name) for name in ("employeeNumber", "costCenter", "organization", "division", "department"))
    yield _complex("manager", [_text("value"), _text("displayName")])


def _resource_type(base_url: str, name: str, schema: str) -> Document:
    return {
        "schemas": [f"{_META}ResourceType"],
        "id": name,
        "name": name,
        "endpoint": f"/{name}s",
        "schema": schema,
        "meta": {"resourceType": "ResourceType", "location": f"{base_url}/ResourceTypes/{name}"},
    }


def _schema(base_url: str, schema: str, name: str, attributes: Iterator[Document]) -> Document:
    return {
        "schemas": [f"{_META}Schema"],
        "id": schema,
        "name": name,
        "attributes": list(attributes),
        "meta": {"resourceType": "Schema", "location": f"{base_url}/Schemas/{schema}"},
    }


def _text(name: str, **characteristics: Any) -> Document:  # noqa: ANN401 - any JSON
    return _attribute(name, "string", **{"caseExact": False, "uniqueness": "none", **characteristics})


def _complex(name: str, parts: list[Document], *, is_many: bool = False) -> Document:
    return _attribute(name, "complex", subAttributes=parts, multiValued=is_many)


def _attribute(name: str, kind: str, **characteristics: Any) -> Document:  # noqa: ANN401 - any JSON
    defaults = {"multiValued": False, "required": False, "mutability": "readWrite", "returned": "default"}
    return {"name": name, "type": kind, **defaults, **characteristics}
