"""The grammar of custom roles: permissions and their conditions. No I/O.

A descriptor is a tree. Leaves allow permissions; the other nodes say for which entity (a stack, an environment, an
account, a team) a subtree applies. Names and fields are upstream's; `__type` names the node. Every field may be absent or null
on the wire; `check` refuses nodes without a meaning.
"""

from collections.abc import Iterator

import msgspec

from common.core.errors import BadRequest
from common.rights.permissions import Permission

GROUP_LIMIT = 2_000
TEXT_LIMIT_BYTES = 1 << 20
DEPTH_LIMIT = 64


class _Node(msgspec.Struct, frozen=True, tag_field="__type", rename="camel", omit_defaults=True):
    """A node of the tree; its class name is its `__type`."""


class _Descriptor(_Node, frozen=True, tag=lambda name: f"PermissionDescriptor{name}"):
    """A node that allows permissions."""


class _Expression(_Node, frozen=True, tag=lambda name: f"PermissionExpression{name}"):
    """A node of a condition."""


class _Literal(_Node, frozen=True, tag=lambda name: f"PermissionLiteralExpression{name.removeprefix('Literal')}"):
    """A constant."""


class _Values(_Node, frozen=True, tag=lambda name: f"PermissionSetExpression{name.removeprefix('Set')}"):
    """Several constants."""


class Constraints(msgspec.Struct, frozen=True):
    """Upstream: RbacPermissionConstraints. `MaxOpenDuration` is kept as it was sent (upstream: a Go duration, nanoseconds)."""

    MaxOpenDuration: int | None = None


class Allow(_Descriptor, frozen=True):
    """Allows permissions wherever it is reached."""

    permissions: list[Permission] | None = None
    constraints: Constraints | None = None


class Group(_Descriptor, frozen=True):
    """The union of its entries."""

    entries: "list[Descriptor] | None" = None


class Condition(_Descriptor, frozen=True):
    """A subtree where the condition holds."""

    condition: "Boolean | None" = None
    sub_node: "Descriptor | None" = None


class IfThenElse(_Descriptor, frozen=True):
    """One subtree where the condition holds, another where it does not."""

    condition: "Boolean | None" = None
    sub_node_for_true: "Descriptor | None" = None
    sub_node_for_false: "Descriptor | None" = None


class Option(msgspec.Struct, frozen=True):
    """Upstream: PermissionSelectvalue."""

    value: "Expression | None" = None
    node: "Descriptor | None" = None


class Select(_Descriptor, frozen=True):
    """The subtree of the first option with a value equal to the selector."""

    selector: "Expression | None" = None
    options: list[Option] | None = None


class Compose(_Descriptor, frozen=True):
    """The union of other records, by id. It is resolved when a role is stored: effective rules contain no such node."""

    permission_descriptors: list[str] | None = None


class And(_Expression, frozen=True):
    """Both conditions hold."""

    left: "Boolean | None" = None
    right: "Boolean | None" = None


class Or(_Expression, frozen=True):
    """At least one condition holds."""

    left: "Boolean | None" = None
    right: "Boolean | None" = None


class Not(_Expression, frozen=True):
    """The condition fails."""

    node: "Boolean | None" = None


class Equal(_Expression, frozen=True):
    """Two values are equal."""

    left: "Expression | None" = None
    right: "Expression | None" = None


class In(_Expression, frozen=True):
    """A value is one of several."""

    target: "Expression | None" = None
    values: "SetExpression | None" = None


class HasTag(_Expression, frozen=True):
    """The current entity has a tag with this name. `node` is in upstream's model and has no meaning there."""

    context: "Context | None" = None
    key: str | None = None
    node: "Boolean | None" = None


class Tag(_Expression, frozen=True):
    """The value of a tag of the current entity."""

    context: "Context | None" = None
    key: str | None = None


class Stack(_Expression, frozen=True):
    """The current stack."""


class Environment(_Expression, frozen=True):
    """The current environment."""


class InsightsAccount(_Expression, frozen=True):
    """The current account."""


class Team(_Expression, frozen=True):
    """The current team."""


class LiteralBool(_Literal, frozen=True):
    """True or false."""

    value: bool | None = None


class LiteralString(_Literal, frozen=True):
    """A text."""

    value: str | None = None


class LiteralNumber(_Literal, frozen=True):
    """A number."""

    value: float | None = None


class LiteralStack(_Literal, frozen=True):
    """A stack by id."""

    identity: str | None = None


class LiteralEnvironment(_Literal, frozen=True):
    """An environment by id."""

    identity: str | None = None


class LiteralInsightsAccount(_Literal, frozen=True):
    """An account by id."""

    identity: str | None = None


class LiteralTeam(_Literal, frozen=True):
    """A team by id."""

    identity: str | None = None


class SetStack(_Values, frozen=True):
    """Stacks by id."""

    identities: list[str] | None = None


class SetEnvironment(_Values, frozen=True):
    """Environments by id."""

    identities: list[str] | None = None


class SetInsightsAccount(_Values, frozen=True):
    """Accounts by id."""

    identities: list[str] | None = None


class SetTeam(_Values, frozen=True):
    """Teams by id."""

    identities: list[str] | None = None


class SetString(_Values, frozen=True):
    """Texts."""

    values: list[str] | None = None


Descriptor = Allow | Group | Condition | IfThenElse | Select | Compose
Context = Stack | Environment | InsightsAccount | Team
Literal = LiteralBool | LiteralString | LiteralNumber | LiteralStack | LiteralEnvironment | LiteralInsightsAccount | LiteralTeam
SetExpression = SetStack | SetEnvironment | SetInsightsAccount | SetTeam | SetString
Boolean = And | Or | Not | Equal | In | HasTag | LiteralBool
Expression = Boolean | Tag | Context | Literal

_DECODER: "msgspec.json.Decoder[Descriptor]" = msgspec.json.Decoder(Descriptor)
_CONDITION_DECODER: "msgspec.json.Decoder[Boolean]" = msgspec.json.Decoder(Boolean)


def decode(text: bytes) -> Descriptor:
    """Return a descriptor from its JSON text; BadRequest for a text that is too large or not a descriptor."""
    if len(text) > TEXT_LIMIT_BYTES:
        raise BadRequest(f"a permission descriptor may have at most {TEXT_LIMIT_BYTES:,} bytes")
    try:
        descriptor = _DECODER.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise BadRequest(f"invalid permission descriptor: {reason}") from error
    check(descriptor)
    return descriptor


def decode_condition(text: bytes, context: type[Stack | InsightsAccount]) -> Boolean:
    """Return a condition about one kind of thing from its JSON text; BadRequest for another kind, or a text that is not one."""
    if len(text) > TEXT_LIMIT_BYTES:
        raise BadRequest(f"a match rule may have at most {TEXT_LIMIT_BYTES:,} bytes")
    try:
        condition = _CONDITION_DECODER.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise BadRequest(f"invalid match rule: {reason}") from error
    _check_nodes(condition, "match rule")
    for node, _ in _walk(condition, 1):
        if isinstance(node, Stack | Environment | InsightsAccount | Team) and not isinstance(node, context):
            raise BadRequest(f"invalid match rule: {type(node).__name__} is not what this rule is about")
    return condition


def encode(descriptor: Descriptor) -> str:
    """Return a descriptor's JSON text."""
    return msgspec.json.encode(descriptor).decode()


def check(descriptor: Descriptor) -> None:
    """Raise BadRequest for a group over its limit, a tree that is too deep, and a node without a required field."""
    _check_nodes(descriptor, "permission descriptor")


def _check_nodes(root: "Descriptor | Boolean", noun: str) -> None:
    for node, depth in _walk(root, 1):
        if depth > DEPTH_LIMIT:
            raise BadRequest(f"a {noun} may be nested {DEPTH_LIMIT} deep")
        if isinstance(node, Group) and len(node.entries or ()) > GROUP_LIMIT:
            raise BadRequest(f"a permission group may have at most {GROUP_LIMIT:,} entries, not {len(node.entries or ()):,}")
        missing = next((name for name in _REQUIRED.get(type(node), ()) if getattr(node, name) is None), None)
        if missing is not None:
            raise BadRequest(f"invalid {noun}: {type(node).__name__} needs `{missing}`")


def references(descriptor: Descriptor) -> list[str]:
    """Return the ids of the records that a descriptor composes, repeated as often as they appear."""
    composing = (node for node, _ in _walk(descriptor, 1) if isinstance(node, Compose))
    return [record_id for node in composing for record_id in node.permission_descriptors or ()]


def all_permissions(descriptor: Descriptor) -> frozenset[Permission]:
    """Return every permission of a descriptor without Compose nodes, whatever its conditions."""
    allowing = (node for node, _ in _walk(descriptor, 1) if isinstance(node, Allow))
    return frozenset(permission for node in allowing for permission in node.permissions or ())


def resolve(descriptor: Descriptor, records: dict[str, Descriptor]) -> Descriptor:
    """Return the descriptor with each Compose replaced by its records; BadRequest for an id that is not among `records`."""
    match descriptor:
        case Compose():
            return Group(entries=[_record(record_id, records) for record_id in descriptor.permission_descriptors or ()])
        case Group():
            return Group(entries=[resolve(entry, records) for entry in descriptor.entries or ()])
        case Condition():
            return msgspec.structs.replace(descriptor, sub_node=_resolve_optional(descriptor.sub_node, records))
        case IfThenElse():
            return msgspec.structs.replace(
                descriptor,
                sub_node_for_true=_resolve_optional(descriptor.sub_node_for_true, records),
                sub_node_for_false=_resolve_optional(descriptor.sub_node_for_false, records),
            )
        case Select():
            options = [Option(option.value, _resolve_optional(option.node, records)) for option in descriptor.options or ()]
            return msgspec.structs.replace(descriptor, options=options)
        case _:
            return descriptor


def _resolve_optional(descriptor: Descriptor | None, records: dict[str, Descriptor]) -> Descriptor | None:
    return resolve(descriptor, records) if descriptor is not None else None


def _record(record_id: str, records: dict[str, Descriptor]) -> Descriptor:
    if record_id not in records:
        raise BadRequest(f"permission set {record_id[:80]!a} not found")
    return records[record_id]


def _walk(node: _Node | Option, depth: int) -> Iterator[tuple[_Node | Option, int]]:
    """Yield every node of a tree with its depth, which the decoder has bounded."""
    yield node, depth
    for name in node.__struct_fields__:
        value = getattr(node, name)
        for child in value if isinstance(value, list) else (value,):
            if isinstance(child, _Node | Option):
                yield from _walk(child, depth + 1)


# Required fields.
_REQUIRED: dict[type, tuple[str, ...]] = {
    Condition: ("condition", "sub_node"),
    IfThenElse: ("condition",),
    Select: ("selector",),
    Option: ("value",),
    And: ("left", "right"),
    Or: ("left", "right"),
    Not: ("node",),
    Equal: ("left", "right"),
    In: ("target", "values"),
    HasTag: ("context", "key"),
    Tag: ("context", "key"),
}
