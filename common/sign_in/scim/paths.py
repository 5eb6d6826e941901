"""Reads the paths of RFC 7644 3.5.2, which name the part of a resource that an operation of a PATCH changes."""

import re
from dataclasses import dataclass

from common.sign_in.scim.documents import canonical_name
from common.sign_in.scim.filters import Condition, parse_filter
from common.sign_in.scim.model import CORE, ENTERPRISE_SCHEMA, InvalidRequest, ScimType

_PATH_LIMIT = 2_000
_PATH = re.compile(
    r"(?:(?P<schema>urn:[A-Za-z0-9:._-]+):)?(?P<attribute>[A-Za-z$][A-Za-z0-9_$-]*)"
    r"(?:\[(?P<filter>.*)\])?(?:\.(?P<sub>[A-Za-z$][A-Za-z0-9_$-]*))?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Path:
    """An attribute, of an extension if `schema` is set. `conditions` select some of its values, `sub` is a part of them."""

    attribute: str
    schema: str = ""
    conditions: tuple[Condition, ...] = ()
    sub: str = ""


def parse_path(text: object) -> Path:
    """Return the path in a text; raises InvalidRequest."""
    if not isinstance(text, str) or len(text) > _PATH_LIMIT:
        raise _refusal(text)
    if text.strip().lower() == ENTERPRISE_SCHEMA.lower():
        return Path(ENTERPRISE_SCHEMA)
    match = _PATH.fullmatch(text.strip())
    if match is None:
        raise _refusal(text)
    schema = match["schema"] or ""
    if f"{schema}:".lower().startswith(CORE.lower()):
        schema = ""
    conditions = parse_filter(match["filter"], error=ScimType.INVALID_PATH) if match["filter"] is not None else ()
    attribute = match["attribute"] if schema else canonical_name(match["attribute"])
    return Path(attribute, schema, conditions, match["sub"] or "")


def is_path(key: str) -> bool:
    """Return whether a key of an operation's value is a path: Entra ID sends `name.givenName` as a key."""
    return "[" in key or ("." in key and not key.lower().startswith("urn:")) or _is_within_extension(key)


def _is_within_extension(key: str) -> bool:
    lower = key.lower()
    return lower.startswith("urn:") and lower.startswith((ENTERPRISE_SCHEMA.lower() + ":", CORE.lower()))


def _refusal(text: object) -> InvalidRequest:
    detail = f"{str(text)[:200]!a} is not a path: attribute, attribute.part or attribute[filter].part"
    return InvalidRequest(ScimType.INVALID_PATH, detail)
