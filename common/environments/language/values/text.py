"""Values as text."""

from common.environments.language.limits import Budget
from common.environments.language.model import Value
from common.environments.language.syntax.text import normal, quoted


def to_string(value: Value, budget: Budget) -> tuple[str, bool, bool]:
    """Return a value's text, whether any part is unknown, and whether any part is secret.

    Of an object only its own members count, not those it inherits; so it is upstream.
    """
    if value.is_unknown:
        return "[unknown]", True, value.is_secret
    representation = value.repr
    if isinstance(representation, list):
        parts = [to_string(element, budget) for element in representation]
        texts = [quoted(text) for text, _, _ in parts]
    elif isinstance(representation, dict):
        names = sorted(representation)
        parts = [to_string(representation[name], budget) for name in names]
        texts = [f"{quoted(name)}={quoted(text)}" for name, (text, _, _) in zip(names, parts, strict=True)]
    else:
        return scalar_text(representation), False, value.is_secret
    budget.spend_values(len(parts))
    is_unknown = any(part[1] for part in parts)
    return join(",", texts, budget), is_unknown, value.is_secret or any(part[2] for part in parts)


def scalar_text(scalar: object) -> str:
    """Return a scalar's text; null has none."""
    if isinstance(scalar, bool):
        return "true" if scalar else "false"
    return "" if scalar is None else str(scalar)


def join(delimiter: str, pieces: list[str], budget: Budget) -> str:
    """Return pieces joined, if the budget allows that much text."""
    budget.spend_text(sum(map(len, pieces)) + len(delimiter) * max(len(pieces) - 1, 0))
    return normal(delimiter.join(pieces))
