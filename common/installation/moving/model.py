"""What moves between backends: a stack with its updates. States and configuration are texts, as the source has them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import msgspec

from common.core.errors import StartUpError

SUCCEEDED, IN_PROGRESS = "succeeded", "in-progress"
# A secret is translated from ciphertext to ciphertext: those of one stack, all at once.
Translate = Callable[[list[str]], dict[str, str]]


class MovingError(StartUpError):
    """Why a stack cannot be moved, for the operator; the others still can."""


class StateDeleted(MovingError):
    """A version has no state, since the source's retention policy did not keep it."""


class ConfigValue(msgspec.Struct, frozen=True):
    """A value of a configuration: upstream's apitype.ConfigValue. An object is JSON with `{"secure": ciphertext}` in it."""

    string: str = ""
    secret: bool = False
    object: bool = False


Config = dict[str, ConfigValue]


@dataclass(frozen=True, slots=True)
class Update:
    """An update of a history; times are unix seconds. `state` is where the source has the state, or empty if it has none."""

    version: int
    kind: str
    result: str
    started_at: int
    ended_at: int
    message: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    config: Config = field(default_factory=dict)
    resource_changes: bytes | None = None
    author: str = ""
    state: str = ""

    @property
    def identity(self) -> tuple[str, bool, int, int]:
        """Return what is equal before and after a move."""
        return self.kind, self.result == SUCCEEDED, self.started_at, self.ended_at


@dataclass(frozen=True, slots=True)
class StackName:
    """A stack without its organization."""

    project: str
    name: str

    def __str__(self) -> str:
        """Return `project/name`, or the name where the project is not known."""
        return f"{self.project}/{self.name}" if self.project else self.name


@dataclass(frozen=True, slots=True)
class MovedStack:
    """A stack of a source, with its updates in order. `config` is the configuration that the service keeps with the stack."""

    name: StackName
    tags: dict[str, str]
    updates: list[Update]
    config: bytes | None = None
    notes: tuple[str, ...] = ()


class Source(Protocol):
    """A backend to move stacks from. `has_service`: secrets may be encrypted by its service, which must decrypt them."""

    words: str
    has_service: bool

    def list_names(self) -> list[StackName]:
        """Return the stacks of the source, in order."""
        ...

    def load(self, name: StackName) -> MovedStack:
        """Return a stack without its states; raises MovingError."""
        ...

    def get_state(self, stack: MovedStack, update: Update) -> bytes | None:
        """Return the state after an update, in the container of an export, or None for an empty stack; raises MovingError."""
        ...

    def decrypt(self, name: StackName, ciphertexts: list[str]) -> dict[str, bytes]:
        """Return the plaintexts of secrets that the source's service encrypted; raises MovingError."""
        ...


class Outcome(StrEnum):
    """What is or was done with a stack."""

    NEW = "new"
    MOVED = "moved"
    UNCHANGED = "already there"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome for a stack; `problem` says why it failed."""

    name: StackName
    outcome: Outcome
    updates: int = 0
    problem: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The configuration file of a stack after a move, with secrets that the new backend can decrypt."""

    name: StackName
    text: str


@dataclass(frozen=True, slots=True)
class MovedTeam:
    """A team of a source: the roles of its members by login, and its levels on stacks."""

    name: str
    display_name: str
    description: str
    roles: dict[str, str]
    levels: dict[StackName, int]


@dataclass(frozen=True, slots=True)
class TeamResult:
    """The outcome for a team; `problem` says why it failed."""

    name: str
    outcome: Outcome
    problem: str = ""
    notes: tuple[str, ...] = ()
