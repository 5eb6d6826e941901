"""Evaluates texts in tests, and shows the answers in a short form."""

from typing import Any

from common.environments.language import evaluate
from common.environments.language.environment import Environment, EscValue, to_wire
from common.environments.language.evaluate import Evaluation
from common.environments.language.limits import Limits
from common.environments.language.projection import to_plain
from common.environments.language.syntax import path as paths
from common.environments.language.syntax.diagnostic import Diagnostic
from tests.environments.language.goldens import parse
from tests.environments.language.providers import Rot128, world

LIMITS = Limits()


def opened(text: str, files: dict[str, str | bytes] | None = None, limits: Limits = LIMITS) -> Evaluation:
    """Return what a text opens to."""
    definition, _ = evaluate.load("app/dev", text.encode(), limits)
    return evaluate.open_environment(definition, world(files), Rot128(), limits=limits)


def checked(text: str, files: dict[str, str | bytes] | None = None, *, shows_secrets: bool = False) -> Evaluation:
    """Return what a check of a text says."""
    definition, _ = evaluate.load("app/dev", text.encode())
    return evaluate.check(definition, world(files), Rot128(), shows_secrets=shows_secrets)


def rotated(text: str, *selected: str, files: dict[str, str | bytes] | None = None) -> Evaluation:
    """Return what a rotation of a text does."""
    definition, _ = evaluate.load("app/dev", text.encode())
    return evaluate.rotate(definition, world(files), Rot128(), [paths.parse(path) for path in selected])


def environment_of(evaluation: Evaluation) -> Environment:
    """Return the environment; fail if the definition has errors."""
    assert evaluation.environment is not None, evaluation.diagnostics
    return evaluation.environment


def plain(evaluation: Evaluation, *, is_redacted: bool = False) -> Any:
    """Return the properties as JSON; numbers are compared by their text."""
    whole = EscValue(environment_of(evaluation).properties or {})
    return parse(to_wire(to_plain(whole, is_redacted=is_redacted)))


def value_of(text: str, files: dict[str, str | bytes] | None = None) -> Any:
    """Return what the property `v` of a text opens to, without diagnostics."""
    evaluation = opened(text, files)
    assert [] == evaluation.diagnostics
    return plain(evaluation)["v"]


def shown(diagnostics: list[Diagnostic]) -> list[str]:
    """Return diagnostics in short: path, place, text."""
    return [f"{one.path} {place_of(one)} {one.summary}" for one in diagnostics]


def place_of(diagnostic: Diagnostic) -> str:
    """Return where a diagnostic is: line, columns and bytes."""
    place = diagnostic.range
    if place is None:
        return "-"
    end = f"{place.end.column}" if place.begin.line == place.end.line else f"{place.end.line}:{place.end.column}"
    return f"{place.begin.line}:{place.begin.column}-{end}[{place.begin.byte}-{place.end.byte}]"


def summaries(diagnostics: list[Diagnostic]) -> list[str]:
    """Return the texts of diagnostics."""
    return [one.summary for one in diagnostics]
