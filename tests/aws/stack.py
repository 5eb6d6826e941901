"""What CloudFormation makes of template.yaml: translated by SAM's own translator, with parameters and conditions resolved.

What only a deployment knows, a resource's id or attribute, is a text with its name, or what a test says it is.
"""

import copy
import os
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from tests.aws.template import template
from tests.reporting import missing_tool

# A list that a condition leaves out.
_NOTHING = object()
_PSEUDO = {
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "stackhold",
}


def translated(change: Callable[[dict[str, Any]], None] = lambda _: None) -> dict[str, Any]:
    """Return the template without SAM's transform, its functions' code being where `sam deploy` uploads it."""
    try:
        from samtranslator.parser.parser import Parser
        from samtranslator.translator.translator import Translator
    except ImportError:
        missing_tool("aws-sam-translator is not installed: make setup")
    os.environ.setdefault("AWS_DEFAULT_REGION", _PSEUDO["AWS::Region"])
    source = copy.deepcopy(template())
    source["Globals"]["Function"]["CodeUri"] = "s3://uploads/0123456789abcdef"
    change(source)
    done: dict[str, Any] = Translator({}, Parser()).translate(_as_sam_reads(source), {})
    return done


@cache
def _unchanged() -> dict[str, Any]:
    return translated()


class Stack:
    """The template with the values of parameters."""

    def __init__(
        self,
        parameters: Mapping[str, str] | None = None,
        attributes: Mapping[str, str] | None = None,
        made: dict[str, Any] | None = None,
    ) -> None:
        self._template = made or _unchanged()
        self._values = {name: str(one.get("Default", "")) for name, one in self._template["Parameters"].items()}
        assert set(parameters or {}) <= set(self._values)
        self._values |= parameters or {}
        self._attributes = dict(attributes or {})
        self.references: set[str] = set()

    def resources(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return name → resource of one type, as far as conditions let them be."""
        found = {name: one for name, one in self._template["Resources"].items() if one["Type"] == kind}
        return {name: self.resolved(one) for name, one in found.items() if self._holds(one.get("Condition"))}

    def resource(self, name: str) -> dict[str, Any]:
        """Return one resource."""
        found: dict[str, Any] = self.resolved(self._template["Resources"][name])
        return found

    def output(self, name: str) -> Any:
        """Return the value of an output."""
        return self.resolved(self._template["Outputs"][name]["Value"])

    def resolved(self, value: Any) -> Any:
        """Return a part of the template without its functions."""
        if isinstance(value, list):
            return [one for part in value if (one := self.resolved(part)) is not _NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return getattr(self, f"_{name.removeprefix('Fn::').lower()}")(argument)
        return {name: one for name, part in value.items() if (one := self.resolved(part)) is not _NOTHING}

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NOTHING
        if name in self._values:
            is_list = self._template["Parameters"][name]["Type"] == "CommaDelimitedList"
            return self._values[name].split(",") if is_list else self._values[name]
        return _PSEUDO.get(name) or self._of_resource(name)

    def _getatt(self, argument: Any) -> str:
        return self._of_resource(argument if isinstance(argument, str) else ".".join(argument))

    def _of_resource(self, name: str) -> str:
        self.references.add(name)
        return self._attributes.get(name, f"<{name}>")

    def _sub(self, argument: Any) -> str:
        text, own = argument if isinstance(argument, list) else (argument, {})
        own = {name: self.resolved(value) for name, value in own.items()}

        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name in own:
                return str(own[name])
            return self._getatt(name) if "." in name else str(self._ref(name))

        return re.sub(r"\$\{([^!}]+)\}", value, text)

    def _if(self, argument: list[Any]) -> Any:
        return self.resolved(argument[1] if self._holds(argument[0]) else argument[2])

    def _join(self, argument: list[Any]) -> str:
        return str(argument[0]).join(map(str, self.resolved(argument[1])))

    def _select(self, argument: list[Any]) -> Any:
        return self.resolved(argument[1])[int(argument[0])]

    def _getazs(self, _argument: Any) -> list[str]:
        return ["eu-west-1a", "eu-west-1b"]

    def _holds(self, condition: Any) -> bool:
        if condition is None:
            return True
        if isinstance(condition, str):
            return self._holds(self._template["Conditions"][condition])
        ((name, argument),) = condition.items()
        if name == "Condition":
            return self._holds(argument)
        if name == "Fn::Equals":
            left, right = (str(self.resolved(side)) for side in argument)
            return left == right
        parts = [self._holds(part) for part in argument]
        return {"Fn::Not": not parts[0], "Fn::And": all(parts), "Fn::Or": any(parts)}[name]


def _as_sam_reads(value: Any) -> Any:
    """Return the long forms as SAM expects them: the argument of GetAtt as a list."""
    if isinstance(value, list):
        return [_as_sam_reads(part) for part in value]
    if not isinstance(value, dict):
        return value
    return {
        name: part.split(".") if name == "Fn::GetAtt" and isinstance(part, str) else _as_sam_reads(part)
        for name, part in value.items()
    }
