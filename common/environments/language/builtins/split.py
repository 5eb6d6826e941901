"""`fn::split`: the parts of a string between delimiters."""

from common.environments.language.builtins.base import Call, unknown
from common.environments.language.builtins.pair import PairBuiltin
from common.environments.language.model import Evaluator, Value
from common.environments.language.schemas.narrow import Acceptor
from common.environments.language.schemas.schema import STRING, STRINGS, tuple_of
from common.environments.language.values.contents import combine

NAME = "fn::split"


class Split(PairBuiltin):
    """A call of `fn::split`."""

    __slots__ = ()

    PROVISIONAL = STRINGS
    ARG = tuple_of(STRING, STRING)

    def evaluate(self, evaluator: Evaluator, accept: Acceptor) -> Value:
        """Return the parts; an empty delimiter splits into characters."""
        delimiter, is_delimiter_valid = evaluator.evaluate_typed(self.first, STRING)
        text, is_text_valid = evaluator.evaluate_typed(self.second, STRING)
        if not (is_delimiter_valid and is_text_valid):
            return unknown(self, STRINGS)
        value = Value(self, STRINGS)
        combine(value, delimiter, text)
        if value.is_unknown:
            return value
        whole, between = str(text.repr), str(delimiter.repr)
        evaluator.budget.spend_text(len(whole))
        parts = whole.split(between) if between else list(whole)
        evaluator.budget.spend_values(len(parts))
        value.repr = [Value(self, STRING, part) for part in parts]
        value.depth = 1
        return value


def parse(call: Call) -> Split:
    """Return the call; its argument is written as a list of two."""
    return Split(call, "the argument to fn::split must be a two-valued list")
