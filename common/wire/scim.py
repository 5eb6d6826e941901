"""SCIM 2.0 (RFC 7643, RFC 7644): what replies are made of, and the token that an organization's directory is given."""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

LIST_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error"


class ListResponse(msgspec.Struct):
    """RFC 7644 3.4.2; `Resources` is there even when it is empty, since clients read it without looking."""

    totalResults: int
    itemsPerPage: int
    startIndex: int
    Resources: list[dict[str, Any]]
    schemas: tuple[str, ...] = (LIST_SCHEMA,)


class ErrorBody(msgspec.Struct, rename="camel"):
    """RFC 7644 3.12; `status` is a text."""

    status: str
    detail: str
    scim_type: str | UnsetType = UNSET
    schemas: tuple[str, ...] = (ERROR_SCHEMA,)


class Meta(msgspec.Struct, rename="camel"):
    """RFC 7643 3.1; `version` is a weak entity tag."""

    resource_type: str
    created: datetime
    last_modified: datetime
    location: str
    version: str


class ScimToken(msgspec.Struct, rename="camel"):
    """Ours: whether an organization's directory may call, who made its token, and when it was last used."""

    base_url: str
    exists: bool
    created_by: str | UnsetType = UNSET
    created: datetime | UnsetType = UNSET
    last_used: datetime | UnsetType = UNSET


class CreateScimTokenResponse(msgspec.Struct, rename="camel"):
    """Ours: the only place where the text of a token is told."""

    base_url: str
    token_value: str

    def __repr__(self) -> str:
        """Leave the token's text out."""
        return f"CreateScimTokenResponse(base_url={self.base_url!r})"
