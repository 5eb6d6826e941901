"""Checks of the configuration of a pack in a group against the schemas of its policies. No I/O.

The client checks it again before the policies run, with all of JSON Schema. This module checks the keywords that schemas of
policies are made of, and lets others pass: a library for all of them is larger than the room in the package for AWS. Patterns run
in RE2, because the people who publish packs write them.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from common.core.errors import BadRequest
from common.policies.packs.model import LEVELS, Policy

CONFIG_LIMIT_BYTES = 1 << 20
ALL = "all"
_LEVEL = "enforcementLevel"
_DEPTH = 32
_SHOWN = 5
_PATTERN_BYTES = 1_000
_TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: (
        not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))
    ),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "null": lambda value: value is None,
}


def require_config(config: Mapping[str, Any], policies: Iterable[Policy]) -> None:
    """Raise BadRequest unless every entry names a policy, or all of them, and fits its schema."""
    if len(msgspec.json.encode(config)) > CONFIG_LIMIT_BYTES:
        raise BadRequest(f"the configuration of a policy pack may have at most {CONFIG_LIMIT_BYTES:,} bytes")
    by_name = {policy.name: policy for policy in policies}
    problems: list[str] = []
    for name, value in config.items():
        problems += _entry_problems(name, value, by_name.get(name))
    if problems:
        more = f" (and {len(problems) - _SHOWN} more)" if len(problems) > _SHOWN else ""
        raise BadRequest(f"invalid policy configuration: {'; '.join(problems[:_SHOWN])}{more}")


def _entry_problems(name: str, value: object, policy: Policy | None) -> Iterator[str]:
    if policy is None and name != ALL:
        yield f"the pack has no policy {name[:100]!a}"
        return
    # Client: an entry is a level alone, or an object with a level and the policy's own settings.
    entry = {_LEVEL: value} if isinstance(value, str) else value
    if not isinstance(entry, dict):
        yield f"{name}: must be an enforcement level or an object"
        return
    if _LEVEL in entry and entry[_LEVEL] not in LEVELS:
        yield f"{name}.{_LEVEL}: must be one of {', '.join(LEVELS)}"
    settings = {key: item for key, item in entry.items() if key != _LEVEL}
    schema = msgspec.json.decode(policy.config_schema) if policy is not None else None
    # An entry that sets the level alone need not have what the schema requires: the pack may set it itself.
    if settings and isinstance(schema, dict):
        yield from _problems(settings, schema, name, 0)


def _problems(value: Any, schema: Any, where: str, depth: int) -> Iterator[str]:  # noqa: ANN401 - JSON
    if schema is False:
        yield f"{where}: is not allowed"
    if not isinstance(schema, dict) or depth > _DEPTH:
        return
    if known := _wrong_types(value, schema.get("type")):
        yield f"{where}: must be of type {' or '.join(known)}"
        return
    allowed = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if isinstance(allowed, list) and value not in allowed:
        yield f"{where}: must be one of {msgspec.json.encode(allowed).decode()[:200]}"
    match value:
        case bool():
            return
        case str():
            yield from _text_problems(value, schema, where)
        case int() | float():
            yield from _bound_problems(value, schema, where)
        case list():
            yield from _array_problems(value, schema, where, depth)
        case dict():
            yield from _object_problems(value, schema, where, depth)


def _wrong_types(value: object, kinds: object) -> list[str]:
    """Return the types that a value must have, unless it has one of them."""
    names = kinds if isinstance(kinds, list) else [kinds]
    known = [kind for kind in names if isinstance(kind, str) and kind in _TYPES]
    return known if not any(_TYPES[kind](value) for kind in known) else []


def _text_problems(value: str, schema: dict[str, Any], where: str) -> Iterator[str]:
    yield from _size_problems(len(value), schema, where, ("minLength", "maxLength", "characters"))
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and not _matches(pattern, value):
        yield f"{where}: does not match the pattern {pattern[:100]!a}"


def _bound_problems(value: float, schema: dict[str, Any], where: str) -> Iterator[str]:
    bounds: tuple[tuple[str, str, Callable[[float], bool]], ...] = (
        ("minimum", "at least", lambda bound: value >= bound),
        ("maximum", "at most", lambda bound: value <= bound),
        ("exclusiveMinimum", "more than", lambda bound: value > bound),
        ("exclusiveMaximum", "less than", lambda bound: value < bound),
    )
    for keyword, words, holds in bounds:
        bound = schema.get(keyword)
        if _TYPES["number"](bound) and not holds(bound):  # type: ignore[arg-type]
            yield f"{where}: must be {words} {bound}"


def _array_problems(value: list[Any], schema: dict[str, Any], where: str, depth: int) -> Iterator[str]:
    yield from _size_problems(len(value), schema, where, ("minItems", "maxItems", "items"))
    if schema.get("uniqueItems") is True and len({msgspec.json.encode(item, order="sorted") for item in value}) < len(value):
        yield f"{where}: must not have the same item twice"
    for index, item in enumerate(value):
        yield from _problems(item, schema.get("items"), f"{where}[{index}]", depth + 1)


def _object_problems(value: dict[str, Any], schema: dict[str, Any], where: str, depth: int) -> Iterator[str]:
    required = schema.get("required")
    for name in required if isinstance(required, list) else ():
        if name not in value:
            yield f"{where}: {str(name)[:100]} is required"
    properties = schema.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    for name, item in value.items():
        inner = properties[name] if name in properties else schema.get("additionalProperties")
        yield from _problems(item, inner, f"{where}.{name[:100]}", depth + 1)


def _size_problems(size: int, schema: dict[str, Any], where: str, words: tuple[str, str, str]) -> Iterator[str]:
    least, most = schema.get(words[0]), schema.get(words[1])
    if isinstance(least, int) and size < least:
        yield f"{where}: must have at least {least} {words[2]}"
    if isinstance(most, int) and size > most:
        yield f"{where}: must have at most {most} {words[2]}"


def _matches(pattern: str, text: str) -> bool:
    """Tell whether a text has a part that a pattern matches; the client judges a pattern that RE2 does not know."""
    import re2  # noqa: PLC0415 - few schemas have patterns

    data = pattern.encode("utf-8", "replace")
    options = re2.Options()
    options.log_errors = False
    try:
        return len(data) > _PATTERN_BYTES or re2.compile(data, options).search(text.encode("utf-8", "replace")) is not None
    except (re2.error, re.error):
        return True
