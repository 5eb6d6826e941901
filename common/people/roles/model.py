"""Roles, permission sets and policies: one kind of record, told apart by its purpose. No I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from common.core.errors import BadRequest
from common.rights.permissions import Permission

NAME_LIMIT = 255
DESCRIPTION_LIMIT = 1_024
RESOURCE_TYPE_LIMIT = 40
# Lists have no pages on the wire, so what an organization may keep is bounded instead.
RECORD_LIMIT = 1_000
DETAILS_LIMIT_BYTES = 16 << 20
# Upstream's Python client refuses a whole reply that names one of these, which only its Go client knows.
UNSHOWN = frozenset(found for found in Permission if found.startswith("policy_exceptions:"))


class Purpose(StrEnum):
    """What a record is for; upstream's `uxPurpose`."""

    ROLE = "role"
    ROLE_PRIVATE = "role_private"
    ROLE_USER_PRIVATE = "role_user_private"
    ROLE_TEMPORARY = "role_temporary"
    POLICY = "policy"
    SET = "set"

    @property
    def is_role(self) -> bool:
        """Tell whether people, teams and tokens may hold such a record; the others are composed or given on one thing."""
        return self not in (Purpose.POLICY, Purpose.SET)


@dataclass(frozen=True, slots=True)
class Record:
    """A custom or built-in record; `details` is the descriptor's text as it came, `identifier` set for built-in ones."""

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
    """What somebody wants to make."""

    name: str
    description: str
    purpose: Purpose
    resource_type: str
    details: str


@dataclass(frozen=True, slots=True)
class RoleChange:
    """What somebody wants to change; None leaves a member as it is."""

    name: str | None = None
    description: str | None = None
    details: str | None = None


@dataclass(frozen=True, slots=True)
class Holders:
    """How many hold a record, and how many other records compose it."""

    members: int = 0
    invites: int = 0
    teams: int = 0
    tokens: int = 0
    grants: int = 0
    composers: int = 0
    is_default: bool = False

    def sentence(self) -> str:
        """Return who holds the record, for the person whose deletion was refused; empty when nobody does."""
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
    """A team as a list shows one."""

    id: str
    kind: str
    name: str
    display_name: str
    description: str


@dataclass(frozen=True, slots=True)
class TokenSummary:
    """An organization's token as a list shows one; times in milliseconds, None for never."""

    id: str
    name: str
    description: str
    created_at: int
    last_used_at: int | None
    expires_at: int | None
    is_admin: bool
    created_by: str


def require_texts(name: str | None, description: str | None, resource_type: str | None = None) -> None:
    """Raise BadRequest for a text that a record may not have."""
    if name is not None and not name.strip():
        raise BadRequest("a role needs a name")
    for noun, text, limit in (
        ("name", name, NAME_LIMIT),
        ("description", description, DESCRIPTION_LIMIT),
        ("resource type", resource_type, RESOURCE_TYPE_LIMIT),
    ):
        if text is not None and len(text) > limit:
            raise BadRequest(f"the {noun} of a role may have {limit:,} characters, and this one has {len(text):,}")


def require_acyclic(role_id: str, composed: Iterable[str], references: Mapping[str, frozenset[str]]) -> None:
    """Raise BadRequest when a record composes itself, directly or through others; `references` are all stored ones."""
    reached: set[str] = set()
    open_ids = list(composed)
    while open_ids:
        found = open_ids.pop()
        if found == role_id:
            raise BadRequest("a role may not compose itself, directly or through what it composes")
        if found not in reached:
            reached.add(found)
            open_ids.extend(references.get(found, ()))


def composers_in_order(role_id: str, references: Mapping[str, frozenset[str]]) -> list[str]:
    """Return every record that composes one, directly or not, each after all that it composes."""
    composers: dict[str, list[str]] = {}
    for composer, composed in references.items():
        for found in composed:
            composers.setdefault(found, []).append(composer)
    affected: set[str] = set()
    open_ids = [role_id]
    while open_ids:
        fresh = [found for found in composers.get(open_ids.pop(), ()) if found not in affected]
        affected.update(fresh)
        open_ids.extend(fresh)
    ordered: list[str] = []
    waiting = {found: len(references[found] & affected) for found in sorted(affected)}
    ready = [found for found, count in waiting.items() if not count]
    while ready:
        done = ready.pop()
        ordered.append(done)
        for found in composers.get(done, ()):
            waiting[found] -= 1
            if not waiting[found]:
                ready.append(found)
    return ordered


def _plural(noun: str) -> str:
    first, space, rest = noun.partition(" ")
    return f"{first}s{space}{rest.replace('composes', 'compose')}" if first != "access" else f"{noun}s"
