"""Reads the documents of users and groups that directories send (RFC 7643). No I/O.

An attribute of the wrong type is refused. Two forms that directories use in its place are understood: a single value where a
list is expected, and a text where a list has objects. Attributes that the RFC does not name are kept as they were sent.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from common.core.errors import TooLarge
from common.sign_in.scim.model import MEMBERS_LIMIT, Document, GroupProfile, InvalidRequest, ScimType, UserProfile

NAME_LIMIT = 255
DOCUMENT_LIMIT_BYTES = 64 << 10
_TEXTS = ("displayName", "nickName", "profileUrl", "title", "userType", "preferredLanguage", "locale", "timezone")
_LISTS = ("emails", "phoneNumbers", "ims", "photos", "addresses", "entitlements", "roles", "x509Certificates")
# The server itself decides these; RFC 7644 3.5.1 asks to ignore them in a request.
_READ_ONLY = ("id", "meta", "schemas", "groups")
_NOT_IN_DOCUMENT = frozenset((*_READ_ONLY, "password", "externalId", "active"))
_NAMES = {name.lower(): name for name in (*_NOT_IN_DOCUMENT, "userName", "name", "members", *_TEXTS, *_LISTS)}
# The parts of a value in a list that are one line of text. An address may have several lines.
_LINES = ("value", "display", "type")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
_CONTROL_CHARACTERS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_BOOLEANS = {"true": True, "false": False}


def parse_user(document: object) -> UserProfile:
    """Return the user that a document describes; raises InvalidRequest, and TooLarge for too many bytes of attributes."""
    attributes: Document = {name: _checked(name, value) for name, value in _attributes(document)}
    user_name = _text(attributes, "userName")
    if not user_name:
        raise InvalidRequest(ScimType.INVALID_VALUE, "a user needs a userName")
    attributes["userName"] = user_name
    stored = msgspec.json.encode({name: value for name, value in attributes.items() if name not in _NOT_IN_DOCUMENT})
    if len(stored) > DOCUMENT_LIMIT_BYTES:
        raise TooLarge(f"a user may have at most {DOCUMENT_LIMIT_BYTES:,} bytes of attributes, not {len(stored):,}")
    return UserProfile(
        user_name=user_name,
        external_id=_text(attributes, "externalId") or None,
        active=_active(attributes.get("active")),
        name=_full_name(attributes)[:NAME_LIMIT],
        email=_email(attributes.get("emails", [])),
        document=stored.decode(),
    )


def without_invalid(document: Document) -> Document:
    """Return a stored user's attributes without the values of a wrong type, which earlier releases accepted.

    A PATCH is then refused for what it brings itself, and never for what was stored before it.
    """
    valid = {name: _valid_part(name, value) for name, value in _attributes(document)}
    return {name: value for name, value in valid.items() if value is not None}


def parse_group(document: object) -> GroupProfile:
    """Return the group that a document describes; raises InvalidRequest."""
    attributes = dict(_attributes(document))
    display_name = _text(attributes, "displayName")
    if not display_name:
        raise InvalidRequest(ScimType.INVALID_VALUE, "a group needs a displayName")
    members = parse_members(attributes["members"]) if "members" in attributes else None
    return GroupProfile(display_name, _text(attributes, "externalId") or None, members)


def parse_members(value: object) -> frozenset[str]:
    """Return the ids in a list of members, or in one member; raises InvalidRequest for anything else and for too many."""
    entries = value if isinstance(value, list) else [value]
    if len(entries) > MEMBERS_LIMIT:
        raise InvalidRequest(
            ScimType.TOO_MANY, f"a request may name at most {MEMBERS_LIMIT:,} members; send the others in another one"
        )
    ids = [entry.get("value") if isinstance(entry, dict) else entry for entry in entries]
    if not all(isinstance(member_id, str) for member_id in ids):
        raise InvalidRequest(ScimType.INVALID_VALUE, 'each of the members must be an object like {"value": "<id of a user>"}')
    return frozenset(map(str, ids))


def parse_text(value: object, name: str) -> str:
    """Return a text without space around it, or an empty one; raises InvalidRequest if it is too long or not printable."""
    return _text({name: value}, name)


def parse_boolean(value: object) -> bool | None:
    """Return a boolean that may have come as a text, as Entra ID sends it, or None for anything else."""
    return _BOOLEANS.get(value.strip().lower()) if isinstance(value, str) else value if isinstance(value, bool) else None


def canonical_name(name: str) -> str:
    """Return an attribute's name as the RFC writes it, since case does not count; an unknown name stays as it is."""
    return _NAMES.get(name.lower(), name)


def _attributes(document: object) -> Iterator[tuple[str, Any]]:
    """Return the attributes that have a value, with their canonical names."""
    if not isinstance(document, Mapping):
        raise InvalidRequest(ScimType.INVALID_SYNTAX, "the request body is not a JSON object")
    return ((canonical_name(name), value) for name, value in document.items() if value is not None and value != [])


def _checked(name: str, value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return the value of an attribute in the type that the RFC gives it, with names on a single line."""
    if name in _TEXTS:
        return _line(value, name)
    if name == "name":
        if not isinstance(value, dict):
            raise InvalidRequest(ScimType.INVALID_VALUE, "name must be an object with givenName and familyName")
        return {part: _line(text, f"name.{part}") for part, text in value.items() if text is not None}
    if name in _LISTS:
        return [_entry(name, entry) for entry in (value if isinstance(value, list) else [value])]
    return value


def _entry(name: str, entry: object) -> Document:
    if isinstance(entry, str):
        entry = {"value": entry}
    if not isinstance(entry, dict):
        raise InvalidRequest(ScimType.INVALID_VALUE, f"each of the {name} must be an object with a value")
    return {
        part: _line(value, f"{name}.{part}") if part in _LINES else value for part, value in entry.items() if value is not None
    }


def _valid_part(name: str, value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return what _checked accepts of a value, or None."""
    if name in _TEXTS:
        return value if isinstance(value, str) else None
    if name == "name":
        return {part: text for part, text in value.items() if isinstance(text, str)} if isinstance(value, dict) else None
    if name in _LISTS:
        return [_valid_entry(entry) for entry in (value if isinstance(value, list) else [value]) if isinstance(entry, str | dict)]
    return value


def _valid_entry(entry: str | Document) -> Document:
    if isinstance(entry, str):
        return {"value": entry}
    return {part: value for part, value in entry.items() if part not in _LINES or isinstance(value, str)}


def _line(value: object, name: str) -> str:
    """Return a text with line breaks and control characters replaced by a space.

    People's names come from other systems with such characters in them. To refuse them would keep a user out.
    """
    if not isinstance(value, str):
        raise InvalidRequest(ScimType.INVALID_VALUE, f"{name[:100]} must be a string")
    return _CONTROL_CHARACTERS.sub(" ", value).strip() if _CONTROL_CHARACTERS.search(value) else value


def _text(attributes: Document, name: str) -> str:
    value = attributes.get(name, "")
    if value is None:
        return ""
    if not isinstance(value, str) or len(value.strip().lower()) > NAME_LIMIT or not value.isprintable():
        raise InvalidRequest(ScimType.INVALID_VALUE, f"{name} is a text of at most {NAME_LIMIT} printable characters")
    return value.strip()


def _active(value: object) -> bool | None:
    active = parse_boolean(value)
    if value is not None and active is None:
        raise InvalidRequest(ScimType.INVALID_VALUE, "active must be true or false")
    return active


def _full_name(attributes: Document) -> str:
    """Return the name that other members see."""
    name = attributes.get("name", {})
    whole = " ".join(name[part] for part in ("givenName", "familyName") if name.get(part))
    names = (attributes.get("displayName", ""), name.get("formatted", ""), whole, attributes["userName"])
    return next(filter(None, map(_printable, names)))


def _printable(text: str) -> str:
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def _email(emails: list[Document]) -> str:
    """Return the primary address, else the one of work, else the first; empty if it is not an address."""
    ordered = sorted(emails, key=lambda email: (parse_boolean(email.get("primary")) is not True, email.get("type") != "work"))
    address = next((email["value"].strip().lower() for email in ordered if "value" in email), "")
    return address if _ADDRESS.fullmatch(address) and len(address) <= NAME_LIMIT else ""
