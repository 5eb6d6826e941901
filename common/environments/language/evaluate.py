"""What callers of the language use: load a definition, then check it, open it, or rotate its secrets.

Every function returns diagnostics for what is wrong in a document, and raises nothing for it. `limits` bound what one call may
do; a document that needs more gives one more diagnostic, and no environment.
"""

from collections.abc import Iterable

import msgspec

from common.environments.language import definition as definitions
from common.environments.language.definition import Definition
from common.environments.language.environment import Environment, EscValue, ExecutionContext
from common.environments.language.evaluation import environments
from common.environments.language.evaluation.evaluator import Mode, Shared
from common.environments.language.evaluation.export import ExprExporter, export_value
from common.environments.language.interfaces import Decrypter, World
from common.environments.language.limits import Budget, LimitExceeded, Limits
from common.environments.language.rotation import Rotation
from common.environments.language.schemas.merge import merged
from common.environments.language.syntax import path as paths
from common.environments.language.syntax.diagnostic import Diagnostic, Severity

LIMITS = Limits()


class Evaluation(msgspec.Struct, frozen=True):
    """What came of an evaluation. There is no environment for a definition that says nothing, or that exceeds a limit.

    `failure` is an unexpected error that ended a rotation, for the caller to log; the rotations before it have happened.
    """

    environment: Environment | None
    diagnostics: list[Diagnostic]
    rotations: list[Rotation] = []
    failure: Exception | None = None


def load(name: str, text: bytes, limits: Limits = LIMITS) -> tuple[Definition | None, list[Diagnostic]]:
    """Return a definition with its problems; None where the text is no YAML. `name` is written in ranges."""
    definition, diagnostics = definitions.load(name, text, limits)
    return definition, _limited(diagnostics, limits)


def check(
    definition: Definition | None, world: World, decrypter: Decrypter, *, shows_secrets: bool = False, limits: Limits = LIMITS
) -> Evaluation:
    """Evaluate without opening anything: calls of providers are unknown, with the schema that they will have.

    The reply holds plaintext secrets of a document that is not saved yet: do not log or keep it (esc.md 2.3).
    """
    return _evaluate(definition, world, decrypter, Mode(is_checking=True, shows_secrets=shows_secrets), limits)


def open_environment(definition: Definition | None, world: World, decrypter: Decrypter, *, limits: Limits = LIMITS) -> Evaluation:
    """Evaluate, and open what providers give."""
    return _evaluate(definition, world, decrypter, Mode(), limits)


def rotate(
    definition: Definition | None,
    world: World,
    decrypter: Decrypter,
    selected: Iterable[paths.Path] = (),
    *,
    limits: Limits = LIMITS,
) -> Evaluation:
    """Rotate secrets, and open with the new ones. `selected` are paths of rotators below `values`; without any, all rotate.

    Other systems have changed for every rotation that succeeded, so its patch must be stored whatever else went wrong.
    """
    rotate_paths = frozenset(paths.join(("values", *path)) for path in selected)
    return _evaluate(definition, world, decrypter, Mode(is_rotating=True, rotate_paths=rotate_paths), limits)


def _evaluate(definition: Definition | None, world: World, decrypter: Decrypter, mode: Mode, limits: Limits) -> Evaluation:
    if definition is None or not (definition.imports or definition.values):
        return Evaluation(None, [])
    shared = Shared(world, mode, Budget(limits))
    environment: Environment | None = None
    failure: Exception | None = None
    try:
        environment = _evaluated(shared, definition, decrypter)
    except LimitExceeded as error:
        shared.diagnostics.append(Diagnostic(str(error)))
    except RecursionError:
        shared.diagnostics.append(Diagnostic("the environment is nested too deeply to evaluate"))
    except Exception as error:
        # Other systems may have changed: what is known of their new secrets must reach the caller.
        if not mode.is_rotating:
            raise
        failure = error
        shared.diagnostics.append(Diagnostic("an internal error ended the rotation"))
    return Evaluation(environment, _limited(shared.diagnostics, limits), shared.rotations, failure)


def _evaluated(shared: Shared, definition: Definition, decrypter: Decrypter) -> Environment:
    name, budget = definition.name, shared.budget
    shared.imports[name] = None
    evaluated = environments.evaluate(shared, definition, name, decrypter, "", is_root=True)
    context = export_value(evaluated.context, name, budget)
    properties = {}
    for key in evaluated.value.member_names():
        member = evaluated.value.property(key, None)
        if member is not None:
            properties[key] = export_value(member, name, budget)
    exporter = ExprExporter(name, budget)
    exprs = {key: exporter.export(expr) for key, expr in evaluated.root.properties.items()}
    schema, base = evaluated.value.schema, evaluated.value.base
    if base is not None:
        # Once more than in a value: so upstream makes every property of an inherited object required.
        schema = merged(base.schema, schema)
    execution_context = ExecutionContext(_members(context), evaluated.context.schema)
    return Environment(exprs or None, properties or None, schema, execution_context)


def _members(value: EscValue) -> dict[str, EscValue]:
    return value.value if isinstance(value.value, dict) else {}


def _limited(diagnostics: list[Diagnostic], limits: Limits) -> list[Diagnostic]:
    """Return as many diagnostics as a client can use, the errors before the warnings if there are more."""
    more = len(diagnostics) - limits.diagnostics
    if more <= 0:
        return diagnostics
    by_severity = sorted(diagnostics, key=lambda diagnostic: diagnostic.severity is not Severity.ERROR)
    return [*by_severity[: limits.diagnostics], Diagnostic(f"{more} more problems are not shown")]
