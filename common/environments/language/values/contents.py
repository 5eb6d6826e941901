"""Whether a value has unknown or secret parts."""

from collections.abc import Callable

from common.environments.language.model import Value


def has_unknowns(value: Value) -> bool:
    """Tell whether any part is unknown."""
    return _any_part(value, lambda part: part.is_unknown)


def has_secrets(value: Value) -> bool:
    """Tell whether any part is secret."""
    return _any_part(value, lambda part: part.is_secret)


def has_observable_unknowns(value: Value, *, is_rotating: bool) -> bool:
    """Tell whether any part is unknown that matters: outside of a rotation, what is for rotations only does not."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if part.is_unknown:
            if is_rotating or not part.is_rotate_only:
                return True
        elif isinstance(part.repr, dict | list):
            waiting += parts(part)
    return False


def combine(value: Value, *others: Value) -> None:
    """Make a value that is computed from others unknown or secret if any part of them is."""
    for other in others:
        value.is_unknown = has_unknowns(value) or has_unknowns(other)
        value.is_secret = has_secrets(value) or has_secrets(other)


def parts(value: Value) -> list[Value]:
    """Return the elements of a list, or the members of an object with those it inherits."""
    if isinstance(value.repr, list):
        return value.repr
    members = [value.property(name, value.definition.node) for name in value.member_names()]
    return [member for member in members if member is not None]


def _any_part(value: Value, holds: Callable[[Value], bool]) -> bool:
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if holds(part):
            return True
        if isinstance(part.repr, dict | list):
            waiting += parts(part)
    return False
