"""Expressions and values, which refer to each other, and what evaluates and exports them.

An expression is declared before it is evaluated: it then knows its base, the value that it overrides. A value points back to
the expression that defined it. Upstream: eval/expr.go, eval/value.go.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Protocol

from common.environments.language.environment import AccessExpr, Accessor, EscExpr, EscValue
from common.environments.language.interfaces import Context, World
from common.environments.language.limits import Budget
from common.environments.language.rotation import Rotation
from common.environments.language.schemas.merge import merged
from common.environments.language.schemas.narrow import Acceptor, property_of
from common.environments.language.schemas.schema import AnySchema, Schema
from common.environments.language.syntax import property_access
from common.environments.language.syntax.node import Node
from common.environments.language.syntax.number import Number
from common.environments.language.syntax.position import Range
from common.environments.language.syntax.text import valid


class State(IntEnum):
    """How far the evaluation of an expression is."""

    DECLARED = 0
    EVALUATING = 1
    DONE = 2


class Expr:
    """An expression of a document. Subclasses say how it is declared, evaluated and exported."""

    __slots__ = ("base", "is_secret", "node", "path", "schema", "state", "value")

    # The schema before evaluation: cyclic references and skipped expressions need one.
    PROVISIONAL: AnySchema = True

    def __init__(self, node: Node | None) -> None:
        """Stand for a part of a document; None for what no document contains."""
        self.node = node
        self.path = ""
        self.schema: AnySchema | None = self.PROVISIONAL
        self.base: Value | None = None
        self.is_secret = False
        self.state = State.DECLARED
        self.value: Value | None = None

    def declare(self, evaluator: "Evaluator", path: str, base: "Value | None") -> None:
        """Prepare for an evaluation: set the path and the value that is overridden, and declare what is inside."""
        self.path = path
        self.base = base
        self.schema = self.PROVISIONAL
        self.state = State.DECLARED
        self.value = None
        self.declare_parts(evaluator)

    def declare_parts(self, evaluator: "Evaluator") -> None:
        """Declare the expressions inside."""

    def children(self) -> "Sequence[Expr]":
        """Return the expressions inside, as they are written."""
        return ()

    def evaluate(self, evaluator: "Evaluator", accept: Acceptor) -> "Value":
        """Return the value, before it is merged with its base."""
        raise NotImplementedError

    def export(self, exporter: "Exporter") -> EscExpr:
        """Return the expression as clients read it."""
        return exporter.start(self)

    def range(self, environment: str) -> Range:
        """Return the range in the document, or an empty range in an environment."""
        return self.node.range if self.node is not None else Range(environment)


class Value:
    """The result of an expression."""

    __slots__ = (
        "base",
        "chain",
        "definition",
        "depth",
        "exported",
        "is_final",
        "is_rotate_only",
        "is_secret",
        "is_unknown",
        "names",
        "repr",
        "schema",
        "size",
        "tail",
        "view",
    )

    def __init__(self, definition: Expr, schema: AnySchema, representation: "Repr" = None, *, is_unknown: bool = False) -> None:
        """Hold a scalar, a list or the members of an object itself has; nothing when it is unknown."""
        self.definition = definition
        self.schema = schema
        self.repr = representation
        self.base: Value | None = None
        self.is_unknown = is_unknown
        self.is_secret = False
        self.is_rotate_only = False
        self.is_final = False
        # How deep the value is nested, and how many values it overrides.
        self.depth = 0
        self.chain = 0
        # What is found by looking through the base: names, members, and an unknown value at the end.
        self.names: list[str] | None = None
        self.view: dict[str, Value] | None = None
        self.tail: Value | None = None
        self.exported: object = None
        self.size = 0

    def member_names(self) -> list[str]:
        """Return the names of an object's members, inherited ones included, in order; empty for anything else."""
        if self.names is None:
            self.names = sorted(self.members()) if type(self.repr) is dict else []
        return self.names

    def members(self) -> "dict[str, Value]":
        """Return an object's members by name, inherited ones included as far as they are known."""
        if self.view is None:
            chain: list[dict[str, Value]] = []
            inherited: dict[str, Value] = {}
            value: Value | None = self
            while value is not None and isinstance(value.repr, dict):
                if value.view is not None:
                    inherited, self.tail = value.view, value.tail
                    break
                chain.append(value.repr)
                value = value.base
            else:
                self.tail = value if value is not None and value.is_unknown else None
            self.view = dict(inherited)
            for members in reversed(chain):
                self.view.update(members)
        return self.view

    def property(self, name: str, node: Node | None) -> "Value | None":
        """Return a member, inherited ones included; of an unknown value, an unknown. `node` is what asks for it."""
        if type(self.repr) is not dict:
            return _unknown_property(self, name, node) if self.is_unknown else None
        member = (self.repr if self.base is None else self.members()).get(name)
        if member is None and self.base is not None and self.tail is not None:
            return _unknown_property(self.tail, name, node)
        return member

    def merge(self, base: "Value | None") -> None:
        """Put this value over another. This changes it, so most callers copy first."""
        if base is None:
            return
        changed: list[Value] = []
        value = self
        while not value.is_same(base):
            changed.append(value)
            if value.base is None:
                if base.last() is value:
                    # Properties of one unknown value are made anew each time: this one is below already.
                    return
                value.base = base
                break
            value = value.base
        for value in reversed(changed):
            value.inherit()

    def last(self) -> "Value":
        """Return the value at the end of what this one overrides."""
        value = self
        while value.base is not None:
            value = value.base
        return value

    def inherit(self) -> None:
        """Follow a change of the base: in the members, the schema and the bounds."""
        base = self.base
        if base is None:
            return
        # Names that were asked for stay, as upstream keeps them: `fn::final` and `fn::validate` show no inherited members.
        self.view = None
        self.chain = base.chain + 1
        self.depth = max(self.depth, base.depth)
        if isinstance(self.repr, dict):
            for name, member in self.repr.items():
                member.merge(base.property(name, member.definition.node))
        self.schema = merged(base.schema, self.schema)

    def is_same(self, other: "Value") -> bool:
        """Tell whether two values are one: the same, or the same property of the same unknown value."""
        if self is other:
            return True
        mine, theirs = self.definition, other.definition
        if not (self.is_unknown and other.is_unknown and isinstance(mine, Access) and isinstance(theirs, Access)):
            return False
        return mine.accessor.key == theirs.accessor.key and mine.receiver.is_same(theirs.receiver)

    def is_object(self) -> bool:
        """Tell whether this is or may be an object."""
        if self.is_unknown:
            return self.schema is True or (isinstance(self.schema, Schema) and self.schema.type == "object")
        return type(self.repr) is dict


Repr = bool | Number | str | list[Value] | dict[str, Value] | None


class Access(Expr):
    """A property of a value that is not known. No document has such expressions; merging makes them."""

    __slots__ = ("accessor", "receiver")

    def __init__(self, node: Node | None, receiver: Value, name: str) -> None:
        """Refer to the property of a receiver."""
        super().__init__(node)
        self.receiver = receiver
        self.accessor = property_access.Accessor(name)
        self.state = State.DONE

    def export(self, exporter: "Exporter") -> EscExpr:
        """Return the receiver's range and the accessors; accesses of accesses are written as one."""
        accessor = Accessor(Range(exporter.environment), key=str(self.accessor.key))
        receiver = self.receiver.definition
        if isinstance(receiver, Access):
            exported = receiver.export(exporter)
            inner = exported.access
            accessors = (*inner.accessors, accessor) if inner is not None else (accessor,)
        else:
            exported = exporter.start(self)
            accessors = (accessor,)
        start = exported.access.receiver if exported.access is not None else receiver.range(exporter.environment)
        exported.access = AccessExpr(start, accessors)
        return exported


class Evaluator(Protocol):
    """Evaluates the expressions of one environment."""

    world: World
    context: Context
    budget: Budget
    # Whether nothing is opened, whether rotators run, and whether this environment is the one that was asked for.
    is_checking: bool
    is_rotating: bool
    is_root: bool
    rotations: list[Rotation]

    def evaluate(self, expr: Expr, accept: Acceptor) -> Value:
        """Return an expression's value, evaluating it if that has not happened."""
        ...

    def evaluate_typed(self, expr: Expr, accept: AnySchema) -> tuple[Value, bool]:
        """Return an expression's value, and whether it fits a schema; report where it does not."""
        ...

    def access(self, expr: Expr, accessors: "list[ResolvedAccessor]", accept: Acceptor) -> Value:
        """Return a copy of what a reference refers to, defined by the expression that refers."""
        ...

    def error(self, node: Node | None, summary: str) -> None:
        """Report an error on a part of the document."""
        ...

    def decrypt(self, ciphertext: bytes) -> bytes:
        """Return the plaintext of a secret of this environment; raises WorldError."""
        ...

    @property
    def decrypts_secrets(self) -> bool:
        """Whether secrets are to be decrypted."""
        ...

    def should_rotate(self, path: str) -> bool:
        """Tell whether the rotator at a path is to rotate."""
        ...

    def export(self, value: Value) -> EscValue:
        """Return a value as providers take it."""
        ...


class Exporter(Protocol):
    """Exports the expressions of one environment."""

    environment: str

    def start(self, expr: Expr) -> EscExpr:
        """Return what every exported expression has: its range, its schema and its base."""
        ...

    def export(self, expr: Expr) -> EscExpr:
        """Return an expression as clients read it."""
        ...


class ResolvedAccessor:
    """One step of an access, and the value it was resolved to."""

    __slots__ = ("accessor", "value")

    def __init__(self, accessor: property_access.Accessor) -> None:
        """Begin unresolved."""
        self.accessor = accessor
        self.value: Value | None = None

    def export(self, environment: str) -> Accessor:
        """Return the step as clients read it."""
        own = self.accessor.range or Range(environment)
        target = self.value.definition.range(environment) if self.value is not None else Range()
        if isinstance(self.accessor.key, int):
            return Accessor(own, index=self.accessor.key, value=target)
        return Accessor(own, key=valid(self.accessor.key), value=target)


def _unknown_property(value: Value, name: str, node: Node | None) -> Value:
    access = Access(node, value, name)
    access.schema = property_of(value.schema, name)
    access.base = value.base.property(name, node) if value.base is not None else None
    unknown = Value(access, access.schema, is_unknown=True)
    unknown.base = access.base
    return unknown
