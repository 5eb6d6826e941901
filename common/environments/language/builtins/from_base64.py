"""`fn::fromBase64`: what a base64 text encodes. It need not be UTF-8: other bytes survive until the result is shown."""

from common.environments.language import base64text
from common.environments.language.builtins.base import Call, UnaryBuiltin, unknown
from common.environments.language.model import Evaluator, Value
from common.environments.language.schemas.narrow import Acceptor
from common.environments.language.schemas.schema import STRING
from common.environments.language.values.contents import combine

NAME = "fn::fromBase64"


class FromBase64(UnaryBuiltin):
    """A call of `fn::fromBase64`."""

    __slots__ = ()

    PROVISIONAL = STRING
    ARG = STRING

    def evaluate(self, evaluator: Evaluator, accept: Acceptor) -> Value:
        """Return the decoded text."""
        text, is_valid = evaluator.evaluate_typed(self.arg, STRING)
        if not is_valid:
            return unknown(self, STRING)
        value = Value(self, STRING)
        combine(value, text)
        if value.is_unknown:
            return value
        evaluator.budget.spend_text(len(str(text.repr)))
        try:
            value.repr = base64text.decode(str(text.repr)).decode("utf-8", "surrogateescape")
        except base64text.InvalidBase64 as error:
            evaluator.error(self.node, f"decoding base64 string: {error}")
            value.is_unknown = True
        return value


def parse(call: Call) -> FromBase64:
    """Return the call."""
    return FromBase64(call)
