"""`fn::concat`: lists, one after the other."""

from common.environments.language.builtins.base import Call, UnaryBuiltin, unknown
from common.environments.language.expressions.collection import Array
from common.environments.language.model import Evaluator, Value
from common.environments.language.schemas.narrow import Acceptor
from common.environments.language.schemas.schema import ANY_ARRAY, ARRAYS
from common.environments.language.values.build import bounded
from common.environments.language.values.contents import combine

NAME = "fn::concat"


class Concat(UnaryBuiltin):
    """A call of `fn::concat`."""

    __slots__ = ()

    PROVISIONAL = ANY_ARRAY
    ARG = ARRAYS

    def evaluate(self, evaluator: Evaluator, accept: Acceptor) -> Value:
        """Return one list of the elements of all lists."""
        arrays, is_valid = evaluator.evaluate_typed(self.arg, ARRAYS)
        if not is_valid:
            return unknown(self, ANY_ARRAY)
        value = Value(self, ANY_ARRAY)
        combine(value, arrays)
        if value.is_unknown or not isinstance(arrays.repr, list):
            return value
        elements = [element for array in arrays.repr if isinstance(array.repr, list) for element in array.repr]
        evaluator.budget.spend_values(len(elements))
        value.repr = elements
        return bounded(evaluator, value)


def parse(call: Call) -> Concat:
    """Return the call; its argument is written as a list."""
    if not isinstance(call.arg, Array):
        call.error("the argument to fn::concat must be an array of arrays")
    return Concat(call)
