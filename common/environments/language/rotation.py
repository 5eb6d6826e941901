"""What a rotation did, and what it writes back to the definition. Upstream: eval/rotation.go."""

from enum import StrEnum

import msgspec

from common.environments.language.environment import EscValue
from common.environments.language.syntax.diagnostic import Diagnostic


class RotationStatus(StrEnum):
    """How the rotation of one secret ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    NOT_EVALUATED = "not-evaluated"


class Patch(msgspec.Struct, frozen=True):
    """A value to write to a place in a definition."""

    path: str
    replacement: EscValue


class Rotation(msgspec.Struct, frozen=True):
    """The rotation of one secret. A patch is there only when it succeeded; the other system has changed then."""

    path: str
    status: RotationStatus
    diagnostics: tuple[Diagnostic, ...] = ()
    patch: Patch | None = None
