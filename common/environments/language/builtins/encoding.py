"""Built-in functions that write any value as text."""

from common.environments.language.builtins.base import UnaryBuiltin
from common.environments.language.model import Evaluator, Value
from common.environments.language.schemas.narrow import ANYTHING, Acceptor
from common.environments.language.schemas.schema import STRING
from common.environments.language.values import plain
from common.environments.language.values.contents import combine


class EncodingBuiltin(UnaryBuiltin):
    """A call of a function that encodes. What is secret in the value is revealed in the text, which is secret."""

    __slots__ = ()

    PROVISIONAL = STRING

    def evaluate(self, evaluator: Evaluator, accept: Acceptor) -> Value:
        """Return the text."""
        argument = evaluator.evaluate(self.arg, ANYTHING)
        value = Value(self, STRING)
        combine(value, argument)
        if not value.is_unknown:
            content = plain.of_value(argument, evaluator.budget)
            value.repr = self.encode(content)
            evaluator.budget.spend_text(len(value.repr))
        return value

    def encode(self, content: plain.Json) -> str:
        """Return the text of plain JSON."""
        raise NotImplementedError
