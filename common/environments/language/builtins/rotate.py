"""`fn::rotate` and `fn::rotate::<rotator>`: a secret of another system that can be replaced."""

from common.environments.language.builtins import named_arguments
from common.environments.language.builtins.base import Builtin, Call, unknown
from common.environments.language.builtins.open import members_of, prepared
from common.environments.language.environment import NO_RANGE, EscExpr, EscValue
from common.environments.language.expressions.collection import Object
from common.environments.language.expressions.literal import Literal, Missing, StringLiteral
from common.environments.language.interfaces import Rotator, WorldError
from common.environments.language.model import Evaluator, Exporter, Expr, Value
from common.environments.language.rotation import Patch, Rotation, RotationStatus
from common.environments.language.schemas.narrow import Acceptor
from common.environments.language.schemas.schema import NULL, STRING, AnySchema, one_of, record_of
from common.environments.language.syntax import path as paths
from common.environments.language.syntax.diagnostic import Diagnostic
from common.environments.language.values.build import unexport
from common.environments.language.values.contents import has_observable_unknowns, has_unknowns

NAME = "fn::rotate"
SHORT_PREFIX = "fn::rotate::"
_SHAPE = "the argument to fn::rotate must be an object containing 'provider', 'inputs' and 'state'"
_SHORT_SHAPE = "the argument to fn::rotate must be an object containing 'inputs' and 'state'"


class Rotate(Builtin):
    """A call of `fn::rotate`. A call that does not name its rotator is unknown."""

    __slots__ = ("input_schema", "inputs", "provider", "provider_name", "rotation_state", "state_schema")

    def __init__(self, call: Call, provider_name: str | None, provider: Expr, inputs: Expr, state: Expr) -> None:
        """Hold the rotator's name, the expression that is the name, inputs and state."""
        super().__init__(call)
        self.provider_name = provider_name
        self.provider = provider
        self.inputs = inputs
        self.rotation_state = state
        self.input_schema: AnySchema = True
        self.state_schema: AnySchema = True

    @property
    def state_path(self) -> str:
        """The path of the state, which may be missing, in the definition."""
        return paths.join_key(self.call.node.path, self.call.name) + ".state"

    def declare_parts(self, evaluator: Evaluator) -> None:
        """Declare rotator, inputs and state, which override nothing."""
        self.input_schema = self.state_schema = True
        for part in (self.provider, self.inputs, self.rotation_state):
            part.declare(evaluator, "", None)

    def evaluate(self, evaluator: Evaluator, accept: Acceptor) -> Value:
        """Return what the rotator opens with its state, after it made a new one if it is to rotate."""
        if self.provider_name is None:
            return unknown(self, True)
        rotator = self.load(evaluator, self.provider_name)
        inputs, are_inputs_valid = evaluator.evaluate_typed(self.inputs, self.input_schema)
        state, is_state_valid = evaluator.evaluate_typed(self.rotation_state, self.state_schema)
        is_known = not (has_observable_unknowns(inputs, is_rotating=evaluator.is_rotating) or has_unknowns(state))
        path = self.call.node.path
        if rotator is None or not (are_inputs_valid and is_state_valid and is_known) or evaluator.is_checking:
            if evaluator.should_rotate(path):
                evaluator.rotations.append(Rotation(path, RotationStatus.NOT_EVALUATED))
            return unknown(self)
        known_inputs = members_of(evaluator.export(inputs)) or {}
        known_state = members_of(evaluator.export(state))
        if evaluator.should_rotate(path):
            new_state = self.rotate(evaluator, rotator, known_inputs, known_state)
            if new_state is None:
                return unknown(self)
            known_state = members_of(evaluator.export(unexport(new_state, self, evaluator.budget)))
        try:
            output = rotator.open(known_inputs, known_state, evaluator.context)
        except WorldError as error:
            evaluator.error(self.node, str(error))
            return unknown(self)
        return unexport(output, self, evaluator.budget)

    def rotate(
        self, evaluator: Evaluator, rotator: Rotator, inputs: dict[str, EscValue], state: dict[str, EscValue] | None
    ) -> EscValue | None:
        """Make a new secret and record it; None where that failed."""
        path = self.call.node.path
        try:
            new_state = rotator.rotate(inputs, state, evaluator.context)
        except WorldError as error:
            problem = Diagnostic(str(error), path, self.call.node.range)
            evaluator.rotations.append(Rotation(path, RotationStatus.FAILED, (problem,)))
            evaluator.error(self.node, f"rotate: {error}")
            return None
        except Exception:
            problem = Diagnostic("an internal error", path, self.call.node.range)
            evaluator.rotations.append(Rotation(path, RotationStatus.FAILED, (problem,)))
            raise
        patch = Patch(self.state_path, new_state)
        evaluator.rotations.append(Rotation(path, RotationStatus.SUCCEEDED, patch=patch))
        return new_state

    def load(self, evaluator: Evaluator, name: str) -> Rotator | None:
        """Return the rotator and set the schemas; None where there is no such rotator."""
        try:
            rotator = evaluator.world.providers.load_rotator(name)
        except WorldError as error:
            evaluator.error(self.node, str(error))
            return None
        input_schema, state_schema, output_schema = rotator.schema()
        self.input_schema = prepared(self, evaluator, input_schema, "input schema")
        self.state_schema = prepared(self, evaluator, one_of(state_schema, NULL), "state schema")
        self.schema = prepared(self, evaluator, output_schema, "schema")
        return rotator

    def arg_schema(self) -> AnySchema:
        """Return the schema of inputs and state; of the long form, with the rotator's name."""
        members = {"inputs": self.input_schema, "state": self.state_schema}
        return record_of({"provider": STRING, **members} if self.call.name == NAME else members)

    def export_arg(self, exporter: Exporter) -> EscExpr:
        """Return an object in no document with the arguments."""
        members = {"inputs": exporter.export(self.inputs), "state": exporter.export(self.rotation_state)}
        if self.call.name == NAME:
            members = {"provider": exporter.export(self.provider), **members}
        return EscExpr(NO_RANGE, object=members)


def parse(call: Call) -> Rotate:
    """Return a call of the long form."""
    if not isinstance(call.arg, Object):
        call.error(_SHAPE)
        return Rotate(call, None, Missing(), Missing(), Missing())
    name = named_arguments.provider_name(call, call.arg)
    provider = call.arg.find("provider")
    return _with_arguments(call, call.arg, name, provider if name is not None and provider is not None else Missing())


def parse_short(call: Call) -> Rotate:
    """Return a call whose function names the rotator."""
    if not isinstance(call.arg, Object):
        call.error(_SHORT_SHAPE)
        return Rotate(call, None, Missing(), Missing(), Missing())
    name = call.name.removeprefix(SHORT_PREFIX)
    return _with_arguments(call, call.arg, name, StringLiteral(call.key, name))


def _with_arguments(call: Call, arguments: Object, name: str | None, provider: Expr) -> Rotate:
    inputs = named_arguments.required(call, arguments, "inputs", "missing provider inputs ('inputs')")
    state = arguments.find("state")
    if state is None:
        state = Literal(None, None)
    elif not isinstance(state, Object):
        call.error("rotation state must be an object literal", state.node)
    return Rotate(call, name, provider, inputs, state)
