"""Exceptions: violations that stop no update. No I/O."""

import re
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from common.core.errors import BadRequest

REASON_LIMIT = 4_000
MATCH_LIMIT = 100
MATCH_LIMIT_BYTES = 64 << 10
NAME_LIMIT = 1_000
EXCEPTION_LIMIT = 10_000
LONGEST_SECONDS = 10 * 366 * 86_400
# Databases bound the patterns that a text is compared with.
_PATTERN_CHARACTERS = 1_000
_ID = re.compile(r"EXC-([0-9]{1,9})", re.IGNORECASE)


class ExceptionStatus(StrEnum):
    """The status of an exception; one that has expired counts as removed."""

    ACTIVE = "active"
    REMOVED = "removed"


class Match(msgspec.Struct, frozen=True):
    """Upstream: PolicyExceptionMatch: any of the policies on any of the targets, which are URNs."""

    policies: list[str]
    targets: list[str]


@dataclass(frozen=True, slots=True)
class NewException:
    """An exception to create."""

    pack: str
    matches: tuple[Match, ...]
    reason: str
    expires_in_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class ExceptionSearch:
    """Which exceptions a list has; members that are None narrow nothing. `stack` is project/stack."""

    pack: str | None = None
    policy: str | None = None
    stack: str | None = None
    statuses: frozenset[ExceptionStatus] = frozenset((ExceptionStatus.ACTIVE,))

    @property
    def parts_of_matches(self) -> list[tuple[str, ...]]:
        """Return texts of which `matches` has at least one each: an item of a list in JSON, or the beginning of one."""
        parts: list[tuple[str, ...]] = []
        if self.policy is not None:
            item = msgspec.json.encode(self.policy).decode()
            parts.append((f"{item},", f"{item}]"))
        if self.stack is not None:
            project, _, name = self.stack.partition("/")
            parts.append((msgspec.json.encode(f"urn:pulumi:{name}::{project}::").decode()[:-1],))
        return [tuple(text[:_PATTERN_CHARACTERS] for text in alternatives) for alternatives in parts]

    def has(self, exception: "PolicyException") -> bool:
        """Tell whether one entry of an exception names both the policy and the stack."""
        return any(
            (self.policy is None or self.policy in match.policies)
            and (self.stack is None or any(_stack_of(target) == self.stack for target in match.targets))
            for match in decode(exception.matches)
        )


@dataclass(frozen=True, slots=True)
class Person:
    """The user who created or removed an exception."""

    name: str
    login: str
    avatar_url: str


@dataclass(frozen=True, slots=True)
class PolicyException:
    """An exception; times are unix milliseconds, and `matches` is JSON text."""

    number: int
    pack: str
    matches: str
    reason: str
    status: ExceptionStatus
    expires_at: int | None
    created_at: int
    created_by: Person | None
    removed_at: int | None
    removed_by: Person | None

    @property
    def name(self) -> str:
        """Return the id that clients use."""
        return f"EXC-{self.number}"


def require_valid(new: NewException) -> None:
    """Raise BadRequest for an exception without a reason, without policies or resources, or beyond a limit."""
    if not new.reason.strip() or len(new.reason) > REASON_LIMIT:
        raise BadRequest(f"an exception needs a reason of at most {REASON_LIMIT:,} characters")
    if not new.matches or len(new.matches) > MATCH_LIMIT:
        raise BadRequest(f"an exception has 1 to {MATCH_LIMIT} entries in `match`")
    for match in new.matches:
        for names, noun in ((match.policies, "policies"), (match.targets, "targets")):
            if not names or len(names) > NAME_LIMIT or not all(names):
                raise BadRequest(f"each entry in `match` has 1 to {NAME_LIMIT:,} {noun}")
        if not all(target.startswith("urn:") for target in match.targets):
            raise BadRequest("targets of an exception are URNs of resources")
    if new.expires_in_seconds is not None and not 0 < new.expires_in_seconds <= LONGEST_SECONDS:
        raise BadRequest(f"expiresInSeconds must be from 1 to {LONGEST_SECONDS:,}")


def encode(matches: tuple[Match, ...]) -> str:
    """Return the JSON text of matches, the same for the same policies and resources; BadRequest for too much."""
    entries = [Match(sorted(set(match.policies)), sorted(set(match.targets))) for match in matches]
    text = msgspec.json.encode(sorted(entries, key=msgspec.json.encode))
    if len(text) > MATCH_LIMIT_BYTES:
        raise BadRequest(f"`match` of an exception may have at most {MATCH_LIMIT_BYTES:,} bytes; create several exceptions")
    return text.decode()


def decode(matches: str) -> list[Match]:
    """Return the matches of a JSON text."""
    return msgspec.json.decode(matches, type=list[Match])


def number_of(name: str) -> int | None:
    """Return the number of an exception's id, or None for a text that is not one."""
    match = _ID.fullmatch(name)
    return int(match.group(1)) if match is not None else None


def _stack_of(urn: str) -> str:
    parts = urn.split("::")
    return f"{parts[1]}/{parts[0].removeprefix('urn:pulumi:')}" if len(parts) > 1 else ""
