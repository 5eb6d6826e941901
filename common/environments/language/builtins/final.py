"""`fn::final`: a value that environments which import this one cannot override."""

from common.environments.language.builtins.base import Call, UnaryBuiltin
from common.environments.language.model import Evaluator, Value
from common.environments.language.schemas.narrow import ANYTHING, Acceptor
from common.environments.language.values.contents import combine

NAME = "fn::final"


class Final(UnaryBuiltin):
    """A call of `fn::final`."""

    __slots__ = ()

    def evaluate(self, evaluator: Evaluator, accept: Acceptor) -> Value:
        """Return the argument's value, marked final."""
        argument = evaluator.evaluate(self.arg, ANYTHING)
        value = Value(self, argument.schema, argument.repr)
        value.depth = argument.depth
        value.is_final = True
        combine(value, argument)
        return value


def parse(call: Call) -> Final:
    """Return the call."""
    return Final(call)
