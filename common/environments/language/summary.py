"""What a definition uses, without evaluating it: functions, rotators, other environments."""

from collections import Counter
from collections.abc import Iterator

import msgspec

from common.environments.language.builtins.base import Builtin
from common.environments.language.builtins.rotate import Rotate
from common.environments.language.definition import Definition
from common.environments.language.expressions.reference import Interpolate, Symbol
from common.environments.language.model import Expr
from common.environments.language.syntax.property_access import PropertyAccess

_VALUES = "values"


class Summary(msgspec.Struct, frozen=True):
    """What a definition uses.

    Rotators are named by their paths below `values`, in the form in which a rotation selects them. Environments are named as
    written: those that are imported, and those that references name, which are imported when they are evaluated.
    """

    function_counts: dict[str, int]
    rotation_paths: list[str]
    # Where the state of each rotator is, in the same order.
    rotation_calls: list[str]
    imports: list[str]
    references: list[str]


def summarize(definition: Definition) -> Summary:
    """Return what a definition uses."""
    functions: Counter[str] = Counter()
    rotations: list[str] = []
    states: list[str] = []
    references: dict[str, None] = {}
    for expr in _exprs(definition):
        if isinstance(expr, Builtin):
            functions[expr.call.name] += 1
        if isinstance(expr, Rotate):
            rotations.append(expr.call.node.path.removeprefix(_VALUES).removeprefix("."))
            states.append(expr.state_path)
        for access in _accesses(expr):
            if access[0].key == "environments" and len(access) >= 3:
                references[f"{access[1].key}/{access[2].key}"] = None
    imports = dict.fromkeys(entry.name for entry in definition.imports)
    return Summary(dict(sorted(functions.items())), rotations, states, list(imports), list(references))


def _exprs(definition: Definition) -> Iterator[Expr]:
    """Yield every expression of a definition, in order."""
    waiting = [entry.value for entry in reversed(definition.values)]
    while waiting:
        expr = waiting.pop()
        yield expr
        waiting.extend(reversed(expr.children()))


def _accesses(expr: Expr) -> list[PropertyAccess]:
    if isinstance(expr, Symbol):
        return [expr.access]
    if isinstance(expr, Interpolate):
        return [part.access for part in expr.parts if part.access is not None]
    return []
