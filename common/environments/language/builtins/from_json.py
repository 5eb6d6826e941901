"""`fn::fromJSON`: the value that a JSON text describes."""

from common.environments.language.builtins.base import Call, UnaryBuiltin, unknown
from common.environments.language.model import Evaluator, Value
from common.environments.language.schemas.narrow import Acceptor
from common.environments.language.schemas.schema import STRING
from common.environments.language.values import build, json_text
from common.environments.language.values.contents import combine

NAME = "fn::fromJSON"


class FromJson(UnaryBuiltin):
    """A call of `fn::fromJSON`."""

    __slots__ = ()

    def evaluate(self, evaluator: Evaluator, accept: Acceptor) -> Value:
        """Return the value; if the text is secret, so is each part of it."""
        text, is_valid = evaluator.evaluate_typed(self.arg, STRING)
        if not is_valid:
            return unknown(self, True)
        value = Value(self, True)
        combine(value, text)
        if value.is_unknown:
            return value
        evaluator.budget.spend_text(len(str(text.repr)))
        try:
            content = json_text.decode_json(str(text.repr))
            return build.from_plain(content, self, evaluator.budget, is_secret=value.is_secret)
        except ValueError as error:
            evaluator.error(self.node, f"decoding JSON string: {error}")
            value.is_unknown = True
            return value


def parse(call: Call) -> FromJson:
    """Return the call."""
    return FromJson(call)
