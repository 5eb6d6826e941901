"""References to other values: alone, or within text."""

from common.environments.language.environment import EscExpr, Interpolation
from common.environments.language.model import Evaluator, Exporter, Expr, ResolvedAccessor, Value
from common.environments.language.schemas.narrow import ANYTHING, Acceptor
from common.environments.language.schemas.schema import STRING
from common.environments.language.syntax.interpolation import Part
from common.environments.language.syntax.node import Node
from common.environments.language.syntax.property_access import PropertyAccess
from common.environments.language.syntax.text import valid
from common.environments.language.values import text

UNKNOWN_TEXT = "[unknown]"


class Symbol(Expr):
    """A reference to a value of any type: a string that is one access."""

    __slots__ = ("access", "accessors")

    def __init__(self, node: Node | None, access: PropertyAccess) -> None:
        """Refer to what the access names."""
        super().__init__(node)
        self.access = access
        self.accessors: list[ResolvedAccessor] = []

    def declare_parts(self, evaluator: Evaluator) -> None:
        """Forget what the accessors were resolved to."""
        self.accessors = [ResolvedAccessor(accessor) for accessor in self.access]

    def evaluate(self, evaluator: Evaluator, accept: Acceptor) -> Value:
        """Return a copy of the value referred to."""
        return evaluator.access(self, self.accessors, accept)

    def export(self, exporter: Exporter) -> EscExpr:
        """Return the accessors with what they were resolved to."""
        exported = exporter.start(self)
        exported.symbol = tuple(accessor.export(exporter.environment) for accessor in self.accessors)
        return exported


class Interpolate(Expr):
    """Text with references in it."""

    __slots__ = ("parts", "resolved")

    PROVISIONAL = STRING

    def __init__(self, node: Node | None, parts: list[Part]) -> None:
        """Hold text and accesses."""
        super().__init__(node)
        self.parts = parts
        self.resolved: list[list[ResolvedAccessor]] = []

    def declare_parts(self, evaluator: Evaluator) -> None:
        """Forget what the accessors were resolved to."""
        self.resolved = [[ResolvedAccessor(accessor) for accessor in part.access or ()] for part in self.parts]

    def evaluate(self, evaluator: Evaluator, accept: Acceptor) -> Value:
        """Return the text, with the text of each value in it."""
        value = Value(self, STRING)
        pieces: list[str] = []
        for part, accessors in zip(self.parts, self.resolved, strict=True):
            pieces.append(part.text)
            if accessors:
                piece, is_unknown, is_secret = text.to_string(evaluator.access(self, accessors, ANYTHING), evaluator.budget)
                value.is_unknown |= is_unknown
                value.is_secret |= is_secret
                pieces.append(piece)
        value.repr = UNKNOWN_TEXT if value.is_unknown else text.join("", pieces, evaluator.budget)
        return value

    def export(self, exporter: Exporter) -> EscExpr:
        """Return the parts with what their accessors were resolved to."""
        exported = exporter.start(self)
        exported.interpolate = tuple(
            Interpolation(valid(part.text), tuple(accessor.export(exporter.environment) for accessor in accessors))
            for part, accessors in zip(self.parts, self.resolved, strict=True)
        )
        return exported
