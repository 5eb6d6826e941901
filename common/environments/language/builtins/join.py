"""`fn::join`: strings, with a delimiter between them. Numbers are not converted."""

from common.environments.language.builtins.base import Call, unknown
from common.environments.language.builtins.pair import PairBuiltin
from common.environments.language.model import Evaluator, Value
from common.environments.language.schemas.narrow import Acceptor
from common.environments.language.schemas.schema import STRING, STRINGS, tuple_of
from common.environments.language.values import text
from common.environments.language.values.contents import combine

NAME = "fn::join"


class Join(PairBuiltin):
    """A call of `fn::join`."""

    __slots__ = ()

    PROVISIONAL = STRING
    ARG = tuple_of(STRING, STRINGS)

    def evaluate(self, evaluator: Evaluator, accept: Acceptor) -> Value:
        """Return the joined text."""
        delimiter, is_delimiter_valid = evaluator.evaluate_typed(self.first, STRING)
        values, are_values_valid = evaluator.evaluate_typed(self.second, STRINGS)
        if not (is_delimiter_valid and are_values_valid):
            return unknown(self, STRING)
        value = Value(self, STRING)
        combine(value, delimiter, values)
        if not value.is_unknown and isinstance(values.repr, list):
            value.repr = text.join(str(delimiter.repr), [str(element.repr) for element in values.repr], evaluator.budget)
        return value


def parse(call: Call) -> Join:
    """Return the call; its argument is written as a list of two."""
    return Join(call, "the argument to fn::join must be a two-valued list")
