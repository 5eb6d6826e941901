"""`fn::validate`: a value that is checked against a JSON schema, and passed on whether it fits or not."""

from common.environments.language.builtins import named_arguments
from common.environments.language.builtins.base import Builtin, Call
from common.environments.language.environment import EscExpr
from common.environments.language.expressions.collection import Object
from common.environments.language.expressions.literal import Missing
from common.environments.language.model import Evaluator, Exporter, Expr, Value
from common.environments.language.schemas import compile as compiling
from common.environments.language.schemas.errors import InvalidSchema
from common.environments.language.schemas.meta import META_SCHEMA
from common.environments.language.schemas.narrow import ANYTHING, Acceptor
from common.environments.language.schemas.schema import AnySchema, record_of
from common.environments.language.values import plain
from common.environments.language.values.contents import combine, has_unknowns

NAME = "fn::validate"
_SHAPE = "the argument to fn::validate must be an object containing 'schema' and 'value'"


class Validate(Builtin):
    """A call of `fn::validate`."""

    __slots__ = ("schema_expr", "value_expr")

    def __init__(self, call: Call, schema: Expr, value: Expr) -> None:
        """Hold the expressions of the schema and the value."""
        super().__init__(call)
        self.schema_expr = schema
        self.value_expr = value

    def declare_parts(self, evaluator: Evaluator) -> None:
        """Declare both, which override nothing."""
        self.schema_expr.declare(evaluator, "", None)
        self.value_expr.declare(evaluator, "", None)

    def evaluate(self, evaluator: Evaluator, accept: Acceptor) -> Value:
        """Return the value, after reporting where it does not fit."""
        schema = self.required_schema(evaluator)
        if schema is None:
            inner = evaluator.evaluate(self.value_expr, ANYTHING)
        else:
            inner, _ = evaluator.evaluate_typed(self.value_expr, schema)
        value = Value(self, inner.schema, inner.repr)
        value.depth = inner.depth
        combine(value, inner)
        return value

    def required_schema(self, evaluator: Evaluator) -> AnySchema | None:
        """Return the schema; None where it is unknown, or wrong, which is reported."""
        value, is_valid = evaluator.evaluate_typed(self.schema_expr, META_SCHEMA)
        if not is_valid or has_unknowns(value):
            return None
        try:
            return compiling.prepare(compiling.from_json(plain.of_value(value, evaluator.budget)))
        except InvalidSchema as error:
            evaluator.error(self.schema_expr.node, f"invalid schema: {error}")
            return None

    def arg_schema(self) -> AnySchema:
        """Return the schema of both arguments."""
        return record_of({"schema": META_SCHEMA, "value": True})

    def export_arg(self, exporter: Exporter) -> EscExpr:
        """Return an object with both arguments, without a schema of its own."""
        members = {"schema": exporter.export(self.schema_expr), "value": exporter.export(self.value_expr)}
        return EscExpr(self.call.arg_node.range, object=members)


def parse(call: Call) -> Validate:
    """Return the call."""
    if not isinstance(call.arg, Object):
        call.error(_SHAPE)
        return Validate(call, Missing(), Missing())
    schema = named_arguments.required(call, call.arg, "schema", "missing required property 'schema'")
    value = named_arguments.required(call, call.arg, "value", "missing required property 'value'")
    return Validate(call, schema, value)
