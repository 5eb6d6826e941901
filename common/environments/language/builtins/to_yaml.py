"""`fn::toYAML`: a value as YAML text."""

from common.environments.language.builtins.base import Call
from common.environments.language.builtins.encoding import EncodingBuiltin
from common.environments.language.values import plain, yaml_text

NAME = "fn::toYAML"


class ToYaml(EncodingBuiltin):
    """A call of `fn::toYAML`."""

    __slots__ = ()

    def encode(self, content: plain.Json) -> str:
        """Return a YAML document."""
        return yaml_text.to_yaml(content)


def parse(call: Call) -> ToYaml:
    """Return the call."""
    return ToYaml(call)
