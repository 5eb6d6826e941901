"""Narrowing: the schema of a property or an element of what a schema describes."""

from collections.abc import Callable

from common.environments.language.schemas.schema import AnySchema, Schema

# A schema, and whether it may be evaluated during a rotation only.
_Narrowed = tuple[AnySchema | None, bool]


def property_of(schema: AnySchema, name: str) -> AnySchema:
    """Return the schema of a property; False for what has no such property."""
    return _of_branches(schema, lambda branch: _property(branch, name))[0]


def item_of(schema: AnySchema, index: int) -> AnySchema:
    """Return the schema of an element; False for what has no elements."""
    return _of_branches(schema, lambda branch: _item(branch, index))[0]


class Acceptor:
    """What the place of an expression accepts; evaluation uses it to find out what it must leave to a rotation."""

    __slots__ = ("is_rotate_only", "schema")

    def __init__(self, schema: AnySchema, *, is_rotate_only: bool = False) -> None:
        """Accept what the schema describes."""
        self.schema = schema
        self.is_rotate_only = is_rotate_only

    def property(self, name: str) -> "Acceptor":
        """Return what a property accepts."""
        if not isinstance(self.schema, Schema):
            return ANYTHING
        schema, flag = _of_branches(self.schema, lambda branch: _property(branch, name))
        return Acceptor(schema, is_rotate_only=self.is_rotate_only or flag)

    def item(self, index: int) -> "Acceptor":
        """Return what an element accepts."""
        if not isinstance(self.schema, Schema):
            return ANYTHING
        schema, flag = _of_branches(self.schema, lambda branch: _item(branch, index))
        return Acceptor(schema, is_rotate_only=self.is_rotate_only or flag)


ANYTHING = Acceptor(True)


def acceptor_of(schema: AnySchema) -> Acceptor:
    """Return what a schema accepts; without properties for rotations only, nothing needs to be known of it."""
    return Acceptor(schema) if has_rotate_only(schema) else ANYTHING


def has_rotate_only(schema: AnySchema) -> bool:
    """Tell whether any part of a schema is for rotations only."""
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Schema):
            if part.rotate_only:
                return True
            waiting += children(part)
    return False


def children(schema: Schema) -> list[AnySchema]:
    """Return the schemas inside a schema, without its definitions."""
    inner = [*schema.any_of, *schema.one_of, *schema.prefix_items, *(schema.properties or {}).values()]
    return inner + [child for child in (schema.items, schema.additional_properties) if child is not None]


def _of_branches(schema: AnySchema, own: Callable[[Schema], _Narrowed]) -> tuple[AnySchema, bool]:
    if not isinstance(schema, Schema):
        return False, False
    narrowed: list[_Narrowed] = [_of_branches(branch, own) for branch in (*schema.any_of, *schema.one_of)]
    narrowed.append(own(schema))
    some = [(part, flag) for part, flag in narrowed if part is not None and part is not False]
    if not some:
        return False, False
    if len(some) == 1:
        return some[0][0], some[0][1]
    return Schema("", one_of=tuple(part for part, _ in some)), all(flag for _, flag in some)


def _property(schema: Schema, name: str) -> _Narrowed:
    if schema.type != "object":
        return False, False
    if schema.properties is not None and name in schema.properties:
        return schema.properties[name], name in schema.rotate_only
    return schema.additional_properties, False


def _item(schema: Schema, index: int) -> _Narrowed:
    if schema.type != "array":
        return False, False
    return schema.prefix_items[index] if index < len(schema.prefix_items) else schema.items, False
