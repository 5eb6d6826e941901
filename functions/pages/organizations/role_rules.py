"""The rules of a role as people read and edit them: a list of parts, each of which allows something under a condition.

What the form can make: permissions, or a permission set, everywhere or on stacks with a tag. All else is shown in words, and
edited as JSON.
"""

from dataclasses import dataclass

import msgspec

from common.core.errors import BadRequest
from common.rights import descriptor as d
from common.rights.permissions import Permission

_CONTEXTS: dict[type, str] = {d.Stack: "stack", d.Environment: "environment", d.InsightsAccount: "account", d.Team: "team"}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a role's rules: where it holds, its permissions, and the ids of the records that it composes."""

    condition: str
    permissions: list[str]
    composed: list[str]


def read_parts(details: str) -> list[Part]:
    """Return the parts of a role's rules."""
    return [Part(*_read(entry)) for entry in _entries(details)]


def add_part(details: str, part: d.Descriptor) -> str:
    """Return the rules with one more part."""
    return _encode([*_entries(details), part])


def remove_part(details: str, number: int) -> str:
    """Return the rules without a part, by its place from 0; BadRequest if there is no such part."""
    entries = _entries(details)
    if not 0 <= number < len(entries):
        raise BadRequest("that part of the role no longer exists")
    return _encode([entry for place, entry in enumerate(entries) if place != number])


def new_part(permissions: list[str], set_id: str, tag: str, value: str) -> d.Descriptor:
    """Return a part of what a form says; BadRequest for one that allows nothing."""
    known = {permission.value: permission for permission in Permission}
    allowed = [known[name] for name in permissions if name in known]
    if not allowed and not set_id:
        raise BadRequest("choose at least one permission, or a permission set")
    inner: list[d.Descriptor] = [d.Allow(permissions=allowed)] if allowed else []
    if set_id:
        inner.append(d.Compose(permission_descriptors=[set_id]))
    part = inner[0] if len(inner) == 1 else d.Group(entries=inner)
    if not tag:
        return part
    if value:
        is_tagged: d.Boolean = d.Equal(left=d.Tag(context=d.Stack(), key=tag), right=d.LiteralString(value=value))
    else:
        is_tagged = d.HasTag(context=d.Stack(), key=tag)
    return d.Condition(condition=is_tagged, sub_node=part)


def pretty(details: str) -> str:
    """Return rules as JSON on several lines."""
    return msgspec.json.format(details.encode(), indent=2).decode()


def _entries(details: str) -> list[d.Descriptor]:
    descriptor = d.decode(details.encode())
    return list(descriptor.entries or ()) if isinstance(descriptor, d.Group) else [descriptor]


def _encode(entries: list[d.Descriptor]) -> str:
    return d.encode(entries[0] if len(entries) == 1 else d.Group(entries=entries))


def _read(entry: d.Descriptor) -> tuple[str, list[str], list[str]]:
    match entry:
        case d.Condition(condition, sub_node) if sub_node is not None:
            text, permissions, composed = _read(sub_node)
            own = describe(condition)
            return (f"{own}, and {text}" if text else own), permissions, composed
        case d.IfThenElse(condition):
            text = f"by a choice: {describe(condition)}, or not"
        case d.Select():
            text = "by a choice between several values"
        case _:
            text = ""
    return text, sorted(d.all_permissions(entry)), list(dict.fromkeys(d.references(entry)))


def describe(expression: object) -> str:
    """Return a condition in words."""
    match expression:
        case d.And(left, right):
            return f"({describe(left)} and {describe(right)})"
        case d.Or(left, right):
            return f"({describe(left)} or {describe(right)})"
        case d.Not(node):
            return f"not {describe(node)}"
        case d.HasTag(context, key):
            return f"{_context(context)} has tag {key}"
        case d.Equal(d.Tag(context, key), d.LiteralString(value)):
            return f"{_context(context)} has tag {key} = {value}"
        case d.Equal(left, right):
            return f"{describe(left)} is {describe(right)}"
        case d.In(target, values):
            items = getattr(values, "values", None) or getattr(values, "identities", None) or []
            return f"{describe(target)} is one of {', '.join(items)}"
        case _:
            return _say_value(expression)


def _say_value(expression: object) -> str:
    match expression:
        case d.Tag(context, key):
            return f"tag {key} of the {_context(context)}"
        case d.LiteralBool(value) | d.LiteralString(value) | d.LiteralNumber(value):
            return str(value)
        case _:
            identity = getattr(expression, "identity", None)
            return str(identity) if identity is not None else f"the {_context(expression)}"


def _context(context: object) -> str:
    return _CONTEXTS.get(type(context), "thing")
