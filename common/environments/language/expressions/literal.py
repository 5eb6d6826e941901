"""Expressions that hold their value, and those that stand for a missing one."""

import msgspec

from common.environments.language.environment import EscExpr
from common.environments.language.model import Evaluator, Exporter, Expr, State, Value
from common.environments.language.schemas.narrow import Acceptor
from common.environments.language.schemas.schema import AnySchema, constant
from common.environments.language.syntax.node import Node
from common.environments.language.syntax.number import Scalar


class Literal(Expr):
    """A scalar."""

    __slots__ = ("literal",)

    def __init__(self, node: Node | None, literal: Scalar) -> None:
        """Hold a scalar."""
        super().__init__(node)
        self.literal = literal

    def declare_parts(self, evaluator: Evaluator) -> None:
        """Set the schema: this one constant."""
        self.schema = constant(self.literal)

    def evaluate(self, evaluator: Evaluator, accept: Acceptor) -> Value:
        """Return the scalar."""
        return Value(self, constant(self.literal) if self.schema is None else self.schema, self.literal)

    def export(self, exporter: Exporter) -> EscExpr:
        """Return the scalar; null is written by leaving it out."""
        exported = exporter.start(self)
        exported.literal = msgspec.UNSET if self.literal is None else self.literal
        return exported


class StringLiteral(Literal):
    """A string without accesses; built-ins ask for one where they need text that is known before evaluation."""

    __slots__ = ()

    literal: str


class Missing(Expr):
    """What a document left out, or got wrong. It evaluates to an unknown."""

    __slots__ = ()

    def __init__(self) -> None:
        """Be in no document."""
        super().__init__(None)

    def evaluate(self, evaluator: Evaluator, accept: Acceptor) -> Value:
        """Return an unknown of any type."""
        return Value(self, True, is_unknown=True)


class Placeholder(Expr):
    """What an access refers to when that is not known: it has a range, and nothing else."""

    __slots__ = ()

    def __init__(self, node: Node | None) -> None:
        """Stand where the access stands."""
        super().__init__(node)
        self.schema = None
        self.state = State.DONE


def unknown_at(node: Node | None, schema: AnySchema) -> Value:
    """Return an unknown that is defined by an access that could not be followed."""
    return Value(Placeholder(node), schema, is_unknown=True)
