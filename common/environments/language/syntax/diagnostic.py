"""What is wrong in a document. Evaluation collects diagnostics and goes on; it raises nothing."""

from enum import StrEnum

import msgspec

from common.environments.language.syntax.position import Range


class Severity(StrEnum):
    """Warnings stop nothing."""

    ERROR = "error"
    WARNING = "warning"


class Diagnostic(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem, as clients show it."""

    summary: str
    path: str = ""
    range: Range | None = None
    severity: Severity = Severity.ERROR


def has_errors(diagnostics: list[Diagnostic]) -> bool:
    """Tell whether any diagnostic is an error."""
    return any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)
