"""Built-in functions of two arguments, written as a list of two."""

from common.environments.language.builtins.base import Builtin, Call
from common.environments.language.environment import EscExpr
from common.environments.language.expressions.collection import Array
from common.environments.language.expressions.literal import Missing
from common.environments.language.model import Evaluator, Exporter, Expr
from common.environments.language.schemas.schema import AnySchema


class PairBuiltin(Builtin):
    """A call of a function of two arguments."""

    __slots__ = ("first", "second")

    ARG: AnySchema = True

    def __init__(self, call: Call, problem: str) -> None:
        """Take both elements; report the problem where there are not two."""
        super().__init__(call)
        self.first: Expr = Missing()
        self.second: Expr = Missing()
        if isinstance(call.arg, Array) and len(call.arg.elements) == 2:
            self.first, self.second = call.arg.elements
        else:
            call.error(problem)

    def declare_parts(self, evaluator: Evaluator) -> None:
        """Declare both arguments, which override nothing."""
        self.first.declare(evaluator, "", None)
        self.second.declare(evaluator, "", None)

    def arg_schema(self) -> AnySchema:
        """Return the schema of the list of both."""
        return self.ARG

    def export_arg(self, exporter: Exporter) -> EscExpr:
        """Return a list of both, without a schema of its own."""
        return EscExpr(self.call.arg_node.range, list=(exporter.export(self.first), exporter.export(self.second)))
