"""`fn::open` and `fn::open::<provider>`: values from another system."""

from common.environments.language.builtins import named_arguments
from common.environments.language.builtins.base import Builtin, Call, unknown
from common.environments.language.environment import NO_RANGE, EscExpr, EscValue
from common.environments.language.expressions.collection import Object
from common.environments.language.expressions.literal import Missing, StringLiteral
from common.environments.language.interfaces import Provider, WorldError
from common.environments.language.model import Evaluator, Exporter, Expr, Value
from common.environments.language.schemas import compile as compiling
from common.environments.language.schemas.errors import InvalidSchema
from common.environments.language.schemas.narrow import Acceptor
from common.environments.language.schemas.schema import STRING, AnySchema, record_of
from common.environments.language.values.build import unexport
from common.environments.language.values.contents import has_unknowns

NAME = "fn::open"
SHORT_PREFIX = "fn::open::"
_SHAPE = "the argument to fn::open must be an object containing 'provider' and 'inputs'"


class Open(Builtin):
    """A call of `fn::open`. A call that does not name its provider is unknown."""

    __slots__ = ("input_schema", "inputs", "provider", "provider_name")

    def __init__(self, call: Call, provider_name: str | None, provider: Expr, inputs: Expr) -> None:
        """Hold the provider's name, the expression that is the name, and the inputs."""
        super().__init__(call)
        self.provider_name = provider_name
        self.provider = provider
        self.inputs = inputs
        self.input_schema: AnySchema = True

    def declare_parts(self, evaluator: Evaluator) -> None:
        """Declare provider and inputs, which override nothing."""
        self.input_schema = True
        self.provider.declare(evaluator, "", None)
        self.inputs.declare(evaluator, "", None)

    def evaluate(self, evaluator: Evaluator, accept: Acceptor) -> Value:
        """Return what the provider returns; in a check, an unknown with the provider's schema."""
        if self.provider_name is None:
            return unknown(self, True)
        provider = self.load(evaluator, self.provider_name)
        inputs, is_valid = evaluator.evaluate_typed(self.inputs, self.input_schema)
        if provider is None or not is_valid or evaluator.is_checking or has_unknowns(inputs):
            return unknown(self)
        try:
            output = provider.open(members_of(evaluator.export(inputs)) or {}, evaluator.context)
        except WorldError as error:
            evaluator.error(self.node, str(error))
            return unknown(self)
        return unexport(output, self, evaluator.budget)

    def load(self, evaluator: Evaluator, name: str) -> Provider | None:
        """Return the provider and set the schemas; None where there is no such provider."""
        try:
            provider = evaluator.world.providers.load_provider(name)
        except WorldError as error:
            evaluator.error(self.node, str(error))
            return None
        input_schema, output_schema = provider.schema()
        self.input_schema = prepared(self, evaluator, input_schema, "input schema")
        self.schema = prepared(self, evaluator, output_schema, "schema")
        return provider

    def arg_schema(self) -> AnySchema:
        """Return the schema of the inputs; of the long form, with the provider's name."""
        if self.call.name != NAME:
            return self.input_schema
        return record_of({"provider": STRING, "inputs": self.input_schema})

    def export_arg(self, exporter: Exporter) -> EscExpr:
        """Return the inputs; of the long form, an object in no document."""
        inputs = exporter.export(self.inputs)
        if self.call.name != NAME:
            return inputs
        return EscExpr(NO_RANGE, object={"provider": exporter.export(self.provider), "inputs": inputs})


def prepared(expr: Builtin, evaluator: Evaluator, schema: AnySchema, what: str) -> AnySchema:
    """Return a provider's schema ready for use; where it is wrong, report that and accept anything."""
    try:
        return compiling.prepare(schema)
    except InvalidSchema as error:
        evaluator.error(expr.node, f"internal error: invalid {what} ({error})")
        return True


def members_of(value: EscValue) -> dict[str, EscValue] | None:
    """Return the members of an object, or None for anything else."""
    return value.value if isinstance(value.value, dict) else None


def parse(call: Call) -> Open:
    """Return a call of the long form."""
    if not isinstance(call.arg, Object):
        call.error(_SHAPE)
        return Open(call, None, Missing(), Missing())
    name = named_arguments.provider_name(call, call.arg)
    inputs = named_arguments.required(call, call.arg, "inputs", "missing provider inputs ('inputs')")
    provider = call.arg.find("provider")
    return Open(call, name, provider if name is not None and provider is not None else Missing(), inputs)


def parse_short(call: Call) -> Open:
    """Return a call whose function names the provider."""
    name = call.name.removeprefix(SHORT_PREFIX)
    return Open(call, name, StringLiteral(call.key, name), call.arg)
