"""Values against schemas: the arguments of built-ins, the inputs of providers, `fn::validate`. Upstream: eval_validate.go."""

from common.environments.language.limits import Budget
from common.environments.language.model import Value
from common.environments.language.schemas import patterns
from common.environments.language.schemas.schema import AnySchema, Json, Schema, is_any
from common.environments.language.syntax.number import Number
from common.environments.language.syntax.text import quoted
from common.environments.language.validation.base import Location
from common.environments.language.validation.numbers import number_failures
from common.environments.language.validation.schema import SchemaValidator
from common.environments.language.values.plain import to_json


class ValueValidator(SchemaValidator):
    """Checks values against one schema."""

    def __init__(self, accept: AnySchema, budget: Budget) -> None:
        """Check against a schema that was prepared."""
        super().__init__((accept.definitions or {}) if isinstance(accept, Schema) else {}, budget)
        self.accept = accept

    def validate(self, value: Value) -> bool:
        """Record where a value does not fit; tell whether it does."""
        return self._value(value, self.accept)

    def _value(self, value: Value, accept: AnySchema | None) -> bool:
        """Check a value; its own expression is to blame."""
        return True if is_any(accept) else self._element(value, accept, Location(value.definition))

    def _element(self, value: Value, accept: AnySchema | None, location: Location) -> bool:
        if not isinstance(accept, Schema):
            return is_any(accept)
        if value.is_unknown:
            return self.accepts(value.schema, accept, location)
        if not self.enter(location):
            return False
        self.depth += 1
        checks = (
            not accept.ref or self._element(value, self.subschema(accept), location),
            self._some(accept.any_of, lambda branch: self._element(value, branch, location), location),
            self._exactly_one(value, accept, location),
            self._constant(value, accept, location),
            self._enum(value, accept, location),
            self._of_type(value, accept, location),
        )
        self.depth -= 1
        return all(checks)

    def _exactly_one(self, value: Value, accept: Schema, location: Location) -> bool:
        if not accept.one_of:
            return True
        outer, self.diagnostics = self.diagnostics, []
        matching = sum(self._element(value, branch, location) for branch in accept.one_of)
        inner, self.diagnostics = self.diagnostics, outer
        if matching == 1:
            return True
        if matching > 1:
            return self.fail(location, "exactly one subschema may match")
        self.diagnostics += inner
        return self.fail(location, "exactly one subschema must match")

    def _constant(self, value: Value, accept: Schema, location: Location) -> bool:
        if accept.const is None or equals(value, accept.const):
            return True
        return self.fail(location, f"expected {to_json(accept.const)}")

    def _enum(self, value: Value, accept: Schema, location: Location) -> bool:
        if not accept.enum or any(equals(value, member) for member in accept.enum):
            return True
        if len(accept.enum) == 1:
            return self.fail(location, f"expected {to_json(accept.enum[0])}")
        return self.fail(location, f"expected one of {to_json(list(accept.enum))}")

    def _of_type(self, value: Value, accept: Schema, location: Location) -> bool:
        content = value.repr
        if content is None:
            return self.check_type("null", accept, location)
        if isinstance(content, bool):
            return self.check_type("boolean", accept, location)
        if isinstance(content, Number):
            return self.check_type("number", accept, location) and self._number(content, accept, location)
        if isinstance(content, str):
            return self.check_type("string", accept, location) and self._string(content, accept, location)
        if isinstance(content, list):
            return self.check_type("array", accept, location) and self._items(content, accept, location)
        return self.check_type("object", accept, location) and self._members(value, accept, location)

    def _number(self, number: Number, accept: Schema, location: Location) -> bool:
        failures = number_failures(number, accept)
        for failure in failures:
            self.fail(location, failure)
        return not failures

    def _string(self, text: str, accept: Schema, location: Location) -> bool:
        length = len(text.encode("utf-8", "surrogateescape"))
        is_valid = True
        if accept.min_length is not None and length < int(accept.min_length):
            is_valid = self.fail(location, f"expected a string of at least length {accept.min_length}")
        if accept.max_length is not None and length > int(accept.max_length):
            is_valid = self.fail(location, f"expected a string of at most length {accept.max_length}")
        if accept.pattern:
            self.budget.spend_values(1 + length // 64)
            if not patterns.matches(accept.pattern, text):
                is_valid = self.fail(location, f"string must match the pattern {quoted(accept.pattern)}")
        return is_valid

    def _items(self, elements: list[Value], accept: Schema, location: Location) -> bool:
        is_valid = True
        if accept.min_items is not None and len(elements) < int(accept.min_items):
            is_valid = self.fail(location, f"expected an array with at least {accept.min_items} items")
        if accept.max_items is not None and len(elements) > int(accept.max_items):
            is_valid = self.fail(location, f"expected an array with at most {accept.max_items} items")
        for index, element in enumerate(elements):
            items = accept.prefix_items[index] if index < len(accept.prefix_items) else accept.items
            is_valid &= self._value(element, items)
        return is_valid

    def _members(self, value: Value, accept: Schema, location: Location) -> bool:
        names = value.member_names()
        is_valid = True
        if accept.min_properties is not None and len(names) < int(accept.min_properties):
            is_valid = self.fail(location, f"expected an object with at least {accept.min_properties} properties")
        if accept.max_properties is not None and len(names) > int(accept.max_properties):
            is_valid = self.fail(location, f"expected an object with at most {accept.max_properties} properties")
        accepted = accept.properties or {}
        for name in names:
            member = value.property(name, None)
            if member is not None:
                is_valid &= self._value(member, accepted.get(name, accept.additional_properties))
        missing = _missing(set(names), accept)
        if missing:
            is_valid = self.fail(location, f"missing required properties: {', '.join(missing)}")
        return is_valid


def equals(value: Value, constant: Json) -> bool:
    """Tell whether a value is a constant; numbers are compared by their text."""
    content = value.repr
    if isinstance(constant, list | tuple):
        if not isinstance(content, list) or len(content) != len(constant):
            return False
        return all(equals(element, member) for element, member in zip(content, constant, strict=True))
    if isinstance(constant, dict):
        if not isinstance(content, dict) or content.keys() != constant.keys():
            return False
        return all(equals(content[name], member) for name, member in constant.items())
    return type(content) is type(constant) and content == constant


def _missing(names: set[str], accept: Schema) -> list[str]:
    missing = [name for name in accept.required if name not in names]
    for name, required in (accept.dependent_required or {}).items():
        if name in names:
            missing += [other for other in required if other not in names]
    return missing
