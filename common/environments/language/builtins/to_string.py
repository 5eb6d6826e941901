"""`fn::toString`: any value as text."""

from common.environments.language.builtins.base import Call, UnaryBuiltin
from common.environments.language.model import Evaluator, Value
from common.environments.language.schemas.narrow import ANYTHING, Acceptor
from common.environments.language.schemas.schema import STRING
from common.environments.language.values import text

NAME = "fn::toString"


class ToString(UnaryBuiltin):
    """A call of `fn::toString`."""

    __slots__ = ()

    PROVISIONAL = STRING

    def evaluate(self, evaluator: Evaluator, accept: Acceptor) -> Value:
        """Return the text."""
        argument = evaluator.evaluate(self.arg, ANYTHING)
        value = Value(self, STRING)
        shown, value.is_unknown, value.is_secret = text.to_string(argument, evaluator.budget)
        if not value.is_unknown:
            value.repr = shown
        return value


def parse(call: Call) -> ToString:
    """Return the call."""
    return ToString(call)
