"""What a directory sends and is answered (RFC 7643) as values: people, groups, and what is wrong with a request. No I/O."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from common.core.errors import BadRequest, Conflict, TooLarge

CORE = "urn:ietf:params:scim:schemas:core:2.0:"
USER_SCHEMA, GROUP_SCHEMA = f"{CORE}User", f"{CORE}Group"
ENTERPRISE_SCHEMA = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
NAME_LIMIT = 255
DOCUMENT_LIMIT_BYTES = 64 << 10
# How many people one request may put into a group or take out of it.
MEMBERS_LIMIT = 10_000
PAGE_LIMIT = 200
# What the service itself says of a resource; what a directory sends of it is passed over, as RFC 7644 3.5.1 asks.
_OURS = frozenset({"id", "meta", "schemas", "groups"})
_NEVER_KEPT = _OURS | {"password", "externalId", "active"}
_KNOWN = (
    "id",
    "meta",
    "schemas",
    "groups",
    "password",
    "externalId",
    "active",
    "userName",
    "displayName",
    "name",
    "emails",
    "nickName",
    "profileUrl",
    "title",
    "userType",
    "preferredLanguage",
    "locale",
    "timezone",
    "phoneNumbers",
    "ims",
    "photos",
    "addresses",
    "entitlements",
    "roles",
    "x509Certificates",
    "members",
)
_SPELLINGS = {name.lower(): name for name in _KNOWN}
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
_BOOLEANS = {"true": True, "false": False}
Document = dict[str, Any]


class ScimType(StrEnum):
    """The words of RFC 7644 3.12 for what is wrong."""

    INVALID_FILTER = "invalidFilter"
    INVALID_PATH = "invalidPath"
    INVALID_SYNTAX = "invalidSyntax"
    INVALID_VALUE = "invalidValue"
    MUTABILITY = "mutability"
    NO_TARGET = "noTarget"
    TOO_MANY = "tooMany"
    UNIQUENESS = "uniqueness"


class Invalid(BadRequest):
    """A request that cannot be, with the protocol's word for why."""

    def __init__(self, scim_type: ScimType, detail: str) -> None:
        """Carry the word beside the sentence."""
        super().__init__(detail)
        self.scim_type = scim_type


class Taken(Conflict):
    """The name belongs to another resource of the same organization."""

    scim_type = ScimType.UNIQUENESS


@dataclass(frozen=True, slots=True)
class Directory:
    """The organization whose directory calls, known by its token."""

    org_id: str
    org_login: str

    @property
    def provider(self) -> str:
        """Return what `identities` call the organization's own SAML provider."""
        return f"saml:{self.org_id}"


@dataclass(frozen=True, slots=True)
class TokenNote:
    """Who made an organization's token, when, and when it was last seen in use (unix milliseconds)."""

    created_by: str
    created_at: int
    last_used_at: int | None


@dataclass(frozen=True, slots=True)
class Profile:
    """What a directory says of a person. `active` is None where it says nothing; `email` is in lower case, or empty."""

    user_name: str
    external_id: str | None
    active: bool | None
    name: str
    email: str
    document: str

    @property
    def key(self) -> str:
        """Return the name by which no other person of the organization goes: case does not count."""
        return self.user_name.lower()


@dataclass(frozen=True, slots=True)
class User:
    """A person of a directory; times in unix milliseconds. `active` is whether they are a member who may come in."""

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
        """Return what the directory is told of the person, but for what the service itself adds."""
        found: Document = msgspec.json.decode(self.document)
        extensions = [name for name in found if name.lower().startswith("urn:")]
        own = {"externalId": self.external_id} if self.external_id is not None else {}
        return {"schemas": [USER_SCHEMA, *extensions], "id": self.id, **own, **found, "active": self.active}


@dataclass(frozen=True, slots=True)
class GroupMember:
    """A person in a group, by their id in the directory."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Group:
    """A group of a directory: a team; times in unix milliseconds. `members` is None where nobody asked for them."""

    id: str
    display_name: str
    external_id: str | None
    version: int
    created_at: int
    modified_at: int
    members: tuple[GroupMember, ...] | None = None


@dataclass(frozen=True, slots=True)
class GroupProfile:
    """What a directory says of a group; `members` are ids of its people, None where it says nothing of them."""

    display_name: str
    external_id: str | None
    members: frozenset[str] | None


def parse_user(sent: object) -> Profile:
    """Return what a document says of a person; raises Invalid, TooLarge for one that is too long to keep."""
    document = dict(_normal(_object(sent)))
    user_name = _text(document, "userName")
    if not user_name:
        raise Invalid(ScimType.INVALID_VALUE, "a user needs a userName")
    document["userName"] = user_name
    kept = msgspec.json.encode({name: value for name, value in document.items() if name not in _NEVER_KEPT})
    if len(kept) > DOCUMENT_LIMIT_BYTES:
        raise TooLarge(f"a user may have {DOCUMENT_LIMIT_BYTES:,} bytes of attributes, not {len(kept):,}")
    return Profile(
        user_name=user_name,
        external_id=_text(document, "externalId") or None,
        active=_active(document.get("active")),
        name=_name(document)[:NAME_LIMIT],
        email=_email(document.get("emails")),
        document=kept.decode(),
    )


def parse_group(sent: object) -> GroupProfile:
    """Return what a document says of a group; raises Invalid."""
    document = dict(_normal(_object(sent)))
    display_name = _text(document, "displayName")
    if not display_name:
        raise Invalid(ScimType.INVALID_VALUE, "a group needs a displayName")
    members = parse_members(document["members"]) if "members" in document else None
    return GroupProfile(display_name, _text(document, "externalId") or None, members)


def parse_members(sent: object) -> frozenset[str]:
    """Return the ids in a list of members, or in one member; raises Invalid for anything else and for too many."""
    entries = sent if isinstance(sent, list) else [sent]
    if len(entries) > MEMBERS_LIMIT:
        raise Invalid(ScimType.TOO_MANY, f"a request may name {MEMBERS_LIMIT:,} members; send the others in further ones")
    ids = [entry.get("value") if isinstance(entry, dict) else entry for entry in entries]
    if not all(isinstance(one, str) for one in ids):
        raise Invalid(ScimType.INVALID_VALUE, 'each of the members is an object like {"value": "<id of a user>"}')
    return frozenset(map(str, ids))


def parse_text(value: object, name: str) -> str:
    """Return a text that is short enough to keep, without space around it; empty for none. Raises Invalid."""
    return _text({name: value}, name)


def spelled(name: str) -> str:
    """Return an attribute's name as the RFC spells it, since case does not count; others as they came."""
    return _SPELLINGS.get(name.lower(), name)


def parse_boolean(value: object) -> bool | None:
    """Return a boolean that may have come as a text, as Entra ID sends it, or None for anything else."""
    return _BOOLEANS.get(value.strip().lower()) if isinstance(value, str) else value if isinstance(value, bool) else None


def _object(sent: object) -> Document:
    if not isinstance(sent, dict):
        raise Invalid(ScimType.INVALID_SYNTAX, "the request body is not a JSON object")
    return sent


def _normal(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the attributes that have a value, as the RFC spells them."""
    return ((spelled(name), value) for name, value in document.items() if value is not None and value != [])


def _text(document: Document, name: str) -> str:
    value = document.get(name, "")
    if value is None:
        return ""
    if not isinstance(value, str) or len(value.strip().lower()) > NAME_LIMIT or not value.isprintable():
        raise Invalid(ScimType.INVALID_VALUE, f"{name} is a text of at most {NAME_LIMIT} printable characters")
    return value.strip()


def _active(value: object) -> bool | None:
    found = parse_boolean(value)
    if value is not None and found is None:
        raise Invalid(ScimType.INVALID_VALUE, "active is true or false")
    return found


def _name(document: Document) -> str:
    """Return what others see the person called."""
    name = document.get("name")
    parts = name if isinstance(name, dict) else {}
    whole = " ".join(str(parts[part]) for part in ("givenName", "familyName") if parts.get(part))
    wanted = (document.get("displayName"), parts.get("formatted"), whole, document["userName"])
    return next(filter(None, (_printable(one) for one in wanted if isinstance(one, str))))


def _printable(text: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def _email(sent: object) -> str:
    """Return the primary address, else the one of work, else the first; empty for none that can be one."""
    entries = [one for one in sent if isinstance(one, dict)] if isinstance(sent, list) else []
    ordered = sorted(entries, key=lambda one: (parse_boolean(one.get("primary")) is not True, one.get("type") != "work"))
    found = next((one["value"].strip().lower() for one in ordered if isinstance(one.get("value"), str)), "")
    return found if _ADDRESS.fullmatch(found) and len(found) <= NAME_LIMIT else ""
