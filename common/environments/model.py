"""Environments and their revisions. No I/O."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from common.core.errors import BadRequest, NotFound
from common.core.names import NAME_LIMIT_BYTES, TAG_VALUE_LIMIT_BYTES, is_name
from common.people.users.model import Person
from common.rights.org_settings import EnvironmentLevel
from common.rights.predicate import Entity, EntityKind

DEFAULT_PROJECT = "default"
LATEST = "latest"
TAGS_LIMIT = 100
REVISION_TAGS_LIMIT = 1_000
# These names would be read as parts of other addresses (esc.md 1.12); `tags` likewise for a revision tag.
UNUSABLE = frozenset({"open", "yaml"})
_REVISION_TAG = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}")
_TAG_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
_NUMBER = re.compile(r"[0-9]{1,9}")
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class EnvironmentPath:
    """An environment as clients name it."""

    org: str
    project: str
    name: str

    def __str__(self) -> str:
        """Return `org/project/name`."""
        return f"{self.org}/{self.project}/{self.name}"

    @property
    def in_org(self) -> str:
        """Return `project/name`: the name in imports and in the ranges of diagnostics."""
        return f"{self.project}/{self.name}"


@dataclass(frozen=True, slots=True)
class Reference:
    """An environment as definitions name it: in their own organization, with a revision number or a revision tag."""

    project: str
    name: str
    version: str = LATEST


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision with its definition, in which the secrets are encrypted."""

    number: int
    definition: bytes
    is_retracted: bool = False


@dataclass(frozen=True, slots=True)
class TeamLevel:
    """A team's level on an environment, and for how long its members may open it; None without a limit."""

    level: EnvironmentLevel
    open_limit_seconds: int | None = None
    team_id: str = ""


@dataclass(frozen=True, slots=True)
class Environment:
    """A live environment, the levels that the caller's teams have on it, and the revision that was asked for, if it exists.

    Times are unix milliseconds.
    """

    id: str
    org_id: str
    path: EnvironmentPath
    latest: int
    wrapped_key: bytes
    deletion_protected: bool
    owner_id: str
    managed_stack_id: str | None
    created_at: int
    modified_at: int
    tags: Mapping[str, str] = field(default_factory=dict)
    levels: tuple[TeamLevel, ...] = ()
    revision: Revision | None = None

    @property
    def entity(self) -> Entity:
        """Return the environment as permissions are checked on it."""
        return Entity(EntityKind.ENVIRONMENT, self.id, self.tags)

    def etag(self, number: int) -> str:
        """Return the entity tag of a revision, which no other revision has."""
        return f'"{hashlib.sha256(f"{self.id}:{number}".encode()).hexdigest()[:32]}"'


@dataclass(frozen=True, slots=True)
class ListedEnvironment:
    """An environment in a list; times are unix milliseconds, `deleted_at` is None for a live one."""

    id: str
    path: EnvironmentPath
    created_at: int
    modified_at: int
    deleted_at: int | None
    deletion_protected: bool
    owner: Person
    tags: dict[str, str]


@dataclass(frozen=True, slots=True)
class EnvironmentFilter:
    """What a list is narrowed to; empty texts narrow nothing. `text` is looked for in names and tags."""

    text: str = ""
    project: str = ""
    tag: str = ""
    tag_value: str = ""


@dataclass(frozen=True, slots=True)
class Referrer:
    """A revision of an environment that refers to another one, and the version by which it does."""

    project: str
    name: str
    number: int
    version: str


@dataclass(frozen=True, slots=True)
class Editor:
    """A user as lists of revisions and tags show them."""

    login: str
    name: str


@dataclass(frozen=True, slots=True)
class Retraction:
    """When a revision was retracted, by whom, and which one to use in its place."""

    at: int
    by: Editor
    replacement: int
    reason: str


@dataclass(frozen=True, slots=True)
class AppliedRequest:
    """The change request that a revision came from."""

    id: str
    description: str


@dataclass(frozen=True, slots=True)
class RevisionEntry:
    """A revision in a history."""

    number: int
    created_at: int
    creator: Editor
    tags: tuple[str, ...]
    retraction: Retraction | None
    change_request: AppliedRequest | None = None


@dataclass(frozen=True, slots=True)
class RevisionTag:
    """A revision tag."""

    name: str
    number: int
    created_at: int
    modified_at: int
    editor: Editor


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag of an environment."""

    id: str
    name: str
    value: str
    created_at: int
    modified_at: int
    editor: Editor


def missing(path: EnvironmentPath) -> NotFound:
    """Return the error for an environment that does not exist, or that the caller may not know of."""
    return NotFound(missing_text(path.in_org))


def missing_text(name: str) -> str:
    """Return the message for an environment that does not exist or is hidden."""
    return f"environment {ascii(name[:_SHOWN])[1:-1]!r} not found"


def require_names(project: str, name: str) -> None:
    """Raise BadRequest unless a new environment may have these names."""
    for noun, text in (("project", project), ("environment", name)):
        if not is_name(text) or (noun == "environment" and text in UNUSABLE):
            raise BadRequest(
                f"invalid {noun} name {text[:NAME_LIMIT_BYTES]!a}: 1 to {NAME_LIMIT_BYTES} letters, digits, hyphens, underscores"
                " and periods, and not . or .. alone; an environment cannot be called open or yaml"
            )


def require_revision_tag(name: str) -> None:
    """Raise BadRequest unless a revision tag may have this name and be changed by a client."""
    if name == LATEST:
        raise BadRequest("the revision tag latest always names the newest revision; it cannot be changed")
    if not _REVISION_TAG.fullmatch(name) or name == "tags":
        raise BadRequest(
            f"invalid revision tag {name[:NAME_LIMIT_BYTES]!a}: a letter, then up to 99 letters, digits, hyphens, underscores"
            " and periods"
        )


def require_tag(name: str, value: str) -> None:
    """Raise BadRequest unless an environment may have this tag."""
    if not _TAG_NAME.fullmatch(name):
        raise BadRequest(
            f"invalid environment tag {name[:NAME_LIMIT_BYTES]!a}: 1 to 100 letters, digits, hyphens, underscores, periods"
            " or colons"
        )
    if len(value.encode("utf-8", "surrogatepass")) > TAG_VALUE_LIMIT_BYTES:
        raise BadRequest(f"the value of environment tag {name} is longer than {TAG_VALUE_LIMIT_BYTES} bytes")


def find_number(version: str) -> int | None:
    """Return the number that a version is, or None for a revision tag."""
    return int(version) if _NUMBER.fullmatch(version) else None


def is_version(version: str) -> bool:
    """Tell whether a text can name a revision at all: a number, or a revision tag."""
    return bool(_NUMBER.fullmatch(version) or _REVISION_TAG.fullmatch(version))


def oidc_subject(org_id: str, environment_id: str) -> str:
    """Return the subject of the identity tokens that an environment signs for an audience (esc.md 3.2)."""
    return f"pulumi:org:{org_id}:env:{environment_id}"


def find_reference(text: str) -> Reference | None:
    """Return the environment that a text in a definition names, `[project/]name[@version]`; None for a text that names none."""
    name, at, version = text.partition("@")
    project, slash, rest = name.partition("/")
    reference = Reference(project, rest, version or LATEST) if slash else Reference(DEFAULT_PROJECT, name, version or LATEST)
    is_valid = (
        is_name(reference.project) and is_name(reference.name) and is_version(reference.version) and bool(version) == bool(at)
    )
    return reference if is_valid else None


# How a rotation ended, or that it has not.
IN_PROGRESS, SUCCEEDED, FAILED = "in_progress", "succeeded", "failed"


class RotatedSecret(msgspec.Struct, frozen=True):
    """How the rotation of one secret ended. `path` is below `values`."""

    id: str
    path: str
    status: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class RotationRow:
    """A run. `completed_at` and `revision_after` are None while it is in progress, and where nothing was saved.

    `schedule_id` is the schedule that began it, or None.
    """

    id: str
    environment_id: str
    user_id: str
    created_at: int
    revision_before: int
    status: str = IN_PROGRESS
    completed_at: int | None = None
    revision_after: int | None = None
    error: str = ""
    secrets: tuple[RotatedSecret, ...] = ()
    schedule_id: str | None = None
