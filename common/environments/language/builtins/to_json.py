"""`fn::toJSON`: a value as JSON text."""

from common.environments.language.builtins.base import Call
from common.environments.language.builtins.encoding import EncodingBuiltin
from common.environments.language.values import plain

NAME = "fn::toJSON"


class ToJson(EncodingBuiltin):
    """A call of `fn::toJSON`."""

    __slots__ = ()

    def encode(self, content: plain.Json) -> str:
        """Return compact JSON."""
        return plain.to_json(content)


def parse(call: Call) -> ToJson:
    """Return the call."""
    return ToJson(call)
