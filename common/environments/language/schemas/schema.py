"""Schemas: the subset of JSON Schema 2020-12 that describes the values of an environment.

A schema is `True` (anything), `False` (nothing) or a `Schema`; so they are written in JSON. Upstream: schema/schema.go.
"""

from typing import Any

import msgspec

from common.environments.language.syntax.number import Number, Scalar

# JSON that has no narrower type: constants, defaults, examples.
Json = Any


class Schema(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, rename="camel"):
    """A schema with conditions. `type` is always written, and empty where any type will do."""

    type: str
    definitions: "dict[str, AnySchema] | None" = msgspec.field(default=None, name="$defs")
    ref: str = msgspec.field(default="", name="$ref")
    any_of: "tuple[AnySchema, ...]" = ()
    one_of: "tuple[AnySchema, ...]" = ()
    prefix_items: "tuple[AnySchema, ...]" = ()
    items: "AnySchema | None" = None
    additional_properties: "AnySchema | None" = None
    properties: "dict[str, AnySchema] | None" = None
    const: Json = None
    enum: tuple[Json, ...] = ()
    multiple_of: Number | None = None
    maximum: Number | None = None
    exclusive_maximum: Number | None = None
    minimum: Number | None = None
    exclusive_minimum: Number | None = None
    max_length: Number | None = None
    min_length: Number | None = None
    pattern: str = ""
    max_items: Number | None = None
    min_items: Number | None = None
    unique_items: bool = False
    max_properties: Number | None = None
    min_properties: Number | None = None
    required: tuple[str, ...] = ()
    dependent_required: dict[str, tuple[str, ...]] | None = None
    title: str = ""
    description: str = ""
    default: Json = None
    deprecated: bool = False
    examples: tuple[Json, ...] = ()
    # How to show the value; it does not make the value a secret.
    secret: bool = False
    # Properties that are evaluated during a rotation only.
    rotate_only: tuple[str, ...] = ()


AnySchema = bool | Schema

STRING = Schema("string")
NULL = Schema("null")
BOOLEAN = Schema("boolean")
NUMBER = Schema("number")
ANY_ARRAY = Schema("array", items=True)
ANY_OBJECT = Schema("object", additional_properties=True)
STRINGS = Schema("array", items=STRING)
ARRAYS = Schema("array", items=ANY_ARRAY)


def array_of(items: AnySchema) -> Schema:
    """Return the schema of lists of something."""
    return Schema("array", items=items)


def tuple_of(*items: AnySchema) -> Schema:
    """Return the schema of lists of exactly these elements."""
    return Schema("array", prefix_items=items, items=False)


def record_of(properties: dict[str, AnySchema]) -> Schema:
    """Return the schema of objects that have all these properties."""
    return Schema("object", properties=properties or None, required=tuple(sorted(properties)))


def one_of(*schemas: AnySchema) -> Schema:
    """Return the schema of what matches exactly one of these."""
    return Schema("", one_of=schemas)


def constant(value: Scalar) -> Schema:
    """Return the schema of one scalar."""
    if value is None:
        return NULL
    if isinstance(value, bool):
        return Schema("boolean", const=value)
    return Schema("number" if isinstance(value, Number) else "string", const=value)


def is_any(schema: AnySchema | None) -> bool:
    """Tell whether a schema accepts everything: where none is written, anything is accepted."""
    return schema is None or schema is True
