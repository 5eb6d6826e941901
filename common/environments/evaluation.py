"""Checks and opens definitions: the language with what this server has of it, and its problems as errors of the API."""

from dataclasses import dataclass

import msgspec

from common.core.errors import BadRequest
from common.environments.language import evaluate
from common.environments.language.definition import Definition
from common.environments.language.environment import Environment, to_wire
from common.environments.language.interfaces import Decrypter, World
from common.environments.language.limits import MIB, Limits
from common.environments.language.summary import summarize
from common.environments.language.syntax.diagnostic import Diagnostic, has_errors

EMPTY = Environment()
IMPORTS_LIMIT = 256
# A result is stored as a row, and sent as one reply.
LIMITS = Limits(result_bytes=16 * MIB)


class InvalidDefinition(BadRequest):
    """A definition has errors; clients show them from the list, if it is not empty (esc.md 4.1)."""

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        """Store the list; the message says how many errors there are."""
        count = sum(has_errors([diagnostic]) for diagnostic in diagnostics)
        super().__init__(f"the environment has {count} error{'s' if count != 1 else ''}")
        self.diagnostics = diagnostics


class FunctionSummary(msgspec.Struct, rename="camel"):
    """Upstream: EnvironmentFunctionSummary."""

    func_counts: dict[str, int]
    rotation_paths: list[str]


class CheckReply(Environment, omit_defaults=True, rename="camel"):
    """Upstream: CheckEnvironmentResponse. It has the plaintext of secrets that are not saved: never log or keep it.

    The vendor's SDK wants a summary in each, also of a document that is not stored.
    """

    diagnostics: list[Diagnostic] | None = None
    environment_function_summary: FunctionSummary | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """A definition without errors: its warnings, and its values as far as they are known before it is opened."""

    definition: Definition | None
    warnings: list[Diagnostic]
    environment: Environment

    def reply(self) -> bytes:
        """Return the JSON for a client."""
        environment, summary = self.environment, FunctionSummary({}, [])
        if self.definition is not None:
            uses = summarize(self.definition)
            summary = FunctionSummary(uses.function_counts, uses.rotation_paths)
        return to_wire(
            CheckReply(
                exprs=environment.exprs,
                properties=environment.properties,
                schema=environment.schema,
                execution_context=environment.execution_context,
                diagnostics=self.warnings or None,
                environment_function_summary=summary,
            )
        )


def check(name: str, text: bytes, world: World, decrypter: Decrypter, *, shows_secrets: bool = False) -> Checked:
    """Check a definition under its name; raises InvalidDefinition if it has errors."""
    definition, diagnostics = _load(name, text)
    evaluation = evaluate.check(definition, world, decrypter, shows_secrets=shows_secrets, limits=LIMITS)
    diagnostics = [*diagnostics, *evaluation.diagnostics]
    if has_errors(diagnostics):
        raise InvalidDefinition(diagnostics)
    return Checked(definition, diagnostics, evaluation.environment or EMPTY)


def open_environment(name: str, text: bytes, world: World, decrypter: Decrypter) -> bytes:
    """Return the JSON of an opened definition; raises InvalidDefinition if it has errors.

    Its expressions are left out: no client needs them of an opened environment, and they are half of its size.
    """
    definition, diagnostics = _load(name, text)
    evaluation = evaluate.open_environment(definition, world, decrypter, limits=LIMITS)
    diagnostics = [*diagnostics, *evaluation.diagnostics]
    if has_errors(diagnostics):
        raise InvalidDefinition(diagnostics)
    return to_wire(msgspec.structs.replace(evaluation.environment or EMPTY, exprs=None))


def _load(name: str, text: bytes) -> tuple[Definition | None, list[Diagnostic]]:
    """Return a definition with its problems; InvalidDefinition for one that names more imports than an evaluation loads."""
    definition, diagnostics = evaluate.load(name, text)
    if definition is not None and len(definition.imports) > IMPORTS_LIMIT:
        raise InvalidDefinition([Diagnostic(f"an environment imports at most {IMPORTS_LIMIT} environments", "imports")])
    return definition, diagnostics


def unwrapped(text: bytes) -> bytes:
    """Return a definition without the JSON string that the vendor's SDK puts around it (esc.md 2.10)."""
    if not text.lstrip().startswith(b'"'):
        return text
    try:
        return msgspec.json.decode(text, type=str).encode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return text
