"""The grammar of custom roles: what a role allows, and on which condition. Values only, no I/O.

A descriptor is a tree. Leaves allow permissions; the other nodes say for which entity (a stack, an environment, an
account, a team) a subtree counts. Names and members are upstream's; `__type` says which node it is. Every member may be
absent or null on the wire; `check` refuses what means nothing.
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
    """A node that allows something."""


class _Expression(_Node, frozen=True, tag=lambda name: f"PermissionExpression{name}"):
    """A node of a condition."""


class _Literal(_Node, frozen=True, tag=lambda name: f"PermissionLiteralExpression{name.removeprefix('Literal')}"):
    """A constant."""


class _Values(_Node, frozen=True, tag=lambda name: f"PermissionSetExpression{name.removeprefix('Set')}"):
    """Several constants."""


class Constraints(msgspec.Struct, frozen=True):
    """Upstream: RbacPermissionConstraints. `MaxOpenDuration` is kept as it came (upstream: a Go duration, nanoseconds)."""

    MaxOpenDuration: int | None = None


class Allow(_Descriptor, frozen=True):
    """Allows permissions wherever it is reached."""

    permissions: list[Permission] | None = None
    constraints: Constraints | None = None


class Group(_Descriptor, frozen=True):
    """The union of its entries."""

    entries: "list[Descriptor] | None" = None


class Condition(_Descriptor, frozen=True):
    """Its subtree where the condition holds."""

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
    """The subtree of the first option whose value equals the selector."""

    selector: "Expression | None" = None
    options: list[Option] | None = None


class Compose(_Descriptor, frozen=True):
    """The union of other records, by id. Resolved when a role is stored: rules that are evaluated hold none."""

    permission_descriptors: list[str] | None = None


class And(_Expression, frozen=True):
    """Both."""

    left: "Boolean | None" = None
    right: "Boolean | None" = None


class Or(_Expression, frozen=True):
    """Either."""

    left: "Boolean | None" = None
    right: "Boolean | None" = None


class Not(_Expression, frozen=True):
    """Not."""

    node: "Boolean | None" = None


class Equal(_Expression, frozen=True):
    """Two values are the same."""

    left: "Expression | None" = None
    right: "Expression | None" = None


class In(_Expression, frozen=True):
    """A value is one of several."""

    target: "Expression | None" = None
    values: "SetExpression | None" = None


class HasTag(_Expression, frozen=True):
    """The entity at hand has a tag of that name. `node` is in upstream's model and has no meaning there."""

    context: "Context | None" = None
    key: str | None = None
    node: "Boolean | None" = None


class Tag(_Expression, frozen=True):
    """The value of a tag of the entity at hand."""

    context: "Context | None" = None
    key: str | None = None


class Stack(_Expression, frozen=True):
    """The stack at hand."""


class Environment(_Expression, frozen=True):
    """The environment at hand."""


class InsightsAccount(_Expression, frozen=True):
    """The account at hand."""


class Team(_Expression, frozen=True):
    """The team at hand."""


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


def decode(text: bytes) -> Descriptor:
    """Return a descriptor from its JSON text; BadRequest for one that is too large or not of the grammar."""
    if len(text) > TEXT_LIMIT_BYTES:
        raise BadRequest(f"a permission descriptor may have {TEXT_LIMIT_BYTES:,} bytes")
    try:
        found = _DECODER.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        what = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise BadRequest(f"invalid permission descriptor: {what}") from error
    check(found)
    return found


def encode(descriptor: Descriptor) -> str:
    """Return a descriptor's JSON text."""
    return msgspec.json.encode(descriptor).decode()


def check(descriptor: Descriptor) -> None:
    """Raise BadRequest for a group over its limit, a tree that is too deep, or a node that lacks what gives it a meaning."""
    for node, depth in _walk(descriptor, 1):
        if depth > DEPTH_LIMIT:
            raise BadRequest(f"a permission descriptor may be nested {DEPTH_LIMIT} deep")
        if isinstance(node, Group) and len(node.entries or ()) > GROUP_LIMIT:
            raise BadRequest(f"a permission group may have {GROUP_LIMIT:,} entries, and this one has {len(node.entries or ()):,}")
        lacking = next((name for name in _NEEDED.get(type(node), ()) if getattr(node, name) is None), None)
        if lacking is not None:
            raise BadRequest(f"invalid permission descriptor: {type(node).__name__} needs `{lacking}`")


def references(descriptor: Descriptor) -> list[str]:
    """Return the ids of all records that a descriptor composes, as often as it does."""
    composing = (node for node, _ in _walk(descriptor, 1) if isinstance(node, Compose))
    return [found for node in composing for found in node.permission_descriptors or ()]


def all_permissions(descriptor: Descriptor) -> frozenset[Permission]:
    """Return every permission that a descriptor without Compose nodes gives on anything, whatever its conditions."""
    allowing = (node for node, _ in _walk(descriptor, 1) if isinstance(node, Allow))
    return frozenset(found for node in allowing for found in node.permissions or ())


def resolve(descriptor: Descriptor, records: dict[str, Descriptor]) -> Descriptor:
    """Return the descriptor with each Compose replaced by what it names; BadRequest for an id that is not among `records`."""
    match descriptor:
        case Compose():
            return Group(entries=[_record(found, records) for found in descriptor.permission_descriptors or ()])
        case Group():
            return Group(entries=[resolve(entry, records) for entry in descriptor.entries or ()])
        case Condition():
            return msgspec.structs.replace(descriptor, sub_node=_resolved(descriptor.sub_node, records))
        case IfThenElse():
            return msgspec.structs.replace(
                descriptor,
                sub_node_for_true=_resolved(descriptor.sub_node_for_true, records),
                sub_node_for_false=_resolved(descriptor.sub_node_for_false, records),
            )
        case Select():
            options = [Option(option.value, _resolved(option.node, records)) for option in descriptor.options or ()]
            return msgspec.structs.replace(descriptor, options=options)
        case _:
            return descriptor


def _resolved(descriptor: Descriptor | None, records: dict[str, Descriptor]) -> Descriptor | None:
    return resolve(descriptor, records) if descriptor is not None else None


def _record(found: str, records: dict[str, Descriptor]) -> Descriptor:
    if found not in records:
        raise BadRequest(f"permission set {found[:80]!a} not found")
    return records[found]


def _walk(node: _Node | Option, depth: int) -> Iterator[tuple[_Node | Option, int]]:
    """Give every node of a tree with its depth; the tree was decoded, so its own depth is bounded."""
    yield node, depth
    for name in node.__struct_fields__:
        value = getattr(node, name)
        for child in value if isinstance(value, list) else (value,):
            if isinstance(child, _Node | Option):
                yield from _walk(child, depth + 1)


# Members without which a node has no meaning.
_NEEDED: dict[type, tuple[str, ...]] = {
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
