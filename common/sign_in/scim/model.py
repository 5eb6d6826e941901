"""What a directory manages here (RFC 7643), as values: users, groups, and what is wrong with a request. No I/O."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from common.core.errors import BadRequest, Conflict

CORE = "urn:ietf:params:scim:schemas:core:2.0:"
USER_SCHEMA, GROUP_SCHEMA = f"{CORE}User", f"{CORE}Group"
ENTERPRISE_SCHEMA = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
# The most members that one request may add to a group or remove from it.
MEMBERS_LIMIT = 10_000
PAGE_LIMIT = 200
Document = dict[str, Any]


class ScimType(StrEnum):
    """The keywords of RFC 7644 3.12 for what is wrong."""

    INVALID_FILTER = "invalidFilter"
    INVALID_PATH = "invalidPath"
    INVALID_SYNTAX = "invalidSyntax"
    INVALID_VALUE = "invalidValue"
    MUTABILITY = "mutability"
    NO_TARGET = "noTarget"
    TOO_MANY = "tooMany"
    UNIQUENESS = "uniqueness"


class InvalidRequest(BadRequest):
    """A request that the protocol does not allow, with its keyword for the reason."""

    def __init__(self, scim_type: ScimType, detail: str) -> None:
        """Keep the keyword beside the message."""
        super().__init__(detail)
        self.scim_type = scim_type


class NameConflict(Conflict):
    """The name belongs to another resource of the same organization."""

    scim_type = ScimType.UNIQUENESS


@dataclass(frozen=True, slots=True)
class Directory:
    """The organization that a directory manages, known by the directory's token; `source_ip` is where the request came from."""

    org_id: str
    org_login: str
    source_ip: str = ""

    @property
    def provider(self) -> str:
        """Return the name that the organization's own SAML provider has in the table of identities."""
        return f"saml:{self.org_id}"


@dataclass(frozen=True, slots=True)
class TokenDetails:
    """Who created an organization's token, when, and when it was last used (unix milliseconds)."""

    created_by: str
    created_at: int
    last_used_at: int | None


@dataclass(frozen=True, slots=True)
class UserProfile:
    """A user as a directory describes them. `active` is None if it is not in the document; `email` is in lower case, or empty."""

    user_name: str
    external_id: str | None
    active: bool | None
    name: str
    email: str
    document: str

    @property
    def key(self) -> str:
        """Return the user name in lower case, which is unique in the organization."""
        return self.user_name.lower()


@dataclass(frozen=True, slots=True)
class User:
    """A user of a directory; times in unix milliseconds. `active` is True for members who are not suspended."""

    id: str
    user_id: str
    user_name: str
    external_id: str | None
    active: bool
    document: str
    version: int
    created_at: int
    modified_at: int

    def attributes(self) -> Document:
        """Return the user's attributes as a document, without those of `meta`."""
        document: Document = msgspec.json.decode(self.document)
        extensions = [name for name in document if name.lower().startswith("urn:")]
        external_id = {"externalId": self.external_id} if self.external_id is not None else {}
        return {"schemas": [USER_SCHEMA, *extensions], "id": self.id, **external_id, **document, "active": self.active}


@dataclass(frozen=True, slots=True)
class GroupMember:
    """A user in a group, by their id in the directory."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Group:
    """A group of a directory, which is a team here; times in unix milliseconds. `members` is None if they were not loaded."""

    id: str
    display_name: str
    external_id: str | None
    version: int
    created_at: int
    modified_at: int
    members: tuple[GroupMember, ...] | None = None


@dataclass(frozen=True, slots=True)
class GroupProfile:
    """A group as a directory describes it; `members` are ids of its users, None if they are not in the document."""

    display_name: str
    external_id: str | None
    members: frozenset[str] | None
