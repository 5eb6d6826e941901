"""Evaluates the expressions of one environment.

Checks, opens and rotations are one evaluation with other answers to what may be opened, decrypted and rotated. Upstream:
eval/eval.go.
"""

import msgspec

from common.environments.language.environment import EscValue
from common.environments.language.evaluation import access
from common.environments.language.evaluation.export import export_value
from common.environments.language.expressions.literal import Missing
from common.environments.language.interfaces import Context, Decrypter, World
from common.environments.language.limits import Budget
from common.environments.language.model import Expr, ResolvedAccessor, State, Value
from common.environments.language.rotation import Rotation
from common.environments.language.schemas.narrow import Acceptor, acceptor_of
from common.environments.language.schemas.schema import AnySchema
from common.environments.language.syntax.diagnostic import Diagnostic, Severity
from common.environments.language.syntax.node import Node
from common.environments.language.syntax.property_access import Accessor
from common.environments.language.syntax.text import valid
from common.environments.language.validation.value import ValueValidator
from common.environments.language.values import build


class Mode(msgspec.Struct, frozen=True):
    """What an evaluation is for."""

    is_checking: bool = False
    is_rotating: bool = False
    # Whether a check decrypts secrets.
    shows_secrets: bool = True
    # Paths of the rotators that rotate, from `values`; all of them where none is named.
    rotate_paths: frozenset[str] = frozenset()


class Shared:
    """What an environment and its imports have in common."""

    __slots__ = ("budget", "diagnostics", "imports", "loaded", "mode", "rotations", "world")

    def __init__(self, world: World, mode: Mode, budget: Budget) -> None:
        """Begin with nothing loaded."""
        self.world = world
        self.mode = mode
        self.budget = budget
        self.diagnostics: list[Diagnostic] = []
        self.rotations: list[Rotation] = []
        self.loaded = 0
        # The value of every environment that was imported, by the name its importers use; None while it is evaluated.
        self.imports: dict[str, Value | None] = {}


class EnvironmentEvaluator:
    """Evaluates the expressions of one environment; see model.Evaluator."""

    def __init__(
        self, shared: Shared, context: Context, decrypter: Decrypter, resolver: access.Resolver, *, is_root: bool
    ) -> None:
        """Evaluate under a name, as the root or as an import."""
        self.shared = shared
        self.world = shared.world
        self.budget = shared.budget
        self.rotations = shared.rotations
        self.context = context
        self.is_root = is_root
        self.is_checking = shared.mode.is_checking
        self.is_rotating = shared.mode.is_rotating and is_root
        self.decrypts_secrets = not shared.mode.is_checking or shared.mode.shows_secrets
        self._decrypter = decrypter
        self._resolver = resolver

    def evaluate(self, expr: Expr, accept: Acceptor) -> Value:
        """Return an expression's value, evaluating it if that has not happened."""
        if expr.state is State.DONE and expr.value is not None:
            return expr.value
        if expr.state is State.EVALUATING:
            self.error(expr.node, f"cyclic reference to {expr.path}")
            return Value(expr, True, is_unknown=True)
        budget = self.budget
        if budget.depth >= budget.limits.references:
            self.error(expr.node, f"the value depends on more than {budget.limits.references} others in a row")
            return Value(expr, True, is_unknown=True)
        expr.state = State.EVALUATING
        budget.depth += 1
        try:
            expr.value = self._evaluate(expr, accept)
        finally:
            budget.depth -= 1
            expr.state = State.DONE
        return expr.value

    def _evaluate(self, expr: Expr, accept: Acceptor) -> Value:
        if accept.is_rotate_only and (not self.is_root or not (self.is_rotating or self.is_checking)):
            return self._skipped(expr)
        base = expr.base
        if base is not None and base.is_final:
            self.warn(expr.node, "cannot override final value")
            expr.schema = base.schema
            return base
        value = expr.evaluate(self, accept)
        if accept.is_rotate_only:
            value.is_rotate_only = True
        if expr.is_secret:
            value.is_secret = True
        if base is not None:
            value.merge(base)
        expr.schema = value.schema
        return value

    def _skipped(self, expr: Expr) -> Value:
        """Return an unknown for what only a rotation needs: its credentials may not be the caller's to use."""
        missing = Missing()
        missing.base = expr.base
        value = Value(missing, True, is_unknown=True)
        value.is_rotate_only = True
        return value

    def evaluate_typed(self, expr: Expr, accept: AnySchema) -> tuple[Value, bool]:
        """Return an expression's value, and whether it fits a schema; report where it does not."""
        value = self.evaluate(expr, acceptor_of(accept))
        validator = ValueValidator(accept, self.budget)
        is_valid = validator.validate(value)
        self.shared.diagnostics += validator.diagnostics
        return value, is_valid

    def access(self, expr: Expr, accessors: list[ResolvedAccessor], accept: Acceptor) -> Value:
        """Return a copy of what a reference refers to, defined by the expression that refers."""
        value = build.copy(self._resolver.resolve(self, expr, accessors, accept), self.budget)
        value.definition = expr
        return value

    def error(self, node: Node | None, summary: str) -> None:
        """Report an error on a part of the document."""
        self._report(node, summary, Severity.ERROR)

    def warn(self, node: Node | None, summary: str) -> None:
        """Report a warning on a part of the document."""
        self._report(node, summary, Severity.WARNING)

    def accessor_error(self, node: Node | None, accessor: Accessor, summary: str) -> None:
        """Report an error on one step of an access; where the step has no place of its own, on the whole expression."""
        place = accessor.range or (node.range if node is not None else None)
        self.shared.diagnostics.append(Diagnostic(valid(summary), node.path if node is not None else "", place))

    def _report(self, node: Node | None, summary: str, severity: Severity) -> None:
        path, place = (node.path, node.range) if node is not None else ("", None)
        self.shared.diagnostics.append(Diagnostic(valid(summary), path, place, severity))

    def decrypt(self, ciphertext: bytes) -> bytes:
        """Return the plaintext of a secret of this environment."""
        return self._decrypter.decrypt(ciphertext)

    def should_rotate(self, path: str) -> bool:
        """Tell whether the rotator at a path is to rotate."""
        paths = self.shared.mode.rotate_paths
        return self.is_rotating and (not paths or path in paths)

    def export(self, value: Value) -> EscValue:
        """Return a value as providers take it."""
        return export_value(value, "", self.budget)
