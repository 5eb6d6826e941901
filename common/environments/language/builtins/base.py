"""What all built-in functions share."""

from collections.abc import Callable

import msgspec

from common.environments.language.environment import BuiltinExpr, EscExpr
from common.environments.language.model import Evaluator, Exporter, Expr, Value
from common.environments.language.schemas.schema import AnySchema
from common.environments.language.syntax.diagnostic import Diagnostic
from common.environments.language.syntax.node import Node, ObjectNode, StringNode


class Call(msgspec.Struct, frozen=True):
    """A call as it is written: the mapping, its only key, and the argument."""

    node: ObjectNode
    key: StringNode
    arg_node: Node
    arg: Expr
    report: Callable[[Diagnostic], None]

    @property
    def name(self) -> str:
        """The name of the function, as written."""
        return self.key.text

    def error(self, summary: str, node: Node | None = None) -> None:
        """Report an error on a part of the call; on its argument where nothing else is named."""
        node = node or self.arg_node
        self.report(Diagnostic(summary, node.path, node.range))


class Builtin(Expr):
    """A call of a built-in function."""

    __slots__ = ("call",)

    def __init__(self, call: Call) -> None:
        """Stand for a call."""
        super().__init__(call.node)
        self.call = call

    def children(self) -> list[Expr]:
        """Return the argument, as it is written."""
        return [self.call.arg]

    def export(self, exporter: Exporter) -> EscExpr:
        """Return the call with its argument."""
        exported = exporter.start(self)
        exported.builtin = BuiltinExpr(self.call.name, self.call.key.range, self.arg_schema(), self.export_arg(exporter))
        return exported

    def arg_schema(self) -> AnySchema:
        """Return the schema of the argument."""
        raise NotImplementedError

    def export_arg(self, exporter: Exporter) -> EscExpr:
        """Return the argument."""
        raise NotImplementedError


class UnaryBuiltin(Builtin):
    """A call of a function of one argument of any form."""

    __slots__ = ("arg",)

    ARG: AnySchema = True

    def __init__(self, call: Call) -> None:
        """Take the argument as it is."""
        super().__init__(call)
        self.arg = call.arg

    def declare_parts(self, evaluator: Evaluator) -> None:
        """Declare the argument, which overrides nothing."""
        self.arg.declare(evaluator, "", None)

    def arg_schema(self) -> AnySchema:
        """Return what the function takes."""
        return self.ARG

    def export_arg(self, exporter: Exporter) -> EscExpr:
        """Return the argument."""
        return exporter.export(self.arg)


def unknown(definition: Expr, schema: AnySchema | None = None) -> Value:
    """Return the result of a call that was not made; without a schema, that of the expression."""
    return Value(definition, schema if schema is not None else definition.schema or False, is_unknown=True)
