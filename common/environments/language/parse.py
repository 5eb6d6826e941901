"""Nodes to expressions. Problems are reported and parsing goes on: what is missing becomes an expression that is unknown.

Upstream: ast/expr.go.
"""

from collections.abc import Callable

from common.environments.language.builtins import table
from common.environments.language.builtins.base import Builtin, Call
from common.environments.language.expressions.collection import Array, Entry, Object
from common.environments.language.expressions.literal import Literal, Missing, StringLiteral
from common.environments.language.expressions.reference import Interpolate, Symbol
from common.environments.language.model import Expr
from common.environments.language.syntax import interpolation
from common.environments.language.syntax.diagnostic import Diagnostic
from common.environments.language.syntax.node import (
    ArrayNode,
    BooleanNode,
    Node,
    NullNode,
    NumberNode,
    ObjectNode,
    StringNode,
)
from common.environments.language.syntax.text import quoted

Report = Callable[[Diagnostic], None]

PREFIX = "fn::"


def parse_expr(node: Node, report: Report) -> Expr:
    """Return the expression a node stands for."""
    if isinstance(node, StringNode):
        return _string(node, report)
    if isinstance(node, ObjectNode):
        return _call(node, report) or _object(node, report)
    if isinstance(node, ArrayNode):
        return Array(node, [parse_expr(element, report) for element in node.elements])
    if isinstance(node, NumberNode | BooleanNode):
        return Literal(node, node.value)
    return Literal(node, None) if isinstance(node, NullNode) else Missing()


def _string(node: StringNode, report: Report) -> Expr:
    if "$" not in node.text:
        return StringLiteral(node, node.text)
    parts = interpolation.parse(node, report)
    if len(parts) > 1:
        return Interpolate(node, parts)
    part = parts[0]
    if part.access is None:
        return StringLiteral(node, part.text)
    return Interpolate(node, parts) if part.text else Symbol(node, part.access)


def _object(node: ObjectNode, report: Report) -> Object:
    entries = []
    for key, value in node.entries:
        name = _string(key, report)
        if not isinstance(name, StringLiteral):
            report(Diagnostic("object keys must be strings", key.path, key.range))
        entries.append(Entry(key, name.literal if isinstance(name, StringLiteral) else None, parse_expr(value, report)))
    return Object(node, entries)


def _call(node: ObjectNode, report: Report) -> Builtin | None:
    """Return the call a mapping stands for, or None for a plain object."""
    if len(node.entries) != 1:
        for key, _ in node.entries:
            if key.text.startswith(PREFIX):
                text = f"illegal call to builtin function: {quoted(key.text)} must be the only key within its containing object"
                report(Diagnostic(text, node.path, node.range))
        return None
    key, arg = node.entries[0]
    if key.text[: len(PREFIX)].lower() != PREFIX:
        return None
    parse = table.find(key.text)
    if parse is None:
        report(Diagnostic("'fn::' is a reserved prefix", node.path, key.range))
        return None
    return parse(Call(node, key, arg, parse_expr(arg, report), report))
