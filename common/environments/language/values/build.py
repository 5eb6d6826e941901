"""Makes values: from what providers and JSON give, and as copies."""

from common.environments.language.environment import EscValue
from common.environments.language.limits import Budget, LimitExceeded
from common.environments.language.model import Evaluator, Expr, Repr, Value
from common.environments.language.schemas.schema import constant, record_of, tuple_of
from common.environments.language.syntax.text import valid
from common.environments.language.values.plain import Json


def bounded(evaluator: Evaluator, value: Value) -> Value:
    """Return a list or an object with its depth set; where it is too deep, report that and return an unknown."""
    content = value.repr
    parts = content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
    value.depth = 1 + max((part.depth for part in parts), default=0)
    limit = evaluator.budget.limits.nesting
    if value.depth <= limit:
        return value
    evaluator.error(value.definition.node, f"the value is nested more than {limit} levels deep")
    return Value(value.definition, True, is_unknown=True)


def from_plain(content: Json, definition: Expr, budget: Budget, *, is_secret: bool) -> Value:
    """Return the value of plain JSON; all of it is defined by one expression. Raises ValueError for what is too deep."""
    return _from_plain(content, definition, budget, is_secret or definition.is_secret, budget.limits.nesting)


def _from_plain(content: Json, definition: Expr, budget: Budget, is_secret: bool, levels: int) -> Value:  # noqa: FBT001
    if levels < 0:
        raise ValueError("exceeded max depth")
    budget.spend_values(1)
    if isinstance(content, list):
        value = list_value(definition, [_from_plain(element, definition, budget, is_secret, levels - 1) for element in content])
    elif isinstance(content, dict):
        members = {
            valid(name): _from_plain(member, definition, budget, is_secret, levels - 1) for name, member in content.items()
        }
        value = object_value(definition, members)
    else:
        scalar = valid(content) if type(content) is str else content
        value = Value(definition, constant(scalar), scalar)
    value.is_secret = is_secret
    return value


def copy(value: Value, budget: Budget) -> Value:
    """Return a copy of a value with all it consists of and all it overrides. What is shared inside stays shared."""
    copier = _Copier(budget)
    copied = copier.copy(value)
    budget.spend_values(len(copier.copies) + 1)
    return copied


class _Copier:
    """Copies values, each once."""

    __slots__ = ("budget", "copies")

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.copies: dict[int, Value] = {}

    def copy(self, value: Value) -> Value:
        copies = self.copies
        known = copies.get(id(value))
        if known is not None:
            return known
        first = copied = self.copy_own(value)
        while value.base is not None:
            value = value.base
            known = copies.get(id(value))
            copied.base = known if known is not None else self.copy_own(value)
            if known is not None:
                break
            copied = copied.base
        return first

    def copy_own(self, value: Value) -> Value:
        """Return a copy of a value without its base."""
        copied = Value(value.definition, value.schema, is_unknown=value.is_unknown)
        self.copies[id(value)] = copied
        content: Repr = value.repr
        if isinstance(content, dict | list):
            if len(self.copies) > self.budget.values_left:
                # Rather now than when all is copied.
                self.budget.spend_values(len(self.copies))
            if isinstance(content, dict):
                content = {name: self.copy(member) for name, member in content.items()}
            else:
                content = [self.copy(element) for element in content]
        copied.repr = content
        copied.is_secret = value.is_secret
        copied.is_final = value.is_final
        copied.depth = value.depth
        copied.chain = value.chain
        return copied


def unexport(exported: EscValue, definition: Expr, budget: Budget) -> Value:
    """Return the value of what a provider returned; all of it is defined by one expression.

    If the whole is secret, so is each part: a reference to a part must not lose that.
    """
    is_secret = exported.secret or definition.is_secret
    return _unexport(exported, definition, budget, budget.limits.nesting, is_secret=is_secret)


def _unexport(exported: EscValue, definition: Expr, budget: Budget, levels: int, *, is_secret: bool) -> Value:
    if levels < 0:
        raise LimitExceeded(f"a value is nested more than {budget.limits.nesting} levels deep")
    budget.spend_values(1)
    content = exported.value
    if isinstance(content, list):
        elements = [_unexport(element, definition, budget, levels - 1, is_secret=is_secret) for element in content]
        value = list_value(definition, elements)
    elif isinstance(content, dict):
        members = {
            name: _unexport(member, definition, budget, levels - 1, is_secret=is_secret) for name, member in content.items()
        }
        value = object_value(definition, members)
    else:
        value = Value(definition, constant(content), content)
    value.is_secret = is_secret or exported.secret
    value.is_unknown = exported.unknown
    return value


def list_value(definition: Expr, elements: list[Value]) -> Value:
    """Return a list of values, with its schema and its depth."""
    value = Value(definition, tuple_of(*(element.schema for element in elements)), elements)
    value.depth = 1 + max((element.depth for element in elements), default=0)
    return value


def object_value(definition: Expr, members: dict[str, Value]) -> Value:
    """Return an object of values, with its schema and its depth."""
    value = Value(definition, record_of({name: member.schema for name, member in members.items()}), members)
    value.depth = 1 + max((member.depth for member in members.values()), default=0)
    return value
