"""`fn::toBase64`: the bytes of a string in base64."""

from base64 import b64encode

from common.environments.language.builtins.base import Call, UnaryBuiltin, unknown
from common.environments.language.model import Evaluator, Value
from common.environments.language.schemas.narrow import Acceptor
from common.environments.language.schemas.schema import STRING
from common.environments.language.values.contents import combine

NAME = "fn::toBase64"


class ToBase64(UnaryBuiltin):
    """A call of `fn::toBase64`."""

    __slots__ = ()

    PROVISIONAL = STRING
    ARG = STRING

    def evaluate(self, evaluator: Evaluator, accept: Acceptor) -> Value:
        """Return the encoded text."""
        text, is_valid = evaluator.evaluate_typed(self.arg, STRING)
        if not is_valid:
            return unknown(self, STRING)
        value = Value(self, STRING)
        combine(value, text)
        if not value.is_unknown:
            data = str(text.repr).encode("utf-8", "surrogateescape")
            evaluator.budget.spend_text(2 * len(data))
            value.repr = b64encode(data).decode()
        return value


def parse(call: Call) -> ToBase64:
    """Return the call."""
    return ToBase64(call)
