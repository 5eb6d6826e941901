"""Follows references: first through expressions that are written out, without evaluating them, then through values.

That is what lets members of one object refer to each other. Upstream: evaluateExprAccess and evaluateValueAccess.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

from common.environments.language import spelling
from common.environments.language.builtins.secret import Ciphertext, Plaintext
from common.environments.language.expressions.collection import Array, Object
from common.environments.language.expressions.literal import Missing, unknown_at
from common.environments.language.model import Evaluator, Expr, ResolvedAccessor, Value
from common.environments.language.schemas.narrow import ANYTHING, Acceptor, item_of, property_of
from common.environments.language.schemas.schema import AnySchema, Schema, record_of
from common.environments.language.syntax.node import Node
from common.environments.language.syntax.property_access import Accessor
from common.environments.language.syntax.text import quoted, valid

_ELEMENT_BY_NAME = "cannot access an array element using a property name"
_PROPERTY_BY_INDEX = "cannot access an object property using an integer index"
_NO_MEMBERS = "receiver must be an array or an object"


class AccessEvaluator(Evaluator, Protocol):
    """An evaluator that reports errors on steps of accesses."""

    def accessor_error(self, node: Node | None, accessor: Accessor, summary: str) -> None:
        """Report an error on one step of an access."""
        ...


class Resolver:
    """Resolves the references of one environment."""

    __slots__ = ("_import", "context", "imports", "root")

    def __init__(self, import_environment: Callable[[Node | None, str], Value | None]) -> None:
        """Load what `environments` refers to with the given function; the rest is set once it is known."""
        self._import = import_environment
        self.root: Object
        self.context: Value
        self.imports: Value

    def resolve(self, evaluator: AccessEvaluator, expr: Expr, accessors: list[ResolvedAccessor], accept: Acceptor) -> Value:
        """Return what an access refers to, and set what each of its steps refers to."""
        first = accessors[0]
        steps = _Steps(evaluator, expr.node)
        if first.accessor.key == "imports":
            first.value = self.imports
            return steps.through_values(self.imports, accessors[1:])
        if first.accessor.key == "context":
            first.value = self.context
            return steps.through_values(self.context, accessors[1:])
        if first.accessor.key == "environments":
            return self._other_environment(steps, expr, accessors)
        return steps.through_exprs(self.root, accessors, accept)

    def _other_environment(self, steps: "_Steps", expr: Expr, accessors: list[ResolvedAccessor]) -> Value:
        """Import the environment that an access names, and read from it: `environments.project.name.property`."""
        if len(accessors) < 3:
            return steps.unresolved(accessors)
        project, name = (steps.property_name(step.accessor) for step in accessors[1:3])
        if project is None or name is None:
            return steps.unresolved(accessors)
        value = self._import(expr.node, valid(f"{project}/{name}"))
        if value is None:
            value = Value(Missing(), True, is_unknown=True)
        for key in (name, project, "environments"):
            value = Value(expr, record_of({key: value.schema}), {key: value})
        value.is_rotate_only = True
        return steps.through_values(value, accessors)


class _Steps:
    """Follows the steps of one access, which is at a node."""

    __slots__ = ("evaluator", "node")

    def __init__(self, evaluator: AccessEvaluator, node: Node | None) -> None:
        self.evaluator = evaluator
        self.node = node

    def through_exprs(self, root: Object, accessors: list[ResolvedAccessor], accept: Acceptor) -> Value:
        receiver: Expr = root
        for position, step in enumerate(accessors):
            rest = accessors[position:]
            if isinstance(receiver, Plaintext):
                receiver = receiver.plaintext
            if isinstance(receiver, Ciphertext):
                self.evaluator.error(self.node, "internal error: no receiver")
                return self.unresolved(rest)
            if isinstance(receiver, Array):
                index = self.element_index(step.accessor, len(receiver.elements))
                if index is None:
                    return self.unresolved(rest)
                receiver = receiver.elements[index]
            elif isinstance(receiver, Object):
                name = self.property_name(step.accessor)
                if name is None:
                    return self.unresolved(rest)
                member = receiver.properties.get(name)
                if member is None:
                    if receiver.base is not None and receiver.base.is_object():
                        return self.through_values(receiver.base, rest)
                    self.unknown_property(step.accessor, name, receiver.properties)
                    return self.unresolved(rest)
                receiver = member
            else:
                return self.through_values(self.evaluator.evaluate(receiver, accept), rest)
            step.value = Value(receiver, True if receiver.schema is None else receiver.schema)
        return self.evaluator.evaluate(receiver, ANYTHING)

    def through_values(self, receiver: Value, accessors: list[ResolvedAccessor]) -> Value:
        for position, step in enumerate(accessors):
            rest = accessors[position:]
            holder = self.holder(receiver, step.accessor)
            if holder is None:
                return self.unresolved(rest)
            if holder.is_unknown:
                return self.through_schemas(holder.schema, rest)
            if isinstance(holder.repr, list):
                index = self.element_index(step.accessor, len(holder.repr))
                if index is None:
                    return self.unresolved(rest)
                receiver = holder.repr[index]
            elif isinstance(holder.repr, dict):
                receiver = holder.repr[str(step.accessor.key)]
            step.value = receiver
        return receiver

    def holder(self, receiver: Value, accessor: Accessor) -> Value | None:
        """Return the value that has what an accessor names: the receiver or one it overrides. None after an error."""
        if receiver.is_unknown or isinstance(receiver.repr, list):
            return receiver
        if not isinstance(receiver.repr, dict):
            self.evaluator.accessor_error(self.node, accessor, _NO_MEMBERS)
            return None
        name = self.property_name(accessor)
        if name is None:
            return None
        holder = receiver
        while not holder.is_unknown:
            members = holder.repr
            if not isinstance(members, dict) or name in members:
                break
            if holder.base is None or not holder.base.is_object():
                self.unknown_property(accessor, name, members)
                return None
            holder = holder.base
        return holder

    def through_schemas(self, schema: AnySchema, accessors: list[ResolvedAccessor]) -> Value:
        """Follow an access into an unknown value: each step is an unknown of the type that the schema gives it."""
        value = unknown_at(self.node, schema)
        for position, step in enumerate(accessors):
            if schema is not True:
                narrowed = self.narrowed(schema, step.accessor)
                if narrowed is None:
                    return self.unresolved(accessors[position:])
                schema = narrowed
            step.value = value = unknown_at(self.node, schema)
        return value

    def narrowed(self, schema: AnySchema, accessor: Accessor) -> AnySchema | None:
        if isinstance(schema, Schema) and schema.type == "array":
            length = len(schema.prefix_items) if schema.items is False else None
            index = self.element_index(accessor, length)
            return item_of(schema, index) if index is not None else None
        if isinstance(schema, Schema) and schema.type == "object":
            name = self.property_name(accessor)
            return property_of(schema, name) if name is not None else None
        self.evaluator.accessor_error(self.node, accessor, _NO_MEMBERS)
        return None

    def unresolved(self, accessors: list[ResolvedAccessor]) -> Value:
        """Resolve steps to unknowns."""
        for step in accessors:
            step.value = unknown_at(self.node, True)
        return accessors[-1].value or unknown_at(self.node, True)

    def element_index(self, accessor: Accessor, length: int | None) -> int | None:
        """Return the index an accessor names, or None after an error."""
        index = accessor.key
        if isinstance(index, str):
            problem = _ELEMENT_BY_NAME
        elif index < 0:
            problem = "array indices must not be negative"
        elif length is not None and index >= length:
            problem = f"array index {index} out-of-bounds for array of length {length}"
        else:
            return index
        self.evaluator.accessor_error(self.node, accessor, problem)
        return None

    def property_name(self, accessor: Accessor) -> str | None:
        """Return the name an accessor has, or None after an error."""
        if isinstance(accessor.key, str):
            return accessor.key
        self.evaluator.accessor_error(self.node, accessor, _PROPERTY_BY_INDEX)
        return None

    def unknown_property(self, accessor: Accessor, name: str, candidates: Iterable[str]) -> None:
        """Report a name that is not there, with the nearest one that is."""
        budget = self.evaluator.budget
        budget.suggestions_left -= 1
        nearest = spelling.nearest(name, candidates) if budget.suggestions_left >= 0 else ""
        hint = f"; did you mean {quoted(nearest)}?" if nearest else ""
        self.evaluator.accessor_error(self.node, accessor, f"unknown property {quoted(name)}{hint}")
