"""Schemas against schemas: whether everything that one describes is accepted by another.

Values that are not known are checked so. Constants, enumerations and bounds are not compared. Upstream: eval_validate.go.
"""

from collections.abc import Callable, Iterable

from common.environments.language.schemas.schema import AnySchema, Schema, is_any
from common.environments.language.validation.base import ONE_MUST_MATCH, Location, Validator


class SchemaValidator(Validator):
    """Checks schemas."""

    def accepts(self, schema: AnySchema | None, accept: AnySchema | None, location: Location) -> bool:
        """Record where what a schema describes is not accepted; tell whether all of it is."""
        if is_any(accept) or not isinstance(accept, Schema):
            return is_any(accept)
        if is_any(schema) or not isinstance(schema, Schema):
            return is_any(schema)
        if not self.enter(location):
            return False
        self.depth += 1
        checks = [
            not accept.ref or self.accepts(schema, self.subschema(accept), location),
            not schema.ref or self.accepts(self.subschema(schema), accept, location),
            self._some(schema.any_of, lambda branch: self.accepts(branch, accept, location), location),
            self._some(schema.one_of, lambda branch: self.accepts(branch, accept, location), location),
            not schema.type or self.check_type(schema.type, accept, location),
            self._some(accept.any_of, lambda branch: self.accepts(schema, branch, location), location),
            self._some(accept.one_of, lambda branch: self.accepts(schema, branch, location), location),
        ]
        if schema.type == "array":
            checks.append(self._array(schema, accept, location))
        elif schema.type == "object":
            checks.append(self._object(schema, accept, location))
        self.depth -= 1
        return all(checks)

    def _some(self, branches: Iterable[AnySchema], check: Callable[[AnySchema], bool], location: Location) -> bool:
        """Tell whether any branch passes; the failures of branches count only if none does."""
        outer, self.diagnostics = self.diagnostics, []
        results = [check(branch) for branch in branches]
        inner, self.diagnostics = self.diagnostics, outer
        if any(results) or not results:
            return True
        self.diagnostics += inner
        return self.fail(location, ONE_MUST_MATCH)

    def _array(self, schema: Schema, accept: Schema, location: Location) -> bool:
        is_accepted = True
        theirs, ours = schema.prefix_items, accept.prefix_items
        # A tuple is compared element by element; where one is longer, with what the other says of further elements.
        for index in range(max(len(theirs), len(ours))):
            item = theirs[index] if index < len(theirs) else schema.items
            accepted = ours[index] if index < len(ours) else accept.items
            is_accepted &= self.accepts(item, accepted, location.index(index))
        if schema.items is not None and schema.items is not False:
            is_accepted &= self.accepts(schema.items, accept.items, location)
        return is_accepted

    def _object(self, schema: Schema, accept: Schema, location: Location) -> bool:
        is_accepted = True
        accepted_properties = accept.properties or {}
        for name, member in (schema.properties or {}).items():
            accepted = accepted_properties.get(name, accept.additional_properties)
            is_accepted &= self.accepts(member, accepted, location.property(name))
        if schema.additional_properties is None:
            return is_accepted & self._required(schema, accept, location)
        if schema.additional_properties is not False:
            is_accepted &= self.accepts(schema.additional_properties, accept.additional_properties, location)
        return is_accepted

    def _required(self, schema: Schema, accept: Schema, location: Location) -> bool:
        missing = [name for name in accept.required if name not in schema.required]
        for name, names in (accept.dependent_required or {}).items():
            if name in schema.required:
                missing += [other for other in names if other not in schema.required]
        for name in missing:
            self.fail(location.property(name), "missing required property")
        return not missing
