"""Roles, permission sets and policies: one kind of record, with a purpose. No I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from common.core.errors import BadRequest
from common.rights.permissions import Permission

NAME_LIMIT = 255
DESCRIPTION_LIMIT = 1_024
RESOURCE_TYPE_LIMIT = 40
# Lists have no pages on the wire, so the number of records is limited instead.
RECORD_LIMIT = 1_000
DETAILS_LIMIT_BYTES = 16 << 20
# Upstream's Python client refuses a whole reply that names one of these, which only its Go client knows.
UNSHOWN = frozenset(permission for permission in Permission if permission.startswith("policy_exceptions:"))


class Purpose(StrEnum):
    """The purpose of a record; upstream's `uxPurpose`."""

    ROLE = "role"
    ROLE_PRIVATE = "role_private"
    ROLE_USER_PRIVATE = "role_user_private"
    ROLE_TEMPORARY = "role_temporary"
    POLICY = "policy"
    SET = "set"

    @property
    def is_role(self) -> bool:
        """Tell whether members, teams and tokens may have such a record; others are composed or given on one thing."""
        return self not in (Purpose.POLICY, Purpose.SET)


@dataclass(frozen=True, slots=True)
class Record:
    """A custom or built-in record; `details` is the descriptor's text as it was sent, `identifier` is set for built-in ones."""

    id: str
    org_id: str
    purpose: Purpose
    name: str
    description: str
    resource_type: str
    details: str
    version: int
    created_at: int
    modified_at: int
    identifier: str = ""
    is_built_in: bool = False
    is_default: bool = False


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record to create."""

    name: str
    description: str
    purpose: Purpose
    resource_type: str
    details: str


@dataclass(frozen=True, slots=True)
class RoleChange:
    """Changes of a record; fields that are None stay as they are."""

    name: str | None = None
    description: str | None = None
    details: str | None = None


@dataclass(frozen=True, slots=True)
class Holders:
    """How many members, teams and others have a record, and how many records compose it."""

    members: int = 0
    invites: int = 0
    teams: int = 0
    tokens: int = 0
    grants: int = 0
    composers: int = 0
    is_default: bool = False

    def sentence(self) -> str:
        """Return the holders in words, for the message that refuses a deletion; empty without any."""
        counted = (
            (self.members, "member"),
            (self.invites, "invitation"),
            (self.teams, "team"),
            (self.tokens, "access token"),
            (self.grants, "grant on a stack"),
            (self.composers, "record that composes it"),
        )
        parts = [f"{count:,} {_plural(noun) if count > 1 else noun}" for count, noun in counted if count]
        return ", ".join([*parts, *(["the organization's default"] if self.is_default else [])])


@dataclass(frozen=True, slots=True)
class TeamSummary:
    """A team in a list."""

    id: str
    kind: str
    name: str
    display_name: str
    description: str


@dataclass(frozen=True, slots=True)
class TokenSummary:
    """An organization's token in a list; times in milliseconds, None for never."""

    id: str
    name: str
    description: str
    created_at: int
    last_used_at: int | None
    expires_at: int | None
    is_admin: bool
    created_by: str


def require_texts(name: str | None, description: str | None, resource_type: str | None = None) -> None:
    """Raise BadRequest for a missing name or a text that is too long."""
    if name is not None and not name.strip():
        raise BadRequest("a role needs a name")
    for noun, text, limit in (
        ("name", name, NAME_LIMIT),
        ("description", description, DESCRIPTION_LIMIT),
        ("resource type", resource_type, RESOURCE_TYPE_LIMIT),
    ):
        if text is not None and len(text) > limit:
            raise BadRequest(f"the {noun} of a role may have at most {limit:,} characters, and this one has {len(text):,}")


def require_acyclic(role_id: str, composed: Iterable[str], references: Mapping[str, frozenset[str]]) -> None:
    """Raise BadRequest when a record composes itself, directly or through others; `references` are all stored ones."""
    reached: set[str] = set()
    open_ids = list(composed)
    while open_ids:
        composed_id = open_ids.pop()
        if composed_id == role_id:
            raise BadRequest("a role may not compose itself, directly or through other roles")
        if composed_id not in reached:
            reached.add(composed_id)
            open_ids.extend(references.get(composed_id, ()))


def composers_in_order(role_id: str, references: Mapping[str, frozenset[str]]) -> list[str]:
    """Return the ids of all records that compose a record, directly or not, each after those that it composes."""
    composers: dict[str, list[str]] = {}
    for composer, composed in references.items():
        for composed_id in composed:
            composers.setdefault(composed_id, []).append(composer)
    affected: set[str] = set()
    open_ids = [role_id]
    while open_ids:
        fresh = [composer for composer in composers.get(open_ids.pop(), ()) if composer not in affected]
        affected.update(fresh)
        open_ids.extend(fresh)
    ordered: list[str] = []
    waiting = {composer: len(references[composer] & affected) for composer in sorted(affected)}
    ready = [composer for composer, count in waiting.items() if not count]
    while ready:
        record_id = ready.pop()
        ordered.append(record_id)
        for composer in composers.get(record_id, ()):
            waiting[composer] -= 1
            if not waiting[composer]:
                ready.append(composer)
    return ordered


def _plural(noun: str) -> str:
    first, space, rest = noun.partition(" ")
    return f"{first}s{space}{rest.replace('composes', 'compose')}" if first != "access" else f"{noun}s"
