"""Prepares the schemas of providers and of `fn::validate`: finds what is wrong in them, and marks what is for rotations only."""

import re
from typing import Any
from urllib.parse import unquote

import msgspec

from common.environments.language.schemas import patterns
from common.environments.language.schemas.errors import InvalidSchema
from common.environments.language.schemas.narrow import children, has_rotate_only
from common.environments.language.schemas.schema import AnySchema, Schema
from common.environments.language.syntax.number import Number

_REF_PREFIX = "#/$defs/"
_BOUNDS = ("multiple_of", "maximum", "exclusive_maximum", "minimum", "exclusive_minimum")
_COUNTS = ("max_length", "min_length", "max_items", "min_items", "max_properties", "min_properties")
_SCHEMA_MEMBERS = {"items", "additionalProperties"}
_SCHEMA_LISTS = {"anyOf", "oneOf", "prefixItems"}
_SCHEMA_MAPPINGS = {"$defs", "properties"}
_NUMBER = re.compile(r"[-+]?\d{1,400}(\.\d{0,400})?([eE][-+]?\d{1,4})?", re.ASCII)
_COUNT = re.compile(r"\d{1,19}", re.ASCII)


def from_json(value: object) -> AnySchema:
    """Return the schema that a JSON value describes; raises InvalidSchema."""
    try:
        return msgspec.convert(_typed(value), type=AnySchema, dec_hook=_number)  # type: ignore[no-any-return]
    except msgspec.ValidationError as error:
        raise InvalidSchema(f"failed to parse schema: {error}") from None


def _typed(value: object) -> object:
    """Return JSON in which every schema has a type: where there was none, an empty one."""
    if not isinstance(value, dict):
        return value
    typed = {"type": "", **value}
    for name in _SCHEMA_MEMBERS & typed.keys():
        typed[name] = _typed(typed[name])
    for name in _SCHEMA_LISTS & typed.keys():
        if isinstance(typed[name], list):
            typed[name] = [_typed(schema) for schema in typed[name]]
    for name in _SCHEMA_MAPPINGS & typed.keys():
        if isinstance(typed[name], dict):
            typed[name] = {key: _typed(schema) for key, schema in typed[name].items()}
    return typed


def prepare(schema: AnySchema) -> AnySchema:
    """Return a schema that can be used; raises InvalidSchema."""
    if isinstance(schema, Schema):
        _check(schema, schema.definitions or {})
        return _with_rotate_only(schema)
    return schema


def subschema(ref: str, definitions: dict[str, AnySchema]) -> AnySchema:
    """Return what a reference names; raises InvalidSchema."""
    name = unquote(ref.removeprefix(_REF_PREFIX))
    if not ref.startswith(_REF_PREFIX) or "/" in ref.removeprefix(_REF_PREFIX):
        raise InvalidSchema("only fragment references of the form #/$defs/ref are supported")
    if name not in definitions:
        raise InvalidSchema(f"unknown subschema {ref}")
    return definitions[name]


def _number(kind: type, value: object) -> Any:  # noqa: ANN401 - msgspec's hook
    if kind is Number and isinstance(value, Number):
        return value
    raise msgspec.ValidationError(f"Expected {kind.__name__.lower()}")


def _check(schema: Schema, definitions: dict[str, AnySchema]) -> None:
    """Check a schema and all below it, each definition when it is referred to."""
    waiting: list[AnySchema] = [schema]
    seen: set[str] = set()
    while waiting:
        part = waiting.pop()
        if not isinstance(part, Schema):
            continue
        if part.ref and part.ref not in seen:
            seen.add(part.ref)
            waiting.append(subschema(part.ref, definitions))
        _check_numbers(part)
        if part.pattern:
            patterns.require(part.pattern)
        waiting += children(part)


def _check_numbers(schema: Schema) -> None:
    for name in _BOUNDS:
        bound = getattr(schema, name)
        if bound is not None and not _NUMBER.fullmatch(bound):
            raise InvalidSchema(f"invalid number {bound}")
    for name in _COUNTS:
        count = getattr(schema, name)
        if count is not None and not _COUNT.fullmatch(count):
            raise InvalidSchema(f'strconv.ParseUint: parsing "{count}": invalid syntax')


def _with_rotate_only(schema: AnySchema) -> AnySchema:
    """Push the flag of rotate-only properties down to all that is below them, where clients can see it."""
    if not isinstance(schema, Schema) or not has_rotate_only(schema):
        return schema
    properties = {name: _with_rotate_only(child) for name, child in (schema.properties or {}).items()}
    for name in schema.rotate_only:
        if name in properties:
            properties[name] = _marked(properties[name])
    return msgspec.structs.replace(
        schema,
        properties=properties or None,
        any_of=tuple(_with_rotate_only(child) for child in schema.any_of),
        one_of=tuple(_with_rotate_only(child) for child in schema.one_of),
        prefix_items=tuple(_with_rotate_only(child) for child in schema.prefix_items),
        items=None if schema.items is None else _with_rotate_only(schema.items),
        additional_properties=None if schema.additional_properties is None else _with_rotate_only(schema.additional_properties),
    )


def _marked(schema: AnySchema) -> AnySchema:
    if not isinstance(schema, Schema):
        return schema
    return msgspec.structs.replace(
        schema,
        properties={name: _marked(child) for name, child in schema.properties.items()} if schema.properties else None,
        any_of=tuple(_marked(child) for child in schema.any_of),
        one_of=tuple(_marked(child) for child in schema.one_of),
        prefix_items=tuple(_marked(child) for child in schema.prefix_items),
        items=None if schema.items is None else _marked(schema.items),
        additional_properties=None if schema.additional_properties is None else _marked(schema.additional_properties),
        rotate_only=tuple(sorted(schema.properties or ())),
    )
