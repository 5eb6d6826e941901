"""Values and expressions in the form in which clients read them.

What is shared while values are evaluated is written out again and again in JSON. So the size that it will have is counted
here, before anything is encoded.
"""

from common.environments.language.environment import EscExpr, EscRepr, EscValue, Trace
from common.environments.language.limits import Budget, LimitExceeded
from common.environments.language.model import Expr, Value
from common.environments.language.syntax.text import valid

# The name that ranges have which are in no document: the environment that several imports make together.
IMPORTED = "<import>"
# About what a value without content takes as JSON: its range.
_VALUE_BYTES = 150


def export_value(value: Value, environment: str, budget: Budget) -> EscValue:
    """Return a value; where it is in no document, its range names an environment. A value is exported once."""
    if isinstance(value.exported, EscValue):
        return value.exported
    size = _VALUE_BYTES
    content: EscRepr
    if isinstance(value.repr, list):
        content = []
        for element in value.repr:
            content.append(export_value(element, environment, budget))
            size += element.size
    elif isinstance(value.repr, dict):
        content = {}
        for name in value.member_names():
            member = value.property(name, value.definition.node)
            if member is not None:
                content[valid(name)] = export_value(member, environment, budget)
                size += member.size + len(name)
    elif type(value.repr) is str:
        content = valid(value.repr)
        size += len(content)
    else:
        content = value.repr
    trace = Trace(value.definition.range(environment))
    if value.base is not None:
        trace.base = export_value(value.base, IMPORTED, budget)
        size += value.base.size
    if size > budget.limits.result_bytes:
        raise LimitExceeded(f"the result is larger than {budget.limits.result_bytes} bytes")
    exported = EscValue(content, value.is_secret, value.is_unknown, trace)
    value.size, value.exported = size, exported
    return exported


class ExprExporter:
    """Exports the expressions of one environment."""

    def __init__(self, environment: str, budget: Budget) -> None:
        """Name the environment in ranges that are in no document."""
        self.environment = environment
        self._budget = budget
        self._exported: dict[int, tuple[EscExpr, int]] = {}
        self._size = 0

    def start(self, expr: Expr) -> EscExpr:
        """Return what every exported expression has: its range, its schema and its base."""
        base = self.export(expr.base.definition) if expr.base is not None else None
        return EscExpr(expr.range(self.environment), expr.schema, base)

    def export(self, expr: Expr) -> EscExpr:
        """Return an expression as clients read it."""
        known = self._exported.get(id(expr))
        if known is not None:
            self._add(known[1])
            return known[0]
        before = self._size
        self._add(_VALUE_BYTES)
        exported = expr.export(self)
        self._exported[id(expr)] = exported, self._size - before
        return exported

    def _add(self, size: int) -> None:
        self._size += size
        if self._size > self._budget.limits.result_bytes:
            raise LimitExceeded(f"the result is larger than {self._budget.limits.result_bytes} bytes")
